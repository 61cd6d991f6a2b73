# Bad input: one clear sentence with file and place, exit 1, nothing half-written.
. tests/cli/expect.sh
small_data
recipe >"$work/digits.yaml"
"$CONVO" train "$work/digits.yaml" --data "$work/small" --out "$work/run" --set epochs=1 -q >/dev/null
model=$work/run/best.safetensors
cd_data="--data $work/small"

# --- recordings ---------------------------------------------------------------------------------------------------
wav() { # SIZE: the header of a mono 16-bit WAV at 8 kHz whose data chunk claims SIZE (< 256) bytes
    printf 'RIFF\044\000\000\000WAVEfmt \020\000\000\000\001\000\001\000\100\037\000\000\200\076\000\000\002\000\020\000data'
    printf "\\$(printf %03o "$1")\\000\\000\\000"
}
: >"$work/empty.wav"
wav 0 >"$work/silent.wav"
head -c 1000 data/fsdd/1_theo_0.flac >"$work/cut.flac"
cp LICENSE "$work/text.wav"
mkdir "$work/folder.wav"
for recording in missing.wav empty.wav silent.wav cut.flac text.wav folder.wav; do
    expect 1 "predict names $recording" "$work/$recording" -- predict "$model" "$work/$recording"
    expect 1 "features names $recording" "$work/$recording" -- \
        features "$work/$recording" --recipe "$work/digits.yaml" -o "$work/never.npy"
done
check "features wrote nothing" test ! -e "$work/never.npy"

mkdir "$work/none" "$work/broken"
expect 1 "training on a folder without recordings" "$work/none" -- \
    train "$work/digits.yaml" --data "$work/none" --out "$work/never"
expect 1 "training on a folder that is not there" "$work/nowhere" -- \
    train "$work/digits.yaml" --data "$work/nowhere" --out "$work/never"
