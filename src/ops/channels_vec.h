/* SPDX-License-Identifier: MIT */
/* Work on channels for vectors of VEC, included after vec_*.h by the file that defines the variant. Four vectors of
 * channels at a time run through all pixels, so that no sum waits for itself. */
#include "core/port.h"
#include "ops/channels.h"

TVIS_INLINE void channels_sum_block(const float *x, ptrdiff_t ld, int32_t pixels, float *y, const int vecs)
{
    vec s0 = vset1(0.0f), s1 = s0, s2 = s0, s3 = s0;
    for (int32_t p = 0; p < pixels; p++, x += ld) {
        s0 = vadd(s0, vload(x));
        if (vecs > 1) {
            s1 = vadd(s1, vload(x + VEC));
            s2 = vadd(s2, vload(x + 2 * VEC));
            s3 = vadd(s3, vload(x + 3 * VEC));
        }
    }
    vstore(y, vadd(vload(y), s0));
    if (vecs > 1) {
        vstore(y + VEC, vadd(vload(y + VEC), s1));
        vstore(y + 2 * VEC, vadd(vload(y + 2 * VEC), s2));
        vstore(y + 3 * VEC, vadd(vload(y + 3 * VEC), s3));
    }
}

TVIS_INLINE void channels_sum(const float *x, ptrdiff_t ld, int32_t pixels, int32_t c, float *y)
{
    int32_t k = 0;
    for (; c - k >= 4 * VEC; k += 4 * VEC)
        channels_sum_block(x + k, ld, pixels, y + k, 4);
    for (; c - k >= VEC; k += VEC)
        channels_sum_block(x + k, ld, pixels, y + k, 1);
    if (k < c) {
        vec s = vset1(0.0f);
        for (int32_t p = 0; p < pixels; p++)
            s = vadd(s, vload_first(x + p * ld + k, c - k));
        vstore_first(y + k, c - k, vadd(vload_first(y + k, c - k), s));
    }
}

TVIS_INLINE void channels_max_block(const float *const *rows, int32_t count, int32_t pixels, int32_t c, int32_t k,
                                    float *y, const int vecs)
{
    const float *x = rows[0] + k;
    vec m0 = vload(x), m1 = m0, m2 = m0, m3 = m0;
    if (vecs > 1) {
        m1 = vload(x + VEC);
        m2 = vload(x + 2 * VEC);
        m3 = vload(x + 3 * VEC);
    }
    for (int32_t r = 0; r < count; r++) {
        x = rows[r] + k;
        for (int32_t p = 0; p < pixels; p++, x += c) {
            m0 = vlarger(m0, vload(x));
            if (vecs > 1) {
                m1 = vlarger(m1, vload(x + VEC));
                m2 = vlarger(m2, vload(x + 2 * VEC));
                m3 = vlarger(m3, vload(x + 3 * VEC));
            }
        }
    }
    vstore(y + k, m0);
    if (vecs > 1) {
        vstore(y + k + VEC, m1);
        vstore(y + k + 2 * VEC, m2);
        vstore(y + k + 3 * VEC, m3);
    }
}

TVIS_INLINE void channels_max(const float *const *rows, int32_t count, int32_t pixels, int32_t c, float *y)
{
    int32_t k = 0;
    for (; c - k >= 4 * VEC; k += 4 * VEC)
        channels_max_block(rows, count, pixels, c, k, y, 4);
    for (; c - k >= VEC; k += VEC)
        channels_max_block(rows, count, pixels, c, k, y, 1);
    if (k < c) {
        vec m = vload_first(rows[0] + k, c - k);
        for (int32_t r = 0; r < count; r++)
            for (int32_t p = 0; p < pixels; p++)
                m = vlarger(m, vload_first(rows[r] + (ptrdiff_t)p * c + k, c - k));
        vstore_first(y + k, c - k, m);
    }
}

TVIS_INLINE void channels_scale(const float *x, const float *s, int32_t pixels, int32_t c, float *y)
{
    for (int32_t p = 0; p < pixels; p++, x += c, y += c) {
        int32_t k = 0;
        for (; c - k >= VEC; k += VEC)
            vstore(y + k, vmul(vload(x + k), vload(s + k)));
        if (k < c)
            vstore_first(y + k, c - k, vmul(vload_first(x + k, c - k), vload_first(s + k, c - k)));
    }
}

#define CHANNELS_DEFINE(isa)                                                                                           \
    void tvis_channels_f32_sum_##isa(const float *x, ptrdiff_t ld, int32_t pixels, int32_t c, float *y)                \
    {                                                                                                                  \
        channels_sum(x, ld, pixels, c, y);                                                                             \
    }                                                                                                                  \
    void tvis_channels_f32_max_##isa(const float *const *rows, int32_t count, int32_t pixels, int32_t c, float *y)     \
    {                                                                                                                  \
        channels_max(rows, count, pixels, c, y);                                                                       \
    }                                                                                                                  \
    void tvis_channels_f32_scale_##isa(const float *x, const float *s, int32_t pixels, int32_t c, float *y)            \
    {                                                                                                                  \
        channels_scale(x, s, pixels, c, y);                                                                            \
    }
