/* SPDX-License-Identifier: MIT */
#include "ops/requant.h"

#define MAX_SHIFT 30
#define HALF_MUL  1073741824.0 /* 2^30, where mul / 2 must end */

/* scale * 2^(31 - shift), which is exact, rounded: mul / 2. Negative where it is too large. */
static int32_t half_multiplier(double scale, int32_t shift)
{
    const double v = scale * (double)((int64_t)1 << (31 - shift));
    if (!(v < HALF_MUL - 0.5))
        return -1;
    const int32_t whole = (int32_t)v;
    return whole + (v - (double)whole >= 0.5 ? 1 : 0);
}

static bool is_factor(double scale)
{
    return scale >= 0 && scale - scale == 0; /* an infinity minus itself is not a number */
}

tvis_status tvis_requant_choose(const double *scale, int32_t n, int64_t bound, int32_t *mul, int32_t *shift)
{
    int32_t s = 0;
    if (bound < 0 || bound > INT32_MAX)
        return TVIS_EINVAL;
    for (int32_t j = 0; j < n; j++)
        if (!is_factor(scale[j]))
            return TVIS_EINVAL;
    for (int32_t j = 0; j < n; j++)
        while (half_multiplier(scale[j], s) < 0)
            if (++s > MAX_SHIFT || (bound << s) > INT32_MAX)
                return TVIS_EUNSUP;
    *shift = s;
    for (int32_t j = 0; j < n; j++)
        mul[j] = 2 * half_multiplier(scale[j], s);
    return TVIS_OK;
}

void tvis_requant_divide(int32_t mul, int32_t shift, int32_t count, int32_t *out_mul, int32_t *out_shift)
{
    uint64_t m = (((uint64_t)mul << shift) + (uint64_t)count / 2) / (uint64_t)count; /* < 2^62 */
    *out_shift = 0;
    for (; m >= 0x7fffffffu; m = (m + 1) / 2)
        (*out_shift)++;
    *out_mul = (int32_t)((m + 1) & ~(uint64_t)1);
}
