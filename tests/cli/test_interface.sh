# include/convo.h is what the library is: it compiles alone, in C and C++, and what it declares is what is exported.
. tests/cli/expect.sh
declared() { sed -n 's/^CONVO_API .*[ *]\(convo_[a-z0-9_]*\)(.*/\1/p' include/convo.h | sort; }
defined() { nm -g --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort; }

printf '#include <convo.h>\n' >"$work/alone.c"
cp "$work/alone.c" "$work/alone.cpp"
alone() { "$1" "-std=$2" -pedantic-errors -Wall -Wextra -Werror -Iinclude -fsyntax-only "$work/alone.$3"; }
for compiler in gcc clang; do
    for standard in c11 c17; do
        name="the header compiles alone with $compiler, $standard"
        if command -v $compiler >/dev/null; then
            check "$name" alone $compiler $standard c
        else
            skip "$name" "there is no $compiler"
        fi
    done
done
for compiler in g++ clang++; do
    name="the header compiles alone with $compiler, c++17"
    if command -v $compiler >/dev/null; then
        check "$name" alone $compiler c++17 cpp
    else
        skip "$name" "there is no $compiler"
    fi
done

declared >"$work/declared"
check "every function is seen by this test" sh -c 'test "$(wc -l <"$0")" -eq "$(grep -c "^CONVO_API" include/convo.h)"' \
    "$work/declared"
name="the shared library exports what the header declares, and nothing else"
if [ -e "$BUILD/libconvo.so" ]; then
    defined -D "$BUILD/libconvo.so" >"$work/exported"
    check "$name" diff "$work/declared" "$work/exported"
else
    skip "$name" "this build has none"
fi

# onnx__: what protobuf-c makes of the format.
foreign() { defined "$BUILD/libconvo.a" | grep -vE '^(convo_|cv_|onnx__)' && return 1 || return 0; }
if [ "${SANITIZED:--1}" -ge 0 ]; then
    skip "the static library takes no other names than its own" "sanitizers bring some along"
else
    check "the static library takes no other names than its own" foreign
fi
finish
