/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/port.h"
#include "models/import/import.h"

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float get_f32(const uint8_t *p)
{
    return from_bits(tvis_le32(p));
}

static float get_f16(const uint8_t *p)
{
    uint32_t h = tvis_le16(p), sign = (h & 0x8000u) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent)
        return from_bits(sign | (exponent + 112) << 23 | fraction << 13); /* bias 127 in place of 15 */
    float f = (float)fraction * (1.0f / 16777216.0f);                     /* subnormal: units of 2^-24 */
    return sign ? -f : f;
}

static float get_bf16(const uint8_t *p)
{
    return from_bits((uint32_t)tvis_le16(p) << 16);
}

static float get_f64(const uint8_t *p)
{
    uint64_t bits = tvis_le64(p);
    double d;
    memcpy(&d, &bits, sizeof d);
    return (float)d;
}

static float get_s8(const uint8_t *p)
{
    return (float)(int8_t)p[0];
}

static float get_u8(const uint8_t *p)
{
    return (float)p[0];
}

static float get_s16(const uint8_t *p)
{
    return (float)(int16_t)tvis_le16(p);
}

static float get_s32(const uint8_t *p)
{
    return (float)(int32_t)tvis_le32(p);
}

static float get_s64(const uint8_t *p)
{
    return (float)(int64_t)tvis_le64(p);
}

static float get_bool(const uint8_t *p)
{
    return p[0] ? 1.0f : 0.0f;
}

/* ORDER TVIS_DTYPE, but for the last: files of others do not have it */
static float (*const getters[])(const uint8_t *p) = { get_f32, get_f16, get_bf16, get_f64, get_s8,
                                                      get_u8,  get_s16, get_s32,  get_s64, get_bool };
TVIS_STATIC_ASSERT(getters, TVIS_COUNT(getters) == TVIS_S4 && TVIS_S4 + 1 == TVIS_DTYPE_COUNT_);

/* Dimensions that run through memory at one step, taken as one: the inner `length` elements, `step` apart. */
typedef struct row {
    uint32_t outer; /* dimensions left */
    int64_t length, step;
} row;

static row innermost(const tvis_weight *t)
{
    row r = { t->rank, 1, 0 };
    for (; r.outer; r.outer--) {
        int64_t dim = t->dims[r.outer - 1], stride = t->strides[r.outer - 1];
        if (r.length == 1)
            r.step = stride;
        else if (dim != 1 && stride != r.length * r.step)
            break;
        r.length *= dim;
    }
    return r;
}

void tvis_weight_read_f32(const tvis_weight *t, float *dst)
{
    float (*get)(const uint8_t *) = getters[t->dtype];
    int64_t size = (int64_t)tvis_dtype_size(t->dtype), elements = tvis_weight_elements(t);
    int64_t first = 0, at[TVIS_WEIGHT_RANK] = { 0 };
    const row r = innermost(t);
    for (int64_t done = 0; done < elements; done += r.length) {
        for (int64_t i = 0; i < r.length; i++)
            *dst++ = get(t->data + (size_t)((first + i * r.step) * size));
        for (uint32_t k = r.outer; k-- > 0;) {
            first += t->strides[k];
            if (++at[k] < t->dims[k])
                break;
            first -= t->strides[k] * t->dims[k];
            at[k] = 0;
        }
    }
}
