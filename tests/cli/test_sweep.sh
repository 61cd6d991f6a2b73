# A sweep: what it runs, what it says about it, and what it leaves.
. tests/cli/expect.sh
CONVO_HOME=$work/home
export CONVO_HOME
small_data
recipe 's/epochs: 3/epochs: 2/' >"$work/digits.yaml"
out=$work/sweep

expect 0 "a table of means and deviations" "lr  " "train error" "test accuracy" " ± " "4/4  lr=0.001, seed 1" -- \
    sweep "$work/digits.yaml" --over lr=0.01,0.001 --trials 2 --data "$work/small" --out "$out"
check "a line for each value below the head" test "$(wc -l <"$work/out")" -eq 3
check "a line of CSV for each run" test "$(wc -l <"$out/runs.csv")" -eq 5
check "under the names of its columns" grep -q '^lr,seed,diverged,.*test_error' "$out/runs.csv"
for seed in 0 1; do
    for lr in 0.01 0.001; do check "a run folder for lr $lr, seed $seed" test -s "$out/lr=$lr-$seed/result.json"; done
done
if command -v gnuplot >/dev/null; then
    for picture in errors curves; do
        for ending in png svg gp dat; do check "$picture.$ending" test -s "$out/$picture.$ending"; done
    done
else
    skip "charts" "gnuplot is not installed"
fi
check "no curves by iteration where no steps were recorded" test ! -e "$out/curves-steps.dat"
expect 0 "steps are recorded" "lr  " -- sweep "$work/digits.yaml" --over lr=0.01,0.001 --trials 2 --data "$work/small" \
    --out "$work/steps" --set record_every=2 --set record_full=true
if command -v gnuplot >/dev/null; then
    for ending in png svg gp dat; do check "curves-steps.$ending" test -s "$work/steps/curves-steps.$ending"; done
    check "its points are the iterations that were recorded" sh -c '
        sed -n "s/.*\"step\": *\([0-9]*\).*/\1/p" "$0/lr=0.01-0/steps.jsonl" >"$0/recorded" &&
        awk "/^\$/ { exit } /^[0-9]/ { print \$1 }" "$0/curves-steps.dat" | diff "$0/recorded" -' "$work/steps"
fi
"$CONVO" train "$work/digits.yaml" --data "$work/small" --out "$work/alone" --set lr=0.001 --seed 1 -q >/dev/null
check "a run is the same as by convo train" cmp "$work/alone/best.safetensors" "$out/lr=0.001-1/best.safetensors"

"$CONVO" train "$work/digits.yaml" --data "$work/small" --out "$work/further" --from "$work/alone" -q >/dev/null
expect 0 "--from is where every run starts" "tensors taken" -- sweep "$work/digits.yaml" --over lr=0.005,0.001 \
    --from "$work/alone" --data "$work/small" --out "$work/from"
check "as convo train does" cmp "$work/further/best.safetensors" "$work/from/lr=0.005-0/best.safetensors"
expect 1 "with a model that is there" "$work/missing" -- sweep "$work/digits.yaml" --over lr=0.005,0.001 \
    --from "$work/missing" --data "$work/small" --out "$work/nothing"
expect 2 "seeds are varied in one way" "--trials are seeds: omit it, or --over seed" -- \
    sweep "$work/digits.yaml" --over seed=1,2 --trials 2 --out "$work/nothing"
expect 2 "a key is given once" "--over lr is given twice" -- \
    sweep "$work/digits.yaml" --over lr=0.1 --over batch=32,16 --over lr=0.3 --out "$work/nothing"

expect 1 "runs are not overwritten by accident" "already contains a run" -- \
    sweep "$work/digits.yaml" --over lr=0.01,0.001 --data "$work/small" --out "$out"
cp "$out/lr=0.01-0/best.safetensors" "$work/before"
expect 0 "--resume keeps them and adds a value" "0.02" -- \
    sweep "$work/digits.yaml" --over lr=0.01,0.02 --data "$work/small" --out "$out" --resume
check "what was there is the same" cmp "$work/before" "$out/lr=0.01-0/best.safetensors"
expect 0 "--force replaces them" "test error" -- \
    sweep "$work/digits.yaml" --over lr=0.01 --data "$work/small" --out "$out" --force

expect 0 "a run that diverges does not stop the others" "2 of 2 diverged" "0.01    0." -- \
    sweep "$work/digits.yaml" --over lr=100000,0.01 --trials 2 --data "$work/small" --out "$work/wild" -q
check "and is marked in the CSV" grep -q '^100000,1,1,' "$work/wild/runs.csv"
mkdir "$work/wilder"
cp -r "$work/alone" "$work/wilder/lr=100000-0"
expect 0 "nothing but runs that diverge" "1 of 1 diverged" -- \
    sweep "$work/digits.yaml" --over lr=100000 --data "$work/small" --out "$work/wilder" -q --force
check "no result of an earlier run is left beside it" test ! -e "$work/wilder/lr=100000-0/result.json"

expect 0 "trials alone are other seeds" "2/2  seed 1" "train error" -- \
    sweep "$work/digits.yaml" --trials 2 --data "$work/small" --out "$work/seeds" --set epochs=1
expect 0 "two settings give every combination" "4/4  lr=0.01, batch=16, seed 0" -- \
    sweep "$work/digits.yaml" --over lr=0.1,0.01 --over batch=32,16 --data "$work/small" --out "$work/two" --set epochs=1
expect 0 "a value may hold commas in brackets" '{train: 1/2, test: 1/2}' '/out' -- \
    sweep "$work/digits.yaml" --over 'data.split={train: 1/2, test: 1/2},{train: 2/3, test: 1/3}' --data "$work/small" \
    --out "$work/split/out" --set epochs=1
