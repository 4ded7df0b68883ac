/* SPDX-License-Identifier: MIT */
/* AVX-512: see winograd_vec.h. */
#include "ops/vec_avx512.h"
#include "ops/winograd_vec.h"

TILES(avx512)
