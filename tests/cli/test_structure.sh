# The rules of the house that a machine can check: who may include whom, what the library may not do, how long files are,
# what every layer brings along.
. tests/cli/expect.sh
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac

# room: the rooms whose headers it may include and whose symbols it may need. Arrows go one way; a line may name only
# rooms above it.
#   data reads recordings through a front end (audio/feature.h); train needs the parts of a data set (data/dataset.h).
#   device is also the text of exported C and needs nothing of convo; ship turns a model into calls of it.
#   A front end can be written down as a graph (format/graph.h), for export.
arrows='
base:
format:    base
fetch:     base
op:        base
op/layers: op base
net:       op base
audio:     op format base
change:    audio op format base
data:      change audio op fetch format base
train:     data change net op base
recipe:    train data change audio net op format base
device:
detect:    device format base
ship:      device recipe train data change audio net op format base
model:     ship detect device recipe train data change audio net op format base
stream:    model ship detect device recipe train data change audio net op format base
exchange:  stream model ship detect device recipe train data change audio net op format base
inspect:   stream model ship detect device recipe train data change audio net op format base
'
longest=450 # lines

# The table as awk reads it: may[ROOM, OTHER].
may='
    BEGIN {
        lines = split(arrows, line, "\n")
        for (i = 1; i <= lines; i++) {
            n = split(line[i], word, " ")
            sub(/:$/, "", word[1])
            may[word[1], word[1]] = 1
            for (k = 2; k <= n; k++) may[word[1], word[k]] = 1
        }
    }
    function room_of(path) { sub(/^src\//, "", path); sub(/\/[^\/]*$/, "", path); return path } # src/op/layers/relu.c
'

wrong_includes() { # examples/device includes what `convo export` writes
    find src cli examples -type f -name '*.[ch]' ! -path 'examples/device/*' | sort | xargs awk -v arrows="$arrows" "$may"'
        FNR == 1 && FILENAME ~ /^src\// && !((room_of(FILENAME), room_of(FILENAME)) in may) {
            print "src/" room_of(FILENAME) " is not in the table of this test"
        }
        /^ *# *include *"/ {
            split($0, part, "\"")
            header = part[2]
            if (FILENAME !~ /^src\// && header != "convo.h" && header != "base/library.h" && system("test -e cli/" header) ||
                FILENAME ~ /^src\// && header != "convo.h" && header != "op_list.inc" &&
                !((room_of(FILENAME), room_of(header)) in may)) print FILENAME " includes " header
        }'
}

# What an object needs that another room defines, though no header says so. The one exception: op/isa.c chooses among
# the tables that op/layers is compiled into.
wrong_symbols() { # OBJECTS: a folder with .../src/ROOM/NAME.c.o below it
    find "$1" -name '*.c.o' -path '*/src/*' | while read -r object; do
        file=src/${object##*/src/}
        file=${file%.o}
        [ ! -e "$file" ] || nm "$object" | sed "s,^,$file ," # what was moved leaves its object behind
    done | awk -v arrows="$arrows" "$may"'
        { room = room_of($1) }
        NF == 4 && $3 ~ /[A-TV-Z]/ { home[$4] = room }
        NF == 3 && $2 == "U" && $3 ~ /^(cv|convo)_/ && $3 !~ /^cv_isa_[a-z0-9]+$/ { needs[$1 " needs " $3] = room; symbol[$1 " needs " $3] = $3 }
        END {
            for (need in needs) {
                other = home[symbol[need]]
                if (other != "" && !((needs[need], other) in may)) print need " of src/" other
            }
        }'
}

# Functions and types that two files of a room call the same: a name should be found once.
names_twice() {
    find src cli -type d | while read -r room; do
        grep -oE '^((static|ALWAYS_INLINE) .*[ *][a-z_0-9]+\(|(typedef )?(struct|enum|union) [a-z_0-9]+ \{)' "$room"/*.[ch] 2>/dev/null |
            sed -E 's/^([^:]*):.*[ *]([a-z_0-9]+)( \{|\()$/\1 \2/' | sort -u | awk -v room="$room" '
            { files[$2] = files[$2] " " $1; count[$2]++ }
            END { for (name in count) if (count[name] > 1) print name " is defined in" files[name] }'
    done
}

# Code without comments and strings, with the file's name in front of every line.
code() { awk '{ gsub(/\\"/, ""); gsub(/"[^"]*"/, "\"\""); sub(/\/\/.*/, ""); print FILENAME ": " $0 }' "$@"; }
calls='(printf|vprintf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|abort|getenv|secure_getenv|setenv|putenv|system|time|gettimeofday|localtime|mktime)'
forbidden_calls() { code $(find src -name '*.[ch]') | grep -E "[^A-Za-z0-9_>.]$calls *\\(|[^A-Za-z0-9_](stdout|stderr|stdin|environ)[^A-Za-z0-9_]"; }

