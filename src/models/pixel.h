/* SPDX-License-Identifier: MIT */
/* Rows of camera and file pixel formats as 8-bit RGB or gray. */
#ifndef TVIS_MODELS_PIXEL_H
#define TVIS_MODELS_PIXEL_H

#include <tinyvis/image.h>

/* Bytes of one row of `width` pixels, of the Y plane for NV12; 0 for no format. At most 3 * 32768 for legal widths. */
int32_t tvis_pixel_row_bytes(uint8_t format, int32_t width);
/* Pixels [x, x + n) of row y as RGB (channels 3) or as gray (channels 1). GRAY gives gray only. */
void tvis_pixel_row(const tvis_image *image, int32_t y, int32_t x, int32_t n, int32_t channels, uint8_t *dst);

#endif
