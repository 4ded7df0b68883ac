/* SPDX-License-Identifier: MIT */
#include "difference.h"

#include <math.h>
#include <stdlib.h>

void difference_add(difference *s, const float *a, const float *b, size_t n)
{
    double aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < n; i++) {
        double x = (double)a[i], y = (double)b[i];
        aa += x * x;
        bb += y * y;
        ab += x * y;
        s->noise += (x - y) * (x - y);
    }
    s->signal += aa;
    s->cosine += aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : aa > 0 || bb > 0 ? 0 : 1;
    s->pictures++;
}

bool channels_add(channel_sums *s, const float *a, const float *b, size_t n, size_t channels)
{
    if (!s->aa) {
        s->aa = calloc(3 * channels, sizeof *s->aa);
        if (!s->aa)
            return false;
        s->bb = s->aa + channels;
        s->ab = s->bb + channels;
        s->channels = channels;
    }
    for (size_t i = 0; i < n; i += channels)
        for (size_t c = 0; c < channels; c++) {
            const double x = (double)a[i + c], y = (double)b[i + c];
            s->aa[c] += x * x;
            s->bb[c] += y * y;
            s->ab[c] += x * y;
        }
    return true;
}

void channels_finish(const channel_sums *s, difference *d)
{
    d->signal = d->noise = 0;
    for (size_t c = 0; c < s->channels; c++) {
        const double fits = s->bb[c] > 0 ? s->ab[c] * s->ab[c] / s->bb[c] : 0;
        d->signal += s->aa[c];
        d->noise += s->ab[c] > 0 ? fmax(s->aa[c] - fits, 0) : s->aa[c];
    }
}

void channels_free(channel_sums *s)
{
    free(s->aa);
    *s = (channel_sums){ 0 };
}

double difference_snr_db(const difference *s)
{
    if (s->pictures == 0 || isnan(s->noise))
        return (double)NAN;
    return s->noise > 0 ? 10 * log10(s->signal / s->noise) : (double)INFINITY;
}

double difference_cosine(const difference *s)
{
    return s->pictures ? s->cosine / (double)s->pictures : (double)NAN;
}
