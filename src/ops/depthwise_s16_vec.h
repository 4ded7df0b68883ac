/* SPDX-License-Identifier: MIT */
/* A depthwise row of int16, BLOCK channels at a time, included by the file that defines the variant after
 *   BLOCK, sums, zero_sums(), load_sums(p), store_sums(p, s): of BLOCK words
 *   multiply_add(s, x, w): BLOCK of each. */
#include "core/port.h"
#include "ops/depthwise_s16.h"

/* Channels from c on of output column ox. */
TVIS_INLINE sums column(const tvis_depthwise_s16_args *a, int32_t ox, int32_t c)
{
    const int32_t first = ox * a->stride - a->pad;
    const int8_t *w = a->w + c;
    sums s = a->bias ? load_sums(a->bias + c) : zero_sums();
    for (int32_t ky = 0; ky < a->kh; ky++)
        for (int32_t kx = 0; kx < a->kw; kx++, w += a->c) {
            const int32_t ix = first + kx * a->dilation;
            if (a->rows[ky] && ix >= 0 && ix < a->iw)
                s = multiply_add(s, a->rows[ky] + (ptrdiff_t)ix * a->c + c, w);
        }
    return s;
}

/* The last block may repeat channels of the one before it, so that it is a whole one. */
TVIS_INLINE void depthwise(const tvis_depthwise_s16_args *a)
{
    if (a->c < BLOCK) {
        tvis_depthwise_s16_c(a);
        return;
    }
    for (int32_t ox = 0; ox < a->ow; ox++) {
        int32_t *y = a->y + (ptrdiff_t)ox * a->c;
        for (int32_t c = 0; c < a->c; c += BLOCK) {
            const int32_t at = a->c - c < BLOCK ? a->c - BLOCK : c;
            store_sums(y + at, column(a, ox, at));
        }
    }
}
