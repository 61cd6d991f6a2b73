// The processor quota of a container: Linux's control groups, version 1 (cpu.cfs_quota_us and cpu.cfs_period_us) and
// version 2 (cpu.max). A group has at most the time of the groups above it. What a container sees as its root may be
// mounted in place of the path that it is told, so paths that are not there are skipped.
//   Documentation/admin-guide/cgroup-v2.rst, Documentation/scheduler/sched-bwc.rst (Linux)
#include "base/cpu.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

// Processors, or `most` where the file says no number, or less than nothing. two: quota and period stand in two files.
static double read_quota(const char *folder, bool two, double most) {
    char path[PATH_SIZE + 32];
    double quota = -1, period = -1;
    snprintf(path, sizeof path, "%s/%s", folder, two ? "cpu.cfs_quota_us" : "cpu.max");
    FILE *file = fopen(path, "r");
    if (!file) return most;
    if (fscanf(file, two ? "%lf" : "%lf %lf", &quota, &period) < 1) quota = -1; // "max"
    fclose(file);
    if (two) {
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
        if (!(file = fopen(path, "r"))) return most;
        if (fscanf(file, "%lf", &period) != 1) period = -1;
        fclose(file);
    }
    return quota > 0 && period > 0 && quota / period < most ? quota / period : most;
}

// The least of a group and of those above it.
static double quota_of(const char *mount, const char *group, bool two, double most) {
    char folder[PATH_SIZE];
    const int length = snprintf(folder, sizeof folder, "%s%s", mount, group);
    if (length < 0 || length >= (int)sizeof folder) return most;
    for (;;) {
        most = read_quota(folder, two, most);
        char *last = strrchr(folder, '/');
        if (!last || strlen(folder) <= strlen(mount)) return most;
        *last = 0;
    }
}

// "4:cpu,cpuacct:/docker/12ab" or "0::/user.slice": does the list of controllers name that of processors?
static bool names_cpu(const char *list, size_t length) {
    for (const char *end = list + length; list < end;) {
        const size_t word = strcspn(list, ",:");
        if (word == 3 && strncmp(list, "cpu", word) == 0) return true;
        list += word + 1;
    }
    return false;
}

double cv_cpu_quota(const char *root) {
    static const char *const first[] = {"cpu", "cpu,cpuacct"}, *const second[] = {"", "unified"};
    const double none = 1e9;
    char line[PATH_SIZE], path[PATH_SIZE];
    double least = none;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        char *const list = strchr(line, ':'), *const group = list ? strchr(list + 1, ':') : NULL;
        if (!group) continue;
        const size_t length = (size_t)(group - list) - 1;
        if (length && !names_cpu(list + 1, length)) continue;
        group[1 + strcspn(group + 1, "\n")] = 0;
        for (int k = 0; k < 2; k++) {
            const char *mount = length ? first[k] : second[k];
            snprintf(path, sizeof path, "%s/sys/fs/cgroup%s%s", root, *mount ? "/" : "", mount);
            least = quota_of(path, group + 1, length > 0, least);
        }
    }
    fclose(file);
    return least < none ? least : 0;
}
