#!/bin/sh
# analyse.sh TOOL...: builds and tests as the tool wants it; the last line says whether it found something. From the root:
#
#   sh tests/analyse.sh asan tsan clang ndebug debug valgrind tidy cppcheck
#
# asan: address, leak and undefined behaviour sanitizers; tsan: threads; clang: the other compiler; ndebug, debug: with and
# without -DNDEBUG; valgrind: the quick programs, every error counts; tidy: clang-tidy by .clang-tidy; cppcheck.
# Builds are kept in build/analyse/TOOL. JOBS and TESTS (a regular expression of ctest) may be set.
set -e
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
none='^$'

need() { command -v "$1" >/dev/null || { echo "$1 is not installed"; exit 1; }; }
configure() { # FOLDER OPTION...
    folder=build/analyse/$1
    shift
    mkdir -p "$folder"
    cmake -S . -B "$folder" -DCONVO_WERROR=ON "$@" >"$folder/configure.log"
}
build() {
    cmake --build "$folder" --parallel "$jobs" >"$folder/build.log" 2>&1 || { cat "$folder/build.log"; exit 1; }
}
run_tests() { sh tests/run.sh "$folder" -R "${TESTS:-.}" -E "${1:-$none}"; }

asan() {
    configure asan -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        "-DCMAKE_C_FLAGS=-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
    build
    run_tests
}
# The programs that start threads, and training with three. gnuplot and the like are not looked at.
tsan() {
    configure tsan -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_C_FLAGS=-fsanitize=thread -fno-omit-frame-pointer"
    build
    TSAN_OPTIONS="halt_on_error=1 exitcode=66" "$folder/convo" train fsdd-mfcc --set epochs=2 --threads 3 \
        --out "$folder/run" --force
    TESTS=${TESTS:-base|net|train|model|ops|cache|finetune|cli_train} run_tests
}
clang() {
    need clang
    CC=clang configure clang -DCMAKE_BUILD_TYPE=Release
    build
    run_tests
}
ndebug() {
    configure ndebug -DCMAKE_BUILD_TYPE=Release "-DCMAKE_C_FLAGS=-DNDEBUG"
    build
    run_tests
}
debug() {
    configure debug -DCMAKE_BUILD_TYPE=Debug
    build
    run_tests
}
# Programs that take seconds. Not base: valgrind does not flush denormals to zero, which is tested there. It knows no
# AVX-512, so that detection gives AVX2.
valgrind() {
    need valgrind
    configure valgrind -DCMAKE_BUILD_TYPE=RelWithDebInfo
    build
    for name in ${TESTS:-hash npy random recipe safetensors sound audio cache net plan optimizer edges model}; do
        echo "$name"
        command valgrind -q --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite,indirect \
            --show-leak-kinds=definite,indirect --suppressions=tests/valgrind.supp \
            "$folder/tests/test_$name" >"$folder/$name.log" 2>&1 || { cat "$folder/$name.log"; exit 1; }
    done
}
tidy() {
    need clang-tidy
    CC=clang configure tidy -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
    cmake --build "$folder" --parallel "$jobs" --target convo_cli >"$folder/build.log" 2>&1 # generated headers
    # One instruction set of each layer is enough.
    find src cli -name '*.c' | sort | xargs -P "$jobs" -n 1 clang-tidy -p "$folder" --quiet --warnings-as-errors='*' \
        2>"$folder/tidy.err"
}
cppcheck() {
    need cppcheck
    mkdir -p build/analyse/cppcheck
    # Not asked for: uninitvar takes what a loop or a called function fills for unset (valgrind and gcc look for that), and
    # invalidPointerCast does not know that conv.c shares scratch memory out.
    command cppcheck --std=c11 --language=c --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --quiet -j "$jobs" --cppcheck-build-dir=build/analyse/cppcheck -I include -I src -DLANES=4 -DCV_REAL=float \
        -DCV_ISA=baseline -DTILE_ROWS=4 -DTILE_COLUMNS=3 \
        --suppress=uninitvar --suppress=invalidPointerCast --suppress=missingInclude --suppress=unknownMacro src cli
}

[ $# -gt 0 ] || { sed -n '2,/^set/{/^#/p;}' "$0"; exit 2; }
for tool in "$@"; do
    case $tool in
    asan | tsan | clang | ndebug | debug | valgrind | tidy | cppcheck) "$tool" && echo "$tool: nothing found" ;;
    *) echo "unknown tool: $tool"; exit 2 ;;
    esac
done
