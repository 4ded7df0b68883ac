/* SPDX-License-Identifier: MIT */
#include "core/diag.h"
#include "core/math.h"
#include "core/port.h"
#include "models/keypoints_map.h"

enum { CELL = TVIS_KEYPOINT_CELL, SCORES = CELL * CELL + 1, MAX_CELLS = 4096 }; /* a side: 2^15 pixels */

/* Offsets into the working memory. */
typedef struct layout {
    size_t score, order, ring, line, last, corner, found, near;
    uint64_t bytes;
} layout;

static tvis_status bad(tvis_diag *d, const char *what, const char *why, int64_t expected, int64_t found)
{
    return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, what, why, expected, found);
}

static tvis_status check_config(const tvis_keypoints_config *c, tvis_diag *d)
{
    if (!c || c->struct_size != sizeof *c)
        return bad(d, "config", "is NULL or of another version (struct_size)", -1, -1);
    if (c->max_points < 1)
        return bad(d, "max_points", "is at least 1", 1, c->max_points);
    if (!(c->threshold >= 0.0f && c->threshold <= 1.0f))
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_VALUE, "threshold", "is from 0 to 1");
    const bool wide = c->radius > TVIS_KEYPOINT_MAX_RADIUS;
    if (c->corner > TVIS_KEYPOINT_MAX_CORNER)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "corner", NULL, TVIS_KEYPOINT_MAX_CORNER, c->corner);
    if (wide || c->refine > TVIS_KEYPOINT_MAX_RADIUS)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, wide ? "radius" : "refine", NULL,
                               TVIS_KEYPOINT_MAX_RADIUS, wide ? c->radius : c->refine);
    if (c->nms >= TVIS_NMS_COUNT_ || c->style >= TVIS_KEYPOINTS_COUNT_)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ENUM, c->nms >= TVIS_NMS_COUNT_ ? "nms" : "style", NULL, -1,
                               c->nms >= TVIS_NMS_COUNT_ ? c->nms : c->style);
    return TVIS_OK;
}

/* (1, h, w, c), c from least to most. */
static tvis_status check_shape(const tvis_tensor *t, const char *what, const char *why, int32_t h, int32_t w,
                               int32_t least, int32_t most, tvis_diag *d)
{
    const int32_t *dims = t->dims;
    const int32_t want[4] = { 1, h, w, least == most ? least : dims[3] };
    if (dims[0] == 1 && dims[1] == h && dims[2] == w && dims[3] >= least && dims[3] <= most)
        return TVIS_OK;
    return tvis_fail_dims(d, TVIS_EINVAL, what, why, want, dims);
}

static tvis_status check_scores(const tvis_tensor *t, tvis_diag *d)
{
    if (!t)
        return bad(d, "scores", "is NULL", -1, -1);
    for (int i = 1; i < 3; i++)
        if (t->dims[i] < 1 || t->dims[i] > MAX_CELLS)
            return bad(d, "scores", "are of 1 to 4096 cells a side", MAX_CELLS, t->dims[i]);
    return check_shape(t, "scores", "65 for each cell of one picture", t->dims[1], t->dims[2], SCORES, SCORES, d);
}

static size_t take(layout *l, uint64_t bytes)
{
    size_t at = (size_t)l->bytes; /* meaningless past SIZE_MAX, which is refused */
    l->bytes += bytes;
    return at;
}

/* At most 2^30 pixels: below 2^34 bytes. Words first, so that all are aligned. */
static layout lay_out(const tvis_keypoints_config *c, const tvis_tensor *scores)
{
    const uint64_t w = (uint64_t)scores->dims[2] * CELL, pixels = w * (uint64_t)scores->dims[1] * CELL;
    const uint64_t pooled = c->nms == TVIS_NMS_MAXPOOL, window = 2u * c->radius + 1u;
    layout l = { 0 };
    l.score = take(&l, pixels * sizeof(float));
    l.order = take(&l, pixels * sizeof(uint32_t));
    l.ring = take(&l, pooled * window * w * sizeof(float));
    l.line = take(&l, pooled * (w + window - 1) * sizeof(float));
    l.last = take(&l, pooled * w * sizeof(int32_t));
    l.corner = take(&l, c->corner ? tvis_corner_floats(c->corner) * sizeof(float) : 0);
    l.found = take(&l, pixels);
    l.near = take(&l, pooled || c->corner ? pixels : 0);
    return l;
}

