# `eval --stream`: words spotted in recordings, the threshold that is chosen on one and reported on another.
. tests/cli/expect.sh

if lacks_lists; then
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
cp "$work/test.flac" "$work/alone.flac"
expect 0 "a threshold that nothing is known of but false accepts is said to be so" "seven is never said here" -- \
    eval "$work/run" --stream "$work/alone.flac" --at 30
"$CONVO" eval "$work/run" --stream "$work/validation.wav" --at 30 >"$work/out" 2>&1
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

# refused RULE WORDS LIST...: a recording with this list
refused() {
    rule=$1 words=$2
    shift 2
    printf '%s\n' "$@" >"$work/said.csv"
    cp "$work/test.flac" "$work/said.flac"
    expect 1 "$rule" "$words" -- eval "$work/run" --stream "$work/said.flac"
}
refused "a word begins within the recording" "its list says 'seven' from 99999.00" start,end,word 99999,99999.5,seven
refused "and ends there" "from 1.00 to 99999.00 s" start,end,word 1,99999,seven
refused "whatever the word" "its list says 'other'" start,end,word 1,99999,other
refused "a word has an end" "names the column 'start' and not 'end'" start,until,word 1,2,seven
refused "and a beginning" "names the column 'end' and not 'start'" since,end,word 1,2,seven
refused "what has times is a word" "said.csv:2: says when and not which word" start,end,word 1,2,
echo path,start,end,word >"$work/none.csv"
expect 1 "a list names recordings" "none.csv: has no rows" -- eval "$work/run" --stream "$work/none.csv"
cp "$work/run/best.safetensors" "$work/before"
expect 1 "no threshold is chosen where nothing is heard" "the net hears 0.5 s at once" -- \
    eval "$work/run" --stream data/fsdd/6_nicolas_7.flac --at 1
check "and none is written" cmp "$work/before" "$work/run/best.safetensors"
for option in "--save $work/x.npz" "--split test" "--top 2" --by-group --skip-unreadable "--isa avx2" "--data data/fsdd"; do
    expect 2 "$option is about a data set" "--stream and ${option%% *} are" -- eval "$work/run" --stream "$work/test.flac" $option
done
expect 0 "what cannot be said is a dash" "  -  " -- eval "$work/run" --stream data/fsdd/0_theo_0.flac
mkdir "$work/empty"
expect 1 "a folder without recordings is refused" "holds no recordings" -- eval "$work/run" --stream "$work/empty"
finish
