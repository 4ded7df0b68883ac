/* SPDX-License-Identifier: MIT */
/* Activation functions. Those that are a clamp are part of the kernels; the others run over each block that a kernel
 * has just written, while it is in the cache. */
#ifndef TVIS_OPS_ACT_H
#define TVIS_OPS_ACT_H

#include "core/blob.h"
#include "core/kernel.h"

/* The clamp to give to a kernel: an activation's own, or none where tvis_act_f32() has to follow. */
void tvis_act_range(uint8_t act, float *lo, float *hi);

typedef struct tvis_act_f32_args {
    float *y; /* (rows, cols), rows ldy apart; in place */
    int32_t rows, cols, ldy;
    uint8_t act; /* not one of the clamps */
} tvis_act_f32_args;

typedef struct tvis_act_f32_variant {
    tvis_kernel k;
    void (*run)(const tvis_act_f32_args *a);
} tvis_act_f32_variant;

/* Fastest first, C last. Errors against the exact function: hard ones 2 ulp and the same bits in every row, the others
 * 1e-6 absolute or 1e-6 relative. */
extern const tvis_act_f32_variant tvis_act_f32[];

void tvis_act_f32_avx512(const tvis_act_f32_args *a);
void tvis_act_f32_avx2(const tvis_act_f32_args *a);
void tvis_act_f32_neon(const tvis_act_f32_args *a);
void tvis_act_f32_vfp11(const tvis_act_f32_args *a);
void tvis_act_f32_c(const tvis_act_f32_args *a);

/* Applies `act`, unless it is a clamp, with the best variant that `cpu` allows. */
void tvis_act_apply(uint32_t cpu, uint8_t act, float *y, int32_t rows, int32_t cols, int32_t ldy);

#endif