tvis_status tvis_keypoints_size(const tvis_keypoints_config *c, const tvis_tensor *scores, size_t *bytes,
                                tvis_diag *diag)
{
    tvis_status s = check_config(c, diag);
    if (!s)
        s = check_scores(scores, diag);
    if (!s && !bytes)
        s = bad(diag, "bytes", "is NULL", -1, -1);
    if (s)
        return s;
    const uint64_t need = lay_out(c, scores).bytes;
    if (need > PTRDIFF_MAX)
        return tvis_fail_value(diag, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "scores", "bytes of working memory", PTRDIFF_MAX,
                               (int64_t)need);
    *bytes = (size_t)need;
    return TVIS_OK;
}

static tvis_status check_view(const tvis_tensor *t, const char *what, tvis_diag *d)
{
    return t && t->data && (uintptr_t)t->data % sizeof(float) == 0 && t->dtype == TVIS_F32 &&
                   (t->layout == TVIS_NHWC || t->layout == TVIS_NCHW)
               ? TVIS_OK
               : bad(d, what, "are float32 in memory, NHWC or NCHW", -1, -1);
}

static tvis_status check_descriptors(const tvis_tensor *t, const tvis_tensor *scores, tvis_diag *d)
{
    const tvis_status s = check_view(t, "descriptors", d);
    return s ? s
             : check_shape(t, "descriptors", "one for each cell of scores, of 1 to 4096 numbers", scores->dims[1],
                           scores->dims[2], 1, TVIS_MATCH_MAX_DIM, d);
}

static tvis_status check_picture(const tvis_tensor *t, const tvis_tensor *scores, tvis_diag *d)
{
    const tvis_status s = check_view(t, "picture", d);
    return s ? s
             : check_shape(t, "picture", "what the scores are of", CELL * scores->dims[1], CELL * scores->dims[2], 1, 1,
                           d);
}

static tvis_status check_memory(const void *mem, size_t need, size_t bytes, tvis_diag *d)
{
    if (!mem || (uintptr_t)mem % TVIS_ARENA_ALIGN)
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_ALIGN, "mem", NULL);
    if (bytes < need)
        return tvis_fail_value(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "keypoints", NULL, (int64_t)need, (int64_t)bytes);
    return TVIS_OK;
}

/* Softmax of one cell without its last score, "none": 8 x 8 pixels, rows w apart. A cell that holds what is not a
 * number becomes 0. The demo's 1e-5 beside the sum of e^x is 1e-5 e^-max beside that of e^(x - max). */
static void score_cell(const float *x, size_t step, bool demo, float *out, size_t w)
{
    float e[SCORES], max = x[0];
    for (size_t k = 1; k < SCORES; k++)
        max = x[k * step] > max ? x[k * step] : max;
    float sum = 0.0f;
    for (size_t k = 0; k < SCORES; k++) {
        e[k] = tvis_expf(x[k * step] - max);
        sum += e[k];
    }
    if (demo)
        sum += 1e-5f * tvis_expf(-max);
    for (size_t k = 0; k < SCORES - 1; k++) {
        const float p = e[k] / sum;
        out[k / CELL * w + k % CELL] = p > 0.0f ? p : 0.0f;
    }
}

static void score_all(const tvis_tensor *t, bool demo, float *score)
{
    const size_t h = (size_t)t->dims[1], w = (size_t)t->dims[2], row = w * CELL;
    const size_t cell = t->layout == TVIS_NHWC ? SCORES : 1, step = t->layout == TVIS_NHWC ? 1 : h * w;
    for (size_t i = 0; i < h * w; i++)
        score_cell((const float *)t->data + i * cell, step, demo, score + i / w * CELL * row + i % w * CELL, row);
}

