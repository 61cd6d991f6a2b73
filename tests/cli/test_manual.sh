# Manual pages that man and mandoc read without a warning, a reference of convo.h that misses nothing, and completion as
# bash and zsh have it.
. tests/cli/expect.sh

# --- manual pages ---------------------------------------------------------------------------------------------------
pages=$work/man1
mkdir "$pages"
expect 0 "help --man writes all pages" -- help --man --out "$pages"
expect 0 "a page alone goes to standard output" ".TH CONVO-TRAIN 1" "\\fB\\-\\-resume\\fR" -- help --man train
expect 2 "--out is for all of them" "--out DIR requires --man" -- help --man train --out "$pages"
expect 2 "help is about one command" "help takes one command" -- help train eval
expect 1 "a folder that is not there" "$work/nowhere" -- help --man --out "$work/nowhere"

every_command_has_a_page() {
    "$CONVO" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' >"$work/commands"
    [ -s "$work/commands" ] || return 1
    while read -r command; do
        [ -s "$pages/convo-$command.1" ] || { echo "$command has none"; return 1; }
    done <"$work/commands"
}
check "every command has a page" every_command_has_a_page
same_day() { SOURCE_DATE_EPOCH=86400 "$CONVO" help --man | grep -q '^.TH CONVO 1 1970-01-02 "convo '; }
check "a build that is repeated says the same day" same_day

silent() { # COMMAND...: it says nothing of any page
    for page in "$pages"/*.1; do "$@" "$page"; done >"$work/said" 2>&1
    cat "$work/said"
    [ ! -s "$work/said" ]
}
# judge NAME PROGRAM COMMAND...
judge() {
    name=$1 program=$2
    shift 2
    if command -v "$program" >/dev/null; then check "$name" "$@"; else skip "$name" "$program is not installed"; fi
}
typeset_by_man() { LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z "$1" >/dev/null; }
if man --help 2>/dev/null | grep -q -e --warnings; then
    check "man has no warning" silent typeset_by_man
else
    skip "man has no warning" "man-db is not installed"
fi
judge "groff has no warning" preconv silent groff -ww -man -K utf8 -Tutf8 -z
judge "mandoc has no warning" mandoc silent mandoc -Tlint -W warning

# --- the reference of convo.h ---------------------------------------------------------------------------------------
reference() { # HEADER
    { cat docs/reference/Doxyfile && echo "INPUT = $1"; } | REFERENCE=$work doxygen -
}
not_without_comments() {
    grep -v '^// "0.1.0", ' include/convo.h >"$work/convo.h"
    ! reference "$work/convo.h" >"$work/said" 2>&1 && grep 'convo_version.* is not documented' "$work/said"
}
judge "everything in convo.h has a comment" doxygen reference include/convo.h
judge "a function without one would be found" doxygen not_without_comments

# --- what comes next ------------------------------------------------------------------------------------------------
tab=$(printf '\t')
next() { # NAME TEXT... -- WORD...
    name=$1 texts=
    shift
    while [ "$1" != -- ]; do
        texts="$texts$1$newline"
        shift
    done
    shift
    "$CONVO" help --complete -- "$@" 2>/dev/null | cut -f1 >"$work/offered"
    printf '%s' "$texts" >"$work/wanted"
    check "$name" diff "$work/wanted" "$work/offered"
}
next "commands" report reproduce recipe -- re
next "options" --set --seed -- train --se
next "options of every command" --verbose --version -- gradcheck x --ver
next "values of an option" avx2 avx512 -- train x --isa a
next "values after =" train test -- eval x --split=t
next "recipes, also those in folders, and files" fields/nine-dilation fields/nine-four fields/nine-one fields/nine-pool \
    fields/nine-stride @files -- summary fields/nine-
next "a flag takes no value" fsdd-mfcc @files -- train --resume fsdd-mf
next "an option's value is no word" fsdd-mfcc @files -- train --seed 1 fsdd-mf
next "folders of runs" @folders -- report r
next "the second word, again and again" @files -- predict runs/x one.wav t
next "no word too many" -- train fsdd-mfcc f
next "data sets" speech-commands-v1 speech-commands-v2 speech-cnn speech-cnn-adam speech-cnn-small speech-ffnn \
    speech-ffnn-adam speech-noise @files -- data get speech
next "entries of the reference" conv1d conv2d convtranspose1d convtranspose2d -- recipe conv
next "nothing for an unknown command" -- tarin x
check "with a word about each" sh -c '"$0" help --complete -- tra | grep -q "^train${1}train a"' "$CONVO" "$tab"

# --- shells ---------------------------------------------------------------------------------------------------------
cat >"$work/complete.bash" <<'END'
source "$1/cli/completion/convo.bash"
failed=0
complete_to() { # WANTED WORD...
    COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2)) COMPREPLY=()
    _convo
    [[ ${COMPREPLY[*]} == "$1" ]] || { echo "${*:3}: ${COMPREPLY[*]}, not $1"; failed=1; }
}
complete -p convo | grep -q -- '-F _convo' || { echo "not registered"; failed=1; }
complete_to "report reproduce recipe" "$2" re
complete_to "avx2 avx512" "$2" train --isa a
complete_to "avx2 avx512" "$2" train --isa = a # as bash cuts it
complete_to "baseline avx2 avx512" "$2" train --isa =
complete_to "fsdd-mfcc" "$2" train --set lr = 0.1 fsdd-mf
complete_to "two words two words.yaml" "$2" train tw
complete_to "two words" "$2" report tw
complete_to "two words two words.yaml" "$2" predict x tw
complete_to "two words" "$2" train fsdd-mfcc --out = tw
exit $failed
END
in_bash() {
    case $CONVO in /*) program=$CONVO ;; *) program=$PWD/$CONVO ;; esac
    mkdir -p "$work/place/two words"
    touch "$work/place/two words.yaml"
    ln -sf "$PWD/recipes" "$work/place"
    here=$PWD
    (cd "$work/place" && bash "$work/complete.bash" "$here" "$program")
}
judge "bash completes" bash in_bash
judge "zsh reads its completion" zsh zsh -n cli/completion/_convo
finish
