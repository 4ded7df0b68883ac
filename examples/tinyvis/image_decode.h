/* SPDX-License-Identifier: MIT */
/* One reader a file type. They expect that the first bytes are right, fill an empty picture, and may leave a partial
 * one on failure. */
#ifndef TINYVIS_TOOL_IMAGE_DECODE_H
#define TINYVIS_TOOL_IMAGE_DECODE_H

#include "image_read.h"

/* Checks the size against the limits and allocates the pixels. */
tvis_status picture_alloc(picture *p, int64_t width, int64_t height, int32_t channels, const char *name,
                          tvis_diag *diag);

tvis_status picture_decode_pnm(const uint8_t *data, size_t size, const char *name, picture *p, tvis_diag *diag);
tvis_status picture_decode_jpeg(const uint8_t *data, size_t size, const char *name, picture *p, tvis_diag *diag);
tvis_status picture_decode_png(const uint8_t *data, size_t size, const char *name, picture *p, tvis_diag *diag);

#endif
