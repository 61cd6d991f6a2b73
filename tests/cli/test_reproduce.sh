# The published figures, with recipes small enough for a test.
. tests/cli/expect.sh
repository=$PWD
CONVO_HOME=$work/home
export CONVO_HOME
mkdir -p "$work/root/fsdd" "$work/place/recipes"
cp data/fsdd/*_[0-4].flac "$work/root/fsdd"
published='published: {test_accuracy: 0.5, source: "a course of ours"}'
{ recipe && echo "$published"; } >"$work/place/recipes/digits.yaml"
recipe >"$work/place/recipes/unpublished.yaml"
case $CONVO in /*) ;; *) CONVO=$PWD/$CONVO ;; esac
cd "$work/place" || exit 1 # whose recipes/ these are

expect 0 "the named recipe, ours beside theirs" "published" "0.5000" "examples/s" "digits  " -- \
    reproduce digits --data-root "$work/root" --markdown "$work/results.md"
check "a row for it below the head" test "$(grep -c '^digits  *[0-9][0-9]* ' "$work/out")" -eq 1
for text in '# Published figures' '    convo reproduce digits --data-root' '| recipe | parameters' '|---|--:|' '| digits | ' \
    '- digits: a course of ours'; do
    check "the Markdown has '$text'" grep -qF -e "$text" "$work/results.md"
done
check "the run is kept" test -s runs/reproduce/digits-0/result.json
expect 1 "and not overwritten by accident" "already contains a run" -- reproduce digits --data-root "$work/root"
expect 0 "--resume keeps what is complete, --trials adds" " ± " -- \
    reproduce digits --data-root "$work/root" --resume --trials 2
check "the second trial has the next seed" test -s runs/reproduce/digits-1/result.json
expect 0 "--loso leaves each speaker out" "new speaker" "digits, without theo: test accuracy" -- \
    reproduce digits --data-root "$work/root" --loso --out "$work/loso" --set epochs=1
check "one run for each" test "$(find "$work/loso" -name 'digits-without-*' | wc -l)" -eq 6
expect 0 "a recipe without a figure can be named" "unpublished  " -- \
    reproduce unpublished --data-root "$work/root" --out "$work/plain"
expect 0 "--quick says so" "Quick: a tenth of the epochs" -- \
    reproduce unpublished --data-root "$work/root" --quick --out "$work/quick"
check "and is a tenth of the epochs, at least one" test "$(wc -l <"$work/quick/unpublished-0/metrics.jsonl")" -eq 1
expect 0 "--json is one object" '"recipes": [' '"published": 0.5' '"missing_data": null' -- \
    reproduce digits --data-root "$work/root" --quick --out "$work/json" --json -q
expect 0 "a recipe that diverges is told" "(1 of 1 diverged)" -- \
    reproduce digits --data-root "$work/root" --out "$work/wild" --set lr=100000

sed 's/set: fsdd/set: cifar-10/; s/^features.*//; s/conv1d/conv2d/; s/avgpool1d/avgpool2d/' recipes/digits.yaml >recipes/pictures.yaml
expect 0 "data that are not there are no error" "no data: convo data get cifar-10" "1 of 1 recipes were skipped" -- \
    reproduce pictures --data-root "$work/root"
sed 's|test: 1/3|validation: 1/3|' recipes/digits.yaml >recipes/validated.yaml
expect 0 "accuracy on validation is marked" " †" "† Accuracy on the validation part" "validated, seed 0: validation accuracy" -- \
    reproduce validated --data-root "$work/root"
mkdir recipes/course
sed 's/set: fsdd/set: fsdd, path: voices/' recipes/digits.yaml >recipes/course/spoken.yaml
expect 0 "a folder of recipes; a path that is nowhere" "no data: voices" "1 of 1 recipes were skipped" -- \
    reproduce course --data-root "$work/root"
ln -s "$(readlink -f "$work/root/fsdd")" "$work/root/voices"
expect 0 "a path is looked for where data sets are" "course/spoken  " -- reproduce course --data-root "$work/root"
expect 2 "--quick and --loso" "--quick cannot be combined" -- reproduce --quick --loso
expect 1 "an unknown recipe" "did you mean 'digits'?" -- reproduce digitz

# The course's table of receptive fields: input, output, parameters and field of each of its nets.
cp -r "$repository/recipes/fields" recipes
expect 0 "the course's nets have its figures" "3.3 d  fields/nine-stride" "246    9 x 9      81  as stated" -- reproduce fields
check "all that it states" test "$(grep -c ' as stated ' "$work/out")" -eq 13
expect 0 "the table as JSON" '"part": "3.2 c"' '"pixels": 9' '"as_stated": true' -- reproduce fields --json
differs() { # WHAT RECIPE SED-SCRIPT OURS
    sed "$3" "$repository/recipes/fields/$2.yaml" >"recipes/fields/$2.yaml"
    expect 1 "another $1 is seen" "DIFFERS" "$4" "not the one that the course shows" -- reproduce fields
    cp "$repository/recipes/fields/$2.yaml" "recipes/fields/$2.yaml"
}
differs "input" padding 's/15, 15/16, 16/' "(1, 16, 16), not (1, 15, 15)"
differs "output size" conv-pool 's/{kernel: 2, padding: 1}/2/' "(1, 7, 7), not (1, 8, 8)"
differs "number of parameters" stride 's/stride: 2/bias: false, &/' "9, not 10"
differs "field" nine-dilation 's/dilation: 3/dilation: 2/' "7 x 7, not 9 x 9"
differs "number of pixels" nine-dilation 's/kernel: 3, padding: 3/kernel: 2, dilation: 2, padding: 3/' "36, not 81"
: >recipes/fields/stride.yaml
expect 1 "a net that cannot be read is named" "fields/stride" -- reproduce fields
finish
