# Runs what README.md, CONTRIBUTING.md and docs/*.md tell people to run: every ```sh block, in a folder per document with
# the repository's data/, recipes/ and build/convo. A comment on the line above a block changes what is done with it:
#
#   <!-- test: off, REASON -->       it is not run
#   <!-- test: needs PROGRAM -->     it is run where PROGRAM is installed
#   <!-- test: sed SCRIPT -->        it is run after this change, usually to shorten it
#   <!-- test: file NAME -->         (any language) it is saved as NAME, for the blocks after it
#   <!-- test: output -->            it is what the last ```sh block printed, spaces at the ends of lines aside
. tests/cli/expect.sh
case $CONVO in /*) ;; *) CONVO=$PWD/$CONVO ;; esac
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
: "${CC:=cc}"
root=$PWD
documents="README.md CONTRIBUTING.md $(echo docs/*.md)"

# --- the blocks of a document -------------------------------------------------------------------------------------------

# Writes FOLDER/NUMBER (the text), FOLDER/NUMBER.what (language|line|comment); numbers rise with the lines.
cut_blocks() { # DOCUMENT FOLDER
    mkdir -p "$2"
    awk -v folder="$2" '
        !inside && /^```/ {
            inside = 1
            file = sprintf("%s/%03d", folder, ++count)
            print substr($0, 4) "|" NR "|" comment >(file ".what")
            close(file ".what")
            printf "" >file
            next
        }
        inside && /^```/ { inside = 0; close(file); comment = ""; next }
        inside { print >file; next }
        { comment = "" }
        match($0, /^<!-- test: .* -->$/) { comment = substr($0, 12, length($0) - 15) }' "$1"
}

unused_sed() { cmp -s "$block" "$work/script"; }

run_block() { # NAME SED-SCRIPT
    sed "$2" "$block" >"$work/script"
    if [ -n "$2" ] && unused_sed; then
        flunk "$1" "the change '$2' changes nothing"
    elif (cd "$place" && PATH=$place/build:$PATH sh -e "$work/script") >"$work/printed" 2>"$work/err"; then
        pass "$1"
    else
        flunk "$1" "it failed; it said:"
        sed 's/^/             | /' "$work/printed" "$work/err"
    fi
}

same_output() { # NAME
    sed 's/ *$//' "$block" >"$work/wanted"
    sed 's/ *$//' "$work/printed" >"$work/got"
    check "$1" diff "$work/wanted" "$work/got"
}

run_document() { # DOCUMENT
    place=$work/$(basename "$1" .md)
    mkdir -p "$place/build"
    ln -s "$root/data" "$root/recipes" "$root/examples" "$place"
    ln -s "$CONVO" "$place/build/convo"
    cut_blocks "$1" "$place/blocks"
    for what in "$place"/blocks/*.what; do
        [ -e "$what" ] || continue # a document without blocks
        block=${what%.what}
        IFS='|' read -r language line comment <"$what"
        rest=${comment#* }
        name="$1:$line runs"
        case $language,$comment in
        *,file\ *)
            mkdir -p "$(dirname "$place/$rest")"
            cp "$block" "$place/$rest"
            ;;
        *,output) same_output "$1:$line is what is printed" ;;
        sh,off,*) ;;
        sh,needs\ *)
            if command -v "$rest" >/dev/null; then run_block "$name" ''; else skip "$name" "$rest is not installed"; fi
            ;;
        sh,sed\ *) run_block "$name" "$rest" ;;
        sh,) run_block "$name" '' ;;
        *,) ;; # another language
        *) flunk "$name" "no such comment: 'test: $comment'" ;;
        esac
    done
}

# --- the layer of CONTRIBUTING.md ---------------------------------------------------------------------------------------

# The example is compiled with the table of ops as cmake/ops.cmake would, in float and in double, and put in front of the
# library's. $layer is the folder with src/op/layers/celu.c.
needed_libraries() { # of the static library and of the tests
    pkg-config --libs cmocka
    PKG_CONFIG_LIBDIR=$BUILD pkg-config --static --libs convo | sed 's/-lconvo//'
}
compile_layer() {
    printf 'X(celu)\n' | cat "$BUILD/generated/op_list.inc" - >"$layer/op_list.inc"
    for set in "baseline float 4" "double double 2"; do
        # shellcheck disable=SC2086 # a list of words
        set -- $set
        for source in "$root/src/op/layers/table.c" "$layer/src/op/layers/celu.c"; do
            $CC -std=gnu11 -O2 -Wall -Wextra -Wconversion -Wshadow -Wvla -Werror -I"$root/include" -I"$root/src" -I"$layer" \
                "-DCV_ISA=$1" "-DCV_REAL=$2" "-DLANES=$3" -DTILE_ROWS=4 -DTILE_COLUMNS=3 -fno-math-errno \
                -c "$source" -o "$layer/$1-$(basename "$source" .c).o" || return 1
        done
    done
    eval "set -- $(needed_libraries | tr '\n' ' ')" # pkg-config quotes a path with a space for the shell
    $CC -std=gnu11 -O1 -Iinclude -Isrc -Itests tests/test_ops.c "$layer"/*.o "$BUILD/libconvo.a" "$@" \
        -o "$layer/test_ops"
}

# Debian's PyTorch belongs to the system's Python, which need not be the first on the PATH.
find_torch() {
    for python in python3 /usr/bin/python3; do
        "$python" -c 'import torch' 2>/dev/null && return
    done
    return 1
}

make_golden() {
    cp -r tests "$layer"
    "$python" "$layer/tests/golden/make.py" "$layer/test_ops"
}

try_layer() {
    layer=$work/CONTRIBUTING
    check "the layer of CONTRIBUTING.md compiles" compile_layer
    [ -x "$layer/test_ops" ] || return
    (cd "$layer" && ln -sf "$root/tests" . && ./test_ops) >"$work/printed" 2>&1
    check "its gradients are right" grep -q 'OK \] gradients_agree_with_differences_of_doubles' "$work/printed"
    if ! find_torch; then
        skip "its values are PyTorch's" "python3-torch is not installed"
        return
    fi
    rm "$layer/tests"
    check "golden/make.py finds it" make_golden
    check "its values are PyTorch's" sh -c 'cd "$0" && ./test_ops' "$layer"
}

# --- the whole ----------------------------------------------------------------------------------------------------------

link_targets() { grep -oE '\]\([^)#]+' "$1" | cut -c3- | grep -vE '^https?:'; }
links_lead_somewhere() { # DOCUMENT
    for target in $(link_targets "$1"); do
        [ -e "$(dirname "$1")/$target" ] || { echo "$target"; return 1; }
    done
}
# What a seed gives depends on compiler and instruction set; the README's figure must be about right everywhere.
result_holds() {
    quoted=$(sed -n 's/^test accuracy \([0-9.]*\).*/\1/p' README.md)
    got=$(sed -n 's/.*"accuracy": \([0-9.]*\).*/\1/p' "$work/README/runs/fsdd-mfcc-0/result.json" | tail -1)
    awk "BEGIN { exit !($got > $quoted - 0.02 && $got < $quoted + 0.02) }" || { echo "$got, not $quoted"; return 1; }
}
reference_is_current() { "$CONVO" recipe | diff docs/recipe.md -; }

every_page_is_listed() {
    sed -n '/^## Documentation/,/^## Licence/p' README.md >"$work/listed"
    for page in docs/*.md; do
        [ "$(grep -cF "]($page)" "$work/listed")" -eq 1 ] || { echo "$page"; return 1; }
    done
}

check "the README's documentation lists every page once" every_page_is_listed
check "docs/recipe.md is what 'convo recipe' prints" reference_is_current
expect 0 "recipe WORD prints one entry" "### conv1d" "\`kernel\`" "PyTorch" -- recipe conv1d
expect 0 "a word that means two things prints both" "## Layers" "## Schedules" -- recipe linear
expect 0 "recipe --json prints one object" '"word": "mfcc"' '"markdown": "' -- recipe mfcc --json
expect 1 "recipe suggests the nearest word" "conv1: " "did you mean 'conv1d'?" -- recipe conv1
for document in $documents; do
    check "the links of $document lead somewhere" links_lead_somewhere "$document"
done
if [ "${SANITIZED:--1}" -ge 0 ]; then
    skip "the commands of the documents run" "a build without sanitizers runs them"
    finish
fi
for document in $documents; do run_document "$document"; done
check "the README's result is what comes out" result_holds
try_layer
finish
