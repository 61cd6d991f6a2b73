// How well words are spotted: what was heard against what was said, at one threshold and at all of them.
#pragma once

#include "base/base.h"

// Where a word is said, in seconds.
typedef struct cv_said {
    double start, end;
} cv_said;

// A recording, as far as one class is concerned. Hop k ends at first + k * hop seconds.
typedef struct cv_spotted {
    const float *score; // [hops] the smoothed probability of the class
    int64_t hops;
    double first, hop;
    double seconds;      // of the recording
    const cv_said *said; // [count] by start
    int64_t count;
} cv_spotted;

// What counts: an event needs the threshold, a gap since the one before and, if there is a reset level, a score below
// it since then. A word is hit once, by its first event within [start, end + slack]; every other event is a false
// accept.
typedef struct cv_spotting_rule {
    int32_t gap; // hops
    float reset; // 0: none
    double slack;
} cv_spotting_rule;

typedef struct cv_spotting_tally {
    int64_t hits, false_accepts;
} cv_spotting_tally;

// An event: of which recording, at which of its hops, and which word it hits; -1: none.
typedef void cv_on_spotted(void *user, size_t recording, int64_t hop, int64_t word);

// Counts at several thresholds at once, [thresholds]. on_event: may be NULL; for one threshold.
convo_status cv_spotting_count(const cv_spotted *recording, size_t recordings, const cv_spotting_rule *rule,
                               const float *threshold, size_t thresholds, cv_spotting_tally *tally,
                               cv_on_spotted *on_event, void *user, convo_error *err);
// The thresholds at which something changes, the highest first: the peaks of the scores, each the highest within half a
// gap. Of more than 512, the lower ones are thinned out. The caller frees *threshold. There may be none.
convo_status cv_spotting_thresholds(const cv_spotted *recording, size_t recordings, const cv_spotting_rule *rule,
                                    float **threshold, size_t *thresholds, convo_error *err);
// Seconds in which the word is not said, nor has its slack: where an event can only be a false accept.
double cv_spotting_rest(const cv_spotted *recording, size_t recordings, double slack);
// Returns the threshold with the most hits of those at which at most so many false accepts fall into an hour: the middle of
// those where that is so, the lowest ones that lie side by side. At a high threshold a word may be heard too late, a miss
// and a false accept: not all thresholds above a good one are good.
float cv_spotting_choose(const float *threshold, const cv_spotting_tally *tally, size_t thresholds, double hours,
                         double most_per_hour);
// The value below which a share of the values lies, between neighbours in a straight line; sorts them. NaN: none.
double cv_quantile(double *value, int64_t count, double share);
