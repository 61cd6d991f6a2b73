# What `data info` says about a folder: what is in it, what cannot be read, what does not sound right.
. tests/cli/expect.sh
pictures=tests/golden/pictures

words=$work/words
mkdir -p "$words/yes" "$words/no"
for k in 1 2 3; do
    cp "data/fsdd/1_theo_$k.flac" "$words/yes/$k.flac"
    cp "data/fsdd/0_theo_$k.flac" "$words/no/$k.flac"
    head -c 200 "data/fsdd/0_theo_$k.flac" >"$words/no/cut$k.flac"
done
# 8000 samples of 8 kHz and 8 bits; 128 is the middle
recording() { # OCTAL CODE OF EACH SAMPLE
    printf 'RIFF\0\0\0\0WAVEfmt \020\0\0\0\001\0\001\0\100\037\0\0\100\037\0\0\001\0\010\0data\0\0\0\0'
    head -c 8000 /dev/zero | tr '\0' "\\$1"
}
recording 200 >"$words/no/silent.wav"
recording 220 >"$words/no/shifted.wav"
expect 0 "data info counts silent and shifted recordings" "silent      2" "shifted     1" "unreadable  3" -- data info "$words"
expect 0 "it names the first file that cannot be read" "no/cut1.flac: " "-v names all 3" -- data info "$words"
expect 0 "data info -v names all files that cannot be read" "no/cut1.flac: " "no/cut2.flac: " "no/cut3.flac: " -- \
    data info "$words" -v
expect 0 "and so does --json" '"silent": 2' '"shifted": 1' '"problems": [' 'no/cut3.flac: ' -- data info "$words" --json

small_data
recipe 's/split: .*}}/split: {by: group, test: 0.3, validation: 0.2}}/' >"$work/digits.yaml"
printf 'path,label\n' >"$work/list.csv"
expect 1 "a list without rows is called so, if it can be read" "$work/list.csv: " "$(
    lacks data info "$work/list.csv" && echo libcsv-dev || echo has no rows)" -- data info "$work/list.csv"
expect 1 "a path that is not there" "$work/none.csv: there is no such folder or file" -- data info "$work/none.csv"
expect 1 "whatever it should be read as" "none: there is no such folder or file" -- data info "$work/none" --as arrays
expect 0 "data info of a recipe shows its split" "training 150 (3 groups), validation 50 (1 group), test 100 (2 groups)" \
    "imbalance   1.00: 15 of each class; always answering 0 scores 0.1000" "7        15 (3)       5 (1)  10 (2)" -- \
    data info "$work/digits.yaml" --data "$work/small"
expect 0 "with settings, as JSON" '"majority_part": "test"' '"groups": 1' '"left_out": 150' -- data info "$work/digits.yaml" \
    --data "$work/small" --json --set 'data.split={train: 0.4, test: 0.1}'
expect 0 "data info shows the official split, -v of each class" "split       training 2700 (6 groups), test 300 (6 groups)" \
    "7       270 (6)  30 (6)" -- data info data/fsdd -v
expect 0 "one without a training part" "split       test 300 (6 groups)" "imbalance   1.00: 30 of each class" -- \
    data info "$work/small" --as fsdd
expect 0 "train says it before it starts" "training 150 (3 groups), validation 50 (1 group), test 100 (2 groups)" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/run" --set epochs=1 --set balance=true
expect 0 "train -v of each class" "7        15 (3)       5 (1)  10 (2)" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/run" --set epochs=1 --force -v
expect 1 "a fixed order cannot be balanced" "leave out train.order: fixed" -- train "$work/digits.yaml" \
    --data "$work/small" --out "$work/fixed" --set balance=true --set order=fixed
mkdir -p "$work/uneven/cat" "$work/uneven/dog"
cp "$work"/small/0_*_[0-4].flac "$work/uneven/cat"
cp "$work"/small/1_theo_*.flac "$work/uneven/dog"
expect 0 "classes of different sizes" "imbalance   6.00: 30 of cat, 5 of dog; always answering cat scores 0.8571" -- \
    data info "$work/uneven"

mkdir -p "$work/plain/cat" "$work/plain/dog" "$work/parts/train/cat" "$work/parts/test/dog" "$work/both/cat"
cp $pictures/rgb.png $pictures/gray.jpg "$work/both/cat"
if "$CONVO" data info "$work/both" -v 2>&1 | grep -q "this build cannot read"; then
    skip "data info of a folder of pictures" "built without libpng or libjpeg"
    finish
fi
cp $pictures/damaged-cut.png "$work/plain/cat/1.png" # the first
cp $pictures/rgb.png "$work/plain/cat/2.png"
cp $pictures/gray.jpg "$work/plain/dog/1.jpg"
cp $pictures/damaged-no-end.jpg "$work/plain/dog/2.jpg"
cp $pictures/rgb.png "$work/parts/train/cat/1.png"
cp $pictures/gray1.png "$work/parts/test/dog/2.png"
expect 0 "data info of a folder of pictures" "imagefolder in " "4 examples" "cat           2" "unreadable  2" "cat/1.png: " -- \
    data info "$work/plain"
expect 0 "data info -v names all pictures that cannot be read" "cat/1.png: " "dog/2.jpg: " -- data info "$work/plain" -v
expect 0 "data info of a folder of parts" "imagefolder in " "2 examples" "cat           1" -- data info "$work/parts"
finish
