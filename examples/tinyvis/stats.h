/* SPDX-License-Identifier: MIT */
/* Times, and what they come to. */
#ifndef TINYVIS_TOOL_STATS_H
#define TINYVIS_TOOL_STATS_H

#include "json.h"

/* Milliseconds of a clock that never goes back. */
double stats_now_ms(void);
/* Milliseconds that processors worked for this process, of all its threads. */
double stats_cpu_ms(void);

/* Milliseconds. A percentile p is the nearest rank: the smallest value that at least p % of them do not exceed. std is
 * the sample's (n - 1), 0 for one value. */
typedef struct latencies {
    double p50, p95, p99, mean, min, std;
} latencies;

/* Sorts ms; n > 0. */
latencies stats_latencies(double *ms, size_t n);
/* p50_ms … std_ms as members of the object that is open. */
void stats_json(json *j, const latencies *l);

/* Place of the right class among the logits, 0 is the best; equal ones by lower index. */
uint32_t stats_rank(const float *logits, uint32_t classes, uint32_t right);

/* Of a classifier's answers for one class against all others. */
typedef struct scored {
    double score;
    bool positive;
} scored;
typedef struct roc {
    double auc;         /* probability that a positive scores over a negative; ties count half */
    double threshold;   /* score >= threshold says "positive"; where sensitivity + specificity is largest */
    double sensitivity; /* at that threshold, 0 … 1 */
    double specificity;
} roc;

/* Sorts s. At least one is positive and one is not. */
roc stats_roc(scored *s, size_t n);

#endif
