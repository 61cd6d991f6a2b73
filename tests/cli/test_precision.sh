# precision: bf16. Where the processor has neither AMX nor AVX512_BF16: a sentence, and the numbers of fp32. How the sums
# are made is tested in test_bf16.c.
. tests/cli/expect.sh
small_data
recipe >"$work/digits.yaml"

digits() { # FOLDER ARGUMENT...
    folder=$1
    shift
    "$CONVO" train "$work/digits.yaml" --data "$work/small" --out "$work/$folder" "$@" >"$work/$folder.out" 2>"$work/$folder.txt"
}
says() { test "$(grep -c 'precision: bf16 .* in fp32$' "$work/$1.txt")" -eq "$2"; }
isa_is() { grep -q "\"isa\": \"$2\"" "$work/$1/result.json"; }
losses() { grep -o '"loss": [^,}]*' "$work/$1/metrics.jsonl"; }
same_losses() { test "$(losses "$1")" = "$(losses "$2")"; }
same_model() { cmp "$work/$1/best.safetensors" "$work/$2/best.safetensors"; }

digits capped --isa avx2 --set precision=bf16
digits capped-fp32 --isa avx2
check "below avx512 a sentence says that training is in fp32" says capped 1
check "and it is" same_losses capped capped-fp32
check "without bf16 nothing is said" says capped-fp32 0
digits quiet --isa avx2 --set precision=bf16 -q
check "nor with -q" says quiet 0
expect 0 "a benchmark says it too" "in fp32" -- bench "$work/digits.yaml" --seconds 0.01 --isa avx2 --set precision=bf16
expect 1 "other precisions are refused" "precision" "fp16" -- train "$work/digits.yaml" --set precision=fp16 --out "$work/never"

digits best --set precision=bf16
if isa_is best bf16 || isa_is best avx512bf16; then
    check "with either nothing is said" says best 0
    digits two --set precision=bf16 --threads 2
    check "the number of threads does not change the model" same_model best two
    accuracy=$(sed -n 's/^test accuracy \([0-9.]*\).*/\1/p' "$work/best.out")
    expect 0 "the score is that of the model in fp32" "$accuracy" -- eval "$work/best" --data "$work/small"
else
    check "without a sentence says so" says best 1
    skip "training in bf16" "this processor has no instructions for it"
fi
finish
