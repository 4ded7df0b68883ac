/* SPDX-License-Identifier: MIT */
#include "core/math.h"

#include <tinyvis/session.h>

#include <float.h>

/* What is not a number counts as the smallest. */
static float key(float x)
{
    return x == x ? x : -FLT_MAX;
}

/* The best index that comes after `last` in the order of falling logits and rising indices. */
static uint32_t next_best(const float *logits, uint32_t n, const uint32_t *last)
{
    uint32_t best = n;
    for (uint32_t i = 0; i < n; i++) {
        float x = key(logits[i]);
        if (last && (x > key(logits[*last]) || (!(x < key(logits[*last])) && i <= *last)))
            continue;
        if (best == n || x > key(logits[best]))
            best = i;
    }
    return best;
}

void tvis_top_k(const float *logits, uint32_t n, uint32_t k, uint32_t *index, float *prob)
{
    for (uint32_t i = 0; i < k; i++)
        index[i] = next_best(logits, n, i ? &index[i - 1] : NULL);
    float sum = 0.0f;
    for (uint32_t i = 0; i < n; i++)
        sum += tvis_expf(logits[i] - logits[index[0]]);
    for (uint32_t i = 0; i < k; i++)
        prob[i] = tvis_expf(logits[index[i]] - logits[index[0]]) / sum;
}
