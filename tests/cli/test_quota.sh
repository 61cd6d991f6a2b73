# Threads follow the processor quota of a container: tried in a control group, where this system lets one be made.
. tests/cli/expect.sh

group=
trap '[ -z "$group" ] || rmdir "$group"; rm -rf "$work"' EXIT

# Makes a group and sets its quota to $1 microseconds in 100,000.
limit() {
    if [ -e "$group/cpu.max" ]; then echo "$1 100000" >"$group/cpu.max"; else
        echo 100000 >"$group/cpu.cfs_period_us" && echo "$1" >"$group/cpu.cfs_quota_us"
    fi
}
for mount in /sys/fs/cgroup/cpu /sys/fs/cgroup/cpu,cpuacct /sys/fs/cgroup /sys/fs/cgroup/unified; do
    group=$mount/convo-test-$$
    mkdir "$group" 2>"$work/err" && limit 100000 2>"$work/err" && break
    rmdir "$group" 2>"$work/err"
    group=
done

inside() { # COMMAND...: in the group
    sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@"
}
threads() { # NUMBER: what a run uses by itself, in the group
    inside "$CONVO" bench recipes/moons.yaml --seconds 0.001 --json --quiet >"$work/json" && grep -q "\"threads\": $1," "$work/json"
}

if [ -z "$group" ]; then
    skip "threads follow a quota" "no control group with a quota can be made here"
else
    check "a quota of one processor is one thread" threads 1
    if [ "$(nproc)" -ge 2 ]; then
        check "a quota is rounded up" eval 'limit 110000 && threads 2'
        check "a quota above the processors changes nothing" eval "limit 90000000 && threads $(nproc)"
    else
        skip "a quota is rounded up" "one processor"
    fi
fi
finish
