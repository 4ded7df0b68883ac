/* SPDX-License-Identifier: MIT */
/* Keypoints out of maps, against tests/golden/keypoints. */
#include <tinyvis/keypoints.h>

#include <math.h>

#include "core/port.h"
#include "models/random_hosted.h"
#include "tests/tvt.h"

#define GOLDEN "tests/golden/keypoints/points"
enum { D = 8, MAX_CASES = 64, SCORES = 65, ROOM = 1000 };

typedef struct golden {
    char kind[16], style[16], nms[16];
    unsigned seed, h, w, radius, border, most, count;
    float threshold;
    size_t at; /* of the points, then the vectors */
} golden;

static golden cases[MAX_CASES];
static unsigned case_count;
static float *expected;

static int load_golden(void **state)
{
    size_t size, total = 0, dims[1];
    char *text = (char *)tvt_read(GOLDEN ".txt", &size);
    (void)state;
    expected = tvt_npy_f32(GOLDEN ".npy", dims, 1);
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        assert_true(case_count < MAX_CASES);
        golden *g = &cases[case_count++];
        assert_int_equal(sscanf(line, "%15s %u %u %u %15s %15s %u %f %u %u %u", g->kind, &g->seed, &g->h, &g->w,
                                g->style, g->nms, &g->radius, &g->threshold, &g->border, &g->most, &g->count),
                         11);
        g->at = total;
        total += (size_t)g->count * (3 + D);
    }
    assert_int_equal(total, dims[0]);
    free(text);
    return 0;
}

static int free_golden(void **state)
{
    (void)state;
    free(expected);
    return 0;
}

static float *room(size_t n)
{
    float *p = malloc(n * sizeof *p);
    assert_non_null(p);
    return p;
}

static float *seeded(unsigned seed, const char *name, size_t n)
{
    float *p = room(n);
    tvis_random_fill(seed, name, TVIS_RANDOM_INPUT, 1, p, (int64_t)n);
    return p;
}

/* (65, h, w); the same in make_keypoints.py. */
static float *scores_of(const golden *g)
{
    const size_t hw = (size_t)g->h * g->w;
    float *x = seeded(g->seed, "scores", SCORES * hw), *first = room(SCORES * 2);
    for (size_t i = 0; i < SCORES * hw; i++)
        x[i] = strcmp(g->kind, "flat") == 0 ? 0.0f : x[i] * 4.0f;
    for (size_t k = 0; strcmp(g->kind, "steps") == 0 && k < SCORES; k++) {
        for (size_t j = 0; j < 2; j++)
            first[2 * k + j] = floorf(x[k * hw + j] / 2.0f) * 2.0f;
        for (size_t i = 0; i < hw; i++)
            x[k * hw + i] = first[2 * k + i % g->w % 2];
    }
    for (size_t i = 0; strcmp(g->kind, "none") == 0 && i < hw; i++)
        x[(SCORES - 1) * hw + i] = 60.0f;
    free(first);
    return x;
}

static float *to_nhwc(const float *x, size_t c, size_t hw)
{
    float *y = room(c * hw);
    for (size_t k = 0; k < c; k++)
        for (size_t i = 0; i < hw; i++)
            y[i * c + k] = x[k * hw + i];
    return y;
}

static tvis_tensor view(void *data, unsigned h, unsigned w, int32_t c, uint8_t layout)
{
    return (tvis_tensor){ data, { 1, (int32_t)h, (int32_t)w, c }, TVIS_F32, layout };
}

static tvis_keypoints_config config_of(const golden *g)
{
    tvis_keypoints_config c;
    tvis_keypoints_defaults(&c);
    c.max_points = g->most;
    c.threshold = g->threshold;
    c.radius = (uint16_t)g->radius;
    c.border = (uint16_t)g->border;
    c.nms = strcmp(g->nms, "grid") == 0 ? TVIS_NMS_GRID : TVIS_NMS_MAXPOOL;
    c.style = strcmp(g->style, "demo") == 0 ? TVIS_KEYPOINTS_DEMO : TVIS_KEYPOINTS_SUPERGLUE;
    return c;
}