cp "$work"/small/*_theo_*.flac "$work/broken"
cp "$work/cut.flac" "$work/broken/9_theo_4.flac"
expect 1 "training with a recording cut short" "9_theo_4.flac" -- \
    train "$work/digits.yaml" --data "$work/broken" --out "$work/never"
expect 1 "data info of a folder without recordings" "$work/none" -- data info fsdd --data "$work/none"

# --- recipes ------------------------------------------------------------------------------------------------------
# bad "name" 'sed script' "text"...: the recipe changed so is refused, with the line of the mistake.
bad() {
    name=$1 change=$2
    shift 2
    recipe "$change" >"$work/bad.yaml"
    # shellcheck disable=SC2086 # two words
    expect 1 "$name" "$work/bad.yaml" "$@" -- train "$work/bad.yaml" $cd_data --out "$work/never"
}
bad "an unknown key" 's/kernel:/kernle:/' "bad.yaml:4:" "kernle" "did you mean 'kernel'?"
bad "an unknown section" 's/^features:/faetures:/' "bad.yaml:2:" "did you mean 'features'?"
bad "an unknown layer" 's/- relu/- rleu/' "bad.yaml:5:" "did you mean 'relu'?"
bad "a word where a number belongs" 's/kernel: 3/kernel: big/' "bad.yaml:4:" "kernel" "big"
bad "a list where a number belongs" 's/batch: 32/batch: [1, 2]/' "bad.yaml:9:" "batch"
bad "a number out of range" 's/epochs: 3/epochs: -1/' "bad.yaml:9:" "epochs"
bad "a kernel larger than its input" 's/kernel: 3, padding: 1/kernel: 99/' "bad.yaml:4:" "99" "74"
bad "more layers than the input has room for" 's/avgpool1d: 2/avgpool1d: 80/' "bad.yaml:6:" "80"
bad "fewer outputs than classes" 's/linear: 10/linear: 7/' "7" "10"
bad "no model" '/^model:/,/linear/d' "model"
bad "YAML that is none" 's/split: {/split: {{{/' "bad.yaml:"
bad "an unknown data set" 's/set: fsdd/set: fsd/' "bad.yaml:1:" "did you mean 'fsdd'?"
: >"$work/empty.yaml"
expect 1 "an empty recipe" "$work/empty.yaml" -- summary "$work/empty.yaml"
expect 1 "a missing recipe" "$work/missing.yaml" -- summary "$work/missing.yaml"
expect 1 "a folder as recipe" "$work/none" -- summary "$work/none"
expect 1 "a setting of the wrong type" "epochs" "soon" -- \
    train "$work/digits.yaml" --set epochs=soon --out "$work/never"
check "none of them made a run folder" test ! -e "$work/never"

# --- models -------------------------------------------------------------------------------------------------------
size=$(wc -c <"$model")
for keep in 0 4 8 100 $((size / 2)) $((size - 1)); do
    head -c "$keep" "$model" >"$work/cut.safetensors"
    expect 1 "a model cut to $keep bytes" "cut.safetensors" -- predict "$work/cut.safetensors" data/fsdd/1_theo_0.flac
done
LC_ALL=C sed 's/"shape":\[10,592\]/"shape":[592,10]/' "$model" >"$work/shape.safetensors"
if cmp -s "$model" "$work/shape.safetensors"; then
    flunk "a model with a wrong shape" "the header has no \"shape\":[10,592] to change"
else
    expect 1 "a model with a wrong shape" "shape.safetensors" -- predict "$work/shape.safetensors" data/fsdd/1_theo_0.flac
fi
expect 1 "a text as model" "LICENSE" -- predict LICENSE data/fsdd/1_theo_0.flac
expect 1 "a missing model" "$work/missing.safetensors" -- eval "$work/missing.safetensors"
expect 1 "a folder without a model" "$work/none" -- eval "$work/none"

# --- the disk is full ---------------------------------------------------------------------------------------------
# A limit on the size of files fails a write as a full disk does, without the rights to make one.
limited() {
    (
        trap '' XFSZ 2>/dev/null
        ulimit -f 2 && exec "$CONVO" "$@"
    )
}
"$CONVO" features data/fsdd/1_theo_0.flac --recipe "$work/digits.yaml" -o "$work/kept.npy" >/dev/null
cp "$work/kept.npy" "$work/before.npy"
limited features data/fsdd/1_theo_0.flac --recipe "$work/digits.yaml" -o "$work/kept.npy" >"$work/out" 2>"$work/err"
check "a file that cannot be written exits with 1" test $? -eq 1
check "and leaves the old one" cmp "$work/kept.npy" "$work/before.npy"
check "and leaves no half" no_part
limited train "$work/digits.yaml" --data "$work/small" --out "$work/limited" -q >"$work/out" 2>"$work/limited.txt"
check "a run that cannot be written exits with 1" test $? -eq 1
check "in one sentence that names the file" grep -q "^convo: $work/limited/" "$work/limited.txt"
check "and leaves no half" no_part
if [ -w /dev/full ]; then
    check "results that cannot be printed exit with 1" sh -c '"$0" summary "$1" >/dev/full 2>"$2"; test $? -eq 1' \
        "$CONVO" "$work/digits.yaml" "$work/full.txt"
    check "in one sentence" grep -q "^convo: standard output: " "$work/full.txt"
else
    skip "results that cannot be printed exit with 1" "there is no /dev/full"
fi
mkdir "$work/disk"
if mount -t tmpfs -o size=32k tmpfs "$work/disk" 2>/dev/null; then
    trap 'umount "$work/disk"; rm -rf "$work"' EXIT
    expect 1 "a full disk" "$work/disk/run/" "is the disk full?" -- train "$work/digits.yaml" --data "$work/small" --out "$work/disk/run" -q
else
    skip "a full disk" "only root can mount a small one"
fi
# a file less deals other examples to the parts
cp -r "$work/small" "$work/fewer"
"$CONVO" train "$work/digits.yaml" --data "$work/fewer" --out "$work/then" --set epochs=1 -q >"$work/out" 2>&1
quiet_now() { "$CONVO" predict "$work/then" --held-out 1 2>&1 | grep 'examples when the model was trained' && return 1 || return 0; }
check "the same data set is not spoken of" quiet_now
rm "$work/fewer/0_theo_1.flac"
for command in "eval $work/then" "eval $work/then --on device --int8" "predict $work/then --held-out 1" \
    "report $work/then -o $work/then.html" "plot $work/then --confusion -o $work/then.png" \
    "plot $work/then --examples -o $work/then.png" "export $work/then -o $work/then.c --int8"; do
    case $command in plot*) command -v gnuplot >/dev/null || continue ;; esac
    # shellcheck disable=SC2086
    expect 0 "the data set has changed: ${command%% *}" \
        "had 300 examples when the model was trained, and has 299 now" -- $command
    check "which is said once" test "$(grep -c 'examples when the model was trained' "$work/err")" -eq 1
done
finish
