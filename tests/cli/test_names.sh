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
expect 0 "a table of confusions that is too wide to read becomes the worst pairs" " worst of " "of the truth" -- \
    eval "$run" --data "$work/words"
if command -v gnuplot >/dev/null; then
    for kind in confusion roc det calibration mistakes examples; do
        expect 0 "classes of any name: $kind" "$run/$kind.png" -- plot "$run" --$kind --data "$work/words"
        check "classes of any name: $kind is drawn" test -s "$run/$kind.png"
    done
fi

# --- what is printed
python=$(command -v python3)
# Nothing that a terminal obeys, and UTF-8.
is_plain() {
    cat "$work/out" "$work/err" >"$work/said"
    LC_ALL=C tr -d '\n -~\200-\377' <"$work/said" | cmp -s - /dev/null && ! grep -q "$rtl" "$work/said" &&
        { ! command -v iconv >/dev/null || iconv -f utf-8 -t utf-8 <"$work/said" >/dev/null; }
}
is_json() { [ -z "$python" ] || "$python" -c 'import json, sys
for line in [sys.stdin.read()] if sys.argv[1] == "whole" else sys.stdin: json.loads(line)' "$1" <"$work/out"; }
# prints NAME STATUS ARGUMENT...: plainly, and as JSON too.
prints() {
    name=$1 status=$2 form=whole
    shift 2
    [ "$1" != predict ] || form=lines
    "$CONVO" "$@" >"$work/out" 2>"$work/err"
    [ $? -eq "$status" ] && is_plain || told="$told $name is not plain;"
    "$CONVO" "$@" --json >"$work/out" 2>"$work/err"
    [ $? -eq "$status" ] && is_plain && { [ "$status" -ne 0 ] || is_json $form; } || told="$told $name is no JSON;"
}
all_plain() { # NAME
    if [ -z "$told" ] && ! was_run; then pass "$1"; else flunk "$1" "$told"; fi
    told=
}
told=
prints eval 0 eval "$run" --data "$work/words"
prints "data info" 0 data info "$work/words" --as audiofolder
prints report 0 report "$run" --data "$work/words" -o "$work/page.html"
prints predict 0 predict "$run" "$work"/words/*/7_*.flac --top 3
all_plain "classes of any name are printed so that a terminal does not obey them"
if [ -n "$python" ]; then
    check "the page of classes of any name has balanced elements" "$python" -c 'import sys, html.parser
class Page(html.parser.HTMLParser):
    void, open = {"meta", "img", "br", "input", "link"}, []
    def handle_starttag(self, tag, attributes):
        assert tag != "script" or len(self.open) < 3, "a script in the middle"
        if tag in ("th", "td", "tr") and self.open[-1] in ("th", "td") and tag != "tr": self.open.pop()
        if tag not in self.void: self.open.append(tag)
    def handle_startendtag(self, tag, attributes): pass
    def handle_endtag(self, tag):
        while self.open[-1] in ("th", "td") and tag not in ("th", "td"): self.open.pop()
        assert self.open.pop() == tag, tag
page = Page()
page.feed(open(sys.argv[1], encoding="utf-8").read())
assert not page.open, page.open' "$work/page.html"
fi

# --- runs, recipes, files
mkdir "$work/recipes" "$work/runs"
use_name() {
    nasty=$(printf %.200s "$1")
    recipe=$work/recipes/$nasty.yaml folder=$work/runs/$nasty
    cp recipes/moons.yaml "$recipe"
    prints "train of '$nasty'" 0 train "$recipe" --set epochs=1 -o "$folder" --force
    prints "summary of '$nasty'" 0 summary "$recipe"
    prints "eval of '$nasty'" 0 eval "$folder"
    prints "report of '$nasty'" 0 report "$folder"
    prints "export of '$nasty'" 0 export "$folder" -o "$work/$nasty.safetensors"
    prints "features of '$nasty'" 1 features "$work/$nasty.wav"
    prints "eval of no '$nasty'" 1 eval "$work/no/$nasty"
    prints "option '$nasty'" 2 eval "$folder" --threads "$nasty"
    prints "setting '$nasty'" 1 summary moons --set "train.$nasty=1"
    "$CONVO" summary "$folder/recipe.yaml" >/dev/null 2>&1 || told="$told recipe.yaml of '$nasty' does not read back;"
}
each use_name
all_plain "runs, recipes and files of any name are printed so that a terminal does not obey them"

# --- the line to go on with
# What convo train says after an interruption is read by a shell into the words that were typed.
cat >"$work/words.sh" <<'END'
printf '%s\0' "$@" >"$RECORD"
END
stopped() {
    nasty=$(printf %.200s "$1")
    out=$work/stopped/$nasty
    "$CONVO" train moons --set epochs=1000000 -q -o "$out" --force >/dev/null 2>"$work/err" &
    child=$! tries=0
    until [ -e "$out/metrics.jsonl" ] || [ $((tries += 1)) -gt 200 ]; do sleep 0.05; done
    kill -TERM $child # a shell lets its background jobs ignore SIGINT
    wait $child
    is_plain || told="$told the line of '$nasty' is not plain;"
    line=$(sed -n 's/^  //p' "$work/err")
    RECORD=$work/record bash -c "set -- $line; shift; . '$work/words.sh'"
    printf '%s\0' train moons --set epochs=1000000 -q -o "$out" --resume | cmp -s - "$work/record" ||
        told="$told the line of '$nasty' is '$line';"
}
if command -v bash >/dev/null; then
    mkdir "$work/stopped"
    : >"$work/out"
    each stopped
    all_plain "the line to go on with is read back by a shell"
else
    skip "the line to go on with is read back by a shell" "bash is not installed"
fi
finish