/* In exactly the memory that is asked for. */
static uint32_t run(const tvis_keypoints_config *c, const tvis_tensor *scores, const tvis_tensor *descriptors,
                    tvis_keypoint *points, float *vectors)
{
    size_t bytes;
    uint32_t count = 12345;
    assert_int_equal(tvis_keypoints_size(c, scores, &bytes, NULL), TVIS_OK);
    tvt_buf mem = tvt_guarded(bytes);
    assert_int_equal(tvis_keypoints_run(c, scores, descriptors, mem.p, bytes, points, vectors, &count, NULL), TVIS_OK);
    assert_true(tvt_guards_ok(&mem));
    tvt_free(&mem);
    return count;
}

static void compare(const golden *g, const tvis_keypoint *points, const float *vectors, uint32_t count)
{
    const float *want = expected + g->at, *want_vectors = want + 3 * g->count;
    if (count != g->count)
        fail_msg("%s %u, %s %s: %u points, not %u", g->kind, g->seed, g->style, g->nms, count, g->count);
    for (uint32_t i = 0; i < count; i++) {
        const double off = fabs((double)points[i].score / (double)want[3 * i + 2] - 1);
        if (points[i].x != want[3 * i] || points[i].y != want[3 * i + 1] || !(off < 1e-5))
            fail_msg("%s %u, %s %s: point %u is (%g, %g, %.9g), not (%g, %g, %.9g)", g->kind, g->seed, g->style, g->nms,
                     i, (double)points[i].x, (double)points[i].y, (double)points[i].score, (double)want[3 * i],
                     (double)want[3 * i + 1], (double)want[3 * i + 2]);
    }
    assert_int_equal(tvt_differs_f32(vectors, want_vectors, (size_t)count * D, 2e-6), -1);
}

static void all_cases(void **state)
{
    (void)state;
    assert_true(case_count > 20);
    for (unsigned i = 0; i < case_count; i++) {
        const golden *g = &cases[i];
        const size_t hw = (size_t)g->h * g->w;
        float *planes = scores_of(g), *d_planes = seeded(g->seed, "descriptors", D * hw);
        float *pixels = to_nhwc(planes, SCORES, hw), *d_pixels = to_nhwc(d_planes, D, hw);
        static tvis_keypoint points[ROOM];
        static float vectors[ROOM * D];
        const tvis_keypoints_config c = config_of(g);
        const tvis_tensor nchw[2] = { view(planes, g->h, g->w, SCORES, TVIS_NCHW),
                                      view(d_planes, g->h, g->w, D, TVIS_NCHW) };
        const tvis_tensor nhwc[2] = { view(pixels, g->h, g->w, SCORES, TVIS_NHWC),
                                      view(d_pixels, g->h, g->w, D, TVIS_NHWC) };
        compare(g, points, vectors, run(&c, &nchw[0], &nchw[1], points, vectors));
        compare(g, points, vectors, run(&c, &nhwc[0], &nhwc[1], points, vectors));
        assert_int_equal(run(&c, &nhwc[0], NULL, points, NULL), g->count);
        free(planes);
        free(d_planes);
        free(pixels);
        free(d_pixels);
    }
}

static bool in_order(const tvis_keypoint *a, const tvis_keypoint *b)
{
    return a->score > b->score || (a->score == b->score && (a->y < b->y || (a->y == b->y && a->x < b->x)));
}

/* Whatever the maps hold: points lie inside, in order, none within another's square (by grid); nothing is written past
 * the count. */
