# From recordings to a tested model, and what the command says on the way.
. tests/cli/expect.sh
small_data
recipe >"$work/digits.yaml"
run=$work/run

train() { "$CONVO" train "$work/digits.yaml" --data "$work/small" "$@"; }
same() { cmp "$1/best.safetensors" "$2/best.safetensors"; }

expect 0 "training ends with the test accuracy" "test accuracy 0." "/100)" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$run"
check "and prints nothing else on standard output" test "$(wc -l <"$work/out")" -eq 1
train --out "$work/log" >/dev/null 2>"$work/log.txt"
check "a log gets one line per epoch" test "$(grep -c '^epoch ' "$work/log.txt")" -eq 3
check "a log holds no control characters" sh -c '! LC_ALL=C grep -q "[[:cntrl:]]" "$0"' "$work/log.txt"
check "the same seed gives the same model" same "$run" "$work/log"
for file in recipe.yaml metrics.jsonl best.safetensors last.checkpoint result.json; do
    check "the run folder holds $file" test -s "$run/$file"
done
if command -v gnuplot >/dev/null; then
    check "the run folder holds a picture of the curves" test -s "$run/curves.png"
else
    skip "the run folder holds a picture of the curves" "gnuplot is not installed"
fi

expect 1 "a run is not overwritten by accident" "already contains a run" "--resume" "--force" "--out" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$run"
expect 0 "--resume of a complete run says so" "is complete: 3 epochs" "test accuracy" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$run" --resume
"$CONVO" train "$work/digits.yaml" --data "$work/small" --out "$work/more" -q >/dev/null 2>&1
expect 0 "--resume goes on with more epochs and another rate, and says so" "the run goes on with" "train.epochs 5 instead of 3" \
    "lr 0.01 instead of" "epoch 5/5" "test accuracy" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/more" --set epochs=5 --set lr=0.01 --resume
expect 1 "but not with another seed" "another recipe" "train.seed" "a run can go on with other epochs" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/more" --seed 9 --resume
expect 0 "--force replaces it" "test accuracy" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$run" --force --set epochs=1
expect 0 "-q says only the result" "test accuracy" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/quiet" -q --seed 3
silent "-q is silent on standard error"
expect 0 "--json prints one object" '"test": {' '"seed": 4' '"interrupted": false' -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/json" -q --seed 4 --json

# Interrupted after the first epoch, resumed, and the same bits as without.
train --out "$work/long" --set epochs=400 -q >/dev/null 2>&1
"$CONVO" train "$work/digits.yaml" --data "$work/small" --out "$work/cut" --set epochs=400 >"$work/cut.txt" 2>&1 &
child=$!
tries=0
until grep -q '^epoch  *1/' "$work/cut.txt" || [ $tries -ge 600 ]; do
    sleep 0.05 2>/dev/null || sleep 1
    tries=$((tries + 1))
done
kill -TERM $child
wait $child
status=$?
if [ -e "$work/cut/result.json" ]; then # the status is not asked: it may be wrong
    skip "an interrupted run exits with 130" "it was done before it could be interrupted"
else
    check "an interrupted run exits with 130" test $status -eq 130
    check "it says how to go on" grep -q "convo'\{0,1\} train .*--set epochs=400 --resume$" "$work/cut.txt"
    expect 1 "nor is one that was interrupted" "already contains a run" -- \
        train "$work/digits.yaml" --data "$work/small" --out "$work/cut" --set epochs=400
    expect 0 "--resume goes on to the end" "epoch 400/400" "test accuracy" -- \
        train "$work/digits.yaml" --data "$work/small" --out "$work/cut" --set epochs=400 --resume
    check "resumed and uninterrupted give the same model" same "$work/cut" "$work/long"
fi

