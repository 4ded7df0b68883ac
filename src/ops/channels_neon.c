/* SPDX-License-Identifier: MIT */
#include "ops/vec_neon.h"
#include "ops/channels_vec.h"

CHANNELS_DEFINE(neon)