# What the compiler put where it can be changed; constants that hold addresses are in .data.rel.ro.
mutable_data() {
    objdump -t "$BUILD/libconvo.a" | awk '
        /file format/ { file = $1 }
        / [O ] \.(t?bss|t?data)/ && !/ d  \.| \.data\.rel\.ro/ { print file " " $NF }'
}

long_files() {
    find src cli -name '*.[ch]' -exec wc -l {} + | awk -v most=$longest '$2 != "total" && $1 > most { print $2 " has " $1 " lines" }'
}

# Every CV_OP names what the tests need.
ops_without() { # FIELD
    awk -v field="$1" '
        /^CV_OP\(/ { op = $0; sub(/^CV_OP\(/, "", op); sub(/\).*/, "", op); found = 0 }
        op && index($0, field " =") { found = 1 }
        op && /^};/ { if (!found) print FILENAME ": " op " has no " field; op = "" }
    ' src/op/layers/*.c
}

unfinished() { grep -nE 'TODO|FIXME|\<XXX\>' -r include src cli examples recipes README.md CONTRIBUTING.md docs/*.md; }

# check_none NAME COMMAND...: what the command prints is what is wrong.
check_none() {
    name=$1
    shift
    "$@" >"$work/found"
    check "$name" sh -c 'cat "$0"; test ! -s "$0"' "$work/found"
}

check_none "includes follow the arrows, and the command sees convo.h only, and how a library is loaded" wrong_includes
check_none "symbols follow the arrows" wrong_symbols "$BUILD"
check_none "a name is defined in one file of a room" names_twice
check_none "the library does not print, exit, abort, read the environment or the time of day" forbidden_calls
name="the library has no variables of its own"
if [ "${SANITIZED:--1}" -ge 0 ]; then
    skip "$name" "sanitizers bring some along"
elif ! objdump -t "$BUILD/libconvo.a" >"$work/out" 2>&1; then
    skip "$name" "objdump cannot read the library"
else
    check_none "$name" mutable_data
fi
check_none "no file is longer than $longest lines" long_files
check_none "every op has cases" ops_without .cases
check_none "every op has a PyTorch expression" ops_without .torch
check_none "nothing is marked as unfinished" unfinished

# --- each check is seen to find what it is for ----------------------------------------------------------------------------

# check_finds NAME TEXT SHELL COMMAND...: SHELL plants a breach in a copy of the tree; what COMMAND prints there has TEXT.
check_finds() {
    name=$1 text=$2 plant=$3
    shift 3
    rm -rf "$work/tree"
    mkdir "$work/tree"
    cp -r src cli examples "$work/tree"
    (cd "$work/tree" && eval "$plant" && "$@") >"$work/found" 2>&1
    check "$name is found" grep -qF -e "$text" "$work/found"
}
check_finds "an include against the arrows" 'src/base/x.c includes net/net.h' \
    'echo "#include \"net/net.h\"" >src/base/x.c' wrong_includes
check_finds "an include of the library by the command" 'cli/x.c includes base/base.h' \
    'echo "#include \"base/base.h\"" >cli/x.c' wrong_includes
check_finds "a folder without a place" 'src/attic is not in the table' 'mkdir src/attic && echo >src/attic/x.c' wrong_includes
check_finds "a symbol against the arrows" 'src/base/x.c needs cv_net_free of src/net' '
    mkdir -p objects/src/base objects/src/net
    cp "$(find "$BUILD" -path "*/src/net/net.c.o" | head -n 1)" objects/src/net
    echo "void cv_net_free(void *net); void cv_x(void); void cv_x(void) { cv_net_free(0); }" >src/base/x.c
    $CC -fno-lto -c src/base/x.c -o objects/src/base/x.c.o' wrong_symbols objects
check_finds "a name that two files define" 'double_bits is defined in src/base/x.c src/base/y.c' \
    'echo "static int double_bits(void) {" | tee src/base/x.c >src/base/y.c' names_twice
check_finds "a call of the library that prints" 'src/base/x.c:' 'echo "void f(void) { printf(1); }" >src/base/x.c' \
    forbidden_calls
check_finds "a long file" 'src/base/x.c has 451 lines' 'yes "" | head -n 451 >src/base/x.c' long_files
check_finds "an op without cases" 'relu has no .cases' 'sed -i.old "/\.cases/d" src/op/layers/relu.c' ops_without .cases
finish
