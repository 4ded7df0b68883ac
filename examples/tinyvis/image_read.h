/* SPDX-License-Identifier: MIT */
/* Picture files into memory: PGM and PPM by our own code, JPEG and PNG where the build has their libraries. */
#ifndef TINYVIS_TOOL_IMAGE_READ_H
#define TINYVIS_TOOL_IMAGE_READ_H

#include <tinyvis/image.h>

#define PICTURE_MAX_SIDE   32768
#define PICTURE_MAX_PIXELS (1 << 28)

/* Rows without gaps, from the top: 3 bytes a pixel R G B, or 1 byte gray. */
typedef struct picture {
    uint8_t *pixels; /* from malloc */
    int32_t width, height;
    int32_t channels; /* 3 or 1 */
} picture;

/* The type is told by the content, never by the name. 16-bit samples are reduced to 8, transparency is dropped.
 * Errors: EIO, ENOMEM, EFORMAT (damaged, no picture, over the limits above), EUNSUP (a type that this build cannot
 * read). On failure *p is empty. */
tvis_status picture_read(const char *path, picture *p, tvis_diag *diag);
/* The same from memory; `name` stands in the diagnostic. */
tvis_status picture_decode(const void *data, size_t size, const char *name, picture *p, tvis_diag *diag);
void picture_free(picture *p);
/* A view for tvis_preprocess_run(), valid as long as the picture. */
tvis_image picture_view(const picture *p);

#endif
