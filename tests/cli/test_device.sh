# The C that `convo export -o net.c` writes: it compiles without a warning wherever a compiler is installed, and computes
# what `--on device` does, bit for bit, on this computer and on emulated boards. tests/device has the program around it.
. tests/cli/expect.sh
case $CONVO in /*) ;; *) CONVO=$PWD/$CONVO ;; esac
: "${CC:=cc}"
root=$PWD samples=6000 few=6
strict='-Wall -Wextra -Wconversion -Wshadow -pedantic -Werror'

# A net with what fsdd-mfcc has not: a log-mel front end, depthwise and strided kernels, a residual, an excitation.
cat >"$work/mixed.yaml" <<'RECIPE'
data: {set: fsdd, split: {train: 2/3, test: 1/3}}
features: {kind: logmel, samples: 6000, filters: 20, log: db, range: 60, normalize: global}
model:
  - conv2d: {out: 9, kernel: [5, 3], stride: 2, padding: [2, 1]}
  - batchnorm
  - relu6
  - residual: {body: [{conv2d: {out: 9, kernel: 3, padding: 1, groups: 9}}, batchnorm, hardswish, {conv2d: {out: 9, kernel: 1}}]}
  - squeeze_excite: 3
  - avgpool2d: 2
  - leaky_relu
  - flatten
  - linear: 17
  - gelu
  - layernorm
  - linear: 10
train: {loss: cross_entropy, optimizer: {adam: {lr: 0.003}}, batch: 32, epochs: 1, seed: 0}
RECIPE
printf '%s\n' 'data: {set: fsdd, split: {train: 2/3, test: 1/3}}' 'features: {kind: waveform, samples: 6000, scale: clip}' \
    'model: [{conv1d: {out: 4, kernel: 9, stride: 4}}, batchnorm, tanh, {maxpool1d: 4}, flatten, {linear: 10}]' \
    'train: {loss: cross_entropy, optimizer: {sgd: {lr: 0.05}}, batch: 32, epochs: 1, seed: 0}' >"$work/wave.yaml"

# What sequences have.
cat >"$work/states.yaml" <<'RECIPE'
data: {set: fsdd, split: {train: 2/3, test: 1/3}}
features: {kind: mfcc, samples: 6000}
model:
  - conv1d: {out: 12, kernel: 5, stride: 3}
  - class_token
  - position_embedding
  - transformer: {hidden: 20, heads: 2}
  - gru: {hidden: 10, bidirectional: true}
  - lstm: {hidden: 8, output: last}
  - linear: 10
train: {loss: cross_entropy, optimizer: {adam: {lr: 0.003}}, batch: 32, epochs: 1, seed: 0}
RECIPE

# The test part as a device gets it, 16-bit counts; and all of them, or a few, for the slower machines.
mkdir "$work/all" "$work/few"
expect 0 "recordings are exported as samples" -- data export fsdd-mfcc --set 'features={kind: waveform, samples: 6000, scale: none}' \
    --set 'model=[flatten, {linear: 10}]' -o "$work/clips"
clips=1000
tail -c $((clips * samples * 4)) "$work/clips/X_test.npy" >"$work/all/clips.bin"
head -c $((few * samples * 4)) "$work/all/clips.bin" >"$work/few/clips.bin"

# built NAME FOLDER COMPILER...: compiles net NAME with run.c in FOLDER.
built() {
    net=$1 folder=$2
    shift 2
    upper=$(echo "$net" | tr '[:lower:]' '[:upper:]')
    "$@" "-DNET=$net" "-DHEADER=\"$net.h\"" "-DSAMPLES=${upper}_SAMPLES" "-DCLASSES=${upper}_CLASSES" "-D${upper}_SELF_TEST" \
        -I"$work" "$root/tests/device/run.c" "$work/$net.c" -o "$work/$folder/$net" ${libraries:-}
}
# same_as NAME FOLDER: what is in FOLDER is what the first build found for as many clips.
same_as() {
    (cd "$work/$2" && [ -s scores.bin ] &&
        cmp -n "$(wc -c <scores.bin)" scores.bin "$work/$1.scores" && cmp -n "$(wc -c <hashes.bin)" hashes.bin "$work/$1.hashes")
}
# first NAME: what the first build finds over all clips is what convo found, and the measure for all that follows.
first() {
    built "$1" all "$CC" -std=c99 -O2 && (cd "$work/all" && "./$1") || return
    tail -c $((clips * 10 * 4)) "$work/$1.saved/probabilities.npy" | cmp - "$work/all/scores.bin" || return
    mv "$work/all/scores.bin" "$work/$1.scores"
    mv "$work/all/hashes.bin" "$work/$1.hashes"
}
# runs NAME FOLDER COMPILER...: built, run, the same.
runs() {
    rm -f "$work/$2/scores.bin" "$work/$2/hashes.bin"
    built "$@" && (cd "$work/$2" && "./$1") && same_as "$1" "$2"
}
# browsed NAME: the same as WebAssembly, in the page that convo writes, over a few clips.
browsed() {
    rm -f "$work/few/scores.bin" "$work/few/hashes.bin"
    # shellcheck disable=SC2086
    "$CONVO" export "$run" -o "$work/$1.html" $int8 && (cd "$work/few" && node "$root/tests/device/wasm.mjs" "$work/$1.html") &&
        same_as "$1" few
}
# emulated NAME BOARD FLAG...: the same on an emulated board, over a few clips.
emulated() {
    net=$1 board=$2
    shift 2
    rm -f "$work/few/scores.bin" "$work/few/hashes.bin"
    built "$net" few arm-none-eabi-gcc -std=c99 -O2 -Wall -Wextra -Wconversion -Werror -DBOARD -nostartfiles "$@" \
        -T "$root/tests/device/board.ld" "$root/tests/device/board.c" &&
        (cd "$work/few" && timeout 120 qemu-system-arm -M "$board" -nographic -semihosting-config enable=on,target=native \
            -kernel "$net") && same_as "$net" few
}

# cored NAME MARCH MABI BITS: the same on an emulated RISC-V core, for which no C library is needed.
mkdir "$work/headers"
printf '%s\n' '#include <stddef.h>' 'void *memcpy(void *, const void *, size_t);' 'void *memset(void *, int, size_t);' \
    'size_t strlen(const char *);' >"$work/headers/string.h"
cored() {
    rm -f "$work/few/scores.bin" "$work/few/hashes.bin"
    libraries=-lgcc
    built "$1" few riscv64-unknown-elf-gcc -std=c99 -O2 -Wall -Wextra -Wconversion -Werror -DBOARD -march="$2" -mabi="$3" \
        -mcmodel=medany -ffreestanding -nostdlib -I"$work/headers" -Wl,--no-relax -T "$root/tests/device/board_riscv.ld" \
        "$root/tests/device/board.c" &&
        (cd "$work/few" && timeout 120 "qemu-system-riscv$4" -M virt -bios none -nographic \
            -semihosting-config enable=on,target=native -kernel "$1") && same_as "$1" few
    status=$? libraries=
    return $status
}
# rough NAME COMPILER...: made-up clips have the same scores with a compiler that watches every step.
mkdir "$work/rough"
cp "$work/few/clips.bin" "$work/rough"
rough() {
    net=$1
    shift
    built "$net" rough "$CC" -std=c99 -O2 -DROUGH && (cd "$work/rough" && "./$net" && mv scores.bin plain.bin) &&
        built "$net" rough "$@" -DROUGH && (cd "$work/rough" && "./$net" && cmp scores.bin plain.bin)
}
# without_loops NAME: no function calls itself, not even through others, and none needs more stack than is known beforehand.
without_loops() {
    (cd "$work" && gcc -std=c99 -O0 -Wvla -Werror -fcallgraph-info -fstack-usage -c "$1.c" -o plain.o) && # plain.ci, plain.su
        sed -n 's/^edge: { sourcename: "\([^"]*\)" targetname: "\([^"]*\)".*/\1 \2/p' "$work"/*.ci | tsort >"$work/order" &&
        grep -q "$1_predict" "$work/order" && ! grep -qvE '(static|bounded)$' "$work"/*.su
}

echo 'int main(void) { return 0; }' >"$work/none.c"
ways='gcc_-std=c99_-O0 gcc_-std=gnu11_-O3_-march=native clang_-std=c99_-O3_-march=native clang_-O1 g++_-x_c++_-O2' blank=$IFS
for net in digits mixed wave states digits8 mixed8 wave8 states8; do
    run=$work/${net%8}.run recipe=$work/$net.yaml
    int8=
    case $net in
    digits) recipe=fsdd-mfcc ;;
    wave8) recipe='' int8='--int8 --float 0' ;; # and with it what it hears
    *8) recipe='' int8=--int8 ;; # the run of the net in floats
    esac
    [ -z "$recipe" ] || expect 0 "$net is trained" -- train "$recipe" --out "$run" --set epochs=1 -q
    # shellcheck disable=SC2086
    expect 0 "$net is exported" "$net.c" -- export "$run" -o "$work/$net.c" $int8
    # shellcheck disable=SC2086
    expect 0 "$net is evaluated as on a device" "test accuracy" -- eval "$run" --on device $int8 --save "$work/$net.saved"
    check "$net computes here what convo does, bit for bit" first "$net"
    # shellcheck disable=SC2086 # a list of flags
    check "$net is C99 without a warning" built "$net" few "$CC" -std=c99 -O2 $strict
    for way in $ways; do
        IFS=_
        # shellcheck disable=SC2086
        set -- $way
        IFS=$blank
        if command -v "$1" >/dev/null; then
            # shellcheck disable=SC2086
            check "$net computes the same with $*" runs "$net" few "$@" $strict
        else
            skip "$net computes the same with $*" "$1 is not installed"
        fi
    done
    watched='-fsanitize=address,undefined,integer,float-cast-overflow -fno-sanitize-recover=all'
    less='-fsanitize=address,undefined -fno-sanitize-recover=all'
    # shellcheck disable=SC2086
    if [ "${SANITIZED:--1}" -lt 0 ] && clang $watched "$work/none.c" -o "$work/none" 2>/dev/null; then
        check "$net takes any samples, breaks no rule of C, and no number overflows or is cut" rough "$net" clang -O1 $watched
    elif [ "${SANITIZED:--1}" -lt 0 ] && "$CC" $less "$work/none.c" -o "$work/none" 2>/dev/null; then
        check "$net takes any samples and breaks no rule of C" rough "$net" "$CC" -O1 $less
    else
        skip "$net takes any samples" "no compiler has sanitizers"
    fi
    if gcc -fcallgraph-info -c "$work/none.c" -o "$work/none.o" 2>/dev/null; then
        check "$net has neither recursion nor arrays of variable length" without_loops "$net"
    else
        skip "$net has neither recursion nor arrays of variable length" "gcc, of version 10 or later, is not installed"
    fi
    if command -v qemu-system-riscv32 >/dev/null && command -v qemu-system-riscv64 >/dev/null &&
        command -v riscv64-unknown-elf-gcc >/dev/null; then
        check "$net computes the same on a RISC-V core of 32 bits without floating point" cored "$net" rv32imac ilp32 32
        check "$net computes the same on a RISC-V core of 64 bits" cored "$net" rv64imafdc lp64d 64
    else
        skip "$net computes the same on RISC-V" "qemu-system-riscv32, -riscv64 and gcc-riscv64-unknown-elf are not all installed"
    fi
    echo 'int nothing;' >"$work/nothing.c"
    if command -v node >/dev/null &&
        clang --target=wasm32 -nostdlib -Wl,--no-entry "$work/nothing.c" -o "$work/nothing.wasm" 2>/dev/null; then
        check "$net computes the same as WebAssembly" browsed "$net"
    else
        skip "$net computes the same as WebAssembly" "clang for wasm32, wasm-ld and node are not all installed"
    fi
    if ! command -v qemu-system-arm >/dev/null || ! echo '#include <string.h>' | arm-none-eabi-gcc -fsyntax-only -x c - 2>/dev/null; then
        skip "$net computes the same on Cortex-M" "qemu-system-arm, gcc-arm-none-eabi and libnewlib-arm-none-eabi are not all installed"
        continue
    fi
    check "$net computes the same on a Cortex-M3" emulated "$net" mps2-an385 -mcpu=cortex-m3
    check "$net computes the same on a Cortex-M4F" emulated "$net" mps2-an386 -mcpu=cortex-m4 -mfloat-abi=hard
    case $net in # as an M4F but for its floating-point unit
    digits*) check "$net computes the same on a Cortex-M7" emulated "$net" mps2-an500 -mcpu=cortex-m7 -mfloat-abi=hard ;;
    esac
    check "$net computes the same on a Cortex-M55" emulated "$net" mps3-an547 -mcpu=cortex-m55 -mfloat-abi=hard -O3 \
        -Wl,--defsym,TCM=1
done

# --- what is refused ----------------------------------------------------------------------------------------------------

run=$work/digits.run
expect 2 "another machine is refused" "--on must be host or device, not 'divice', did you mean 'device'?" -- \
    predict "$run" data/fsdd/0_george_0.flac --on divice
expect 2 "8-bit numbers on this computer" "--int8 requires --on device" -- eval "$run" --int8
expect 2 "data that nobody reads" "--data requires --int8" -- export "$run" -o "$work/x.c" --data data/fsdd
expect 0 "8-bit numbers for ONNX" "x.onnx" -- export "$run" -o "$work/x.onnx" --int8
expect 1 "ranges without data" "convo: " -- export "$run" -o "$work/x.c" --int8 --data /nowhere
expect 0 "a recording is predicted in 8-bit numbers" "0_george_0.flac" -- predict "$run" data/fsdd/0_george_0.flac --on device --int8
expect 0 "a model file keeps its ranges" "x.safetensors" -- export "$run" -o "$work/x.safetensors" --int8
expect 0 "the run's 8-bit numbers" "kept.c" -- export "$run" -o "$work/kept.c" --int8
mv "$work/kept.c" "$work/measured.c"
expect 0 "those of the file, without data" "kept.c" -- export "$work/x.safetensors" -o "$work/kept.c" --int8 --data /nowhere
check "are the same" sh -c 'sed 1d "$0" >"$0.body" && sed 1d "$1" | cmp - "$0.body"' "$work/kept.c" "$work/measured.c"
expect 0 "recurrent layers keep theirs" "y.safetensors" -- export "$work/states.run" -o "$work/y.safetensors" --int8 --float 6
expect 0 "those of the file, without data" "kept.c" -- export "$work/y.safetensors" -o "$work/kept.c" --int8 --data /nowhere
expect 0 "the run's" "kept2.c" -- export "$work/states.run" -o "$work/kept2.c" --int8 --float 6 --name kept
check "are the same, but for the name" sh -c 'sed 1d "$0" >"$0.body" && sed "1d; s/kept2/kept/" "$1" | cmp - "$0.body"' \
    "$work/kept.c" "$work/kept2.c"
expect 1 "no such layer" "no layer '9' is computed on a device" -- export "$run" -o "$work/x.c" --int8 --float 9
expect 2 "floats in floats" "--float requires --int8" -- export "$run" -o "$work/x.c" --float 0
expect 2 "floats in floats" "--float requires --int8" -- eval "$run" --on device --float 0
expect 1 "a name that is no word of C" "the name '1 net' is no word of C" -- export "$run" -o "$work/x.c" --name '1 net'
expect 1 "options that are for ONNX" "these options apply to .onnx only" -- export "$run" -o "$work/x.c" --fold
expect 1 "a name for ONNX" "this option applies to .c" -- export "$run" -o "$work/x.onnx" --name net
expect 1 "a file name that C cannot include" "which #include cannot write" -- export "$run" -o "$work/a\"b.c"
expect 0 "a file name that is no word of C is made one" "-- 9 lives.c" -- export "$run" -o "$work/-- 9 lives.c"
check "and its functions have names" grep -q '___9_lives_predict' "$work/-- 9 lives.c"
expect 0 "a name is given" "x.c" -- export "$run" -o "$work/x.c" --name spoken
check "and used" grep -q '#define SPOKEN_SAMPLES 6000' "$work/x.h"

expect 0 "what a net needs is said" "memory         3016 bytes" "8 bits" -- summary fsdd-mfcc --on device --int8
expect 0 "and as JSON" '"kernel": "spectrum"' -- summary fsdd-mfcc --on device --json
expect 0 "with layers in floats" "6 7            conv        floats" -- summary fsdd-mfcc --on device --int8 --float 6
expect 1 "which have to be there" "no layer '99' is computed on a device" -- summary fsdd-mfcc --on device --int8 --float 99
expect 2 "they are those beside 8-bit numbers" "--float requires --int8" -- summary fsdd-mfcc --on device --float 6
expect 2 "8-bit numbers of a summary are a device's" "--int8 requires --on device" -- summary fsdd-mfcc --int8

# Its self-test runs first.
if command -v make >/dev/null; then
    cp -r examples/device "$work/example"
    make_example() { make -s -C "$work/example" CC="$CC" CONVO="$CONVO" RUN="$run"; }
    check "the example is built as its Makefile says" make_example
    # shellcheck disable=SC2016 # of the inner shell
    check "it passes its self-test and hears silence to the end" sh -c 'head -c 40000 /dev/zero | "$0"' "$work/example/digits"
else
    skip "the example is built as its Makefile says" "make is not installed"
fi

# What is not the file's own would be found by a linker.
if command -v nm >/dev/null && built digits few "$CC" -std=c99 -O2; then
    "$CC" -std=c99 -O2 -c "$work/digits.c" -o "$work/digits.o"
    check "an exported file calls nothing but memcpy and memset" sh -c \
        'test -z "$(nm -u "$0" | grep -vE " (memcpy|memset|_GLOBAL_OFFSET_TABLE_)$")"' "$work/digits.o"
fi
finish
