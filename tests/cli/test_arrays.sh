# Models and labelled sets that they were not trained on: without a training part, with some of the classes, with names.
. tests/cli/expect.sh
small_data
recipe >"$work/digits.yaml"
"$CONVO" data export "$work/digits.yaml" --data "$work/small" -o "$work/all" -q >/dev/null || exit 1
recipe 's/set: fsdd, split: .*}/set: arrays, split: official}/; s/features:.*/input: [13, 74]/; s/epochs: 3/epochs: 1/' \
    >"$work/arrays.yaml"
sed -i 's/^data: .*/data: {set: arrays, split: official}/' "$work/arrays.yaml"
"$CONVO" train "$work/arrays.yaml" --data "$work/all" --out "$work/run" -q >/dev/null || exit 1

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
