/* SPDX-License-Identifier: MIT */
#include "quant/range_hosted.h"

#include <math.h>

enum { LEVELS = 256, BINS = TVIS_RANGE_BINS };

bool tvis_statistics_add(tvis_statistics *s, const float *x, size_t n)
{
    float min = x[0], max = x[0];
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return false;
        min = x[i] < min ? x[i] : min;
        max = x[i] > max ? x[i] : max;
    }
    s->min = s->pictures && s->min < min ? s->min : min;
    s->max = s->pictures && s->max > max ? s->max : max;
    s->pictures++;
    s->mean_min += ((double)min - s->mean_min) / s->pictures;
    s->mean_max += ((double)max - s->mean_max) / s->pictures;
    return true;
}

static double bin_width(const tvis_statistics *s)
{
    return ((double)s->max - (double)s->min) / BINS;
}

void tvis_statistics_count(tvis_statistics *s, const float *x, size_t n)
{
    const double width = bin_width(s), each = width > 0.0 ? 1.0 / width : 0.0;
    for (size_t i = 0; i < n; i++) {
        if (!(x[i] > 0.0f || x[i] < 0.0f)) {
            s->zeros++;
            continue;
        }
        const double at = ((double)x[i] - (double)s->min) * each;
        s->bins[at < BINS - 1 ? (int32_t)at : BINS - 1]++;
    }
}

bool tvis_observer_counts(uint8_t observer)
{
    return observer != TVIS_OBSERVER_MINMAX && observer != TVIS_OBSERVER_AVERAGE;
}

/* Values in bins. */
static uint64_t total(const tvis_statistics *s)
{
    uint64_t n = 0;
    for (int i = 0; i < BINS; i++)
        n += s->bins[i];
    return n;
}

/* Cuts off half of 100 - percentile per cent at each end. */
static tvis_range by_percentile(const tvis_statistics *s, double percentile)
{
    const double cut = (double)(total(s) + s->zeros) * (100.0 - percentile) / 200.0, width = bin_width(s);
    uint64_t below = 0, above = 0;
    int first = 0, last = BINS - 1;
    while (first < last && (double)(below + s->bins[first]) <= cut)
        below += s->bins[first++];
    while (last > first && (double)(above + s->bins[last]) <= cut)
        above += s->bins[last--];
    return (tvis_range){ (double)s->min + first * width, (double)s->min + (last + 1) * width };
}

/* Mean square error of 256 levels over [r.lo, r.hi]: rounding inside, clipping outside. */
static double square_error(const tvis_statistics *s, tvis_range r)
{
    const double step = (r.hi - r.lo) / (LEVELS - 1), width = bin_width(s);
    double sum = 0.0;
    for (int i = 0; i < BINS; i++) {
        const double x = (double)s->min + (i + 0.5) * width;
        const double e = x < r.lo ? r.lo - x : x > r.hi ? x - r.hi : 0.0;
        sum += (double)s->bins[i] * (e * e + step * step / 12.0);
    }
    return sum;
}

/* Kullback-Leibler divergence of the counts, with what is clipped added to the outermost bins, from the same counts
 * spread evenly within each level. One is added to every count, so that no bin is empty. */
static double divergence(const tvis_statistics *s, tvis_range r)
{
    const double step = (r.hi - r.lo) / LEVELS, width = bin_width(s), n = (double)total(s) + BINS;
    double mass[LEVELS] = { 0.0 }, used[LEVELS] = { 0.0 }, clipped[2] = { 0.0, 0.0 }, sum = 0.0;
    int level[BINS], first = BINS, last = -1;
    for (int i = 0; i < BINS; i++) {
        const double at = floor(((double)s->min + (i + 0.5) * width - r.lo) / step), count = (double)s->bins[i] + 1.0;
        level[i] = at < 0.0 ? -1 : at < LEVELS ? (int)at : LEVELS;
        if (level[i] < 0 || level[i] == LEVELS) {
            clipped[level[i] == LEVELS] += count;
            continue;
        }
        mass[level[i]] += count;
        used[level[i]] += 1.0;
        first = i < first ? i : first;
        last = i;
    }
    for (int i = first; i <= last; i++) {
        const double p = (double)s->bins[i] + 1.0 + (i == first ? clipped[0] : 0.0) + (i == last ? clipped[1] : 0.0);
        sum += p / n * log(p / (mass[level[i]] / used[level[i]]));
    }
    return last < first ? INFINITY : sum;
}

/* The best of the full range and 63 shrunken ones. */
static tvis_range by_search(const tvis_statistics *s, double (*cost)(const tvis_statistics *, tvis_range))
{
    tvis_range best = { fmin((double)s->min, 0.0), fmax((double)s->max, 0.0) };
    const tvis_range full = best;
    double least = cost(s, full);
    for (int i = 1; i < 64; i++) {
        const tvis_range r = { full.lo * (1.0 - i / 64.0), full.hi * (1.0 - i / 64.0) };
        const double c = cost(s, r);
        if (c < least) {
            least = c;
            best = r;
        }
    }
    return best;
}

tvis_range tvis_statistics_range(const tvis_statistics *s, uint8_t observer, double percentile)
{
    tvis_range r = { (double)s->min, (double)s->max };
    if (observer == TVIS_OBSERVER_AVERAGE)
        r = (tvis_range){ s->mean_min, s->mean_max };
    else if (s->min < s->max && observer == TVIS_OBSERVER_PERCENTILE)
        r = by_percentile(s, percentile);
    else if (s->min < s->max && observer == TVIS_OBSERVER_MSE)
        r = by_search(s, square_error);
    else if (s->min < s->max && observer == TVIS_OBSERVER_ENTROPY)
        r = by_search(s, divergence);
    return (tvis_range){ fmin(r.lo, 0.0), fmax(r.hi, 0.0) };
}
