# include/convo.h as Doxygen wants it: there, comments are plain. One in front of a declaration becomes ///, one behind it
# /**< */, and a line "// --- errors ---" begins a group. Lines keep their numbers.
function flush(    type, count, name, k) {
    if (code == "") return
    if (code !~ /\(/ && code ~ /, .*;/) {
        match(code, /^ *(const )?[a-z0-9_]+ /)
        type = substr(code, 1, RLENGTH)
        count = split(substr(code, RLENGTH + 1), name, /[,;] */)
        for (k = 1; k < count; k++) printf "%s%s; /**< %s */", type, name[k], text
        print ""
    } else {
        print code "/**< " text " */"
    }
    for (; more; more--) print ""
    code = ""
}
{ gsub(/@/, "\\@") }

# What the header begins with is the first page; the guard around it would be in the way.
NR == 1 { print "/** @mainpage convo.h"; head = 1 }
head && /^#ifndef/ { next }
head && /^#define/ {
    print "*/ /** @file */"
    getline # the empty line after it
    print "#if 1"
    head = 0
    next
}
head {
    sub(/^\/\/ ?/, "")
    gsub(/\*/, "\\*")
    if (sub(/^  /, "- ")) sub(/   +/, ": ")
    print
    next
}

/^\/\/ --- / {
    sub(/^\/\/ --- /, "")
    sub(/ -*$/, "")
    name = title = $0
    gsub(/[^a-z]+/, "_", name)
    printf "%s/** @defgroup %s %s\n", open ? "/** @} */ " : "", name, toupper(substr(title, 1, 1)) substr(title, 2)
    getline # the empty line after it
    print "@{ */"
    open = 1
    next
}
/^#ifdef __cplusplus/ && open { printf "/** @} */" }

code != "" && /^         *\/\/ / { # the comment behind it goes on
    sub(/^ *\/\/ /, "")
    text = text " " $0
    more++
    next
}
{ flush() }
match($0, /[^ ].*[;,{)0-9] *\/\/ /) {
    code = substr($0, 1, RSTART + RLENGTH - 4)
    text = substr($0, RSTART + RLENGTH)
    next
}
{ sub(/\/\/ /, "/// "); print }
