/* SPDX-License-Identifier: MIT */
/* Pictures into files: PGM, PPM and PNG (not compressed), by our own code. */
#ifndef TINYVIS_TOOL_IMAGE_WRITE_H
#define TINYVIS_TOOL_IMAGE_WRITE_H

#include "image_read.h"

/* The ending of the name tells the type: .pgm, .ppm or .png. A gray picture becomes a colour one in a .ppm; a colour
 * picture in a .pgm is EINVAL, as is another ending. The file is complete or absent. Errors: EINVAL, ENOMEM, EIO. */
tvis_status picture_write(const char *path, const picture *p, tvis_diag *diag);
/* The bytes of that file, from malloc: the caller frees *data. `name` only tells the type. */
tvis_status picture_encode(const char *name, const picture *p, uint8_t **data, size_t *size, tvis_diag *diag);

#endif
