/* SPDX-License-Identifier: MIT */
/* AArch64: see winograd_vec.h. */
#include "ops/vec_neon.h"
#include "ops/winograd_vec.h"

TILES(neon)