static void any_numbers(void **state)
{
    enum { H = 5, W = 6 };
    static float scores[H * W * SCORES], descriptors[H * W * D], vectors[ROOM * D];
    static tvis_keypoint points[ROOM];
    const tvis_tensor s = view(scores, H, W, SCORES, TVIS_NHWC), d = view(descriptors, H, W, D, TVIS_NHWC);
    (void)state;
    tvt_srand(tvt_seed);
    for (int round = 0; round < 300; round++) {
        tvis_keypoints_config c;
        tvis_keypoints_defaults(&c);
        c.nms = (uint8_t)(round % 2);
        c.style = (uint8_t)(round / 2 % 2);
        c.radius = (uint16_t)tvt_below(8);
        c.border = (uint16_t)tvt_below(8);
        c.max_points = 1 + tvt_below(ROOM - 1);
        c.threshold = round % 5 ? tvt_float(0.0f, 0.1f) : 0.0f;
        if (round % 3)
            tvt_fill(scores, sizeof scores); /* any bits: NaNs, infinities, every size */
        else
            for (size_t i = 0; i < TVIS_COUNT(scores); i++)
                scores[i] = tvt_below(9) ? tvt_float(-9.0f, 9.0f) : tvt_below(2) ? NAN : INFINITY;
        tvt_fill(descriptors, sizeof descriptors);
        const uint32_t n = run(&c, &s, &d, points, vectors);
        assert_true(n <= c.max_points);
        for (uint32_t i = 0; i < n; i++) {
            const tvis_keypoint *p = &points[i];
            assert_true(p->score >= c.threshold && p->score <= 1.0f);
            assert_true(p->x >= (float)c.border && p->x < (float)(8 * W - c.border));
            assert_true(p->y >= (float)c.border && p->y < (float)(8 * H - c.border));
            assert_true(i == 0 || in_order(&points[i - 1], p));
            for (uint32_t j = 0; c.nms == TVIS_NMS_GRID && j < i; j++)
                assert_true(fabsf(points[j].x - p->x) > (float)c.radius || fabsf(points[j].y - p->y) > (float)c.radius);
        }
    }
}

static void memory_is_exact(void **state)
{
    static float scores[4 * 3 * SCORES], seen[32 * 24];
    tvis_tensor s = view(scores, 4, 3, SCORES, TVIS_NHWC);
    const tvis_tensor picture = view(seen, 32, 24, 1, TVIS_NCHW);
    tvis_keypoint points[4];
    uint32_t count;
    tvis_diag d;
    (void)state;
    for (uint8_t kind = 0; kind < 2 * TVIS_NMS_COUNT_; kind++) {
        tvis_keypoints_config c;
        size_t bytes, again;
        tvis_keypoints_defaults(&c);
        c.nms = kind / 2;
        c.corner = kind % 2 * TVIS_KEYPOINT_MAX_CORNER;
        c.picture = &picture;
        c.max_points = 4;
        assert_int_equal(tvis_keypoints_size(&c, &s, &bytes, &d), TVIS_OK);
        tvt_buf mem = tvt_guarded(bytes), untouched = tvt_guarded(bytes);
        assert_int_equal(tvis_keypoints_run(&c, &s, NULL, mem.p, bytes - 1, points, NULL, &count, &d), TVIS_ENOMEM);
        assert_int_equal(d.code, TVIS_DIAG_MEMORY);
        assert_int_equal(d.expected[0], bytes);
        assert_int_equal(d.found[0], bytes - 1);
        assert_true(tvt_same(&mem, &untouched));
        assert_int_equal(tvis_keypoints_run(&c, &s, NULL, (char *)mem.p + 4, bytes, points, NULL, &count, &d),
                         TVIS_EINVAL);
        assert_int_equal(d.code, TVIS_DIAG_ALIGN);
        assert_int_equal(tvis_keypoints_run(&c, &s, NULL, mem.p, bytes, points, NULL, &count, &d), TVIS_OK);
        s.data = NULL; /* dimensions are enough to know the size */
        assert_int_equal(tvis_keypoints_size(&c, &s, &again, &d), TVIS_OK);
        assert_int_equal(bytes, again);
        s.data = scores;
        tvt_free(&mem);
        tvt_free(&untouched);
    }
}

static void refuse(const tvis_keypoints_config *c, const tvis_tensor *s, const tvis_tensor *d, float *vectors,
                   const char *subject)
{
    static uint64_t mem[20000];
    tvis_keypoint points[4];
    uint32_t count = 7;
    tvis_diag diag = { 0 };
    const uint8_t *at = (const uint8_t *)mem;
    while ((uintptr_t)at % TVIS_ARENA_ALIGN)
        at++;
    assert_int_equal(tvis_keypoints_run(c, s, d, (void *)(uintptr_t)at, sizeof mem - TVIS_ARENA_ALIGN, points, vectors,
                                        &count, &diag),
                     TVIS_EINVAL);
    assert_string_equal(diag.subject, subject);
    assert_int_equal(count, 7);
}

