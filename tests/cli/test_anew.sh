# Examples that are changed anew in every epoch, files that cannot be read, and the cache of what was.
. tests/cli/expect.sh
small_data
recipe 's,train: 2/3,train: 1/2\, validation: 1/6,; s/epochs: 3/epochs: 40/' >"$work/plain.yaml"
recipe 's,train: 2/3,train: 1/2\, validation: 1/6,; s/epochs: 3/epochs: 40/; s/^train:/augment: {shift: 0.05, speed: 0.1, gain: 6, time_masks: {count: 2, width: 9}, mixup: 0.3}\n&/' >"$work/anew.yaml"
anew() { "$CONVO" train "$work/anew.yaml" --data "$work/small" -q "$@"; }
same_weights() { cmp "$1/best.safetensors" "$2/best.safetensors"; }

# --- the same bits ---
anew --out "$work/one" --threads 1 >/dev/null || exit 1
for threads in 2 3; do
    anew --out "$work/threads" --force --threads $threads >/dev/null
    check "changes do not depend on the threads ($threads)" same_weights "$work/one" "$work/threads"
done
anew --out "$work/other" --seed 1 >/dev/null
check "but on the seed" sh -c "! cmp -s '$work/one/best.safetensors' '$work/other/best.safetensors'"

killed=0
"$CONVO" train "$work/anew.yaml" --data "$work/small" -q --out "$work/killed" --threads 2 >/dev/null 2>&1 &
child=$!
tries=0
until [ -s "$work/killed/metrics.jsonl" ] || [ $tries -ge 2000 ]; do
    tries=$((tries + 1))
    sleep 0.01
done
kill -9 $child 2>/dev/null && killed=1
wait $child 2>/dev/null
check "the training was killed on its way" test $killed = 1
anew --out "$work/killed" --threads 3 --resume >/dev/null
check "a killed training goes on with the same changes" same_weights "$work/one" "$work/killed"

"$CONVO" data cache --clear
expect 0 "-v says how long recordings were read, for features and samples, and how the loader keeps up" \
    "read 600 files in " "2 threads decoded for " "loader: 2 threads changed examples for " "training waited " -- \
    train "$work/anew.yaml" --data "$work/small" --out "$work/verbose" --set epochs=1 --threads 2 -v

# --- files that cannot be read ---
cp -r "$work/small" "$work/broken"
victim=$(ls "$work/broken" | head -1)
echo rubbish >"$work/broken/$victim"
expect 1 "a broken recording stops a training" "$victim" -- train "$work/plain.yaml" --data "$work/broken" \
    --out "$work/b" --set epochs=1
expect 0 "--skip-unreadable leaves it out and says so" "left out 1 file that cannot be read: " "$victim" -- \
    train "$work/plain.yaml" --data "$work/broken" --out "$work/b" --set epochs=1 --skip-unreadable
expect 0 "eval does the same" "left out 1 file" -- eval "$work/b" --split all --skip-unreadable
expect 1 "and others do not believe what was left out" "$victim" -- eval "$work/b" --split all

# --- cache ---
expect 0 "the cache is listed" "mfcc, 13 x 1 x 74, 300 examples of " "samples, 300 examples of " " of at most " -- data cache
expect 0 "as JSON too" '"about": "samples' '"limit": ' -- data cache --json
expect 0 "and cleared" ": 0 files, 0 B of at most " -- data cache --clear
check "nothing is left there" sh -c "[ -z \"\$(find \"\$CONVO_HOME/features\" -name '*.rows*')\" ]"
expect 0 "an empty cache is fine" ": 0 files" -- data cache
expect 2 "cache takes no argument" "cache takes no argument" -- data cache all
finish
