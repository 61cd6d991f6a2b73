# `eval --stream`: words spotted in recordings, the threshold that is chosen on one and reported on another.
. tests/cli/expect.sh

if lacks data mix tests/none.csv --as manifest -o "$work/x.wav"; then
    skip "words are spotted in a stream" "this build has no libcsv"
    finish
fi
# seven, and everything else that theo and jackson say
{
    echo path,label,split
    for file in data/fsdd/*_theo_*.flac data/fsdd/*_jackson_*.flac; do
        name=${file##*/}
        case $name in 7_*) word=seven ;; *) word=_unknown_ ;; esac
        case $name in *_[0-4].flac) part=test ;; *_[5-9].flac) part=validation ;; *) part=train ;; esac
        echo "$PWD/$file,$word,$part"
    done
} >"$work/clips.csv"
recipe "s|data: .*|data: {set: manifest, path: '$work/clips.csv', split: official}|
    s/features: .*/features: {kind: logmel, rate: 8000, samples: 4000, hop_ms: 20, center: false, layout: channels}/
    s/linear: 10/linear: 2/; s/epochs: 1/epochs: 4/" >"$work/seven.yaml"
"$CONVO" train "$work/seven.yaml" --out "$work/run" -q >"$work/out" 2>&1 || cat "$work/out"
"$CONVO" data mix "$work/clips.csv" --rate 8000 --split validation -o "$work/validation.wav" -q
"$CONVO" data mix "$work/clips.csv" --rate 8000 --split test -o "$work/test.flac" -q

cp "$work/run/best.safetensors" "$work/before"
expect 0 "words are spotted, with intervals" "seven" " to " "false accepts" "of real time" -- \
    eval "$work/run" --stream "$work/test.flac"
check "the model stays as it is" cmp "$work/before" "$work/run/best.safetensors"
expect 0 "the threshold is chosen on one stream" "best.safetensors has the new thresholds" "threshold  said" -- \
    eval "$work/run" --stream "$work/validation.wav" --at 30
check "and written into the model" eval '! cmp -s "$work/before" "$work/run/best.safetensors"'
expect 0 "another stream reports it" '"false_accepts_per_hour_interval": [' '"curve": [' '"heard": [' '"said": 10' \
    '"share_of_real_time": ' -- eval "$work/run" --stream "$work/test.flac" --json
if command -v gnuplot >"$work/out"; then
    expect 0 "the curve is drawn" "seven" -- eval "$work/run" --stream "$work/test.flac" -o "$work/det.png"
    check "as PNG and SVG" test -s "$work/det.png" -a -s "$work/det.svg"
else
    skip "the curve is drawn" "gnuplot is not installed"
fi
expect 0 "a recording without a list has no words" '"said": 0' -- eval "$work/run" --stream data/fsdd/0_theo_0.flac --json

expect 2 "--at is a rate" "--at takes false accepts an hour" -- eval "$work/run" --stream "$work/test.flac" --at few
expect 2 "--at is about a stream" "--at requires --stream LIST" -- eval "$work/run" --at 0.5
expect 1 "a stream has to be there" "$work/none.wav" -- eval "$work/run" --stream "$work/none.wav"
echo 'start,end,word' >"$work/cut.csv"
head -c 3000 "$work/test.flac" >"$work/cut.flac"
expect 1 "a stream that is cut short is refused" "cut.flac" -- eval "$work/run" --stream "$work/cut.flac"
mkdir "$work/empty"
expect 1 "a folder without recordings is refused" "holds no recordings" -- eval "$work/run" --stream "$work/empty"
finish
