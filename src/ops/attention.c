/* SPDX-License-Identifier: MIT */
#include "ops/attention.h"
#include "core/math.h"
#include "core/port.h"

#include <float.h>

#define QUERIES 16
#define KEYS    16

static float dot(const float *a, const float *b, int32_t n)
{
    float sum = 0.0f;
    for (int32_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* One query against one block of keys. *max and *sum are of the scores so far; y is the sum of v, each times
 * e^(score - max). */
static void step(const tvis_attention_f32_args *a, const float *q, int32_t first, int32_t keys, float *y, float *max,
                 float *sum)
{
    float *score = a->scratch, top = *max;
    for (int32_t j = 0; j < keys; j++) {
        score[j] = dot(q, a->k + (ptrdiff_t)(first + j) * a->ld, a->d) * a->scale;
        top = score[j] > top ? score[j] : top;
    }
    const float rescale = tvis_expf(*max - top);
    *sum *= rescale;
    for (int32_t i = 0; i < a->d; i++)
        y[i] *= rescale;
    for (int32_t j = 0; j < keys; j++) {
        const float weight = tvis_expf(score[j] - top), *v = a->v + (ptrdiff_t)(first + j) * a->ld;
        *sum += weight;
        for (int32_t i = 0; i < a->d; i++)
            y[i] += weight * v[i];
    }
    *max = top;
}

/* Keys outside and queries inside: a block of keys is read once. */
void tvis_attention_f32_c(const tvis_attention_f32_args *a)
{
    float *max = a->scratch + KEYS, *sum = max + QUERIES;
    for (int32_t i = 0; i < a->queries; i++) {
        max[i] = -FLT_MAX;
        sum[i] = 0.0f;
        for (int32_t k = 0; k < a->d; k++)
            a->y[(ptrdiff_t)i * a->ldy + k] = 0.0f;
    }
    for (int32_t j = 0; j < a->keys; j += KEYS)
        for (int32_t i = 0; i < a->queries; i++)
            step(a, a->q + (ptrdiff_t)i * a->ld, j, a->keys - j < KEYS ? a->keys - j : KEYS,
                 a->y + (ptrdiff_t)i * a->ldy, &max[i], &sum[i]);
    for (int32_t i = 0; i < a->queries; i++)
        for (int32_t k = 0; k < a->d; k++)
            a->y[(ptrdiff_t)i * a->ldy + k] /= sum[i];
}

const tvis_attention_f32_variant tvis_attention_f32[] = {
    { { "128x32_avx512", TVIS_CPU_AVX512, TVIS_PACK_PLAIN, 0, 128, 32 },
      64,
      TVIS_IF_X86(tvis_attention_f32_128x32_avx512) },
    { { "128x16_avx2", TVIS_CPU_AVX2, TVIS_PACK_PLAIN, 0, 128, 16 }, 64, TVIS_IF_X86(tvis_attention_f32_128x16_avx2) },
    { { "64x8_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 64, 8 }, 32, TVIS_IF_AARCH64(tvis_attention_f32_64x8_neon) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, QUERIES, 1 }, KEYS, tvis_attention_f32_c },
    { { NULL, 0, 0, 0, 0, 0 }, 0, NULL },
};

/* C: scores of one query, then each query's maximum and sum. The others (attention_vec.h): copies of a block of k and
 * v, a panel's scores and rescaling, then each query's q, sum of v, maximum and sum of weights. */
uint64_t tvis_attention_f32_scratch(const tvis_attention_f32_variant *v, int32_t d)
{
    const uint64_t keys = v->keys, queries = v->k.mr, panel = v->k.nr;
    return panel == 1 ? keys + 2 * queries
                      : 2 * keys * (uint64_t)d + panel * (keys + 1) + queries * (2 * (uint64_t)d + 2);
}
