/* SPDX-License-Identifier: MIT */
/* NEON: TBL finds a byte among 64, or gives 0; TBX leaves what it doesn't find. */
#include <arm_neon.h>

#include "core/port.h"
#include "ops/look_up_s8.h"

#define BLOCK 16

typedef uint8x16_t bytes;

typedef struct tables {
    uint8x16x4_t quarter[4];
} tables;

static inline bytes load_bytes(const int8_t *p)
{
    return vreinterpretq_u8_s8(vld1q_s8(p));
}

static inline void store_bytes(int8_t *p, bytes v)
{
    vst1q_s8(p, vreinterpretq_s8_u8(v));
}

static inline tables tables_of(const int8_t *table)
{
    tables t;
    for (int i = 0; i < 16; i++)
        t.quarter[i / 4].val[i % 4] = load_bytes(table + 16 * i);
    return t;
}

static inline bytes found(const tables *t, bytes v)
{
    const uint8x16_t quarter = vdupq_n_u8(64), i0 = veorq_u8(v, vdupq_n_u8(128)), i1 = vsubq_u8(i0, quarter),
                     i2 = vsubq_u8(i1, quarter), i3 = vsubq_u8(i2, quarter);
    const uint8x16_t half = vqtbx4q_u8(vqtbl4q_u8(t->quarter[0], i0), t->quarter[1], i1);
    return vqtbx4q_u8(vqtbx4q_u8(half, t->quarter[2], i2), t->quarter[3], i3);
}

#include "ops/look_up_s8_vec.h"

void tvis_look_up_s8_16_neon(const tvis_look_up_s8_args *a)
{
    look_up_all(a);
}
