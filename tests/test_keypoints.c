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
    static float scores[4 * 3 * SCORES];
    tvis_tensor s = view(scores, 4, 3, SCORES, TVIS_NHWC);
    tvis_keypoint points[4];
    uint32_t count;
    tvis_diag d;
    (void)state;
    for (uint8_t nms = 0; nms < TVIS_NMS_COUNT_; nms++) {
        tvis_keypoints_config c;
        size_t bytes, again;
        tvis_keypoints_defaults(&c);
        c.nms = nms;
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
        cmocka_unit_test(all_cases),       cmocka_unit_test(any_numbers),
        cmocka_unit_test(memory_is_exact), cmocka_unit_test(bad_arguments),
        cmocka_unit_test(centres_of_mass), cmocka_unit_test(coordinates_of_the_picture),
    };
    return cmocka_run_group_tests(tests, load_golden, free_golden);
}
