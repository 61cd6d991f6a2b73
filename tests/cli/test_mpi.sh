# Several processes that train together: the bits of one alone, whoever dies.
. tests/cli/expect.sh
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 # mpirun refuses to run as root else
ranks() { # N ARGUMENT...: convo with N ranks
    count=$1
    shift
    mpirun --oversubscribe -n "$count" "$CONVO" "$@"
}
small_data
recipe >"$work/plain.yaml"
if ! command -v mpirun >/dev/null; then
    skip "several processes train together" "mpirun is not installed (openmpi-bin)"
    finish
elif ! ranks 2 train "$work/plain.yaml" --data "$work/small" --out "$work/first" -q >"$work/out" 2>&1; then
    if grep -q 'built without MPI' "$work/out"; then
        skip "several processes train together" "this build is without MPI"
    elif grep -q '^convo: ' "$work/out"; then
        flunk "two ranks train" "$(cat "$work/out")"
    else
        skip "several processes train together" "mpirun cannot start two processes here: $(head -n 3 "$work/out")"
    fi
    finish
fi
check "rank 0 alone prints" test "$(grep -c 'test accuracy' "$work/out")" = 1

# --- the same bits ---
same_run() { cmp "$1/best.safetensors" "$2/best.safetensors" && same_metrics "$1" "$2"; }
same_metrics() { # but for the times
    for run in "$1" "$2"; do sed 's/, "examples_per_second.*//' "$run/metrics.jsonl" >"$run/scores"; done
    cmp "$1/scores" "$2/scores"
}
# same NAME COUNT...: the recipe $work/NAME.yaml with so many ranks as without MPI
same() {
    net=$1
    shift
    "$CONVO" train "$work/$net.yaml" --data "$work/small" -q --out "$work/$net" --threads 2 >/dev/null || exit 1
    for count; do
        ranks "$count" train "$work/$net.yaml" --data "$work/small" -q --force --out "$work/$net-ranks" >/dev/null
        check "$net: $count ranks have the bits of one" same_run "$work/$net" "$work/$net-ranks"
    done
}
cat >"$work/everything.yaml" <<'END'
data: {set: fsdd, split: {train: 2/3, validation: 1/6, test: 1/6}}
features: {kind: mfcc, samples: 6000}
augment: {shift: 0.05, gain: 6, time_masks: {count: 2, width: 9}}
model:
  - conv1d: {out: 12, kernel: 3, padding: 1}
  - batchnorm
  - relu
  - dropout: 0.2
  - avgpool1d: 2
  - conv1d: {out: 16, kernel: 3, bias: false}
  - batchnorm
  - relu
  - flatten
  - linear: 600
  - dropout: 0.3
  - relu
  - linear: 10
train: {optimizer: {adamw: {lr: 0.003}}, batch: 48, epochs: 2, seed: 0, ema: 0.9}
END
same everything 2 3 8
recipe 's/^train:/augment: {mixup: 0.3}\n&/; s/batch: 32/batch: 150, accumulate: 2, clip_norm: 1, class_weights: balanced/' >"$work/mixed.yaml"
same mixed 4
sed -e 's/^data:.*/data: {set: fsdd, split: {train: 2\/3, test: 1\/3}}/' -e 's/^features:.*/features: {kind: logmel, samples: 6000}/' \
    -e 's/^augment:.*/augment: {roll: 10, time_masks: 5, frequency_masks: 5}/' -e 's/linear: 12/linear: 10/' \
    -e 's/epochs: 30/epochs: 1/' -e '/^published/d' recipes/kws/ds-cnn-s.yaml >"$work/ds-cnn-s.yaml"
same ds-cnn-s 3

# --- a rank dies ---
# Each rank leaves its process number, so that one can be killed.
cat >"$work/rank.sh" <<'END'
echo $$ >"$0.$OMPI_COMM_WORLD_RANK"
exec "$@"
END
mpirun --oversubscribe -n 3 sh "$work/rank.sh" "$CONVO" train "$work/plain.yaml" --data "$work/small" --set epochs=100000 \
    --out "$work/killed" -q >"$work/said" 2>&1 &
