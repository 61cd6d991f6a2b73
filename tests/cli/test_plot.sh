# Pictures of runs: each kind is drawn, holds what it should, and says what it cannot show. Figures of convo eval.
. tests/cli/expect.sh
small_data
recipe 's/epochs: 3/epochs: 4, record_every: 5/' >"$work/digits.yaml"
digits=$work/digits-0 moons=$work/moons-0
"$CONVO" train "$work/digits.yaml" --data "$work/small" --out "$digits" -q >/dev/null
"$CONVO" train moons --out "$moons" --set epochs=2 -q >/dev/null

# --- eval
expect 0 "an interval, ECE, F1 and EER" "95 % interval" "calibration error (ECE)" "differ by" "EER" "mean  " "confusion:" -- \
    eval "$digits" --data "$work/small"
expect 0 "top-k and groups" "top-10 accuracy 1.0000" "theo  " -- \
    eval "$digits" --data "$work/small" --top 10 --by-group
expect 0 "without a test part, validation is scored" "validation accuracy" -- eval "$moons"
expect 1 "groups of a data set without" "omit --by-group" -- eval "$moons" --by-group
"$CONVO" eval "$digits" --data "$work/small" --json --top 3 --by-group >"$work/eval.json"
if command -v python3 >/dev/null; then
    check "the figures agree with each other" python3 -c 'import json, sys
e = json.load(open(sys.argv[1]))
s, bins = e["score"], e["calibration"]["bins"]
assert sum(map(sum, e["confusion"])) == sum(b["count"] for b in bins) == sum(g["count"] for g in e["groups"]) == s["count"]
assert sum(g["correct"] for g in e["groups"]) == s["correct"] == sum(e["confusion"][k][k] for k in range(10))
assert e["interval"][0] < s["accuracy"] < e["interval"][1] and e["top"]["accuracy"] >= s["accuracy"]
ece = sum(b["count"] * abs(b["accuracy"] - b["confidence"]) for b in bins if b["count"]) / s["count"]
assert abs(ece - e["calibration"]["ece"]) < 1e-9, ece
f1 = sum(c["f1"] for c in e["classes"]) / 10
assert abs(f1 - e["mean"]["f1"]) < 1e-9, f1' "$work/eval.json"
else
    skip "the figures agree with each other" "there is no python3"
fi

# --- what cannot be drawn
expect 2 "two kinds at once" "only one kind of picture can be drawn at a time" -- plot "$digits" --roc --det
expect 2 "two runs in one confusion matrix" "--confusion takes one run" -- plot "$digits" "$moons" --confusion
expect 2 "another ending" "--out must end in .png or .svg" -- plot "$digits" -o curves.jpg
expect 1 "a recipe has no confusions" "train it first" -- plot moons --confusion -o "$work/no.png"
expect 1 "curves of no run" "is not a run folder" -- plot moons -o "$work/no.png"
expect 1 "a boundary of recordings" "only points in the plane" -- plot "$digits" --boundary --data "$work/small"
expect 2 "changes of other pictures" "--augment belongs to --examples" -- plot "$digits" --augment
expect 1 "changes that there are none of" "the recipe has no changes to show" -- plot moons --examples --augment
expect 1 "changes of recordings in a gallery" "features FILE --augment" -- \
    plot "$digits" --examples --augment --data "$work/small" --set 'augment={shift: 0.1}'
expect 2 "recordings of no changes" "--wav belongs to --augment" -- features data/fsdd/1_theo_0.flac --wav "$work/heard"
expect 1 "changes that a recipe has not" "the recipe has no changes to show" -- \
    features data/fsdd/1_theo_0.flac --recipe "$digits" --augment 2
expect 0 "changed recordings" "shape (13, 74)" -- features data/fsdd/1_theo_0.flac --recipe "$digits" --augment 2 \
    --set 'augment={shift: 0.1, speed: 0.1}' --wav "$work/heard" -o "$work/changed.npy"
check "as sounds" test -s "$work/heard/1.wav" -a -s "$work/heard/2.wav" -a ! -e "$work/heard/3.wav"
cp data/fsdd/1_theo_0.flac "$work/other.flac"
"$CONVO" features "$work/other.flac" --recipe "$digits" --augment 1 --set 'augment={shift: 0.1}' --wav "$work/others" >/dev/null
"$CONVO" features data/fsdd/1_theo_0.flac --recipe "$digits" --augment 1 --set 'augment={shift: 0.1}' --wav "$work/same" >/dev/null
check "by another name, another change" test "$(wc -c <"$work/others/1.wav")" -ne "$(wc -c <"$work/same/1.wav")"
expect 0 "that can be read" "shape (13, 74)" -- features "$work/heard/2.wav" --recipe "$digits" -o "$work/heard.npy"
if command -v python3 >/dev/null && python3 -c 'import numpy' 2>/dev/null; then
    check "as features of these sounds" python3 -c 'import numpy, sys
changed, heard = map(numpy.load, sys.argv[1:])
assert changed.shape == (2, 13, 74) and (changed[0] != changed[1]).any() and (changed[1] == heard).all()' \
        "$work/changed.npy" "$work/heard.npy"
else
    skip "as features of these sounds" "there is no numpy"
fi
expect 1 "iterations that were not recorded" "record_every=1" -- plot "$moons" --steps
if ! command -v gnuplot >/dev/null; then
    skip "pictures" "gnuplot is not installed"
    finish
