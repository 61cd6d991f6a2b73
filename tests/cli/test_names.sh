# Names that mean something elsewhere: to a shell, to gnuplot, to a terminal, to HTML, JSON and YAML. Whatever files,
# classes, speakers, runs and recipes are called, nothing is run, the files are made, and they can be read.
. tests/cli/expect.sh

esc=$(printf '\033') rtl=$(printf '\342\200\256') other=$(printf '\377\342\202')
long=$(printf '%0251d' 0)
# each COMMAND...: runs it with every name at the end.
each() {
    for nasty in "x';system('touch PWNED');#" "a${newline}system('touch PWNED')${newline}b" "don't" '`touch PWNED`' \
        '$(touch PWNED)' '"; touch PWNED; "' '<touch PWNED' '|touch PWNED' '-x' 'a\' '} { # @x_1^2&~' '50% %s' \
        '<script>&amp;' "${esc}[31m" "r${rtl}b" "$other" ' ' '[a]: {b, "c"} # d' '~root' 'größe' "$long"; do
        "$@" "$nasty"
    done
}
# was_run: something in a name was taken for a command.
was_run() { [ -n "$(find . "$work" -name PWNED -print -quit)" ]; }
# nasty_check TEXT COMMAND...: for the name $nasty.
told=
nasty_check() {
    what=$1
    shift
    if "$@" >"$work/out" 2>"$work/err" && ! was_run; then return; fi
    told="$told $what of '$nasty';"
    cat "$work/out" "$work/err"
}
# each_is NAME COMMAND...: the test NAME passes when COMMAND tells nothing of any name.
each_is() {
    name=$1 told=
    shift
    each "$@"
    if [ -z "$told" ]; then pass "$name"; else flunk "$name" "$told"; fi
}

# --- pictures
here=$PWD
case $CONVO in /*) ;; *) CONVO=$here/$CONVO ;; esac
pictures=$work/pictures
has_all() { [ -s "./$1.png" ] && [ -s "./$1.svg" ] && [ -s "./$1.dat" ] && [ -s "./$1.gp" ]; }
draws_again() { rm "./$1.png" && gnuplot "./$1.gp" && [ -s "./$1.png" ]; } # by the script alone
draw_here() {
    cd "$pictures" || return
    nasty_check "the picture" "$CONVO" field "$here/recipes/fields/nine-four.yaml" -o "$1.png"
    nasty_check "a file" has_all "$1"
    nasty_check "the script" draws_again "$1"
    cd "$here" || return
}
draw_in_folder() {
    mkdir "$pictures/$1"
    nasty_check "the folder" "$CONVO" maps fields/nine-four --ones -o "$pictures/$1/x.svg"
    nasty_check "a file" test -s "$pictures/$1/x.png"
}
if command -v gnuplot >/dev/null; then
    mkdir "$pictures"
    each_is "pictures get any name" draw_here
    rm -r "$pictures" && mkdir "$pictures"
    each_is "pictures go into a folder of any name" draw_in_folder
else
    skip "pictures get any name" "gnuplot is not installed"
fi

# --- places
# A user who may not write there; root may write anywhere.
as_other() { "$@"; }
[ "$(id -u)" -ne 0 ] || as_other() { setpriv --reuid=65534 --clear-groups "$@"; }
may_not_write() { # NAME ARGUMENT...
    name=$1
    shift
    as_other "$CONVO" "$@" >"$work/said" 2>&1
    check "$name" grep -q "Permission denied" "$work/said"
}
chmod 755 "$work" && mkdir -m 555 "$work/closed"
if as_other "$CONVO" --version >/dev/null 2>&1 && as_other test -r recipes/moons.yaml; then
    may_not_write "a folder that may not be made says so" train moons --set epochs=1 -o "$work/closed/run"
    may_not_write "a table that may not be written says so" init moons -o "$work/closed/x.safetensors"
    may_not_write "a picture that may not be drawn says so" field fields/nine-four -o "$work/closed/x.png"
else
    skip "a folder without permission" "there is no other user to be (setpriv)"
fi

# --- classes
# Each name is a class, with a recording.
make_class() {
    nasty=$(printf %.200s "$1") # room for the names of files in the cache of features
    mkdir "$work/words/$nasty"
    cp "data/fsdd/7_theo_$((number % 50)).flac" "$work/words/$nasty/"
    cp "data/fsdd/3_theo_$((number % 50)).flac" "$work/words/$nasty/"
    number=$((number + 1))
}
mkdir "$work/words"
number=0
each make_class
cat >"$work/words.yaml" <<END
data: {set: audiofolder, path: $work/words, split: {train: 1/2, test: 1/2}}
features: {kind: mfcc, rate: 8000, samples: 6000}
model: [flatten, linear: $number]
train: {loss: cross_entropy, optimizer: {sgd: {lr: 0.005}}, batch: 32, epochs: 1, seed: 0}
END
run=$work/run
expect 0 "classes of any name are trained" -- train "$work/words.yaml" --out "$run" -q
if command -v gnuplot >/dev/null; then
    for kind in confusion roc det calibration mistakes examples; do
        expect 0 "classes of any name: $kind" "$run/$kind.png" -- plot "$run" --$kind --data "$work/words"
        check "classes of any name: $kind is drawn" test -s "$run/$kind.png"
    done
fi
check "no class is a command" sh -c '! [ "$0" ]' "$(was_run && echo yes)"
finish
