/* SPDX-License-Identifier: MIT */
/* Dots and lines on pictures, with soft edges. Coordinates are pixels, (0, 0) the centre of the upper left one; what
 * lies outside is cut off. */
#ifndef TINYVIS_TOOL_DRAW_H
#define TINYVIS_TOOL_DRAW_H

#include "image_read.h"

#define DRAW_MAX_SIDE 1600 /* of a picture that is drawn on; larger ones are shrunk */

typedef struct colour {
    uint8_t r, g, b;
} colour;

/* A picture that is drawn on, and where the pixels of the one it was made from lie: x * scale + left. */
typedef struct canvas {
    picture image; /* 3 channels */
    double scale[2], left[2], top[2];
} canvas;

/* A copy in colour of one picture, or of two side by side (b may be NULL). On failure nothing is to be freed. */
tvis_status canvas_make(canvas *c, const picture *a, const picture *b, const char *name, tvis_diag *diag);
/* A pixel of picture `which` (0 or 1). opacity: 0 to 1. */
void canvas_dot(canvas *c, int which, double x, double y, double radius, colour ink, double opacity);
/* From a pixel of the first picture to one of the second. */
void canvas_line(canvas *c, const float a[2], const float b[2], double width, colour ink, double opacity);

#endif
