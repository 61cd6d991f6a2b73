#!/bin/sh
# matrix.sh FOLDER [LINE...]: builds in FOLDER/LINE and runs the quick tests for each line of the matrix; without lines, for
# all of them. A line is what is left out, what is built, or by whom:
#   everything   all-off   without-NAME   static   ndebug   a compiler, such as gcc-11 or clang
# The outcome of each is one line; the exit status says whether all passed. Logs: FOLDER/LINE.log.
cd "$(dirname "$0")/.." || exit 1
folder=${1:?a folder to build in}
shift

optional=$(sed -nE 's/^convo_(optional|loaded)\(([A-Z0-9]*).*/\2/p; s/^option\(CONVO_WITH_([A-Z0-9]*) .*/\1/p' cmake/*.cmake)
compilers=$(for v in '' $(seq -f -%g 10 30); do for c in gcc clang; do command -v "$c$v"; done; done | sed 's,.*/,,')
all_lines() {
    echo everything all-off
    for name in $optional; do echo "without-$name"; done
    echo static ndebug
    echo "$compilers"
}

# What CMake is told about a line. `plain` is no build type that CMake knows, so NDEBUG is not set.
options() { # LINE
    case $1 in
    everything) ;;
    all-off) for name in $optional; do echo "-DCONVO_WITH_$name=OFF"; done ;;
    without-*) echo "-DCONVO_WITH_${1#without-}=OFF" ;;
    static) echo -DBUILD_SHARED_LIBS=OFF ;;
    ndebug) echo -DCMAKE_BUILD_TYPE=Release ;;
    gcc* | clang*) echo "-DCMAKE_C_COMPILER=$1" ;;
    *) return 1 ;;
    esac
}

try() { # LINE
    given=$(options "$1") || { echo "there is no line $1" && return 1; }
    ninja=$(command -v ninja >/dev/null && echo "-GNinja")
    # shellcheck disable=SC2086 # lists of words
    cmake $ninja -S . -B "$folder/$1" -DCMAKE_BUILD_TYPE=plain -DCMAKE_C_FLAGS=-O2 $given &&
        cmake --build "$folder/$1" --parallel "$(getconf _NPROCESSORS_ONLN)" && sh tests/run.sh "$folder/$1" -LE long
}

mkdir -p "$folder"
bad=0
for line in ${*:-$(all_lines)}; do
    if try "$line" >"$folder/$line.log" 2>&1; then word=ok; else word=FAILED bad=1; fi
    printf '%-20s %-7s %s\n' "$line" $word "$(tail -n 1 "$folder/$line.log")"
done
exit $bad
