# Faults while a training works: it is killed, the disk is full, the data goes away, another one comes along. Each time a
# sentence, and nothing lost: going on gives the bits of a run that nothing happened to. docs/reliability.md has the table.
# CONVO_TEST_LONG=1 kills a hundred times, else a few.
. tests/cli/expect.sh
no_part() { :; } # a training that was killed or stands still may be in the middle of a file; refused, below, looks
small_data
recipe 's,train: 2/3,train: 1/3\, validation: 1/3,; s/epochs: 3/epochs: 300/; s/avgpool1d: 2/&\n  - dropout: 0.2/
        s/sgd: {lr: 0.005}/adam: {lr: 0.0005}/' >"$work/digits.yaml"
kills=5
[ -z "${CONVO_TEST_LONG:-}" ] || kills=100
if sleep 0.01 2>/dev/null; then tick=0.05; else tick=1; fi

train() { "$CONVO" train "$work/digits.yaml" --data "$work/small" --threads 2 "$@"; }
start() { # the same in the background: $child is convo itself, not a shell around it
    "$CONVO" train "$work/digits.yaml" --data "$work/small" --threads 2 "$@" >"$work/child.txt" 2>&1 &
    child=$!
}
same() { cmp "$1/best.safetensors" "$2/best.safetensors" && same_metrics "$1" "$2"; }
# What does not depend on the machine.
metrics() { sed 's/, "examples_per_second.*//' "$1/metrics.jsonl"; }
same_metrics() { [ "$(metrics "$1")" = "$(metrics "$2")" ]; }
# await FILE: until it is there and not empty. The child may be done before.
await() {
    tries=0
    until [ -s "$1" ] || ! kill -0 "$child" 2>/dev/null || [ $tries -ge 600 ]; do
        sleep $tick
        tries=$((tries + 1))
    done
}
# begin FOLDER ...: a training in the background that has done an epoch or more and then stands still; go_on lets it end.
begin() {
    folder=$1
    shift
    start --out "$folder" "$@"
    await "$folder/metrics.jsonl"
    kill -STOP "$child"
}
go_on() {
    kill -CONT "$child"
    wait "$child"
}

train --out "$work/features" --set epochs=1 -q >/dev/null 2>&1 # they are in the cache then
from=$(date +%s)
train --out "$work/whole" -q >"$work/out" 2>&1 || cat "$work/out"
lasts=$(($(date +%s) - from + 1))

# --- killed -------------------------------------------------------------------------------------------------------
# A run is killed at random moments and gone on with until it is done; then the next one, until enough were killed.
seed=$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')
killed=0 runs=0 failures_of_resume=0 other_bits=0 part=
while [ $killed -lt $kills ]; do
    part=$(awk -v seed="$seed$killed" -v most="$lasts" 'BEGIN { srand(seed); printf "%.3f", rand() * most }')
    how=--resume
    [ -e "$work/killed/recipe.yaml" ] || how=-q # it had not begun
    start --out "$work/killed" -q $how
    ticks=$(awk -v part="$part" -v tick=$tick 'BEGIN { print int(part / tick) }') count=0
    while [ $count -lt "$ticks" ] && kill -0 $child 2>/dev/null; do
        sleep $tick
        count=$((count + 1))
    done
    if kill -9 $child 2>/dev/null; then killed=$((killed + 1)); fi
    wait $child 2>/dev/null
    case $? in
    0) # done
        runs=$((runs + 1))
        lasts=$(awk -v count=$count -v tick=$tick 'BEGIN { print count * tick + tick }') # the machine may be quicker now
        same "$work/killed" "$work/whole" >"$work/out" 2>&1 || other_bits=$((other_bits + 1))
        rm -rf "$work/killed"
        ;;
    137) ;;
    *)
        failures_of_resume=$((failures_of_resume + 1))
        cat "$work/child.txt"
        rm -rf "$work/killed"
        ;;
    esac
done
if [ -e "$work/killed/recipe.yaml" ]; then
    runs=$((runs + 1))
    train --out "$work/killed" -q --resume >"$work/out" 2>&1 || failures_of_resume=$((failures_of_resume + 1))
    same "$work/killed" "$work/whole" >"$work/out" 2>&1 || other_bits=$((other_bits + 1))
fi
echo "$killed kills of $runs runs that last $lasts s, seed $seed"
check "a run that is killed can always be gone on with" test $failures_of_resume -eq 0
check "and ends with the same bits and metrics" test $other_bits -eq 0

