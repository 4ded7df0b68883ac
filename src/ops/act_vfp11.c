/* SPDX-License-Identifier: MIT */
/* ARM11: hard swish and hard sigmoid with short vectors, eight numbers at a time; the other activations as C. */
#include "core/port.h"
#include "ops/act.h"

enum { VEC = 8 };

void tvis_vfp11_hard(float *y, int32_t eights, const float *factors, int32_t swish);

static void run_row(const tvis_act_f32_args *a, float *y, int32_t count)
{
    static const float factors[3] = { 3.0f, 1.0f / 6.0f, 6.0f };
    const int32_t eights = count / VEC, rest = count % VEC;
    if (eights)
        tvis_vfp11_hard(y, eights, factors, a->act == TVIS_ACT_HARD_SWISH);
    const tvis_act_f32_args last = { y + eights * VEC, 1, rest, rest, a->act };
    if (rest)
        tvis_act_f32_c(&last);
}

void tvis_act_f32_vfp11(const tvis_act_f32_args *a)
{
    if (a->act != TVIS_ACT_HARD_SWISH && a->act != TVIS_ACT_HARD_SIGMOID) {
        tvis_act_f32_c(a);
    } else if (a->ldy == a->cols && (int64_t)a->rows * a->cols <= INT32_MAX) {
        run_row(a, a->y, a->rows * a->cols);
    } else {
        for (int32_t i = 0; i < a->rows; i++)
            run_row(a, a->y + (ptrdiff_t)i * a->ldy, a->cols);
    }
}
