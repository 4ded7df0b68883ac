/* SPDX-License-Identifier: MIT */
/* models/superpoint.tvis, which the tool is built with. */
#ifndef TINYVIS_TOOL_BUNDLED_H
#define TINYVIS_TOOL_BUNDLED_H

#include <stddef.h>
#include <stdint.h>

#define BUNDLED_NAME "the bundled SuperPoint" /* in place of a path */

extern const uint8_t bundled_superpoint[]; /* aligned to TVIS_ARENA_ALIGN */
extern const size_t bundled_superpoint_size;

#endif
