# Long work shows on a terminal how far it is, and nowhere else.
. tests/cli/expect.sh

if ! command -v script >/dev/null; then
    skip "progress on a terminal" "there is no script(1) to make one"
    finish
fi
# shows NAME PATTERN COMMAND: what a shell command draws on a terminal has the pattern, and ends with a removed bar.
shows() {
    name=$1 pattern=$2
    TERM=xterm script -qec "$3" "$work/typescript" </dev/null >/dev/null 2>&1
    tr '\r' '\n' <"$work/typescript" >"$work/drawn"
    if grep -qE "$pattern" "$work/drawn"; then pass "$name"; else
        flunk "$name" "'$pattern' is not drawn:"
        cat -v "$work/drawn"
    fi
}
hides() { # NAME COMMAND
    TERM=xterm script -qec "$2" "$work/typescript" </dev/null >/dev/null 2>&1
    check "$1" sh -c '! grep -qE "#|\.\.\.\.|left" "$0"' "$work/typescript"
}

small_data
recipe >"$work/small.yaml"
expect 0 "a small run is trained" -- train "$work/small.yaml" --data "$work/small" --out "$work/run" --quiet
rm -r "$work/home"
run="'$work/run' --data '$work/small'"
shows "data info says how many files it has read" '[.#]  [0-9]+ of 3000 files' \
    "'$CONVO' data info fsdd --threads 1"
shows "data check does" '[.#]  [0-9]+ of 300 files' "'$CONVO' data check '$work/small' --as fsdd --threads 1"
shows "eval shows features while they are computed" 'reading  .*[0-9]+ of 300 files' "'$CONVO' eval $run"
shows "eval shows how many examples are scored" 'scoring  .*[0-9]+ of 300 examples' "'$CONVO' eval $run --split all --on device"
rm -r "$work/home"
shows "report shows both" 'reading  .*[0-9]+ of 300 files' "'$CONVO' report $run"
shows "sweep shows which of its runs is at work" 'training  .*run 1/2  seed 0  epoch [0-9]+/400' \
    "'$CONVO' sweep moons --trials 2 --set epochs=400 --out '$work/sweep'"
shows "and how long all take" 'training  .*run 2/2 .* left' \
    "'$CONVO' sweep moons --trials 2 --set epochs=2000 --out '$work/sweep' --force"
rm -r "$work/home"
hides "--quiet shows nothing" "'$CONVO' eval $run --quiet"
rm -r "$work/home"
hides "nor does what is no terminal" "'$CONVO' eval $run 2>'$work/err'"
silent "where nothing is written"
finish