/* Order of points: by score, equal ones by position. */
static bool before(const float *score, uint32_t a, uint32_t b)
{
    return score[a] > score[b] || (score[a] == score[b] && a < b);
}

/* A heap whose first element comes before all others. */
static void sift(uint32_t *heap, uint32_t n, uint32_t at, const float *score)
{
    const uint32_t moving = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(score, heap[child + 1], heap[child]))
            child++;
        if (!before(score, heap[child], moving))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

static uint32_t pop(uint32_t *heap, uint32_t *n, const float *score)
{
    const uint32_t first = heap[0];
    heap[0] = heap[--*n];
    if (*n)
        sift(heap, *n, 0, score);
    return first;
}

static void make_heap(uint32_t *heap, uint32_t n, const float *score)
{
    for (uint32_t i = n / 2; i-- > 0;)
        sift(heap, n, i, score);
}

static uint32_t candidates(const tvis_keypoints_config *c, const tvis_nms_maps *m, uint32_t *heap)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < (uint32_t)m->w * (uint32_t)m->h; i++) {
        const bool strong =
            m->score[i] > c->threshold || (c->style == TVIS_KEYPOINTS_DEMO && m->score[i] == c->threshold);
        if (strong && (c->nms == TVIS_NMS_GRID || m->found[i]))
            heap[n++] = i;
    }
    make_heap(heap, n, m->score);
    return n;
}

static bool inside(const tvis_nms_maps *m, int32_t border, int32_t x, int32_t y)
{
    return x >= border && y >= border && x < m->w - border && y < m->h - border;
}

/* The strongest of the heap that stays, as a whole pixel, its index in *at; false where none is left. */
static bool next(const tvis_keypoints_config *c, const tvis_nms_maps *m, uint32_t *heap, uint32_t *n, uint32_t *at,
                 tvis_keypoint *p)
{
    while (*n > 0) {
        *at = pop(heap, n, m->score);
        const int32_t x = (int32_t)*at % m->w, y = (int32_t)*at / m->w;
        *p = (tvis_keypoint){ (float)x, (float)y, m->score[*at] };
        if (c->nms == TVIS_NMS_GRID && m->found[*at])
            continue;
        if (c->nms == TVIS_NMS_GRID)
            tvis_nms_take(m, *at);
        if (inside(m, c->border, x, y))
            return true;
    }
    return false;
}

/* To the centre of mass of the scores at most `reach` pixels to each side. */
static void refine(const tvis_nms_maps *m, int32_t reach, tvis_keypoint *p)
{
    const int32_t x = (int32_t)p->x, y = (int32_t)p->y;
    float mass = 0.0f, right = 0.0f, down = 0.0f;
    for (int32_t v = y - reach; v <= y + reach; v++)
        for (int32_t u = x - reach; u <= x + reach; u++)
            if (inside(m, 0, u, v)) {
                const float s = m->score[v * m->w + u];
                mass += s;
                right += s * (float)(u - x);
                down += s * (float)(v - y);
            }
    if (mass > 0.0f) {
        p->x += right / mass;
        p->y += down / mass;
    }
}

/* Takes the points of the heap once more from the strongest down, each to its corner, with the pixels next to it. */
static uint32_t take_corners(const tvis_keypoints_config *c, const tvis_nms_maps *m, float *work, uint32_t *heap,
                             uint32_t n, tvis_keypoint *points)
{
    const tvis_nms_maps taken = { .w = m->w, .h = m->h, .radius = 1, .found = m->near };
    const uint32_t w = (uint32_t)m->w;
    uint32_t count = 0;
    make_heap(heap, n, m->score);
    memset(taken.found, 0, w * (size_t)m->h);
    while (n > 0 && count < c->max_points) {
        uint32_t at = pop(heap, &n, m->score);
        tvis_keypoint *p = &points[count];
        *p = (tvis_keypoint){ (float)(at % w), (float)(at / w), m->score[at] };
        (void)tvis_corner_near(c, work, p);
        at = (uint32_t)(p->y + 0.5f) * w + (uint32_t)(p->x + 0.5f);
        if (taken.found[at])
            continue;
        tvis_nms_take(&taken, at);
        count++;
    }
    return count;
}

