/* SPDX-License-Identifier: MIT */
/* Keypoints of a picture: what the commands keypoints and match share. */
#ifndef TINYVIS_TOOL_POINTS_H
#define TINYVIS_TOOL_POINTS_H

#include "commands.h"
#include "inputs.h"

typedef struct points_options {
    arg_size size; /* of the network's input; 0: from the picture */
    bool full;     /* the picture's own size */
    uint64_t top, radius, border, refine, corner, threads;
    double threshold;
    uint32_t nms, style, plan;
    bool strict;
} points_options;

#define POINTS_DEFAULTS                                                                                                \
    {                                                                                                                  \
        .top = 1000, .radius = 4, .border = 4, .refine = 2, .corner = 4, .threads = 1, .threshold = 0.015              \
    }
/* ORDER TVIS_NMS, TVIS_KEYPOINTS */
#define POINTS_NMS    ((const char *const[]){ "grid", "maxpool", NULL })
#define POINTS_STYLES ((const char *const[]){ "demo", "superglue", NULL })

/* Rows of an option table. */
#define POINTS_OPTIONS(o)                                                                                              \
    { .name = "size",                                                                                                  \
      .kind = ARG_SIZE,                                                                                                \
      .value = &(o)->size,                                                                                             \
      .placeholder = "HxW",                                                                                            \
      .min = 1,                                                                                                        \
      .max = UINT16_MAX,                                                                                               \
      .help = "height and width of the network's input, multiples of\n8; without it the picture's shape, with as "     \
              "many pixels as\nthe model's default at most" },                                                         \
        { .name = "full",                                                                                              \
          .kind = ARG_FLAG,                                                                                            \
          .value = &(o)->full,                                                                                         \
          .help = "the picture's own size, sides to multiples of 8" },                                                 \
        { .name = "top",                                                                                               \
          .kind = ARG_NUMBER,                                                                                          \
          .value = &(o)->top,                                                                                          \
          .placeholder = "K",                                                                                          \
          .min = 1,                                                                                                    \
          .max = 100000,                                                                                               \
          .help = "the strongest points of a picture (1000)" },                                                        \
        { .name = "threshold",                                                                                         \
          .kind = ARG_REAL,                                                                                            \
          .value = &(o)->threshold,                                                                                    \
          .placeholder = "S",                                                                                          \
          .min = 0,                                                                                                    \
          .max = 1,                                                                                                    \
          .help = "least score of a point (0.015)" },                                                                  \
        { .name = "nms",                                                                                               \
          .kind = ARG_CHOICE,                                                                                          \
          .value = &(o)->nms,                                                                                          \
          .placeholder = "METHOD",                                                                                     \
          .choices = POINTS_NMS,                                                                                       \
          .help = "which of near points stays: grid (default), maxpool" },                                             \
        { .name = "radius",                                                                                            \
          .kind = ARG_NUMBER,                                                                                          \
          .value = &(o)->radius,                                                                                       \
          .placeholder = "R",                                                                                          \
          .min = 0,                                                                                                    \
          .max = TVIS_KEYPOINT_MAX_RADIUS,                                                                             \
          .help = "pixels around a point that have no other (4)" },                                                    \
        { .name = "border",                                                                                            \
          .kind = ARG_NUMBER,                                                                                          \
          .value = &(o)->border,                                                                                       \
          .placeholder = "B",                                                                                          \
          .min = 0,                                                                                                    \
          .max = 1000,                                                                                                 \
          .help = "pixels along the edges without points (4)" },                                                       \
        { .name = "refine",                                                                                            \
          .kind = ARG_NUMBER,                                                                                          \
          .value = &(o)->refine,                                                                                       \
          .placeholder = "R",                                                                                          \
          .min = 0,                                                                                                    \
          .max = TVIS_KEYPOINT_MAX_RADIUS,                                                                             \
          .help =                                                                                                      \
              "a point moves to the centre of mass of the scores so\nmany pixels around it (2; 0: whole pixels)" },    \
        { .name = "corner",                                                                                            \
          .kind = ARG_NUMBER,                                                                                          \
          .value = &(o)->corner,                                                                                       \
          .placeholder = "C",                                                                                          \
          .min = 0,                                                                                                    \
          .max = TVIS_KEYPOINT_MAX_CORNER,                                                                             \
          .help = "instead, to the sharpest corner of the picture so near,\nwhere scores fall if it is dull (4; 0: "   \
                  "off)" },                                                                                            \
        { .name = "style",                                                                                             \
          .kind = ARG_CHOICE,                                                                                          \
          .value = &(o)->style,                                                                                        \
          .placeholder = "S",                                                                                          \
          .choices = POINTS_STYLES,                                                                                    \
          .help = "arithmetic of demo (default) or superglue" },                                                       \
        OPTION_THREADS(&(o)->threads), OPTION_PLAN(&(o)->plan), OPTION_STRICT(&(o)->strict)

/* Starts as { 0 }. */
typedef struct points {
    source file;
    tvis_keypoint *at; /* count of them, in pixels of the picture */
    float *vector;     /* (count, dim) */
    uint32_t count;
    int32_t dim, input_h, input_w; /* of the network */
    double network_ms, select_ms;
} points;

/* Whether both options of a size are not given at once; a usage error of this command otherwise. */
int points_check(const command *c, const points_options *o);
/* The model before `pictures` pictures, of which *count operands are left; NULL, the bundled one, where none is named.
 * A usage error if one of the pictures is a model. */
int points_operands(const command *c, int count, char **operand, int pictures, const char **model);
/* The model, which has to be one for keypoints; NULL: the bundled one. */
tvis_status points_model(loaded *l, const char *path, const points_options *o, tvis_diag *d);
/* Reads the picture, runs the network and picks the points. */
tvis_status points_find(points *p, loaded *l, const char *path, const points_options *o, tvis_diag *d);
void points_free(points *p);

#endif
