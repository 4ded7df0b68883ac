/* SPDX-License-Identifier: MIT */
/* ARM11: limits by integers, as comparing floats waits for them. Sums that are not a number have the bits 0x7fc00000.
 */
#include "core/port.h"
#include "ops/sparse_gemm.h"

#include <float.h>

#if TVIS_LARGE_CODE
enum { WIDTH = 8 };

#define INFINITE 0x7f800000

static int32_t bits(float v)
{
    int32_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

/* Limits 0 … hi, of one pixel's sums. */
static void finish_positive(const int32_t *sums, int32_t rows, int32_t hi, int32_t *y)
{
    for (int32_t r = 0; r < rows; r++, sums += WIDTH) {
        const int32_t v = *sums & ~(*sums >> 31);
        *y++ = v > hi && v <= INFINITE ? hi : v;
    }
}

static void finish_open(const float *sums, int32_t rows, const float *add, float *y)
{
    for (int32_t r = 0; r < rows; r++, sums += WIDTH)
        *y++ = add ? *sums + *add++ : *sums;
}

void tvis_sparse_finish_vfp11(const tvis_gemm_f32_args *a, const tvis_sparse_tile *t, int32_t pixels, ptrdiff_t at)
{
    const bool open = a->lo <= -FLT_MAX && a->hi >= FLT_MAX;
    if (!open && (a->add || bits(a->lo) != 0 || bits(a->hi) < 0)) {
        tvis_sparse_finish_c(a, t, pixels, at);
        return;
    }
    for (int32_t i = 0; i < pixels; i++, at += a->ldy)
        if (open)
            finish_open(t->sums + i, t->rows, a->add ? a->add + at : NULL, a->y + at);
        else
            finish_positive((const int32_t *)(const void *)(t->sums + i), t->rows, bits(a->hi),
                            (int32_t *)(void *)(a->y + at));
}

#endif
