/* SPDX-License-Identifier: MIT */
/* What comes after SuperPoint: points and descriptors out of its two outputs, matches of two pictures, and the homography that
 * most matches agree on. size -> run: nothing is allocated, any thread, the same bits on every call. docs/keypoints.md */
#ifndef TINYVIS_KEYPOINTS_H
#define TINYVIS_KEYPOINTS_H

#include <tinyvis/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TVIS_KEYPOINT_CELL       8   /* pixels a side that one cell of the network's outputs stands for */
#define TVIS_KEYPOINT_MAX_RADIUS 64
#define TVIS_KEYPOINT_MAX_CORNER 8
#define TVIS_MATCH_MAX_POINTS    (1 << 20) /* of one picture */
#define TVIS_MATCH_MAX_DIM       4096      /* numbers of a descriptor */

typedef enum tvis_nms {
    TVIS_NMS_GRID,    /* strongest first; each takes the pixels around it, radius away at most (demo of the paper) */
    TVIS_NMS_MAXPOOL, /* local maxima, then twice those that remain far from all found (simple_nms of SuperGlue) */
    TVIS_NMS_COUNT_
} tvis_nms;

/* Whose arithmetic makes scores and descriptors. */
typedef enum tvis_keypoint_style {
    TVIS_KEYPOINTS_DEMO,      /* score = e^x / (sum + 1e-5), kept if >= threshold; pixel x lies at x / W * (W / 8 - 1) cells */
    TVIS_KEYPOINTS_SUPERGLUE, /* plain softmax, kept if > threshold; pixel x lies at (x - 3.5) / (W - 4.5) * (W / 8 - 1) cells */
    TVIS_KEYPOINTS_COUNT_
} tvis_keypoint_style;

typedef struct tvis_keypoints_config {
    size_t   struct_size; /* sizeof(tvis_keypoints_config); new fields go at the end */
    uint32_t max_points;  /* the strongest so many are kept, 1 ...; length of the caller's arrays */
    float    threshold;   /* of the score, 0 to 1 */
    uint16_t radius;      /* pixels, 0 to TVIS_KEYPOINT_MAX_RADIUS; the square of 2 radius + 1 pixels has one point */
    uint16_t border;      /* points nearer than this to an edge are dropped */
    uint8_t  nms;         /* tvis_nms */
    uint8_t  style;       /* tvis_keypoint_style */
    uint16_t refine;      /* pixels, 0 to TVIS_KEYPOINT_MAX_RADIUS; a point moves to the centre of mass of the scores so near */
    uint16_t corner;      /* pixels, 0 to TVIS_KEYPOINT_MAX_CORNER; instead, a point moves to the sharpest corner of the picture so near,
                             its score falls where that is dull; of points that come next to each other the strongest stays */
    const tvis_tensor *picture; /* with corner: the network's input, (1, H, W, 1), F32; the caller's */
} tvis_keypoints_config;

/* The demo's: threshold 0.015, radius 4, border 4, by grid, whole pixels; at most 1000 points. */
static inline void tvis_keypoints_defaults(tvis_keypoints_config *c)
{
    c->struct_size = sizeof *c;
    c->max_points = 1000;
    c->threshold = 0.015f;
    c->radius = 4;
    c->border = 4;
    c->nms = TVIS_NMS_GRID;
    c->style = TVIS_KEYPOINTS_DEMO;
    c->refine = 0;
    c->corner = 0;
    c->picture = NULL;
}

/* x to the right, y down, pixels of the network's input, whole ones unless moved; the centre of the upper left one is (0, 0). */
typedef struct tvis_keypoint {
    float x, y, score;
} tvis_keypoint;

/* Bytes of working memory for scores of these dimensions (1, H / 8, W / 8, 65); data is not read.
 * Errors: EINVAL (config, dimensions), EUNSUP (more than memory can address). */
TVIS_API tvis_status tvis_keypoints_size(const tvis_keypoints_config *c, const tvis_tensor *scores, size_t *bytes,
                                         tvis_diag *diag);
/* Fills points[0 ... *count) with the strongest points, strongest first, equal ones from the top, then from the left, and
 * vectors[i * D ...] with the descriptor of point i, of length 1. scores: the network's first output, raw; descriptors: the second,
 * (1, H / 8, W / 8, D); both F32 in either layout; what is not a number gives no point. descriptors and vectors may both be NULL.
 * mem is aligned to TVIS_ARENA_ALIGN and free again afterwards. No point at all is no error. Errors: EINVAL, EUNSUP, ENOMEM (bytes). */
