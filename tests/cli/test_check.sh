# What is missing from a data set, or wrong in it, is said.
. tests/cli/expect.sh
words=$work/words
mkdir -p "$words/yes/ann" "$words/_no_" "$work/empty/a" "$work/empty/b"
k=0
for digit in 0 1; do
    for who in theo lucas; do
        for i in 0 1 2 3; do
            k=$((k + 1))
            [ $digit = 0 ] && to=$words/yes/ann || to=$words/_no_
            cp "data/fsdd/${digit}_${who}_$i.flac" "$to/${who}_nohash_$i.flac"
        done
    done
done
cat >"$work/words.yaml" <<'END'
data: {set: audiofolder, split: {train: 0.5, test: 0.5}}
features: {kind: mfcc, rate: 8000, samples: 4000}
model: [flatten, linear: 2]
train: {optimizer: {sgd: {lr: 0.001}}, epochs: 1}
END

expect 0 "classes may begin with _" "/8)" -- train "$work/words.yaml" --data "$words" --out "$work/run" --set 'classes=[yes, _no_]'
touch "$words/yes/memo.m4a" "$words/yes/ann/x.webm"
skips="skipped 2 files of a format that is not read: yes/ann/x.webm, yes/memo.m4a"
expect 0 "train says what is skipped" "$skips" -- train "$work/words.yaml" --data "$words" --out "$work/run" --force
expect 0 "data info says it" "$skips" -- data info "$words"
expect 0 "and as JSON" '"kind": "format"' '"count": 2' '"yes/memo.m4a"' -- data info "$words" --json
cp data/fsdd/0_theo_0.flac "$work/empty/a"
touch "$work/empty/b/1.m4a"
expect 1 "a class without a recording is an error" "the class folder 'b' holds no recordings" -- \
    train "$work/words.yaml" --data "$work/empty" --out "$work/run" --force
finish
