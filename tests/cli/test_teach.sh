# Distillation and the range test of the learning rate, on the command line.
. tests/cli/expect.sh
small_data
recipe >"$work/large.yaml"
"$CONVO" train "$work/large.yaml" --data "$work/small" --out "$work/teacher" -q --set epochs=6 --set lr=0.02 >/dev/null 2>&1
recipe 's/out: 16/out: 4/' >"$work/digits.yaml"

mkdir "$work/nine"
cp "$work"/small/[0-8]_* "$work/nine"

teach="train $work/digits.yaml --data $work/small --out $work/run --force -q"
# shellcheck disable=SC2086 # words
{
    expect 0 "a run teaches" "test accuracy" -- $teach --set train.teacher="$work/teacher"
    expect 0 "with options" "test accuracy" -- $teach --set train.teacher="{model: $work/teacher, temperature: 2, weight: 0.9}"
    expect 0 "a file teaches, too" "test accuracy" -- $teach --set train.teacher="$work/teacher/best.safetensors"
    expect 1 "a teacher that is not there is named" "$work/nobody" -- $teach --set train.teacher="$work/nobody"
    expect 1 "one of other features is refused" "features are others" -- \
        $teach --set train.teacher="$work/teacher" --set features.samples=5000
    expect 1 "one with other classes is refused" "tells 10 classes apart, the data set has 9" -- \
        $teach --set train.teacher="$work/teacher" --data "$work/nine" --set "model.4=linear: 9"
    expect 1 "so is another kind of loss" "the loss must be cross_entropy or focal, not mse" -- \
        $teach --set train.loss=mse --set train.teacher="$work/teacher"
    expect 1 "and a weight beyond 1" "'weight' must be a number from 0 to 1" -- \
        $teach --set train.teacher="{model: $work/teacher, weight: 2}"
}

expect 0 "a range test names a rate" "loss falls most steeply at lr" "try lr=" "range.png" -- \
    sweep "$work/digits.yaml" --data "$work/small" --range --out "$work/range"
expect 0 "between the rates that are given" '"suggested": ' '"lr": 0.001' -- \
    sweep "$work/digits.yaml" --data "$work/small" --range --over lr=1e-3,100 --out "$work/range" --json
if command -v gnuplot >/dev/null; then
    check "and draws the loss against it" test -s "$work/range/range.png"
else
    skip "and draws the loss against it" "gnuplot is not installed"
fi
for bad in lr=1,0.1 lr=1 lr=0,1 lr=a,b batch=1,2 lr=1e-3,1,2; do
    expect 2 "--over $bad is no range" "--range takes --over lr=LOW,HIGH" -- sweep "$work/digits.yaml" --range --over $bad
done
expect 2 "a range test is one training" "omit --trials" -- sweep "$work/digits.yaml" --range --trials 3
finish
