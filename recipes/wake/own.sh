#!/bin/sh
# Streams for recipes/wake/words.yaml and recipes/wake/own.yaml, in the folder own below the current one.
#   own.sh DATA WORD [CONVO]
# WORD is zero, seven or nine, as one speaker says it (theo of FSDD): 20 recordings to train with, 10 to validate, 20 to
# test. No other recording of his or of this word is in training but three of each of his other digits. DATA holds wake,
# fsdd, gsc3 and noise, as for prepare.sh; CONVO is the command. docs/own-word.md says more.
set -e
data=${1:?own.sh DATA WORD [CONVO]} word=${2:?own.sh DATA WORD [CONVO]} convo=${3:-convo}
here=$(cd "$(dirname "$0")" && pwd)
data=$(cd "$data" && pwd)
names="zero one two three four five six seven eight nine"
digit=$(echo "$names" | tr ' ' '\n' | grep -nx "$word" | cut -d : -f 1)
digit=$((${digit:?$word is no digit} - 1))
mkdir -p own/words "own/$word/train"
cd own
. "$here/data.sh"

digits() { # SPEAKER FIRST LAST LABEL, "" for the digit's name: his recordings of all digits, by their numbers
    find fsdd/ -name "*_$1_*.flac" | LC_ALL=C sort | awk -F '[/_.]' -v first="$2" -v last="$3" -v label="$4" \
        -v names="$names" 'BEGIN { split(names, name, " ") } $4 >= first && $4 <= last {
            print $0 "," (label ? label : name[$2 + 1]) ",," }'
}
others() { # PART SPEAKERS FIRST LAST: what is not the word; of theo's other digits, those numbers
    awk -F , -v part="$1" 'NR > 1 && $3 == part { print $1 ",_unknown_," $5 "," $6 }' "$here/recordings.csv"
    find gsc3/ -name '*_nohash_*.flac' | LC_ALL=C sort | awk -F / -v part="$1" '{
        of = $3 ~ /^[0-7]/ ? "train" : $3 ~ /^[89a]/ ? "validation" : "test"
        if (of == part && (part != "train" || ++n % 3 == 0)) print $0 ",_unknown_,," }'
    { # sed, as grep fails where there is nothing
        for speaker in $2; do digits "$speaker" 0 49 _unknown_; done
        digits theo "$3" "$4" _unknown_
    } | sed "/fsdd.${digit}_/d"
}
own() { digits theo "$1" "$2" "$word" | grep "fsdd/${digit}_"; }
list() { # FILE: a list in this folder, of recordings below it
    { echo path,label,start,end; cat; } >"$1"
}

# Words to learn listening from: "athena", and seven digits that three other speakers say.
{
    awk -F , 'NR > 1 && $3 == "train" { print $1 "," ($2 == "athena" ? $2 : "_unknown_") "," $5 "," $6 }' \
        "$here/recordings.csv"
    awk -F , 'NR > 1 && $3 == "train" && $2 == "athena" { print $1 "," $2 "," $5 "," $6 }' "$here/recordings.csv"
    for speaker in george jackson lucas; do digits "$speaker" 0 49 "" | grep -v 'fsdd/[079]_'; done
} | list words.csv
[ -e words/train.wav ] || "$convo" data mix words.csv --noise noise/train --snr 0,30 --gap 0,0.5 --rounds 3 --rate 8000 \
    --seed 7 -o words/train.wav

{ # the word is rare: each recording is heard twelve times
    others train "george jackson lucas" 0 2
    for time in 1 2 3 4 5 6 7 8 9 10 11 12; do own 0 19; done
} | list "$word-train.csv"
{ others validation nicolas 3 2; own 20 29; } | list "$word-validation.csv"
{ others test yweweler 30 49; own 30 49; } | list "$word-test.csv"
"$convo" data mix "$word-train.csv" --noise noise/train --snr 0,30 --gap 0,0.5 --rate 8000 --seed 7 -o "$word/train/train.wav"
"$convo" data mix "$word-validation.csv" --noise noise/validation --rate 8000 --rounds 3 --seed 1 -o "$word/validation.wav"
"$convo" data mix "$word-test.csv" --noise noise/test --rate 8000 --rounds 2 --seed 2 -o "$word/test.wav"
