/* SPDX-License-Identifier: MIT */
/* Activations for vectors of VEC floats, included after vec_*.h by the file that defines the variant. The hard ones do
 * the operations of the C reference in its order: the same bits. */
#include "ops/act.h"
#include "ops/math_vec.h"

TVIS_INLINE vec act_hard_sigmoid_6(vec x)
{
    return vmin(vset1(6.0f), vmax(vset1(0.0f), vadd(x, vset1(3.0f))));
}

/* Of sigmoid and SiLU, below -32 as there, like the C reference. */
TVIS_INLINE vec act_smooth(vec x, const bool silu)
{
    x = vmax(vset1(-32.0f), x);
    return vdiv(silu ? x : vset1(1.0f), vadd(vset1(1.0f), vexp(vmul(x, vset1(-1.0f)))));
}

TVIS_INLINE vec act_of(vec x, const uint8_t act)
{
    switch ((tvis_act)act) {
    case TVIS_ACT_HARD_SWISH:
        return vmul(vmul(x, act_hard_sigmoid_6(x)), vset1(1.0f / 6.0f));
    case TVIS_ACT_HARD_SIGMOID:
        return vmul(act_hard_sigmoid_6(x), vset1(1.0f / 6.0f));
    case TVIS_ACT_SIGMOID:
        return act_smooth(x, false);
    case TVIS_ACT_SILU:
        return act_smooth(x, true);
    case TVIS_ACT_GELU:
        return vmul(vmul(vset1(0.5f), vmax(vset1(-5.5f), x)), vadd(vset1(1.0f), verf(vmul(x, vset1(0.70710678f)))));
    default:
        return x;
    }
}

TVIS_INLINE void act_rows(const tvis_act_f32_args *a, const uint8_t act)
{
    for (int32_t i = 0; i < a->rows; i++) {
        float *y = a->y + (ptrdiff_t)i * a->ldy;
        int32_t j = 0;
        for (; a->cols - j >= VEC; j += VEC)
            vstore(y + j, act_of(vload(y + j), act));
        if (j < a->cols)
            vstore_first(y + j, a->cols - j, act_of(vload_first(y + j, a->cols - j), act));
    }
}

TVIS_INLINE void act_all(const tvis_act_f32_args *args)
{
    tvis_act_f32_args a = *args;
    if (a.ldy == a.cols && (int64_t)a.rows * a.cols <= INT32_MAX) { /* one long row has one end only */
        a.cols *= a.rows;
        a.rows = 1;
    }
    switch ((tvis_act)a.act) {
    case TVIS_ACT_HARD_SWISH:
        act_rows(&a, TVIS_ACT_HARD_SWISH);
        break;
    case TVIS_ACT_HARD_SIGMOID:
        act_rows(&a, TVIS_ACT_HARD_SIGMOID);
        break;
    case TVIS_ACT_SIGMOID:
        act_rows(&a, TVIS_ACT_SIGMOID);
        break;
    case TVIS_ACT_SILU:
        act_rows(&a, TVIS_ACT_SILU);
        break;
    case TVIS_ACT_GELU:
        act_rows(&a, TVIS_ACT_GELU);
        break;
    default:
        break;
    }
}
