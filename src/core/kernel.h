/* SPDX-License-Identifier: MIT */
/* What planning must know of a kernel, on any machine: the first member of each row of a variant table. */
#ifndef TVIS_CORE_KERNEL_H
#define TVIS_CORE_KERNEL_H

#include <tinyvis/types.h>

/* Order of a weight matrix (n, k) in memory. Panels: ceil(n / nr) blocks of (k, nr), the last one filled up
 * with zeros. An id never changes its meaning: packed blobs carry it. */
#define TVIS_PACK_PLAIN     0u
#define TVIS_PACK_SPARSE    1u /* in blobs only: core/sparse.h */
#define TVIS_PACK_INDEX     2u /* in packed memory only: where the values of sparse weights stand, ops/sparse_gemm.h */
#define TVIS_PACK_PANEL(nr) (0x100u | (nr))
/* int8: panels of (groups, nr, group) with nr int32 after each panel. A group is 2, 4, 8 or 16 neighbours in k; the last
 * one ends with the last of k and has zeros for what the group before it holds too. The int32 are what a product that
 * a kernel takes in another form must be corrected by. Groups of 4: x + 128 is multiplied, -128 * sum(w). Groups of 16:
 * x + 1 in their upper halves, -sum(w) over those. Groups of 2 and 8: 0. */
#define TVIS_PACK_GROUPS(group, nr) ((group) << 8 | (nr))
#define TVIS_PACK_GROUP(pack)       ((pack) >> 8)
#define TVIS_PACK_COLUMNS(pack)     ((pack)&0xff)
/* int8, depthwise (kh, kw, c): blocks of (steps, block, deep) with `block` int32 after each, the sums of a channel's
 * weights. The last block holds the last channels, of which the block before it has some too; only a single block is
 * filled up with zeros. A step is `deep` taps: of each `deep` rows of the kernel one column, the next one in the next
 * step; of fewer rows at the end, deep / rows columns, a column's rows side by side; zeros in what is left. In a block
 * of 64, the sixteens are transposed in fours: channels 0 … 3, 16 … 19, 32 … 35, 48 … 51, 4 … 7 and so on. */
#define TVIS_PACK_TAPS(deep, block) (0x8000u | (deep) << 8 | (block))
#define TVIS_PACK_IS_TAPS(pack)     (((pack)&0x8000u) != 0)
#define TVIS_PACK_DEEP(pack)        ((pack) >> 8 & 0x7f)
#define TVIS_PACK_BLOCK(pack)       ((pack)&0xff)
/* Winograd: 36 matrices (n, k) of transformed weights (ops/winograd.c), each in panels of nr. */
#define TVIS_PACK_WINOGRAD(nr)      (0x4000u | (nr))
#define TVIS_PACK_WINOGRAD_S8       0x4100u /* ops/winograd_s8.h */
#define TVIS_PACK_WINOGRAD_S8_8     0x4108u
#define TVIS_PACK_IS_WINOGRAD(pack) (((pack)&0xc000u) == 0x4000u)

/* Whether only some kernels can read a blob's tensor of this order. */
static inline bool tvis_is_packed(uint16_t pack)
{
    return pack != TVIS_PACK_PLAIN && pack != TVIS_PACK_SPARSE;
}

typedef struct tvis_kernel {
    const char *name; /* NULL ends a table */
    uint32_t cpu;     /* TVIS_CPU_* that must all be there */
    uint16_t pack;    /* TVIS_PACK_*: the order of weights that the function reads */
    uint16_t m_max;   /* most rows it is meant for; 0: any */
    uint8_t mr, nr;   /* tile: blocks of these sizes waste nothing */
} tvis_kernel;

#endif
