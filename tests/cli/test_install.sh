# The installed library is enough to build against, from an empty folder: with CMake's find_package and with pkg-config
# alone, shared and static, from C and C++. Uninstalling leaves nothing.
. tests/cli/expect.sh
if [ "${SANITIZED:--1}" -ge 0 ]; then
    skip "the installed library builds the examples" "a build with sanitizers is not for installing"
    finish
fi
: "${CC:=cc}" "${CXX:=c++}"
prefix=$work/prefix
cmake --install "$BUILD" --prefix "$prefix" >"$work/install.txt" 2>&1 || cat "$work/install.txt"
pc=$(find "$prefix" -name convo.pc)
libraries=$(dirname "$(dirname "${pc:-$prefix/lib/pkgconfig/none}")")
small_data
recipe 's/epochs: 3/epochs: 1/' >"$work/digits.yaml"
one=$PWD/data/fsdd/1_theo_0.flac

check "the header is installed" test -s "$prefix/include/convo.h"
check "the command is installed" "$prefix/bin/convo" --version
check "the manual pages are installed" test -s "$prefix/share/man/man1/convo-train.1"
check "bash finds its completion" test -s "$prefix/share/bash-completion/completions/convo"
check "zsh finds its completion" test -s "$prefix/share/zsh/site-functions/_convo"
check "and finds the recipes where they were put" sh -c "cd '$work' && '$prefix/bin/convo' summary fsdd-mfcc"
check "the recordings are installed" test -s "$prefix/share/convo/data/fsdd/1_theo_0.flac"

# One second of silence and one of noise, as 16-bit samples.
{ head -c 16000 /dev/zero && head -c 16000 "$prefix/bin/convo"; } >"$work/samples"
# FOLDER: train a model, name a recording, listen to samples, score the model
programs_work() (
    cd "$1" && unset LD_LIBRARY_PATH && ./train "$work/digits.yaml" "$work/small" digits.safetensors &&
        ./predict digits.safetensors "$one" && ./listen digits.safetensors 8000 <"$work/samples" >heard &&
        [ -e heard ] && { [ ! -e score ] || ./score digits.safetensors "$work/small"; }
)
# FOLDER TARGET: the CMake project of the examples, in a folder where nothing else is
with_cmake() {
    cp -r examples "$1" && sed -i "s/convo::convo/$2/" "$1/CMakeLists.txt" &&
        cmake -S "$1" -B "$1/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" &&
        cmake --build "$1/build"
}
# FOLDER FLAG...: the same without CMake
with_flags() (
    mkdir "$1" && cp examples/*.c* "$1" && cd "$1" || exit 1
    shift
    for example in train predict listen; do
        $CC -Wall -Wextra -Werror $example.c -o $example "$@" || exit 1
    done
    [ -z "$have_cxx" ] || $CXX -std=c++17 -Wall -Wextra -Werror score.cpp -o score "$@"
)
# Only the installed convo.pc is seen: a program against the shared library needs no other.
flags() { PKG_CONFIG_LIBDIR=$libraries/pkgconfig pkg-config "$@" convo; }

have_cxx=
if command -v "$CXX" >/dev/null; then
    have_cxx=yes
    check "find_package(convo) builds the examples" with_cmake "$work/empty" convo::convo
    check "they work" programs_work "$work/empty/build"
else
    skip "find_package(convo) builds the examples" "there is no C++ compiler"
fi
# shellcheck disable=SC2046 # flags are words
check "pkg-config builds the examples" with_flags "$work/plain" $(flags --cflags --libs) \
    "-Wl,-rpath,$(flags --variable=libdir)"
check "they start wherever the library is, and work" programs_work "$work/plain"
if [ -e "$libraries/libconvo.so" ]; then
    # shellcheck disable=SC2046
    check "pkg-config --static builds them" with_flags "$work/static" \
        $(flags --static --cflags --libs | sed 's/-lconvo/-l:libconvo.a/')
    check "they work without the library" programs_work "$work/static"
    [ -z "$have_cxx" ] || check "convo::convo_static builds them" with_cmake "$work/empty2" convo::convo_static
fi

uninstall() { cmake --build "$BUILD" --target uninstall; }
rests() { find "$prefix" ! -type d -o -name '*convo*' | grep . && return 1 || return 0; }
check "uninstall" uninstall
check "leaves nothing" rests
finish