static void bad_arguments(void **state)
{
    static float scores[2 * 2 * SCORES], descriptors[2 * 2 * D], vectors[4 * D];
    const tvis_tensor good = view(scores, 2, 2, SCORES, TVIS_NHWC), fine = view(descriptors, 2, 2, D, TVIS_NHWC);
    tvis_keypoints_config c;
    (void)state;
    tvis_keypoints_defaults(&c);
    c.max_points = 4;
    const struct {
        size_t field;
        int value;
        const char *subject;
    } bad[] = {
        { offsetof(tvis_keypoints_config, nms), TVIS_NMS_COUNT_, "nms" },
        { offsetof(tvis_keypoints_config, style), TVIS_KEYPOINTS_COUNT_, "style" },
        { offsetof(tvis_keypoints_config, radius), TVIS_KEYPOINT_MAX_RADIUS + 1, "radius" },
        { offsetof(tvis_keypoints_config, refine), TVIS_KEYPOINT_MAX_RADIUS + 1, "refine" },
        { offsetof(tvis_keypoints_config, corner), TVIS_KEYPOINT_MAX_CORNER + 1, "corner" },
        { offsetof(tvis_keypoints_config, corner), 1, "picture" },
        { offsetof(tvis_keypoints_config, struct_size), 1, "config" },
    };
    for (size_t i = 0; i < TVIS_COUNT(bad); i++) {
        tvis_keypoints_config changed = c;
        ((uint8_t *)&changed)[bad[i].field] = (uint8_t)bad[i].value;
        refuse(&changed, &good, NULL, NULL, bad[i].subject);
    }
    static const float thresholds[] = { -0.1f, 1.1f, NAN, INFINITY };
    for (size_t i = 0; i < TVIS_COUNT(thresholds); i++) {
        tvis_keypoints_config changed = c;
        changed.threshold = thresholds[i];
        refuse(&changed, &good, NULL, NULL, "threshold");
    }
    tvis_keypoints_config none = c;
    none.max_points = 0;
    refuse(&none, &good, NULL, NULL, "max_points");
    refuse(NULL, &good, NULL, NULL, "config");
    refuse(&c, NULL, NULL, NULL, "scores");
    for (int i = 0; i < 4; i++) {
        tvis_tensor t = good, u = fine;
        t.dims[i] = i == 3 ? 64 : 0;
        refuse(&c, &t, NULL, NULL, "scores");
        u.dims[i] = i == 3 ? 0 : 3;
        refuse(&c, &good, &u, vectors, "descriptors");
    }
    tvis_tensor t = good;
    t.dtype = TVIS_F16;
    refuse(&c, &t, NULL, NULL, "scores");
    t = good;
    t.layout = 2;
    refuse(&c, &t, NULL, NULL, "scores");
    t = good;
    t.dims[1] = 4097;
    refuse(&c, &t, NULL, NULL, "scores");
    for (int i = 0; i < 6; i++) {
        static float seen[16 * 16];
        tvis_tensor picture = view(seen, 16, 16, 1, TVIS_NHWC);
        tvis_keypoints_config with = c;
        with.corner = 1;
        with.picture = &picture;
        if (i < 4)
            picture.dims[i] = i == 0 || i == 3 ? 2 : 8;
        else if (i == 4)
            picture.dtype = TVIS_U8;
        else
            picture.data = NULL;
        refuse(&with, &good, NULL, NULL, "picture");
    }
    refuse(&c, &good, &fine, NULL, "points");
    refuse(&c, &good, NULL, vectors, "points");
}

/* Two pixels side by side, one three times as likely as the other, in the first of four cells; more in the last corner.
 */
static void centres_of_mass(void **state)
{
    enum { CELLS = 4 };
    float scores[CELLS * SCORES];
    (void)state;
    for (size_t i = 0; i < CELLS * SCORES; i++)
        scores[i] = i % SCORES == SCORES - 1 ? logf(0.2f) : -60.0f;
    scores[4 * 8 + 3] = logf(0.6f);
    scores[4 * 8 + 4] = logf(0.2f);
    scores[3 * SCORES + 63] = logf(0.4f);
    scores[3 * SCORES + 63 - 8] = logf(0.4f);
    const tvis_tensor t = view(scores, 2, 2, SCORES, TVIS_NHWC);
    tvis_keypoint p[ROOM];
    uint32_t count;
    for (uint16_t refine = 0; refine <= TVIS_KEYPOINT_MAX_RADIUS; refine = (uint16_t)(2 * refine + 1)) {
        tvis_keypoints_config c;
        size_t bytes;
        tvis_keypoints_defaults(&c);
        c.border = 0;
        c.refine = refine;
        assert_int_equal(tvis_keypoints_size(&c, &t, &bytes, NULL), TVIS_OK);
        tvt_buf mem = tvt_guarded(bytes);
        assert_int_equal(tvis_keypoints_run(&c, &t, NULL, mem.p, bytes, p, NULL, &count, NULL), TVIS_OK);
        tvt_free(&mem);
        assert_int_equal(count, 2);
        const float right = refine ? 0.25f : 0.0f, down = refine ? 0.5f : 0.0f;
        if (refine < 8) { /* beyond, each feels the other */
            assert_float_equal(p[0].x, 3.0f + right, 1e-4f);
            assert_float_equal(p[0].y, 4.0f, 1e-4f);
            assert_float_equal(p[0].score, 0.6f, 1e-4f);
            assert_float_equal(p[1].x, 15.0f, 1e-4f);
            assert_float_equal(p[1].y, 14.0f + down, 1e-4f);
        }
    }
}

