/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

double stats_now_ms(void)
{
    struct timespec t = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

double stats_cpu_ms(void)
{
    struct timespec t = { 0 };
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* as above */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double nearest_rank(const double *sorted, size_t n, unsigned percent)
{
    size_t rank = (n * percent + 99) / 100;
    return sorted[rank ? rank - 1 : 0];
}

latencies stats_latencies(double *ms, size_t n)
{
    latencies l = { 0 };
    double squares = 0;
    qsort(ms, n, sizeof *ms, by_value);
    for (size_t i = 0; i < n; i++)
        l.mean += ms[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (ms[i] - l.mean) * (ms[i] - l.mean);
    l.std = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    l.p50 = nearest_rank(ms, n, 50);
    l.p95 = nearest_rank(ms, n, 95);
    l.p99 = nearest_rank(ms, n, 99);
    l.min = ms[0];
    return l;
}

void stats_json(json *j, const latencies *l)
{
    json_number(j, "p50_ms", l->p50);
    json_number(j, "p95_ms", l->p95);
    json_number(j, "p99_ms", l->p99);
    json_number(j, "mean_ms", l->mean);
    json_number(j, "min_ms", l->min);
    json_number(j, "std_ms", l->std);
}

static int by_score_down(const void *a, const void *b)
{
    double x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x < y) - (x > y);
}

roc stats_roc(scored *s, size_t n)
{
    roc r = { 0 };
    size_t positives = 0, found = 0;
    double best = -1, pairs = 0; /* pairs: a positive over a negative */
    qsort(s, n, sizeof *s, by_score_down);
    for (size_t i = 0; i < n; i++)
        positives += s[i].positive;
    const double p = (double)positives, q = (double)(n - positives);
    for (size_t i = 0, end; i < n; i = end) {
        size_t tied = 0;
        for (end = i; end < n && s[end].score >= s[i].score; end++)
            tied += s[end].positive;
        double others = (double)(end - i - tied); /* negatives among the equal ones */
        pairs += others * ((double)found + (double)tied / 2);
        found += tied;
        double sensitivity = (double)found / p, specificity = 1 - (double)(end - found) / q;
        if (sensitivity + specificity - 1 > best) {
            best = sensitivity + specificity - 1;
            r.threshold = s[i].score;
            r.sensitivity = sensitivity;
            r.specificity = specificity;
        }
    }
    r.auc = pairs / (p * q);
    return r;
}

uint32_t stats_rank(const float *logits, uint32_t classes, uint32_t right)
{
    uint32_t rank = 0;
    for (uint32_t i = 0; i < classes; i++)
        rank += logits[i] > logits[right] || (!(logits[i] < logits[right]) && i < right);
    return rank;
}
