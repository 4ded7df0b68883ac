/* SPDX-License-Identifier: MIT */
/* Dense matrices in floats, with the kernels of the layers: for least squares on what layers see. */
#ifndef TVIS_QUANT_LINALG_HOSTED_H
#define TVIS_QUANT_LINALG_HOSTED_H

#include <stddef.h>
#include <stdint.h>

/* y (m, n) += sign * x (m, k) * w (n, k)^T, rows ldy, ldx, ldw apart. panel: TVIS_PRODUCT_COLUMNS * k floats. */
typedef struct tvis_product {
    float *y;
    const float *x, *w;
    int32_t m, n, k;
    int32_t ldy, ldx, ldw;
    float sign;
    float *panel;
    uint32_t cpu; /* TVIS_CPU_* to use; with 0, the same bits on every machine */
} tvis_product;

#define TVIS_PRODUCT_COLUMNS 32

void tvis_product_add(const tvis_product *p);
/* y (m, n) = x (m, k) * w (n, k)^T, all of them without gaps; `panel` and `cpu` as above. */
void tvis_product_of(const float *x, const float *w, int32_t m, int32_t n, int32_t k, float *panel, uint32_t cpu,
                     float *y);

/* a (n, n), lower triangle, += x (n, count) * x^T: x has its rows `ld` apart. */
void tvis_add_squares(float *a, int32_t n, const float *x, int32_t count, int32_t ld, float *panel, uint32_t cpu);

/* Floats of scratch for the next. */
size_t tvis_cholesky_floats(int32_t n);
/* a = l^T * l with l lower triangular, in place of a's lower triangle; `damping` times the mean of the diagonal is
 * added to the diagonal before. Always ends: what rounding makes negative becomes small. Columns are eliminated from
 * the last to the first: row i of l tells how an error in columns before i is best made up for in column i. */
void tvis_cholesky_from_last(float *a, int32_t n, double damping, float *scratch, uint32_t cpu);

#endif
