# One line of tests/matrix.sh: nothing that is optional.
. tests/cli/expect.sh
name="it builds and passes without anything optional"
if [ "${SANITIZED:--1}" -ge 0 ]; then
    skip "$name" "a build with sanitizers is not for this"
else
    check "$name" sh tests/matrix.sh "$BUILD/matrix" all-off
    [ "$failed" -eq 0 ] || cat "$BUILD/matrix/all-off.log"
fi
finish
