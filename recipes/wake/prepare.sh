#!/bin/sh
# Streams and lists for recipes/wake/athena.yaml, in the folder athena below the current one.
#   prepare.sh DATA [CONVO]
# DATA holds wake (athena/ and other/ of the Mycroft community's Precise-Community-Data), fsdd, gsc3 (bed, cat and happy
# of Speech Commands) and noise (its six recordings of background noise); CONVO is the command. docs/wake-word.md
# says what goes where, and what is not known about the recordings.
set -e
data=${1:?prepare.sh DATA [CONVO]} convo=${2:-convo}
here=$(cd "$(dirname "$0")" && pwd)
data=$(cd "$data" && pwd)
mkdir -p athena
cd athena
. "$here/data.sh"

# Every recording with its part: those of wake by cluster, of fsdd by speaker, of gsc3 by the speaker's number.
{
    cat "$here/recordings.csv"
    find fsdd/ -name '*_*_*.flac' | LC_ALL=C sort | awk -F '[/_]' '{
        part = $3 == "lucas" ? "validation" : $3 == "theo" ? "test" : "train"
        print $0 "," $2 "," part "," $3 ",," }'
    find gsc3/ -name '*_nohash_*.flac' | LC_ALL=C sort | awk -F / '{
        part = $3 ~ /^[0-7]/ ? "train" : $3 ~ /^[89a]/ ? "validation" : "test"
        print $0 "," $2 "," part "," substr($3, 1, 8) ",," }'
} >clips.csv
{ # the word is rare: in the stream to train on it is heard three times as often as the others
    cat clips.csv
    grep ',athena,train,' clips.csv
    grep ',athena,train,' clips.csv
} >train-clips.csv

"$convo" data mix train-clips.csv --split train --noise noise/train --snr 0,30 --gap 0,0.5 --rounds 2 --seed 7 \
    -o train.wav
"$convo" data mix clips.csv --split validation --noise noise/validation --rounds 3 --seed 1 -o validation.wav
"$convo" data mix clips.csv --split test --noise noise/test --rounds 2 --seed 2 -o test.flac

# Windows of a second: the word where it ended 0.06, 0.2 or 0.34 seconds ago; everything else where at most 45 % of the
# word is in the window.
windows() { # STREAM PART HOP
    awk -F , -v stream="$1.wav" -v part="$2" -v hop="$3" '
        NR > 1 { start[++n] = $1; end[n] = $2; word[n] = $3 }
        END {
            for (i = 1; i <= n; i++)
                for (after = 0.06; word[i] == "athena" && after < 0.4; after += 0.14)
                    if (end[i] + after > 1)
                        printf "%s,athena,%s,%.2f,%.2f\n", stream, part, end[i] + after - 1, end[i] + after
            k = 1
            for (t = 0; t + 1 < end[n]; t += hop) {
                while (k < n && end[k] < t - 1) k++
                much = 0
                for (i = k; i <= n && start[i] < t + 1; i++) {
                    both = (end[i] < t + 1 ? end[i] : t + 1) - (start[i] > t ? start[i] : t)
                    if (word[i] == "athena" && both > 0.45 * (end[i] - start[i])) much = 1
                }
                if (!much) printf "%s,_unknown_,%s,%.2f,%.2f\n", stream, part, t, t + 1
            }
        }' "$1.csv"
}
{
    echo path,label,split,start,end
    windows train train 0.7
    windows validation validation 2
} >train-windows.csv
