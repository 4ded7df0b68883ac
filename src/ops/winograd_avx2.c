/* SPDX-License-Identifier: MIT */
/* AVX2: see winograd_vec.h. */
#include "ops/vec_avx2.h"
#include "ops/winograd_vec.h"

TILES(avx2)
