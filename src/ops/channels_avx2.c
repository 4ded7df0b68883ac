/* SPDX-License-Identifier: MIT */
#include "ops/vec_avx2.h"
#include "ops/channels_vec.h"

CHANNELS_DEFINE(avx2)