expect 1 "a comma between quotes does not end a value" "no group 'Smith, J. \"theo\"'" -- \
    sweep "$work/digits.yaml" --set data.split='{by: group, leave_out: theo}' \
    --over 'leave_out="Smith, J. \"theo\"",jackson' --data "$work/small" --out "$work/comma" --set epochs=1 -q
expect 0 "a value may hold quotes and slashes" "a/b" -- sweep "$work/digits.yaml" \
    --over 'published={source: "a/b", test_accuracy: 0.5},{source: c, test_accuracy: 0.5}' --data "$work/small" \
    --out "$work/quoted" --set epochs=1 -q
check "CSV doubles the quotes" grep -qF '"{source: ""a/b"", test_accuracy: 0.5}",' "$work/quoted/runs.csv"
check "a slash makes no folder" test -z "$(find "$work/quoted" -mindepth 2 -type d)"
expect 0 "runs that diverge are in no mean" '"diverged": 1' '"seconds": null' -- \
    sweep "$work/digits.yaml" --over lr=100000 --data "$work/small" --out "$work/nowhere" -q --json
expect 0 "--json is one object" '"settings": [' '"error": {' '"mean": ' '"runs": [' '"diverged": 0' -- \
    sweep "$work/digits.yaml" --over lr=0.01 --trials 2 --data "$work/small" --out "$work/json" --json -q
cp "$work/out" "$work/sweep.json" # check has its own $work/out
if command -v python3 >/dev/null; then
    check "that other programs read" python3 -c 'import json, sys
s = json.load(open(sys.argv[1]))
error = [1 - r["test"]["accuracy"] for r in s["runs"]]
mean = sum(error) / 2
assert abs(s["settings"][0]["test"]["error"]["mean"] - mean) < 1e-6, s
assert abs(s["settings"][0]["test"]["error"]["std"] - (sum((e - mean) ** 2 for e in error)) ** 0.5) < 1e-6, s' "$work/sweep.json"
else
    skip "that other programs read" "there is no python3"
fi

# train.keep: with a validation part the best epoch's net is kept, unless the recipe wants the last.
split='data.split={train: 1/2, validation: 1/4, test: 1/4}'
train() { "$CONVO" train "$work/digits.yaml" --data "$work/small" --set "$split" --set epochs=30 --set lr=0.05 "$@" -q >/dev/null; }
train --out "$work/best"
train --out "$work/last" --set keep=last
check "keep: best keeps an earlier epoch here" sh -c '! grep -q "\"best_epoch\": 30," "$0"' "$work/best/result.json"
check "keep: last keeps the last" grep -q '"best_epoch": 30,' "$work/last/result.json"

# Each speaker is the test part once; the mean gives each the same weight.
expect 0 "--leave-one-out is a run for each group" "leave_out  train error" "theo  " "6/6  leave_out=yweweler" "mean  " -- \
    sweep "$work/digits.yaml" --leave-one-out --data "$work/small" --out "$work/speakers"
check "a line for each, the head and the mean" test "$(wc -l <"$work/out")" -eq 8
check "50 recordings are tested, all of the speaker" sh -c '
    grep -q "_theo_" "$0" && ! grep -qE "_(george|jackson|lucas|nicolas|yweweler)_" "$0"' \
    "$work/speakers/leave_out=theo-0/result.json"
expect 1 "a data set without groups" "no groups (speakers)" -- sweep moons --leave-one-out --out "$work/none"
expect 0 "--folds is a run for each part, and their mean" "fold  train error" "3/3  fold=3" "mean  " -- \
    sweep "$work/digits.yaml" --folds 3 --data "$work/small" --out "$work/folds" --set epochs=1 --set data.split.validation=0.1
check "each with its own recipe" grep -q 'fold: 2' "$work/folds/fold=2-0/recipe.yaml"
check "all examples are tested once" sh -c '
    cat "$0"/folds/fold=*-0/result.json | tr -d " \n" | sed "s/\"examples\":\[/\n/g" | grep "^[0-9]" >"$0/parts"
    awk -F "[],]" "{ test += \$3; if (\$2 < 15 || \$2 > 25) bad = 1 } END { exit bad || NR != 3 || test != 300 }" "$0/parts"' "$work"
expect 0 "by group, whole groups" '"mean": {' '"fold": "2"' -- sweep "$work/digits.yaml" --folds 2 --json -q \
    --data "$work/small" --out "$work/group-folds" --set epochs=1 --set 'data.split={by: group, test: 0.3}'
check "the recipe says so" grep -q 'by: group' "$work/group-folds/fold=1-0/recipe.yaml"
expect 2 "folds and other settings" "mutually exclusive" -- sweep "$work/digits.yaml" --folds 3 --over lr=1
expect 2 "one fold" "from 2" -- sweep "$work/digits.yaml" --folds 1
expect 2 "one or the other" "mutually exclusive" -- sweep "$work/digits.yaml" --leave-one-out --over lr=1

expect 2 "nothing to change" "nothing to vary: pass --over" -- sweep "$work/digits.yaml"
expect 2 "no values" "must have the form lr=2,0.2,0.02" -- sweep "$work/digits.yaml" --over lr
expect 2 "an empty value" "has an empty value" -- sweep "$work/digits.yaml" --over lr=1,,2
expect 2 "a value twice" "remove duplicate values" -- sweep "$work/digits.yaml" --over lr=0.1,0.1
expect 1 "a setting that is not there" "did you mean" -- sweep "$work/digits.yaml" --over epoch=1,2
expect 1 "a value that is wrong is found before the first run" "epochs" "soon" -- \
    sweep "$work/digits.yaml" --over epochs=1,soon --out "$work/never"
check "nothing was run" test ! -e "$work/never"
finish