/* What corners are found by, written down once more in double, over the whole of a picture and what lies around it. */
enum { SIDE = 40, AROUND = 8, FRAME = SIDE + 2 * AROUND };
typedef double plane[FRAME][FRAME]; /* pixel (x, y) at [y + AROUND][x + AROUND] */

static void blur(plane p)
{
    static const double tap[5] = { 1 / 16.0, 4 / 16.0, 6 / 16.0, 4 / 16.0, 1 / 16.0 };
    plane out = { { 0 } };
    for (int y = 2; y < FRAME - 2; y++)
        for (int x = 2; x < FRAME - 2; x++)
            for (int i = 0; i < 25; i++)
                out[y][x] += tap[i / 5] * tap[i % 5] * p[y + i / 5 - 2][x + i % 5 - 2];
    memcpy(p, out, sizeof out);
}

/* Beyond the edge lies the outermost pixel. */
static int clamped(int v)
{
    return v < 0 ? 0 : v < SIDE ? v : SIDE - 1;
}

/* Right on all pixels and their neighbours: what is wrong at the frame's edge comes 7 pixels far. */
static void sharpness(const float *picture, plane out)
{
    static plane seen, xx, yy, xy;
    for (int y = 0; y < FRAME; y++)
        for (int x = 0; x < FRAME; x++)
            seen[y][x] = (double)picture[clamped(y - AROUND) * SIDE + clamped(x - AROUND)];
    blur(seen);
    blur(seen);
    for (int y = 1; y < FRAME - 1; y++)
        for (int x = 1; x < FRAME - 1; x++) {
            const double right = seen[y][x + 1] - seen[y][x - 1], down = seen[y + 1][x] - seen[y - 1][x];
            xx[y][x] = right * right;
            yy[y][x] = down * down;
            xy[y][x] = right * down;
        }
    blur(xx);
    blur(yy);
    blur(xy);
    for (int y = 0; y < FRAME; y++)
        for (int x = 0; x < FRAME; x++)
            out[y][x] = (xx[y][x] * yy[y][x] - xy[y][x] * xy[y][x]) / (xx[y][x] + yy[y][x] + 1e-30);
}

/* Scores with one point at each of these pixels. */
static void points_at(float scores[SIDE / 8][SIDE / 8][SCORES], const int (*pixel)[2], size_t n)
{
    for (size_t i = 0; i < (size_t)SIDE * SIDE / 64; i++)
        for (size_t k = 0; k < SCORES; k++)
            scores[i / (SIDE / 8)][i % (SIDE / 8)][k] = k == SCORES - 1 ? 10.0f : 0.0f;
    for (size_t i = 0; i < n; i++)
        scores[pixel[i][1] / 8][pixel[i][0] / 8][pixel[i][1] % 8 * 8 + pixel[i][0] % 8] = 12.0f - (float)i / 10.0f;
}