# A step that lasts seconds: the first signal waits for its end, the second does not.
sed 's/kernel: 3, padding: 1/kernel: 71/; s/out: 16/out: 20000/; s/batch: 32/batch: 300/' "$work/digits.yaml" >"$work/slow.yaml"
# twice SIGNAL [COMMAND...]: sends it twice, 0.3 s apart; COMMAND starts convo.
twice() {
    signal=$1 tries=0
    shift
    rm -rf "$work/stuck"
    "$@" "$CONVO" train "$work/slow.yaml" --data "$work/small" --out "$work/stuck" -q --threads 1 --isa baseline \
        >"$work/stuck.txt" 2>&1 &
    child=$!
    until [ -e "$work/stuck/recipe.yaml" ] || [ $tries -ge 600 ]; do
        sleep 0.05 2>/dev/null || sleep 1
        tries=$((tries + 1))
    done
    kill -s "$signal" $child
    sleep 0.3 2>/dev/null || sleep 1
    kill -s "$signal" $child
    wait $child
}
twice TERM
check "a second signal ends at once" test $? -eq 143
if env --default-signal=INT true 2>/dev/null; then # a shell lets its background jobs ignore SIGINT
    twice INT env --default-signal=INT
    status=$?
    check "a second Ctrl-C ends at once" test $status -eq 130 -a ! -s "$work/stuck.txt" # or it would say where to go on
else
    skip "a second Ctrl-C ends at once" "env cannot set the signal"
fi

expect 0 "--seed goes before the recipe's" '"seed": 0' -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/seed" -q --set seed=7 --set epochs=1 --seed 0 --json
expect 0 "without a test part the accuracy is that on validation" "validation accuracy" -- \
    train moons --out "$work/moons" -q --set epochs=1
check "what was not measured is no point of a curve" grep -q '^1 [0-9.]* [0-9.]* ? ? ? ?$' "$run/curves.dat"
expect 0 "steps are recorded" "test accuracy" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/steps" -q --set epochs=2 --set record_every=2
check "the kept model is a point at its step" grep -qF "'+' using (14):" "$work/steps/curves-steps.gp"

expect 0 "eval shows figures per class and confusions" "test accuracy 0." "precision" "confusion" -- \
    eval "$run" --data "$work/small"
# Three classes of two groups; of one class nothing is tested, so that it has no curve.
{
    echo path,label,split
    for k in 0 1 2 3 4 5; do
        for part in train:theo test:lucas; do
            for digit in 1 2; do echo "$PWD/data/fsdd/${digit}_${part#*:}_$k.flac,$digit,${part%:*}"; done
        done
        echo "$PWD/data/fsdd/3_theo_$k.flac,3,train"
    done
} >"$work/list.csv"
recipe "s|set: fsdd.*|set: manifest, path: $work/list.csv, split: official}|; s/linear: 10/linear: 3/; s/samples/rate: 8000, samples/" \
    >"$work/listed.yaml"
if lacks data check "$work/listed.yaml"; then
    skip "a class that is not tested" "this build reads no manifest"
else
    "$CONVO" train "$work/listed.yaml" --out "$work/listed" -q >"$work/listed.txt" 2>&1
    expect 0 "a class that is not tested has no curve" "3  " -- eval "$work/listed"
    cp "$work/out" "$work/figures" # check has its own
    check "and leaves the mean of the others alone" awk '
        $1 == 1 || $1 == 2 { if (NF == 6) { sum += $5; classes++ } }
        $1 == 3 && NF == 6 { none = $5 }
        $1 == "mean" { mean = $5 }
        END { exit !(classes == 2 && none == "-" && mean - sum / 2 < 0.0002 && sum / 2 - mean < 0.0002) }' "$work/figures"
fi
env CONVO_HOME= XDG_CACHE_HOME= HOME="$work/user" "$CONVO" train "$work/digits.yaml" --data "$work/small" \
    --out "$work/homeless" -q --set epochs=1 >/dev/null
check "an empty variable is as good as none" test -d "$work/user/.cache/convo/features"
expect 0 "eval --split all sees every recording" "/300)" -- eval "$run" --data "$work/small" --split all
expect 0 "eval says how many it hears the beginning of" "longer than the net's input" -- eval "$run" --data "$work/small"
expect 0 "but not with -q" -- eval "$run" --data "$work/small" -q
silent "indeed"
expect 0 "eval --json prints one object" '"confusion": [' '"decoding": ' '"computing": ' '"scoring": ' -- eval "$run" --data "$work/small" --json
one=data/fsdd/1_theo_0.flac
expect 0 "predict prints label and probability" "$one  " -- predict "$run" "$one"
expect 0 "predict --top 3 --json" '"top":[{"label":' -- predict "$run" "$one" --top 3 --json
expect 1 "predict answers for the others when one is bad" "$one  " "missing.wav: " -- \
    predict "$run" "$work/missing.wav" "$one"
