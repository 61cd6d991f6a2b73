# Recordings in tar files: what tar packs is trained on, checked, predicted and shown as files are.
. tests/cli/expect.sh
if ! command -v tar >/dev/null; then
    skip "tar files" "tar is not installed"
    finish
fi
small_data
mkdir -p "$work/words" "$work/shards/test"
for file in "$work"/small/[0-3]_*.flac; do
    name=$(basename "$file" .flac)
    cp "$file" "$work/words/$name.flac"
    echo "${name%%_*}" >"$work/words/$name.cls"
done
# The files of an example follow each other, as the names are sorted.
pack() { (cd "$work/words" && tar -cf "$1" ./*"$2"*); }
pack "$work/shards/words-train-0.tar" jackson
pack "$work/shards/words-train-1.tar" nicolas
pack "$work/shards/test/words.tar" theo
recipe 's/{set: fsdd, .*}/{set: webdataset, split: official}/; s/samples/rate: 8000, samples/; s/linear: 10/linear: 4/' >"$work/tar.yaml"

expect 0 "data info knows tar files" "webdataset in $work/shards: 60 recordings" -- data info "$work/shards"
expect 0 "data check finds nothing" "nothing found" -- data check "$work/shards"
expect 0 "they are trained on" "/20)" -- train "$work/tar.yaml" --data "$work/shards" --out "$work/run" -q
kept() { [ "$(find "$CONVO_HOME" -name '*.rows' | wc -l)" -eq "$1" ]; }
check "features are kept" kept 1
"$CONVO" train "$work/tar.yaml" --data "$work/shards" --out "$work/again" -q >/dev/null 2>&1
check "and found again" kept 1
touch -d '2001-01-01' "$work/shards/words-train-0.tar"
"$CONVO" train "$work/tar.yaml" --data "$work/shards" --out "$work/newer" -q >/dev/null 2>&1
check "but not when a tar file has changed" kept 2
place=$("$CONVO" predict "$work/run" --held-out 1 | sed 's/  .*//')
check "a recording has a name that tells its place" test "${place#"$work"/shards/test/words.tar@}" != "$place"
expect 0 "by which it is predicted" "$place  " -- predict "$work/run" "$place"
expect 0 "and shown" "shape (13, 74)" -- features "$place" --recipe "$work/tar.yaml"
expect 0 "the report is written" -- report "$work/run"
check "and plays what is wrong" grep -q '<audio' "$work/run/report.html"
mv "$work/shards/test/words.tar" "$work/shards/test/moved"
expect 1 "a tar file that is gone is named" "words.tar@" "No such file" -- predict "$work/run" "$place"
finish