static uint32_t corners_near(const float *picture, uint16_t corner, uint16_t border, const int (*pixel)[2], size_t n,
                             tvis_keypoint *p)
{
    float scores[SIDE / 8][SIDE / 8][SCORES];
    const tvis_tensor t = view(scores, SIDE / 8, SIDE / 8, SCORES, TVIS_NHWC);
    const tvis_tensor seen = view((void *)(uintptr_t)picture, SIDE, SIDE, 1, TVIS_NHWC);
    tvis_keypoints_config c;
    uint32_t counts[TVIS_NMS_COUNT_];
    points_at(scores, pixel, n);
    tvis_keypoints_defaults(&c);
    c.border = border;
    c.radius = 1;
    c.threshold = 0.3f;
    c.corner = corner;
    c.picture = &seen;
    for (c.nms = 0; c.nms < TVIS_NMS_COUNT_; c.nms++)
        counts[c.nms] = run(&c, &t, NULL, p, NULL);
    assert_int_equal(counts[0], counts[1]);
    return counts[0];
}

/* Where the parabola through three values is highest, from the middle one. */
static float vertex(double before, double middle, double after)
{
    const double bend = 2 * middle - before - after;
    return bend > 0 ? (float)fmax(-0.5, fmin(0.5, (after - before) / (2 * bend))) : 0.0f;
}

/* p: where the corner was found; raw: its score without corners. */
static void compare_corner(plane sharp, int reach, int border, const int pixel[2], float raw, const tvis_keypoint *p)
{
    int u = -1, v = -1;
    double best = 0;
    for (int y = pixel[1] - reach; y <= pixel[1] + reach; y++)
        for (int x = pixel[0] - reach; x <= pixel[0] + reach; x++)
            if (x >= border && y >= border && x < SIDE - border && y < SIDE - border &&
                sharp[y + AROUND][x + AROUND] > best) {
                best = sharp[y + AROUND][x + AROUND];
                u = x;
                v = y;
            }
    const double *row = &sharp[v + AROUND][u + AROUND];
    assert_float_equal(p->x, (float)u + vertex(row[-1], best, row[1]), 2e-3f);
    assert_float_equal(p->y, (float)v + vertex(row[-FRAME], best, row[FRAME]), 2e-3f);
    assert_float_equal(p->score, raw * (float)(best / (best + 1e-3)), 1e-5f);
}

static void corners_of_any_picture(void **state)
{
    static float picture[SIDE * SIDE];
    static plane sharp;
    (void)state;
    for (unsigned seed = 1; seed <= 40; seed++) {
        tvis_random_fill(seed, "picture", TVIS_RANDOM_INPUT, 1, picture, SIDE * SIDE);
        for (int i = 0; i < SIDE * SIDE; i++)
            picture[i] *= seed % 2 ? 0.05f : 1.0f;
        sharpness(picture, sharp);
        for (int corner = 1; corner <= TVIS_KEYPOINT_MAX_CORNER; corner++) {
            const int edge = (int)(seed * 7) % SIDE;
            const int pixels[][2] = { { edge, (int)(seed * 11) % SIDE }, { 0, edge }, { SIDE - 1, SIDE - 1 } };
            tvis_keypoint p[ROOM], raw[1];
            for (size_t i = 0; i < TVIS_COUNT(pixels); i++) {
                assert_int_equal(corners_near(picture, 0, 0, &pixels[i], 1, raw), 1);
                assert_int_equal(corners_near(picture, (uint16_t)corner, 0, &pixels[i], 1, p), 1);
                compare_corner(sharp, corner, 1, pixels[i], raw[0].score, p);
            }
            const int pixel[] = { 12, 31 };
            assert_int_equal(corners_near(picture, 0, 8, &pixel, 1, raw), 1);
            assert_int_equal(corners_near(picture, (uint16_t)corner, 8, &pixel, 1, p), 1);
            compare_corner(sharp, corner, 8, pixel, raw[0].score, p);
        }
    }
}

/* A sharp corner and a dull one, which the network likes better. */
static void sharp_ones_come_first(void **state)
{
    static float picture[SIDE * SIDE];
    const int pixels[][2] = { { 9, 9 }, { 30, 30 } };
    tvis_keypoint p[ROOM];
    (void)state;
    for (int i = 0; i < SIDE * SIDE; i++)
        picture[i] = i % SIDE < 9 && i / SIDE < 9 ? 0.01f : i % SIDE > 30 && i / SIDE > 30 ? 0.8f : 0.0f;
    assert_int_equal(corners_near(picture, 0, 0, pixels, 2, p), 2);
    assert_true(p[0].x == 9.0f && p[1].x == 30.0f && p[0].score > p[1].score);
    assert_int_equal(corners_near(picture, 4, 0, pixels, 2, p), 2);
    assert_true(p[0].x > 28.0f && p[1].x < 12.0f && p[0].score > 10.0f * p[1].score);
}

