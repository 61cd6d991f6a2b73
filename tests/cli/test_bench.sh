# convo bench: its figures are there and fit together. How large they are is not tested.
. tests/cli/expect.sh

# Says what is wrong with the JSON object on standard input.
cat >"$work/look.py" <<'END'
import json, sys
b = json.load(sys.stdin)
name, batch, forward, training = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
def must(what, right):
    if not right: sys.exit(what + " is wrong: " + json.dumps(b))
must("recipe", b["recipe"] == name)
must("batch", b["batch"] == batch)
must("threads", b["threads"] == 2)
must("isa", b["isa"] == "baseline")
must("forward_flops", b["forward_flops"] == forward)
must("training_flops", b["training_flops"] == training)
must("flops of layers", sum(l["forward_flops"] for l in b["layers"]) == forward)
must("flops of layers, both ways", sum(l["forward_flops"] + l["backward_flops"] for l in b["layers"]) == training)
must("peak", b["peak_gflops"]["one"] > 0 and b["peak_gflops"]["all"] > 0)
for r in b["training"], b["inference"]:
    must("rate", 0 < r["slowest"] <= r["examples_per_second"] <= r["fastest"])
    must("share", 0 < r["share_of_peak"] and 0 < r["gflops"])
must("one example", 0 < b["one_example"]["p50_us"] <= b["one_example"]["p99_us"])
must("layers", all(l["forward_us"] > 0 and l["backward_us"] >= 0 for l in b["layers"]) and b["layers"][-1]["layer"] == "")
must("layers that are trained", all(l["backward_us"] > 0 for l in b["layers"] if l["backward_flops"]))
must("memory", 0 < b["plan_bytes"] < b["memory_bytes"])
must("share of the peak", 0 < b["peak_share"] <= 1)
must("busy", b["busy"] in (True, False))
END
bench() { # RECIPE BATCH FORWARD-FLOPS TRAINING-FLOPS ARGUMENT...
    name="the figures of $1 fit together"
    command -v python3 >/dev/null || { skip "$name" "python3 reads the JSON"; return; }
    recipe=$1
    right="$*"
    shift 4
    "$CONVO" bench "$recipe" --seconds 0.05 --threads 2 --isa baseline --json --quiet "$@" >"$work/bench.json" 2>"$work/err"
    check "$name" sh -c 'python3 "$0" $1 <"$2"' "$work/look.py" "$right" "$work/bench.json"
}

# Multiply-adds by hand: 2*7 + 7*1; the first layer has no gradient of its input.
bench moons 1 42 98
# 3*13*16*74 + 3*16*32*37 + 3*32*64*18 + 576*32 + 32*10 = 232,352
bench fsdd-mfcc 16 464704 1301760 --batch 16
expect 0 "tables say what is what" "examples/s" "one example" "conv1d" "of peak" "cross_entropy" -- \
    bench fsdd-mfcc --seconds 0.05 --batch 16 --quiet
if taskset -c 0 true 2>/dev/null; then
    taskset -c 0 "$CONVO" bench moons --seconds 0.05 --threads 2 >/dev/null 2>"$work/said"
    check "a peak of two threads on one processor is said to be too low" grep -q "the peak of 2 threads had [0-9]* %" "$work/said"
else
    skip "a peak of two threads on one processor is said to be too low" "taskset chooses the processor"
fi
expect 1 "a recipe that does not train is refused" "does not say how to train" -- bench recipes/fields/padding.yaml
expect 1 "an unknown instruction set is refused" "'sse9'" -- bench moons --isa sse9
expect 1 "doubles are not timed" "'double'" -- bench moons --isa double
expect 2 "seconds are a number above 0" "--seconds needs a number above 0" -- bench moons --seconds -1
finish