fi

# --- pictures
# drawn NAME FILE: is there in all forms, and the PNG is one, 1,000 pixels wide.
drawn() {
    for ending in png svg gp dat; do check "$1: .$ending" test -s "$2.$ending"; done
    check "$1: 1,000 pixels wide" test "$(od -An -tx1 -j16 -N4 "$2.png" | tr -d ' ')" = 000003e8
}
blocks() { awk 'BEGIN { n = 1 } !NF { if (++empty == 2) n++; next } { empty = 0 } END { print n }' "$1"; }

expect 0 "curves of a run" "$digits/curves.png" -- plot "$digits"
drawn "curves" "$digits/curves"
expect 0 "curves by iteration" "curves-steps.png" -- plot "$digits/" --steps
drawn "steps" "$digits/curves-steps"
mkdir "$work/perfect"
for epoch in 1 2; do echo '{"epoch": '$epoch', "train_loss": 0.0, "train_accuracy": 1.0}'; done >"$work/perfect/metrics.jsonl"
expect 0 "curves on the border" "$work/perfect/curves.png" -- plot "$work/perfect"
silent "of which gnuplot does not complain"
expect 0 "curves of two runs" "$work/both.svg" -- plot "$digits" "$moons" -o "$work/both.png"
drawn "two runs" "$work/both"
check "two runs: a block of data for each" test "$(blocks "$work/both.dat")" -eq 2
check "two runs: a name for each" test "$(grep -c "title '$work/" "$work/both.gp")" -ge 2
for kind in confusion roc det calibration mistakes examples filters; do
    expect 0 "$kind" "$digits/$kind.png" -- plot "$digits" --$kind --data "$work/small"
    drawn "$kind" "$digits/$kind"
done
check "confusion: a cell for each pair" test "$(grep -vc '^#' "$digits/confusion.dat")" -eq 100
check "filters: zero is in the middle of the scale" awk '
    /set cbrange/ { gsub(/.*\[|\].*/, ""); split($0, ends, ":"); if (ends[1] != -ends[2]) exit 1; scales++ }
    END { exit !scales }' "$digits/filters.gp"
check "roc: curves go from corner to corner" awk '
    /^# / { curves++; next }
    NF == 3 { if (before == "") begins += $1 == 0 && $2 == 0; before = $1 " " $2 }
    NF == 0 && before != "" { ends += before == "1 1"; before = "" }
    END { exit begins != curves || ends != curves || !curves }' "$digits/roc.dat"
# What is left out of a curve lies on its lines: by trapezoids the area is that in the legend, which knows all points.
check "roc: the points that are drawn enclose the area" awk '
    FILENAME != file { file = FILENAME; files++ }
    files == 1 && /^# / { curves++; x = y = 0; next }
    files == 1 && NF == 3 { area[curves] += ($1 - x) * ($2 + y) / 2; x = $1; y = $2; next }
    files == 2 && match($0, /, [01]\.[0-9]+\x27/) {
        named++
        if ((by = area[named] - substr($0, RSTART + 2, RLENGTH - 3)) > 0.0001 || by < -0.0001) exit wrong = 1
    }
    END { exit wrong || named != curves || !curves }' "$digits/roc.dat" "$digits/roc.gp"
check "roc: a curve for each class" test "$(grep -c '^# ' "$digits/roc.dat")" -eq 10
sed -n "s/.*title '.*, \([01]\.[0-9]*\)'.*/\1/p" "$digits/roc.gp" >"$work/areas"
check "roc: the smallest area first" sh -c 'test "$(wc -l <"$0")" -eq 10 && sort -n "$0" | cmp - "$0"' "$work/areas"
expect 0 "--json names the files" '"written": [' 'curves.svg"' -- plot "$digits" --json
expect 0 "examples of a recipe" "$work/points.png" -- plot moons --examples -o "$work/points.png"
expect 0 "versions of a recording" "shape (13, 74)" -- features data/fsdd/1_theo_0.flac --recipe "$digits" --augment 8 \
    --set 'augment={shift: 0.1}' -o "$work/sheet.png"
drawn "versions" "$work/sheet"
check "versions: a title for each epoch" test "$(grep -c "title 'epoch [1-8]'" "$work/sheet.gp")" -eq 8
drawn "points" "$work/points"
expect 0 "as many mistakes as asked for" "few.png" -- \
    plot "$digits" --mistakes --count 3 --data "$work/small" -o "$work/few.png"
check "mistakes: three of them" test "$(grep -c 'set title .* as .*, [01]\.' "$work/few.gp")" -eq 3
expect 0 "the boundary" "$moons/boundary.png" -- plot "$moons" --boundary
drawn "boundary" "$moons/boundary"
wrong=$(sed -n 's/.*(\([0-9]*\) wrong).*/\1/p' "$moons/boundary.gp")
ringed=$(sed -n "s/.*index \([0-9]*\) .*title 'wrong'.*/\1/p" "$moons/boundary.gp")
check "boundary: as many points are ringed as are wrong" test "$wrong" -eq "$(awk -v of="$ringed" '
    !NF { if (++empty == 2) block++; next } { empty = 0 } block == of && !/^#/ { n++ } END { print n + 0 }' \
    "$moons/boundary.dat")"
finish