# --- killed before there is a checkpoint --------------------------------------------------------------------------
mkdir "$work/early"
cp "$work/whole/recipe.yaml" "$work/early"
cp "$work/whole/best.safetensors" "$work/early"
expect 0 "a run that has no checkpoint yet begins again" "test accuracy" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/early" --set epochs=2 --resume
expect 1 "where no run is there is nothing to go on with" "there is no run to go on with" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/nothing" --resume
check "and none is made" test ! -e "$work/nothing"

# --- two in one folder --------------------------------------------------------------------------------------------
begin "$work/shared"
for how in --resume --force; do
    expect 1 "a second training in the same folder is refused ($how)" "$work/shared" "another training is at work" -- \
        train "$work/digits.yaml" --data "$work/small" --out "$work/shared" $how
done
go_on
check "the first one does not notice" same "$work/shared" "$work/whole"

# --- the data goes away -------------------------------------------------------------------------------------------
cp -r "$work/small" "$work/lost"
begin "$work/deleted" --data "$work/lost"
rm "$work"/lost/0_george_0.flac
go_on
check "a recording deleted while training is not missed" same "$work/deleted" "$work/whole"
expect 1 "going on with other data is refused" "last.checkpoint" "100, 100 and 100" "99" -- \
    train "$work/digits.yaml" --data "$work/lost" --out "$work/deleted" --set epochs=310 --resume

begin "$work/moved"
kill -9 "$child"
wait "$child" 2>/dev/null
mv "$work/small" "$work/elsewhere"
expect 1 "going on without the data says what is missing" "$work/small" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/moved" --resume
mv "$work/elsewhere" "$work/small"
train --out "$work/moved" --resume -q >"$work/out" 2>&1
check "and loses nothing" same "$work/moved" "$work/whole"

# --- the disk -----------------------------------------------------------------------------------------------------
# refused FOLDER: the training that stood still fails with a sentence that names a file of its folder.
refused() {
    go_on
    [ $? -eq 1 ] && grep -q "^convo: $1/" "$work/child.txt" && [ -z "$(find "$1" -name '*.part')" ]
}
mkdir "$work/disk"
if mount -t tmpfs -o size=4m tmpfs "$work/disk" 2>/dev/null; then
    trap 'umount "$work/disk"; rm -rf "$work"' EXIT
    begin "$work/disk/run"
    head -c 5000000 /dev/zero >"$work/disk/filler" 2>/dev/null
    check "a disk that fills up ends a training in a sentence" refused "$work/disk/run"
    rm "$work/disk/filler"
    train --out "$work/disk/run" --resume -q >"$work/out" 2>&1
    check "with room again it goes on to the same bits" same "$work/disk/run" "$work/whole"

    begin "$work/disk/fixed"
    # Refused while the training stands still in the middle of a file: then it goes on for a moment.
    tries=0
    until mount -o remount,ro "$work/disk" 2>/dev/null || [ $((tries += 1)) -gt 20 ]; do
        kill -CONT "$child"
        sleep 0.01
        kill -STOP "$child"
    done
    check "a disk that turns read-only ends a training in a sentence" refused "$work/disk/fixed"
    expect 1 "which then cannot be gone on with" "$work/disk/fixed/" "Read-only" -- \
        train "$work/digits.yaml" --data "$work/small" --out "$work/disk/fixed" --resume
    mount -o remount,rw "$work/disk"
    train --out "$work/disk/fixed" --resume -q >"$work/out" 2>&1
    check "writable again it goes on to the same bits" same "$work/disk/fixed" "$work/whole"
else
    skip "a disk that fills up or turns read-only" "only root can mount a small one"
fi
if [ "$(id -u)" -ne 0 ]; then
    mkdir "$work/locked"
    chmod a-w "$work/locked"
    expect 1 "a folder that may not be written to" "$work/locked" -- \
        train "$work/digits.yaml" --data "$work/small" --out "$work/locked/run"
fi

# --- the clock ----------------------------------------------------------------------------------------------------
# Only the time of day jumps; convo reads the clock that only goes forward (tests/cli/test_structure.sh).
if [ "${SANITIZED:--1}" -ge 0 ]; then
    skip "a clock that jumps changes nothing" "libfaketime and sanitizers exclude each other"
elif command -v faketime >/dev/null; then
    FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f '-30y x5000' "$CONVO" train "$work/digits.yaml" --data "$work/small" \
        --out "$work/clock" -q >"$work/out" 2>&1
    check "a clock that jumps changes nothing" same "$work/clock" "$work/whole"
else
    skip "a clock that jumps changes nothing" "faketime is not installed"
fi
finish
