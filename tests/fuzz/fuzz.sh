#!/bin/sh
# fuzz.sh BUILD FOLDER SECONDS [TARGET...]: fuzzes the targets one after the other, each for so long. From the root of the
# repository; BUILD is of the preset fuzz. For each target FOLDER gets a corpus that grows from call to call, a log,
# and in found/ the inputs that went wrong.
set -u
build=$1 folder=$2 seconds=$3
shift 3
[ $# -gt 0 ] || set -- $(cd "$build/tests/fuzz" && ls -d fuzz_* | sed 's/^fuzz_//')
export LSAN_OPTIONS=suppressions=tests/lsan.supp:print_suppressions=0
export ASAN_OPTIONS=allocator_may_return_null=1
mkdir -p "$folder/found"
for target; do
    mkdir -p "$folder/corpus/$target"
    # Seeds of other readers do no harm: the fuzzer keeps those that reach something new.
    "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=16384 -timeout=20 -malloc_limit_mb=512 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$folder/found/$target-" "$folder/corpus/$target" \
        tests/fuzz/corpus/* tests/golden/data tests/golden/pictures tests/golden/onnx recipes >>"$folder/$target.log" 2>&1 ||
        echo "$target: see $folder/$target.log"
done
