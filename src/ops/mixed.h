/* SPDX-License-Identifier: MIT */
/* Operators whose tensors are S8 or S16 in any mix: values pass through blocks of 32 bits, and leave them by the
 * kernels of src/ops/narrow.h. */
#ifndef TVIS_OPS_MIXED_H
#define TVIS_OPS_MIXED_H

#include "core/op.h"
#include "ops/narrow.h"

enum { TVIS_MIXED_BLOCK = 128 };

/* Integers of either width in memory. */
typedef struct tvis_mixed {
    const void *data;
    int32_t zero;
    bool wide; /* S16 */
} tvis_mixed;

static inline bool tvis_is_mixed(const tvis_blob_tensor *t)
{
    return t->dtype == TVIS_S8 || t->dtype == TVIS_S16;
}

/* So many inputs, of which the first `mixed` are S8 or S16, as the output is; no activation; less than 2^31 elements.
 */
tvis_status tvis_plan_mixed(tvis_node_plan *p, uint32_t inputs, uint32_t mixed);

/* The output has the shape of input 0, and may lie in its place where it is as wide. */
void tvis_plan_mixed_like(tvis_node_plan *p);

/* Chooses the kernel that tvis_mixed_write() needs. */
void tvis_plan_mixed_kernel(tvis_node_plan *p);

static inline tvis_mixed tvis_mixed_in(const tvis_node_run *r, uint32_t i)
{
    return (tvis_mixed){ r->x[i], r->in[i]->zero, r->in[i]->dtype == TVIS_S16 };
}

/* How a node's values become its output: a block of 1 row, with one multiplier and the limits of q for all. */
typedef struct tvis_mixed_out {
    tvis_narrow_args a;
    int32_t mul[TVIS_MIXED_BLOCK];
} tvis_mixed_out;

void tvis_mixed_begin(const tvis_node_run *r, int32_t mul, int32_t shift, tvis_mixed_out *out);
/* Values [at, at + n) of the output, n <= TVIS_MIXED_BLOCK. */
void tvis_mixed_write(const tvis_node_run *r, tvis_mixed_out *out, size_t at, int32_t n, const int32_t *v);
/* Values [at, at + n) less the zero point. */
void tvis_mixed_load(const tvis_mixed *x, size_t at, int32_t n, int32_t *out);
/* Values [at, at + n) of the output; they fit its type. */
void tvis_mixed_store(const tvis_node_run *r, size_t at, int32_t n, const int32_t *v);

#endif
