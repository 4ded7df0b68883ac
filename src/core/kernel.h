/* SPDX-License-Identifier: MIT */
/* What planning must know of a kernel, on any machine: the first member of each row of a variant table. */
#ifndef TVIS_CORE_KERNEL_H
#define TVIS_CORE_KERNEL_H

#include <tinyvis/types.h>

/* Order of a weight matrix (n, k) in memory. Panels: ceil(n / nr) blocks of (k, nr), the last one filled up
 * with zeros. An id never changes its meaning: packed blobs carry it. */
#define TVIS_PACK_PLAIN     0u
#define TVIS_PACK_PANEL(nr) (0x100u | (nr))

typedef struct tvis_kernel {
    const char *name; /* NULL ends a table */
    uint32_t cpu;     /* TVIS_CPU_* that must all be there */
    uint16_t pack;    /* TVIS_PACK_*: the order of weights that the function reads */
    uint16_t m_max;   /* most rows it is meant for; 0: any */
    uint8_t mr, nr;   /* tile: blocks of these sizes waste nothing */
} tvis_kernel;

#endif
