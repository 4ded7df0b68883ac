/* SPDX-License-Identifier: MIT */
/* Layer normalisation for vectors of VEC floats, included after vec_*.h by the file that defines the variant. The last
 * vector of a row is a partial one. */
#include "core/math.h"
#include "core/port.h"
#include "ops/layer_norm.h"

/* Sum of x, of which `mean` is taken off and which is squared where `squares` says so. */
TVIS_INLINE float norm_sum(const float *x, int32_t c, float mean, const bool squares)
{
    const vec m = vset1(mean);
    vec even = vset1(0.0f), odd = even;
    int32_t k = 0;
    for (; c - k >= 2 * VEC; k += 2 * VEC) {
        const vec a = vload(x + k), b = vload(x + k + VEC), da = vsub(a, m), db = vsub(b, m);
        even = squares ? vfma(da, da, even) : vadd(a, even);
        odd = squares ? vfma(db, db, odd) : vadd(b, odd);
    }
    for (; k < c; k += VEC) {
        const int32_t n = c - k < VEC ? c - k : VEC;
        const vec a = vload_first(x + k, n);
        float rest[VEC];
        if (squares) { /* lanes past the end hold zeros, not the mean */
            vstore(rest, vsub(a, m));
            const vec d = vload_first(rest, n);
            even = vfma(d, d, even);
        } else {
            even = vadd(a, even);
        }
    }
    return vsum(vadd(even, odd));
}

TVIS_INLINE void norm_row(const tvis_layer_norm_f32_args *a, const float *x, float *y)
{
    const int32_t c = a->c;
    const float mean = norm_sum(x, c, 0.0f, false) / (float)c, var = norm_sum(x, c, mean, true) / (float)c;
    const vec m = vset1(mean), scale = vset1(1.0f / tvis_sqrtf(var + a->eps));
    int32_t k = 0;
    for (; c - k >= VEC; k += VEC)
        vstore(y + k, vfma(vmul(vsub(vload(x + k), m), scale), vload(a->weight + k), vload(a->bias + k)));
    if (k < c) {
        const int32_t n = c - k;
        const vec d = vmul(vsub(vload_first(x + k, n), m), scale);
        vstore_first(y + k, n, vfma(d, vload_first(a->weight + k, n), vload_first(a->bias + k, n)));
    }
}

TVIS_INLINE void norm_rows(const tvis_layer_norm_f32_args *a)
{
    for (int32_t i = 0; i < a->rows; i++)
        norm_row(a, a->x + (ptrdiff_t)i * a->c, a->y + (ptrdiff_t)i * a->c);
}