# 16-bit samples of 8 kHz; a header that does not say how many.
recording() { # SECONDS
    printf 'RIFF\0\0\0\0WAVEfmt \020\0\0\0\001\0\001\0\100\037\0\0\200\076\0\0\002\0\020\0data\0\0\0\0'
    head -c $(($1 * 16000)) "$CONVO"
}
recording 3 >"$work/long.wav"
expect 0 "predict says that it hears the beginning of a long recording only" \
    "only the first 0.75 s of 3.00 s" -- predict "$run" "$work/long.wav"
expect 0 "predict --json says so in seconds" '"seconds":3.0,"used_seconds":0.75' -- predict "$run" "$work/long.wav" --json
"$CONVO" predict "$run" "$one" >"$work/short.txt"
check "predict says nothing of the kind about a short one" sh -c '! grep -q only "$0"' "$work/short.txt"
expect 0 "predict --held-out tells the truth" " truth " -- predict "$run" --held-out 5
cp "$work/out" "$work/held"
check "five recordings are held out" test "$(wc -l <"$work/out")" -eq 5
check "the truth is what their names say" awk '
    { file = $1; sub(/.*\//, "", file); sub(/_.*/, "", file)
      for (k = 2; k < NF; k++) if ($k == "truth") { truth = $(k + 1); judged = $(k + 2) }
      wrong += truth != file || judged != ($2 == truth ? "right" : "wrong") }
    END { exit NR != 5 || wrong }' "$work/held"
expect 0 "a model file is enough" "$one  " -- predict "$run/best.safetensors" "$one"
expect 0 "summary of a recipe" "parameters" "3*13*16 + 16 = 640" "multiply-adds" "flattened      592" -- \
    summary "$work/digits.yaml"
expect 0 "summary of a run" "3*13*16 + 16 = 640" -- summary "$run"
expect 0 "summary --json" '"parameters": 640' -- summary "$run" --json
expect 0 "features of a recording" "shape (13, 74)" -- features "$one" --recipe "$work/digits.yaml"
expect 0 "features as an array" "shape (13, 74)" -- features "$one" --recipe "$run" -o "$work/one.npy"
rest=$(($(wc -c <"$work/one.npy") - 4 * 13 * 74))
check "the array is a .npy of its size" test $rest -ge 64 -a $((rest % 64)) -eq 0
expect 0 "what the net reads as arrays" "$work/data" -- \
    data export "$work/digits.yaml" --data "$work/small" -o "$work/data"
check "a part that is empty has none" sh -c 'test -s "$0/X_train.npy" && test ! -e "$0/X_validation.npy"' "$work/data"
mkdir "$work/named"
cp -r "$work/data" "$work/named/arrays"
expect 0 "a folder may end in a slash" "arrays in $work/named/arrays: 300 examples" -- data info "$work/named/arrays/"
expect 1 "arrays do not go where something is" "is not empty" -- \
    data export "$work/digits.yaml" --data "$work/small" -o "$work/data"
expect 2 "data export wants a place" "-o FILE.npz" -- data export "$work/digits.yaml"
expect 0 "eval --save writes what the model says" "test accuracy" -- \
    eval "$run" --data "$work/small" --save "$work/said"
check "of each example" test -s "$work/said/probabilities.npy"
expect 0 "init writes an untrained model" "$work/start.safetensors" -- \
    init "$work/digits.yaml" --data "$work/small" -o "$work/start.safetensors"
expect 0 "which can be scored" "test accuracy 0." -- eval "$work/start.safetensors" --data "$work/small"
expect 2 "init wants a place" "-o FILE.safetensors" -- init "$work/digits.yaml"
if command -v gnuplot >/dev/null; then
    expect 0 "features as a picture" "shape (13, 74)" -- features "$one" --recipe "$run" -o "$work/one.png"
    check "the picture is there" test -s "$work/one.png"
else
    skip "features as a picture" "gnuplot is not installed"
fi
expect 0 "data list" "fsdd  " -- data list
expect 0 "data info counts" "300 recordings" "theo" "8000 Hz" -- data info "$work/small" --as fsdd
expect 0 "data info of what is made up" "moons, made up: 2000 examples" "class  examples" -- data info moons
expect 0 "data info --json" '"files": 300' -- data info fsdd --data "$work/small" --json
finish