static uint32_t select(const tvis_keypoints_config *c, const tvis_nms_maps *m, float *work, uint32_t *heap,
                       tvis_keypoint *points)
{
    uint32_t count = 0, at;
    tvis_keypoint p;
    if (c->nms == TVIS_NMS_MAXPOOL)
        tvis_nms_maxpool(m);
    uint32_t n = candidates(c, m, heap);
    const uint32_t all = n, most = c->corner ? all : c->max_points;
    while (count < most && next(c, m, heap, &n, &at, &p)) {
        if (!c->corner) {
            refine(m, c->refine, &p);
            points[count++] = p;
            continue;
        }
        const float sharp = tvis_corner_near(c, work, &p);
        m->score[at] *= sharp / (sharp + TVIS_CORNER_HALF);
        if (sharp > 0.0f)
            heap[all - ++count] = at; /* the heap has left this place already */
    }
    if (!c->corner)
        return count;
    memmove(heap, heap + all - count, count * sizeof *heap);
    return take_corners(c, m, work, heap, count, points);
}

tvis_status tvis_keypoints_run(const tvis_keypoints_config *c, const tvis_tensor *scores,
                               const tvis_tensor *descriptors, void *mem, size_t bytes, tvis_keypoint *points,
                               float *vectors, uint32_t *count, tvis_diag *diag)
{
    size_t need;
    tvis_status s = tvis_keypoints_size(c, scores, &need, diag);
    if (!s)
        s = check_view(scores, "scores", diag);
    if (!s && (!points || !count || (descriptors == NULL) != (vectors == NULL)))
        s = bad(diag, "points", "are to be written; descriptors need vectors, and the other way round", -1, -1);
    if (!s && descriptors)
        s = check_descriptors(descriptors, scores, diag);
    if (!s && c->corner)
        s = check_picture(c->picture, scores, diag);
    if (!s)
        s = check_memory(mem, need, bytes, diag);
    if (s)
        return s;
    const layout l = lay_out(c, scores);
    uint8_t *base = mem;
    float *score = (float *)(void *)(base + l.score);
    const tvis_nms_maps m = {
        .score = score,
        .w = scores->dims[2] * CELL,
        .h = scores->dims[1] * CELL,
        .radius = c->radius,
        .found = base + l.found,
        .near = base + l.near,
        .ring = (float *)(void *)(base + l.ring),
        .line = (float *)(void *)(base + l.line),
        .last = (int32_t *)(void *)(base + l.last),
    };
    score_all(scores, c->style == TVIS_KEYPOINTS_DEMO, score);
    memset(m.found, 0, (size_t)m.w * (size_t)m.h);
    *count = select(c, &m, (float *)(void *)(base + l.corner), (uint32_t *)(void *)(base + l.order), points);
    for (uint32_t i = 0; vectors && i < *count; i++)
        tvis_sample_descriptor(descriptors, c->style, &points[i], vectors + (size_t)i * (size_t)descriptors->dims[3]);
    return TVIS_OK;
}

static float rescale(float at, int32_t from, int32_t to)
{
    return (float)(((double)at + 0.5) * (double)to / (double)from - 0.5);
}

void tvis_keypoints_scale(tvis_keypoint *points, uint32_t count, int32_t w, int32_t h, int32_t picture_w,
                          int32_t picture_h)
{
    for (uint32_t i = 0; i < count; i++) {
        points[i].x = rescale(points[i].x, w, picture_w);
        points[i].y = rescale(points[i].y, h, picture_h);
    }
}
