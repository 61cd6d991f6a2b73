# Read by the test_*.sh of this folder. A test is a line:
#
#   expect STATUS "name of the test" ["text" ...] -- ARGUMENT...
#
# runs the command and checks its exit status and that what it prints holds each text. Whenever the status is 1, standard
# error must be one sentence, `convo: ...` (what was found in the data, and its parts, apart), and no half-written file (*.part) may be
# left. The lines at the end are cmocka's, so that tests/run.sh counts them. $work is a folder that is removed at the end.
: "${CONVO:=build/convo}" "${BUILD:=build}"
work=$(mktemp -d)
export CONVO_HOME="$work/home" # what is computed or downloaded here stays here
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0 failures="" skips=""
newline='
'

# What is copied may be written, even where the source may not.
cp() {
    command cp "$@" || return
    for to; do :; done
    chmod -R u+w "$to"
}
pass() { # NAME
    passed=$((passed + 1))
    echo "[       OK ] $1"
}
flunk() { # NAME REASON
    failed=$((failed + 1))
    failures="${failures}[  FAILED  ] $1$newline"
    echo "[  FAILED  ] $1"
    echo "             $2"
}
skip() { # NAME REASON
    skipped=$((skipped + 1))
    skips="${skips}[  SKIPPED ] $1: $2$newline"
    echo "[  SKIPPED ] $1: $2"
}
# lacks ARGUMENT...: the command says that this build cannot do it. Something optional was left out.
lacks() { "$CONVO" "$@" 2>&1 | grep -q 'this build'; }

# lacks_lists: it cannot read lists of recordings.
lacks_lists() {
    echo path,label >"$work/lists.csv"
    lacks data info "$work/lists.csv"
}
# check NAME COMMAND...: a test that is any command. What it prints goes to $work/out and $work/err.
check() {
    name=$1
    shift
    if "$@" >"$work/out" 2>"$work/err"; then pass "$name"; else
        flunk "$name" "$* failed"
        cat "$work/out" "$work/err"
    fi
}

silent() { # NAME: standard error of the command before is empty
    said=$(cat "$work/err")
    check "$1" test -z "$said"
}

# What was found in the data ("found 6 speakers in more than one part ...") is said before anything can go wrong with it.
one_sentence() { [ "$(grep -vc -e '^found ' -e '^training [0-9]' "$work/err")" -eq 1 ] && grep -q '^convo: ' "$work/err"; }
no_part() { [ -z "$(find "$work" -name '*.part')" ]; }

expect() {
    status=$1 name=$2 texts=
    shift 2
    while [ "$1" != -- ]; do
        texts="$texts$1$newline"
        shift
    done
    shift
    "$CONVO" "$@" >"$work/out" 2>"$work/err"
    got=$?
    problem=
    [ "$got" -eq "$status" ] || problem="exit status $got instead of $status"
    while [ -n "$texts" ]; do
        text=${texts%%"$newline"*}
        texts=${texts#*"$newline"}
        cat "$work/out" "$work/err" | grep -qF -e "$text" || problem="$problem${problem:+; }'$text' is not said"
    done
    if [ "$status" -eq 1 ]; then
        one_sentence || problem="$problem${problem:+; }standard error is not one sentence"
        no_part || problem="$problem${problem:+; }a half-written file is left"
    fi
    if [ -z "$problem" ]; then pass "$name"; else
        flunk "$name" "convo $*: $problem; it said:"
        sed 's/^/             | /' "$work/out" "$work/err"
    fi
}

# A data set small enough for a test: 300 recordings, five of each digit and speaker.
small_data() {
    mkdir -p "$work/small"
    cp data/fsdd/*_[0-4].flac "$work/small"
}
# The net of the tests, one epoch; sed scripts change it: recipe 's/kernel: 3/kernel: 99/' >file
recipe() {
    sed "${1:-}" <<'END'
data: {set: fsdd, split: {train: 2/3, test: 1/3}}
features: {kind: mfcc, samples: 6000}
model:
  - conv1d: {out: 16, kernel: 3, padding: 1}
  - relu
  - avgpool1d: 2
  - flatten
  - linear: 10
train: {loss: cross_entropy, optimizer: {sgd: {lr: 0.005}}, batch: 32, epochs: 3, seed: 0}
END
}

finish() {
    echo "[  PASSED  ] $passed test(s)."
    [ "$skipped" -eq 0 ] || printf '[  SKIPPED ] %d test(s), listed below:\n%s' "$skipped" "$skips"
    [ "$failed" -eq 0 ] || printf '[  FAILED  ] %d test(s), listed below:\n%s' "$failed" "$failures"
    exit $((failed > 0))
}
