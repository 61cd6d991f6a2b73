# `data mix`: recordings become a stream, with a list of what is said where.
. tests/cli/expect.sh

small_data
mix="data mix $work/small --as fsdd --rate 8000"
expect 0 "a data set becomes a stream" "$work/a.flac: 2:39 of 300 recordings" "$work/a.csv says where" -- \
    $mix --gap 0.1 -o "$work/a.flac"
expect 0 "with --json, one object" '"recordings": 600' '"list": "' '"seconds": ' -- \
    $mix --gap 0,0.1 --rounds 2 -o "$work/b.wav" --json
same_lists() { # a seed makes the same stream
    "$CONVO" $mix --gap 0.1 --seed "$1" -o "$work/c.flac" -q && cmp -s "$work/a.csv" "$work/c.csv" &&
        cmp -s "$work/a.flac" "$work/c.flac"
}
check "a seed makes the same stream again" same_lists 0
check "another seed another one" eval '! same_lists 1'
lists_agree() { # every row: a time, a time after it, a word that the file's name begins with
    awk -F , 'NR == 1 { good = $0 == "start,end,word,snr,source"; next }
        { n = split($5, part, "/"); good = good && $2 > $1 && $1 >= last && part[n] ~ "^" $3 "_"; last = $2 }
        END { exit !(good && NR == 301) }' "$work/a.csv"
}
check "the list says what is where" lists_agree
mkdir -p "$work/hall" "$work/cafe"
cp data/fsdd/0_theo_0.flac "$work/hall"
cp data/fsdd/1_theo_0.flac "$work/cafe"
expect 0 "rooms and noise are heard" "of 300 recordings" -- \
    $mix --gap 0.1 --rooms "$work/hall" --noise "$work/cafe" --snr -5,20 --level -30 --trim 20 -o "$work/d.wav"
check "the list has the ratios" awk -F , 'NR > 1 && !($4 >= -5 && $4 <= 20) { bad = 1 } END { exit bad }' "$work/d.csv"

for word in 0 1; do
    mkdir -p "$work/words/$word"
    cp "$work"/small/${word}_theo_*.flac "$work/words/$word"
done
expect 0 "so does a folder of classes" "of 10 recordings" -- \
    data mix "$work/words" --as audiofolder --rate 8000 --gap 0.1 -o "$work/w.wav"

mkdir -p "$work/spaces/ two "
cp "$work/small/2_theo_0.flac" "$work/spaces/ two "
expect 0 "a class with spaces around its name" "of 1 recordings" -- \
    data mix "$work/spaces" --as audiofolder --rate 8000 -o "$work/s.wav"
check "keeps them in the list" grep -q '," two ",' "$work/s.csv" # whose readers trim what is not quoted

"$CONVO" $mix --rounds 100000 -o "$work/long.flac" 2>"$work/long.txt" &
waited=0
while [ ! -s "$work/long.flac.part" ] && [ $((waited += 1)) -lt 200 ]; do sleep 0.05; done
kill -TERM $! # as Ctrl-C; a shell has what runs in the background ignore that
wait $!
check "Ctrl-C exits with 130" test $? -eq 130
check "and says so" grep -q "nothing is written" "$work/long.txt"
check "and leaves nothing" test -z "$(find "$work" -name 'long.[fc]*')"

expect 2 "a stream needs a file" "mix needs -o NAME.flac" -- $mix
expect 2 "a ratio needs noise" "--snr requires --noise DIR" -- $mix --snr 5 -o "$work/e.wav"
expect 2 "so does its level" "--level requires --noise DIR" -- $mix --level -40 -o "$work/e.wav"
expect 2 "options of others are refused" "'data mix' has no option --clear" -- $mix --clear -o "$work/e.wav"
expect 2 "everywhere" "'data cache' has no option --split" -- data cache --split test
expect 2 "and for all" "'data info' has no option --seed" -- data info fsdd --seed 0
expect 2 "a range is numbers" "--gap takes a number or two" -- $mix --gap loud -o "$work/e.wav"
expect 2 "a part has a name" "--split must be train" -- $mix --split tset -o "$work/e.wav"
expect 2 "mix takes one data set" "mix takes one data set" -- data mix
expect 1 "what is written has an ending" "NAME.wav or NAME.flac" -- $mix -o "$work/e.ogg"
expect 1 "a part has to have recordings" "no recordings in its part 'validation'" -- $mix --split validation -o "$work/e.wav"
if lacks_lists; then
    skip "the list that is read is not written over" "this build has no libcsv"
else
    (cd "$work/small" && ls 7_theo_*.flac) | sed '1i path,label
    s/$/,seven/' >"$work/small/sevens.csv"
    cp "$work/small/sevens.csv" "$work/sevens.kept"
    expect 1 "the list that is read is not written over" "sevens.csv: is the list that is read" -- \
        data mix "$work/small/sevens.csv" -o "$work/small/sevens.flac"
    check "it is as it was" cmp "$work/small/sevens.csv" "$work/sevens.kept"
    check "and no stream is there" test ! -e "$work/small/sevens.flac"
    cp "$work/small/7_theo_0.flac" "$work/seven.kept"
    expect 1 "nor is a recording" "is one of the recordings that are mixed" -- \
        data mix "$work/small/sevens.csv" -o "$work/small/7_theo_0.flac"
    check "which is as it was, too" cmp "$work/small/7_theo_0.flac" "$work/seven.kept"
fi
expect 1 "noise has to be there" "$work/none" -- $mix --noise "$work/none" -o "$work/e.wav"
expect 1 "a range begins at its lower end" "the lower end comes first" -- $mix --gap 2,1 -o "$work/e.wav"
expect 1 "pictures are not heard" "holds no recordings" -- data mix tests/golden/pictures --as imagefolder -o "$work/e.wav"
finish
