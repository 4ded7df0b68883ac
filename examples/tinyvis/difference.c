/* SPDX-License-Identifier: MIT */
#include "difference.h"

#include <math.h>

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
