# Files that travel: export, import, and training that starts from another model.
. tests/cli/expect.sh
small_data
recipe >"$work/digits.yaml"
recipe 's/avgpool1d: 2/batchnorm/' >"$work/other.yaml"
run=$work/run model=$work/run/best.safetensors
"$CONVO" train "$work/digits.yaml" --data "$work/small" --out "$run" -q >/dev/null || exit 1

python() { /usr/bin/python3 "$@"; }
accuracy() { "$CONVO" eval "$1" --data "$work/small" --json | tr -d '\n' | sed 's/.*"accuracy": \([0-9.]*\).*/\1/'; }
same_accuracy() { [ "$(accuracy "$1")" = "$(accuracy "$2")" ]; }
has_onnx() { ! "$CONVO" export "$model" -o "$work/probe.onnx" 2>&1 | grep -q 'this build has no ONNX'; }

# --- weights ---
expect 0 "export copies a model" "bytes" -- export "$run" -o "$work/copy.safetensors"
check "to the byte" cmp "$model" "$work/copy.safetensors"
expect 1 "an ending that is no format" "must be .onnx, .safetensors or .c" -- export "$run" -o "$work/net.pt"
expect 2 "export without a file" "missing -o FILE" -- export "$run"
expect 0 "weights come in with their recipe" "5 layers" "10 classes" -- \
    import "$model" --recipe "$work/digits.yaml" --data "$work/small" -o "$work/in.safetensors"
check "and score the same" same_accuracy "$run" "$work/in.safetensors"
expect 1 "weights without a recipe" "pass --recipe" -- import "$model" -o "$work/no.safetensors"
expect 1 "weights of another net" "it has no 2.weight" "4.weight is [10, 592], the net's is [10, 1184]" -- \
    import "$model" --recipe "$work/other.yaml" -o "$work/no.safetensors"
expect 1 "too few labels" "2 labels are given, but the net has 10 classes" -- \
    import "$model" --recipe "$work/digits.yaml" --labels a,b -o "$work/no.safetensors"
expect 2 "--mean alone" "--mean and --std must be given together" -- import "$model" --mean 3 -o "$work/no.safetensors"
check "nothing was written" test ! -e "$work/no.safetensors"

if python -c 'import torch' 2>/dev/null; then
    check "the model file loads in PyTorch with strict=True and scores the same" \
        python tests/onnx/strict.py "$CONVO" "$model" data/fsdd/7_theo_3.flac "$work/digits.yaml" "$work"
else
    skip "the model file loads in PyTorch with strict=True and scores the same" "python3-torch is not installed"
fi

# --- ONNX ---
if has_onnx; then
    expect 0 "export to ONNX" "net.onnx" "bytes" -- export "$run" -o "$work/net.onnx"
    expect 0 "with its front end" "bytes" -- export "$run" -o "$work/sound.onnx" --with-features --probabilities --fold
    expect 0 "and back" "5 layers" "10 classes" -- import "$work/net.onnx" -o "$work/back.safetensors"
    check "it scores the same" same_accuracy "$run" "$work/back.safetensors"
    expect 0 "a net of others" "the last Softmax is omitted" "the classes are called 0 to 9" -- \
        import tests/golden/onnx/resnet8-17.onnx -o "$work/resnet.safetensors"
    expect 0 "has a summary" "7.shortcut.0" "1438" -- summary "$work/resnet.safetensors"
    expect 1 "and is refused by name where it cannot be read" "Resize '" -- \
        import tests/golden/onnx/strange-17.onnx -o "$work/no.safetensors"
    if [ -n "${CONVO_ORT:-}" ]; then
        "$CONVO" features data/fsdd/7_theo_3.flac --recipe "$run" -o "$work/x.npy" >/dev/null 2>&1
        "$CONVO" predict "$run" data/fsdd/7_theo_3.flac --top 10 --json >"$work/said.json"
        "$CONVO" export "$run" -o "$work/p.onnx" --probabilities -q
        check "onnxruntime gives the probabilities that predict gives" \
            node tests/onnx/same.js "$work/p.onnx" "$work/x.npy" "$work/said.json"
    else
        skip "onnxruntime gives the probabilities that predict gives" "CONVO_ORT names no node_modules folder"
    fi
else
    expect 1 "a build without ONNX says what to install" "libonnx-dev" -- export "$run" -o "$work/net.onnx"
    skip "ONNX files" "this build has no ONNX"
fi

# --- fine-tuning ---
tensor() { python tests/onnx/strict.py --tensor "$1" "$2"; } # FILE NAME: a checksum of its numbers
same_tensor() { [ "$(tensor "$1" "$3")" = "$(tensor "$2" "$3")" ]; }
other_tensor() { ! same_tensor "$@"; }
expect 0 "training starts from a model" "4 of 4 tensors taken" "test accuracy" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/tuned" --from "$run" --freeze 0-3 --set epochs=1
if python -c 'import json' 2>/dev/null; then
    for name in 0.weight 0.bias; do check "frozen $name stays" same_tensor "$model" "$work/tuned/best.safetensors" $name; done
    check "what is not frozen moves" other_tensor "$model" "$work/tuned/best.safetensors" 4.weight
fi
expect 0 "what does not fit is said" "3 of 9 tensors taken" "it has no 2.weight" "4.weight is" -- \
    train "$work/other.yaml" --data "$work/small" --out "$work/partly" --from "$model" --set epochs=1
expect 1 "nothing fits" "nothing of it fits" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/never" --from tests/golden/torch.safetensors
expect 1 "everything is frozen" "nothing is left to train" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/never" --freeze 0-9
expect 1 "a layer that is none" "the net has no layer '7'" -- \
    train "$work/digits.yaml" --data "$work/small" --out "$work/never" --freeze 7
check "nothing was trained" test ! -e "$work/never/best.safetensors"
finish
