/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "ops/sparse_gemm.h"
#include "ops/sparse_gemm_avx.h"
#include "ops/vec_avx2.h"

#define MOST_IN_TWO 4 /* vectors of a row when two are multiplied */
#include "ops/sparse_gemm_vec.h"

KERNELS(avx2)
