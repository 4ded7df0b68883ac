/* SPDX-License-Identifier: MIT */
/* Plain C, what others are measured by: see winograd_vec.h. */
#include "ops/vec_c.h"
#include "ops/winograd_vec.h"

#if TVIS_WINOGRAD
TILES(c)
#endif
