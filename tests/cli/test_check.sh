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
expect 1 "a class without a recording is an error" "empty/b: this class holds no recordings" -- \
    train "$work/words.yaml" --data "$work/empty" --out "$work/run" --force
expect 1 "which data info says, too" "empty/b: this class holds no recordings" -- data info "$work/empty"

# --- copies, speakers, classes

leak=$work/leak
mkdir -p "$leak/yes" "$leak/no"
for i in 0 1 2 3; do
    cp "data/fsdd/0_theo_$i.flac" "$leak/yes/$i.flac"
    cp "data/fsdd/1_theo_$i.flac" "$leak/no/$i.flac"
done
expect 0 "nothing is found where nothing is" "leak: nothing found" -- data check "$leak"
cp "$leak/yes/0.flac" "$leak/yes/copy.flac"
copies="found 1 example with a copy, which a random split may put into another part: yes/copy.flac = yes/0.flac"
expect 1 "copies in a folder" "$copies" "its data has a fault" -- data check "$leak"
cp "$leak/yes/1.flac" "$leak/no/copy.flac"
contradiction="found 1 example with a copy of another class: yes/1.flac (yes) = no/copy.flac (no)"
expect 1 "copies of another class" "$contradiction" "its data has 2 faults" -- data check "$leak"
expect 1 "and as JSON" '"kind": "label"' '"fault": true' '"yes/1.flac (yes) = no/copy.flac (no)"' -- \
    data check "$leak" --json

cat >"$leak/list.csv" <<'END'
path,label,split,speaker,age
yes/0.flac,yes,train,theo,7
no/0.flac,no,train,ann,8
yes/0.flac,yes,dev,bob,9
no/1.flac,no,test,theo,7
no/2.flac,maybe,test,eve,7
END
sed "s|{set: audiofolder.*|{set: manifest, path: $leak/list.csv, split: official}|; s/linear: 2/linear: 3/" \
    "$work/words.yaml" >"$work/list.yaml"
set -- "found 1 example with a copy in another part of the split: yes/0.flac (validation) = yes/0.flac (training)" \
    "found 1 speaker in more than one part of the split ('by: group' keeps them apart): theo" \
    "found 1 class without an example in the training part: maybe" \
    "found 2 classes without an example in the validation part: maybe, no" "ignored 1 column of the manifest: age"
if lacks data check "$work/list.yaml"; then
    skip "what a split is wrong in" "this build reads no manifest"
else
    expect 1 "what a split is wrong in is found in a recipe's data" "$@" -- data check "$work/list.yaml"
    expect 1 "and in the manifest" "$@" -- data check "$leak/list.csv"
    expect 0 "train says it and trains" "$@" "test accuracy" -- train "$work/list.yaml" --out "$work/run" --force
    expect 0 "a sweep says it" "$@" "test error" -- sweep "$work/list.yaml" --trials 2 --out "$work/sweep"
    check "once" test "$(grep -c 'found 1 speaker' "$work/err")" -eq 1
    expect 0 "--quiet does not" -- train "$work/list.yaml" --out "$work/run" --force -q
    silent "indeed"
fi
expect 0 "speakers on both sides of a random split are no fault" "found 6 speakers in more than one part" -- \
    data check fsdd-mfcc --data data/fsdd
expect 0 "nor are those of a published one" "found 6 speakers in more than one part" -- data check fsdd --data data/fsdd
expect 0 "a setting changes what is found" "nothing found" -- \
    data check fsdd-mfcc --data data/fsdd --set data.split='{by: group, leave_out: theo}' --set features.samples=20000
expect 0 "recordings that are longer than the net's input are found" "found 5 recordings longer than the net's input" -- \
    data check fsdd-mfcc --data data/fsdd --set features.samples=10000
touch "$leak/yes/broken.wav"
expect 1 "files that cannot be read" "found 1 file that cannot be read: yes/broken.wav" -- data check "$leak"
expect 1 "a data set that is not there" "no such folder" -- data check "$work/list.yaml" --data "no such folder"
expect 2 "a name is needed" -- data check
finish