job=$!
tries=0
until [ -s "$work/killed/last.checkpoint" ] || [ $tries -ge 200 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
kill -9 "$(cat "$work/rank.sh.1")"
began=$(date +%s)
wait $job
check "the others stop when one is killed" test $(($(date +%s) - began)) -le 10
check "and name it" grep -q "^convo: rank 1 of 3, process $(cat "$work/rank.sh.1") on .*, has died" "$work/said"
check "the checkpoint stands" test -s "$work/killed/last.checkpoint"
epochs=$(($(wc -l <"$work/killed/metrics.jsonl") + 2))
ranks 2 train "$work/plain.yaml" --data "$work/small" --set epochs=$epochs --out "$work/killed" -q --resume >/dev/null 2>&1
"$CONVO" train "$work/plain.yaml" --data "$work/small" --set epochs=$epochs --out "$work/whole" -q >/dev/null
check "other ranks go on to the same bits" same_run "$work/whole" "$work/killed"

# --- trials are shared out ---
# But for the times and the folders.
results() { awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) apart[k] = $k ~ /second|^run$/ }
    { for (k = 1; k <= NF; k++) printf "%s,", apart[k] ? "" : $k; print "" }' "$1/runs.csv"; }
same_results() { test "$(results "$1")" = "$(results "$2")" && test "$(results "$1" | wc -l)" = "$3"; }
swept() { # OUT PROGRAM...
    out=$1
    shift
    "$@" sweep "$work/plain.yaml" --data "$work/small" --set epochs=2 --over lr=0.1,0.01 --trials 3 -q --force --out "$out"
}
swept "$work/swept" "$CONVO" >"$work/table" || exit 1
for count in 2 4; do
    swept "$work/shared" ranks "$count" >"$work/shared-table"
    check "$count ranks sweep as one process" same_results "$work/swept" "$work/shared" 7
    check "and one prints the table" cmp "$work/table" "$work/shared-table"
done
# A rank that fails before it empties the folder of an earlier run: that run would pass for the new one.
sed -i 's/^{/{"old": true, /' "$work"/shared/*/metrics.jsonl
cat >"$work/lost.sh" <<'END'
[ "$OMPI_COMM_WORLD_RANK" = 1 ] && set -- "$@" --data /nowhere
exec "$@"
END
swept "$work/shared" mpirun --oversubscribe -n 2 sh "$work/lost.sh" "$CONVO" >/dev/null 2>&1
check "what a rank fails to replace is trained anew" eval '! grep -q old "$work"/shared/*/metrics.jsonl'
mkdir "$work/root" && ln -s ../small "$work/root/fsdd"
reproduced() { # OUT PROGRAM...
    out=$1
    shift
    "$@" reproduce fsdd-mfcc --set epochs=2 --trials 3 --data-root "$work/root" --out "$out" -q --json |
        tr -d '\n' | sed 's/"[a-z_]*second[a-z_]*": {[^}]*}//g; s/"load": [0-9.]*//; s/"threads": [0-9]*//'
}
reproduced "$work/reproduced" "$CONVO" >"$work/one"
reproduced "$work/reproduced-ranks" ranks 2 >"$work/two"
check "ranks reproduce as one process" test -s "$work/one" -a "$(cat "$work/one")" = "$(cat "$work/two")"
ranks 3 sweep "$work/plain.yaml" --data "$work/small" --trials 3 --set optimizer=adam --set batch=100000000 \
    --out "$work/refused" -q >"$work/said" 2>&1
check "what fails in a rank is said once" test "$(grep -c '^convo: ' "$work/said")" = 1

# --- errors ---
ranks 3 train "$work/plain.yaml" --data "$work/small" --out "$work/first" >"$work/said" 2>&1
check "an error is said once" test "$(grep -c '^convo: ' "$work/said")" = 1
ranks 3 train "$work/plain.yaml" --data "$work/nowhere" --out "$work/none" >"$work/said" 2>&1
check "so is one that all ranks find" test "$(grep -c '^convo: ' "$work/said")" = 1
ranks 2 recipe >"$work/said" 2>&1
check "other commands run once" test "$(grep -c '^# Recipes' "$work/said")" = 1
finish