TVIS_API tvis_status tvis_keypoints_run(const tvis_keypoints_config *c, const tvis_tensor *scores,
                                        const tvis_tensor *descriptors, void *mem, size_t bytes, tvis_keypoint *points,
                                        float *vectors, uint32_t *count, tvis_diag *diag);
/* From pixels of the network's input, w x h, to those of the picture that was resized to it: centres of pixels stay centres. */
TVIS_API void tvis_keypoints_scale(tvis_keypoint *points, uint32_t count, int32_t w, int32_t h, int32_t picture_w,
                                   int32_t picture_h);

/* Point a of the first picture and point b of the second are each other's nearest. */
typedef struct tvis_match {
    uint32_t a, b;
    float    distance; /* of the descriptors, 0 to 2 */
} tvis_match;

typedef struct tvis_match_config {
    size_t   struct_size;  /* sizeof(tvis_match_config) */
    float    max_distance; /* matches are nearer than this; 0: any */
    float    ratio;        /* and nearer than this times the second nearest, below 1; 0: any */
    uint32_t cpu;          /* TVIS_CPU_* to use */
} tvis_match_config;

/* The demo's distance, 0.7, and no ratio. */
static inline void tvis_match_defaults(tvis_match_config *c)
{
    c->struct_size = sizeof *c;
    c->max_distance = 0.7f;
    c->ratio = 0.0f;
    c->cpu = tvis_cpu_detect();
}

/* Bytes of working memory to match na with nb points whose descriptors have d numbers: far less than na * nb.
 * Errors: EINVAL (config, counts over the limits above). */
TVIS_API tvis_status tvis_match_size(const tvis_match_config *c, uint32_t na, uint32_t nb, uint32_t d, size_t *bytes,
                                     tvis_diag *diag);
/* a: (na, d), b: (nb, d), rows of length 1. Fills matches[0 ... *count), which has room for the smaller of na and nb, in the order of
 * a. Of equally near ones the first is the nearest. A row that holds what is not a number matches nothing. Errors: EINVAL, ENOMEM. */
TVIS_API tvis_status tvis_match_run(const tvis_match_config *c, const float *a, uint32_t na, const float *b,
                                    uint32_t nb, uint32_t d, void *mem, size_t bytes, tvis_match *matches,
                                    uint32_t *count, tvis_diag *diag);

/* The same thing seen in two pictures, in pixels. */
typedef struct tvis_pair {
    float a[2], b[2]; /* x, y */
} tvis_pair;

typedef struct tvis_homography_config {
    size_t   struct_size; /* sizeof(tvis_homography_config) */
    float    threshold;   /* pixels that an inlier may be off, over 0 */
    bool     symmetric;   /* in both pictures, not only in the second */
    uint32_t min_inliers; /* fewer agree by chance, 4 ... */
    uint32_t max_samples; /* tries, 1 ...; fewer when enough agree */
    uint32_t seed;        /* the same seed gives the same answer */
} tvis_homography_config;

static inline void tvis_homography_defaults(tvis_homography_config *c)
{
    c->struct_size = sizeof *c;
    c->threshold = 3.0f;
    c->symmetric = false;
    c->min_inliers = 4;
    c->max_samples = 4000;
    c->seed = 1;
}

typedef enum tvis_homography_outcome {
    TVIS_HOMOGRAPHY_FOUND,
    TVIS_HOMOGRAPHY_FEW,        /* fewer than 4 pairs */
    TVIS_HOMOGRAPHY_DEGENERATE, /* no 4 pairs in general position, or all that agree lie on a line */
    TVIS_HOMOGRAPHY_NONE        /* fewer than min_inliers pairs agree on any */
} tvis_homography_outcome;

typedef struct tvis_homography {
    double   h[9];    /* rows; (x, y, 1) of a times h is w (x, y, 1) of b. h[8] is 1 unless (0, 0) goes to infinity */
    uint32_t inliers; /* 0 unless found, as is h */
    uint8_t  outcome; /* tvis_homography_outcome */
} tvis_homography;

/* Bytes of working memory for n pairs, at most TVIS_MATCH_MAX_POINTS. Errors: EINVAL. */
TVIS_API tvis_status tvis_homography_size(const tvis_homography_config *c, uint32_t n, size_t *bytes, tvis_diag *diag);
/* The homography that most pairs agree on: random samples of 4 (RANSAC), then a robust fit to all that agree. inlier[n] gets 1 for
 * each pair that agrees, else 0. Not to find one is no error: see out->outcome. Errors: EINVAL, ENOMEM. */
TVIS_API tvis_status tvis_homography_run(const tvis_homography_config *c, const tvis_pair *pairs, uint32_t n, void *mem,
                                         size_t bytes, uint8_t *inlier, tvis_homography *out, tvis_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
