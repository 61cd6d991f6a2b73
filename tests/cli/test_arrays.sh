# Models and labelled sets that they were not trained on: without a training part, with some of the classes, with names.
. tests/cli/expect.sh
small_data
recipe >"$work/digits.yaml"
"$CONVO" data export "$work/digits.yaml" --data "$work/small" -o "$work/all" -q >/dev/null || exit 1
expect 0 "changes that are made anew in every epoch are not exported, which is said" "exported as they are" -- \
    data export "$work/digits.yaml" --data "$work/small" --set 'augment={speed: 0.1}' -o "$work/anew"
recipe 's/set: fsdd, split: .*}/set: arrays, split: official}/; s/features:.*/input: [13, 74]/; s/epochs: 3/epochs: 1/' \
    >"$work/arrays.yaml"
sed -i 's/^data: .*/data: {set: arrays, split: official}/' "$work/arrays.yaml"
"$CONVO" train "$work/arrays.yaml" --data "$work/all" --out "$work/run" -q >/dev/null || exit 1

# The shape of an example is that of the arrays where the recipe says none; the run holds it.
sed '/^input/d' "$work/arrays.yaml" >"$work/open.yaml"
sed "s|set: arrays|set: arrays, path: $work/all|" "$work/open.yaml" >"$work/lies.yaml"
expect 0 "arrays need no input" "test accuracy" -- train "$work/open.yaml" --data "$work/all" --out "$work/measured" -q
check "the run holds it" grep -q '^input: \[13, 74\]' "$work/measured/recipe.yaml"
weights() { "$CONVO" eval "$1" --json | grep '"loss"'; }
check "the net is the one of a recipe with input" [ "$(weights "$work/run")" = "$(weights "$work/measured")" ]
expect 0 "resuming needs none" "test accuracy" -- \
    train "$work/open.yaml" --out "$work/measured" --resume --set epochs=2 -q
expect 0 "nor does summary where the data lie" "(13, 74)" -- summary "$work/lies.yaml"
expect 1 "without data a net needs it" "open.yaml: the recipe has no 'input' and does not say where its data are" -- \
    summary "$work/open.yaml"
expect 0 "--set says it" "(13, 74)" -- summary "$work/open.yaml" --set "input=[13, 74]"
expect 0 "nor does a picture of examples" "$work/some.png" -- \
    plot --examples "$work/open.yaml" --data "$work/all" --out "$work/some.png"
expect 0 "nor weights" "classes" -- import "$work/run/best.safetensors" --recipe "$work/lies.yaml" -o "$work/in.safetensors"
if lacks export "$work/run" -o "$work/net.onnx" -q; then
    skip "nor ONNX, which says it" "this build has no ONNX"
else
    expect 0 "nor ONNX, which says it" "classes" -- import "$work/net.onnx" --recipe "$work/open.yaml" \
        --labels 0,1,2,3,4,5,6,7,8,9 -o "$work/graph.safetensors"
fi
expect 1 "layers that do not fit are said with their place" "kernel 99 is larger than the padded input 76" -- \
    train "$work/open.yaml" --data "$work/all" --out "$work/never" --set model.0.conv1d.kernel=99
if lacks train "$work/open.yaml" --data "$work/gone.npz" --out "$work/never"; then
    skip "an .npz that is not there is said to be missing" "this build cannot unpack files"
else
    expect 1 "an .npz that is not there is said to be missing" "gone.npz: cannot be opened: No such file" -- \
        train "$work/open.yaml" --data "$work/gone.npz" --out "$work/never"
fi

mkdir "$work/test" "$work/pair"
cp "$work"/all/?_test.npy "$work/test"
for name in X y; do cp "$work/all/${name}_test.npy" "$work/pair/$name.npy"; done
expect 0 "a test part alone is scored" "test accuracy" "/100)" -- eval "$work/run" --data "$work/test"
expect 0 "and all there is" "/100)" -- eval "$work/run" --data "$work/test" --split all
expect 0 "a pair without a part is scored with --split all" "/100)" -- eval "$work/run" --data "$work/pair" --split all
expect 1 "and without it the sentence names it" "--split all" -- eval "$work/run" --data "$work/pair"
expect 1 "a part that is not there is said to be empty" "no example is left for the train part" -- \
    eval "$work/run" --data "$work/test" --split train
expect 1 "nothing is trained on it" "no example is left for the train part" -- \
    train "$work/arrays.yaml" --data "$work/test" --out "$work/never"

# Recordings: some of the classes, those that the split leaves out are not there.
mkdir "$work/few"
cp data/fsdd/[35]_*_[0-4].flac "$work/few"
sed 's/split: {.*}}/split: {by: group, leave_out: theo}}/; s/epochs: 3/epochs: 1/' "$work/digits.yaml" >"$work/theo.yaml"
"$CONVO" train "$work/theo.yaml" --data "$work/small" --out "$work/theo" -q >/dev/null || exit 1
rm "$work"/few/*_theo_*
expect 0 "a data set of some of the classes is scored by their names" "/50)" -- \
    eval "$work/theo" --data "$work/few" --split all

# Names.
cp -r "$work/all" "$work/named"
for name in zero one two three four five six seven eight nine; do echo $name; done >"$work/named/labels.txt"
expect 0 "arrays take the names of classes from labels.txt" "test accuracy" -- \
    train "$work/arrays.yaml" --data "$work/named" --out "$work/names" -q
expect 0 "eval says them" "seven" -- eval "$work/names"
expect 0 "numbers stand for the model's classes" "seven" "/100)" -- eval "$work/names" --data "$work/test"
expect 0 "the recipe's classes count more" "test accuracy" -- train "$work/arrays.yaml" --data "$work/named" \
    --out "$work/given" -q --set "data.classes=[hey you, b, c, d, e, f, g, h, i, j]"
expect 0 "with their spaces" "hey you" -- eval "$work/given"
printf 'one\ntwo\none\n' >"$work/named/labels.txt"
expect 1 "no name is given twice" "labels.txt" "classes 0 and 2 are both called 'one'" -- eval "$work/run" --data "$work/named"
printf 'one\ntwo\n' >"$work/named/labels.txt"
expect 1 "nor to fewer classes than there are" "beyond the last of 2 classes" -- eval "$work/run" --data "$work/named"
rm "$work/named/labels.txt"
sed 's/<f4\|<i8\|<i4\||u1/<U5/' "$work/all/y_train.npy" >"$work/named/y_train.npy"
expect 1 "labels that are text get advice" "np.unique" "labels.txt" -- eval "$work/run" --data "$work/named"
finish
