/* SPDX-License-Identifier: MIT */
#include "ops/vec_avx512.h"
#include "ops/channels_vec.h"

CHANNELS_DEFINE(avx512)