/* A bright quarter, whose corner lies between pixels: each pixel is as bright as what it covers. */
static void draw_quarter(double x, double y, float *picture)
{
    for (int i = 0; i < SIDE * SIDE; i++)
        picture[i] = (float)(fmax(0, fmin(1, i % SIDE + 0.5 - x)) * fmax(0, fmin(1, i / SIDE + 0.5 - y)));
}

/* What smooths the picture moves a corner to its bright side, always by as much. */
static void corner_between_pixels(void **state)
{
    static float picture[SIDE * SIDE];
    const float inwards = 1.43f, off = 0.25f;
    (void)state;
    for (int i = 0; i < 100; i++) {
        const double x = 17 + i % 10 / 10.0, y = 21 + i / 10 / 10.0;
        const int pixels[][2] = { { 20, 21 }, { 15, 24 } };
        tvis_keypoint p[ROOM];
        draw_quarter(x, y, picture);
        assert_int_equal(corners_near(picture, 5, 4, pixels, 2, p), 1); /* both find it: the stronger one stays */
        assert_float_equal(p[0].x, (float)x + inwards, off);
        assert_float_equal(p[0].y, (float)y + inwards, off);
        assert_int_equal(corners_near(picture, 0, 4, pixels, 2, p), 2);
        assert_true(p[0].x == 20.0f && p[0].y == 21.0f);
    }
}

/* Where there is no corner, or no number, there is no point. */
static void no_corners(void **state)
{
    static float picture[SIDE * SIDE];
    const int pixels[][2] = { { 20, 19 }, { 0, 0 } };
    tvis_keypoint p[ROOM];
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        for (int i = 0; i < SIDE * SIDE; i++)
            picture[i] = kind == 0 ? 0.5f : kind == 1 ? (float)(i % SIDE) / SIDE : kind == 2 ? (float)NAN : INFINITY;
        assert_int_equal(corners_near(picture, 0, 0, pixels, 2, p), 2);
        assert_int_equal(corners_near(picture, 4, 0, pixels, 2, p), 0);
    }
}

/* Squares of slopes that are infinite, or whose products are. */
static void corners_of_huge_numbers(void **state)
{
    static const float sizes[] = { 1e8f, 1e10f, 3e10f, 1e15f, 1e18f, 3e19f, 1e25f, 3e38f };
    static float picture[SIDE * SIDE];
    const int pixels[][2] = { { 20, 21 } };
    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        tvis_keypoint p[ROOM];
        draw_quarter(17.5, 21.25, picture);
        for (int i = 0; i < SIDE * SIDE; i++)
            picture[i] *= sizes[k];
        const uint32_t count = corners_near(picture, 5, 0, pixels, 1, p);
        assert_true(count <= 1 && (k > 0 || count == 1));
        if (count)
            assert_true(p[0].score > 0.0f && p[0].score <= 1.0f && p[0].x >= 15.0f && p[0].x <= 25.0f &&
                        p[0].y >= 16.0f && p[0].y <= 26.0f);
    }
}

static void coordinates_of_the_picture(void **state)
{
    tvis_keypoint p[3] = { { 0, 0, 1 }, { 319, 239, 1 }, { 159.5f, 119.5f, 1 } };
    (void)state;
    tvis_keypoints_scale(p, 3, 320, 240, 320, 240);
    assert_true(p[1].x == 319.0f && p[1].y == 239.0f);
    tvis_keypoints_scale(p, 3, 320, 240, 640, 720);
    assert_true(p[0].x == 0.5f && p[0].y == 1.0f);
    assert_true(p[1].x == 638.5f && p[1].y == 718.0f);
    assert_true(p[2].x == 319.5f && p[2].y == 359.5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases),
        cmocka_unit_test(any_numbers),
        cmocka_unit_test(memory_is_exact),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(centres_of_mass),
        cmocka_unit_test(coordinates_of_the_picture),
        cmocka_unit_test(corners_of_any_picture),
        cmocka_unit_test(sharp_ones_come_first),
        cmocka_unit_test(corner_between_pixels),
        cmocka_unit_test(no_corners),
        cmocka_unit_test(corners_of_huge_numbers),
    };
    return cmocka_run_group_tests(tests, load_golden, free_golden);
}
