# Files that lie, through every command that reads some. tests/fuzz/hostile.py has the rules; more of them, with a
# sanitizer: python3 tests/fuzz/hostile.py build/asan/convo runs/hostile 600
. tests/cli/expect.sh

command -v python3 >/dev/null || {
    skip "hostile files end in a result or a sentence, twice the same" "python3 is not installed"
    finish
}
check "hostile files end in a result or a sentence, twice the same" \
    env PYTHONDONTWRITEBYTECODE=1 python3 tests/fuzz/hostile.py "$CONVO" "$work/hostile" 72
finish
