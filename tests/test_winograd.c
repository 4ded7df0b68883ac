/* SPDX-License-Identifier: MIT */
/* Every row of tvis_winograd_f32 against direct convolution in double precision, and what planning does with them.
 * Inputs end where a page ends, y lies between guards. */
#include "ops/winograd.h"

#include <float.h>
#include <math.h>

#include "core/half.h"
#include "core/port.h"
#include "core/session_state.h"
#include "ops/act.h"
#include "tests/kernels.h"
#include "tests/ops.h"

#if TVIS_WINOGRAD
typedef struct problem {
    tvis_conv_shape s;
    tvis_winograd_f32_args a;
    tvt_buf x, w, packed, bias, add, y, scratch;
    int32_t tiles;
    bool halves;
} problem;

static tvt_buf random_floats(size_t n)
{
    tvt_buf b = tvt_paged(n * sizeof(float));
    tvt_fill_f32(b.p, n);
    return b;
}

static size_t outputs(const problem *p)
{
    return (size_t)p->a.pictures * (size_t)p->s.oh * (size_t)p->s.ow * (size_t)p->a.n;
}

/* Halves are stored in place of floats. */
static void halve(problem *p, size_t weights)
{
    tvt_buf h = tvt_paged(weights * sizeof(uint16_t));
    for (size_t i = 0; i < weights; i++)
        ((uint16_t *)h.p)[i] = tvis_half_from(((float *)p->w.p)[i]);
    tvis_half_expand(h.p, weights, p->w.p);
    tvis_winograd_pack(&p->a.v->k, h.p, true, p->a.n, p->s.ic, p->packed.p);
    tvt_free(&h);
}

static void make(problem *p, const tvis_winograd_f32_variant *v, int32_t h, int32_t w, int32_t c, int32_t n)
{
    memset(p, 0, sizeof *p);
    const int32_t top = (int32_t)tvt_below(3), left = (int32_t)tvt_below(3), bottom = (int32_t)tvt_below(3);
    p->s = (tvis_conv_shape){ .ih = h,
                              .iw = w,
                              .ic = c,
                              .kh = 3,
                              .kw = 3,
                              .stride = { 1, 1 },
                              .dilation = { 1, 1 },
                              .top = top,
                              .left = left,
                              .size = sizeof(float) };
    p->s.oh = h + top + bottom - 2 < 1 ? 1 : h + top + bottom - 2;
    p->s.ow = w + 2 * left - 2 < 1 ? 1 : w + 2 * left - 2;
    p->a = (tvis_winograd_f32_args){ .v = v, .pictures = 1 + (int32_t)tvt_below(3), .n = n, .cpu = tvt_cpu() };
    const size_t weights = (size_t)n * 9 * (size_t)c;
    p->x = random_floats((size_t)p->a.pictures * (size_t)h * (size_t)w * (size_t)c);
    p->w = random_floats(weights);
    p->packed = tvt_paged((size_t)tvis_winograd_packed(&v->k, n, c) * sizeof(float));
    p->halves = tvt_below(4) == 0;
    if (p->halves)
        halve(p, weights);
    else
        tvis_winograd_pack(&v->k, p->w.p, false, n, c, p->packed.p);
    if (tvt_below(3))
        p->bias = random_floats((size_t)n);
    p->y = tvt_guarded(outputs(p) * sizeof(float));
    const int64_t tiles = tvis_winograd_tiles(&p->s, p->a.pictures);
    p->tiles = (int32_t)tiles;
    p->scratch = tvt_guarded((size_t)tvis_winograd_scratch(&v->k, n, c, tiles) * sizeof(float));
    memset(p->scratch.p, 0xff, p->scratch.size);
    p->a.s = &p->s;
    p->a.x = p->x.p;
    p->a.w = p->packed.p;
    p->a.bias = p->bias.p;
    p->a.y = p->y.p;
    if (tvt_below(2)) {
        p->add = random_floats(outputs(p));
        const bool in_place = tvt_below(2);
        if (in_place)
            memcpy(p->y.p, p->add.p, p->add.size);
        p->a.add = in_place ? p->y.p : p->add.p;
    }
    static const uint8_t acts[] = { TVIS_ACT_NONE, TVIS_ACT_RELU, TVIS_ACT_RELU6, TVIS_ACT_SILU };
    p->a.act = acts[tvt_below(TVIS_COUNT(acts))];
}

static void drop(problem *p)
{
    tvt_buf *all[] = { &p->x, &p->w, &p->packed, &p->bias, &p->add, &p->y, &p->scratch };
    for (size_t i = 0; i < TVIS_COUNT(all); i++)
        if (all[i]->p)
            tvt_free(all[i]);
}

/* What an element is, and the sum of the magnitudes of its terms. */
static double exact(const problem *p, int32_t picture, int32_t oy, int32_t ox, int32_t j, size_t at, double *size)
{
    const tvis_conv_shape *s = &p->s;
    const float *x = p->x.p, *w = p->w.p;
    double sum = 0;
    *size = 0;
    for (int32_t ky = 0; ky < 3; ky++)
        for (int32_t kx = 0; kx < 3; kx++) {
            const int32_t iy = oy - s->top + ky, ix = ox - s->left + kx;
            for (int32_t c = 0; iy >= 0 && iy < s->ih && ix >= 0 && ix < s->iw && c < s->ic; c++) {
                const double t = (double)x[((picture * s->ih + iy) * s->iw + ix) * s->ic + c] *
                                 (double)w[((j * 3 + ky) * 3 + kx) * s->ic + c];
                sum += t;
                *size += fabs(t);
            }
        }
    sum += (p->bias.p ? (double)((float *)p->bias.p)[j] : 0) + (p->add.p ? (double)((float *)p->add.p)[at] : 0);
    return tvt_activated(p->a.act, sum);
}

/* Errors come from the whole tile: the bound is of what sums of 9 c random terms are like, not of these terms. */
static void check_values(const problem *p)
{
    const double bound = 16 * (double)FLT_EPSILON * (9 * sqrt(p->s.ic) + 2) + 2e-6;
    size_t at = 0;
    for (int32_t picture = 0; picture < p->a.pictures; picture++)
        for (int32_t y = 0; y < p->s.oh; y++)
            for (int32_t x = 0; x < p->s.ow; x++)
                for (int32_t j = 0; j < p->a.n; j++, at++) {
                    double size;
                    const double want = exact(p, picture, y, x, j, at, &size), got = (double)((float *)p->y.p)[at];
                    if (!(fabs(got - want) <= bound))
                        fail_msg("winograd_f32 %s %dx%dx%dx%d to %d, seed %u: [%d][%d][%d][%d] is %.9g, not %.9g",
                                 p->a.v->k.name, (int)p->a.pictures, (int)p->s.ih, (int)p->s.iw, (int)p->s.ic,
                                 (int)p->a.n, tvt_seed, (int)picture, (int)y, (int)x, (int)j, got, want);
                }
}

static void check(const tvis_winograd_f32_variant *v, int32_t h, int32_t w, int32_t c, int32_t n)
{
    problem p;
    make(&p, v, h, w, c, n);
    const int32_t cut = p.tiles > 1 ? 1 + (int32_t)tvt_below((uint32_t)p.tiles - 1) : 1;
    tvis_winograd_part(&p.a, 0, cut, 0, n, p.scratch.p);
    tvis_winograd_part(&p.a, cut, p.tiles, 0, n, p.scratch.p);
    check_values(&p);
    assert_true(tvt_guards_ok(&p.y));
    assert_true(tvt_guards_ok(&p.scratch));
    drop(&p);
}

static void shapes(void **state)
{
    static const int32_t sides[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 13 };
    static const int32_t channels[] = { 1, 2, 3, 5, 8, 13, 16, 17, 33, 64 };
    const tvis_winograd_f32_variant *v = *state;
    tvt_need_row(&v->k, v->input);
    for (size_t i = 0; i < TVIS_COUNT(sides); i++)
        for (size_t j = 0; j < TVIS_COUNT(channels); j++)
            check(v, sides[i], sides[tvt_below(TVIS_COUNT(sides))], channels[j],
                  channels[tvt_below(TVIS_COUNT(channels))]);
}

/* More tiles than a block holds, and a layer of a network. */
static void layers(void **state)
{
    const tvis_winograd_f32_variant *v = *state;
    tvt_need_row(&v->k, v->input);
    check(v, 61, 47, 24, 40);
    check(v, 14, 14, 96, 160);
}

/* Tiles and columns in other parts: the same bits. */
static void parts(void **state)
{
    const tvis_winograd_f32_variant *v = *state;
    problem p;
    tvt_need_row(&v->k, v->input);
    for (int i = 0; i < 20; i++) {
        const int32_t n = 1 + (int32_t)tvt_below(90), c = 1 + (int32_t)tvt_below(40);
        make(&p, v, 5 + (int32_t)tvt_below(20), 5 + (int32_t)tvt_below(20), c, n);
        p.a.add = NULL;
        tvt_buf whole = tvt_guarded(p.y.size);
        p.a.y = whole.p;
        tvis_winograd_part(&p.a, 0, p.tiles, 0, n, p.scratch.p);
        p.a.y = p.y.p;
        const int32_t cut = n / 2 / v->k.nr * v->k.nr, step = 1 + (int32_t)tvt_below((uint32_t)p.tiles);
        for (int32_t t = 0; t < p.tiles; t += step) {
            const int32_t end = p.tiles - t < step ? p.tiles : t + step;
            if (cut)
                tvis_winograd_part(&p.a, t, end, 0, cut, p.scratch.p);
            tvis_winograd_part(&p.a, t, end, cut, n, p.scratch.p);
        }
        assert_true(tvt_same(&whole, &p.y));
        tvt_free(&whole);
        drop(&p);
    }
}

/* ---- planning ---- */

enum { SIDE = 40, CHANNELS = 64 };

static void note(void *user, uint32_t node, const tvis_node_info *info)
{
    (void)node;
    if (!strcmp(info->op, "conv2d"))
        *(const char **)user = info->kernel;
}

static const char *kernel_of(const tvis_model *m, const tvis_session_config *c)
{
    const char *kernel = NULL;
    tvis_diag d;
    tvt_ok(tvis_session_plan(m, c, NULL, note, &kernel, &d), &d);
    assert_non_null(kernel);
    return kernel;
}

static bool is_winograd(const char *kernel)
{
    for (const tvis_winograd_f32_variant *v = tvis_winograd_f32; v->k.name; v++)
        if (!strcmp(v->k.name, kernel))
            return true;
    return false;
}

static void run(const tvis_model *m, const tvis_session_config *c, const float *x, float *y)
{
    const tvis_tensor in = { (void *)(uintptr_t)x, { 1, SIDE, SIDE, CHANNELS }, TVIS_F32, TVIS_NHWC };
    const tvis_tensor out = { y, { 1, SIDE, SIDE, CHANNELS }, TVIS_F32, TVIS_NHWC };
    tvis_session *s;
    tvis_diag d;
    size_t bytes;
    tvt_ok(tvis_session_size(m, c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    memset(arena.p, 0xff, bytes);
    tvt_ok(tvis_session_init(&s, m, c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_run(s, &in, &out, &d), &d);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
}

/* With its weights packed, and unless the config is strict or asks for the least memory; the same bits with any number
 * of threads. */
static void planning(void **state)
{
    static float x[SIDE * SIDE * CHANNELS], direct[SIDE * SIDE * CHANNELS], y[SIDE * SIDE * CHANNELS],
        threads[SIDE * SIDE * CHANNELS];
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    tvis_session_config c;
    size_t bytes, strict_bytes;
    (void)state;
    if (!(tvt_cpu() & (TVIS_CPU_AVX2 | TVIS_CPU_NEON)))
        skip();
    tvt_fill_f32(x, TVIS_COUNT(x));
    tvt_net_begin(&n, SIDE, SIDE);
    tvis_graph_output(&n.g, tvt_net_conv(&n, tvt_net_input(&n, CHANNELS), tvt_conv_of(CHANNELS, 3, 1)));
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n.diag), &n.diag);
    tvis_session_defaults(&c);
    c.cpu = tvt_cpu();
    assert_false(is_winograd(kernel_of(&m, &c)));
    run(&m, &c, x, direct);
    c.strict = true;
    tvt_ok(tvis_pack_size(&m, &c, &strict_bytes, &n.diag), &n.diag);
    c.strict = false;
    tvt_ok(tvis_pack_size(&m, &c, &bytes, &n.diag), &n.diag);
    assert_true(bytes > 9 * CHANNELS * CHANNELS * sizeof(float) && bytes > 3 * strict_bytes);
    tvt_buf pack = tvt_pack(&m, &c);
    assert_true(is_winograd(kernel_of(&m, &c)));
    run(&m, &c, x, y);
    assert_true(tvt_max_diff_f32(direct, y, TVIS_COUNT(y)) < 1e-5 * tvt_range_f32(direct, TVIS_COUNT(y)));
    assert_int_not_equal(memcmp(direct, y, sizeof y), 0);
    for (c.threads = 2; c.threads < 8; c.threads++) {
        run(&m, &c, x, threads);
        assert_memory_equal(threads, y, sizeof y);
    }
    c.threads = 1;
    c.strict = true;
    assert_false(is_winograd(kernel_of(&m, &c)));
    run(&m, &c, x, y);
    assert_memory_equal(direct, y, sizeof y);
    c.strict = false;
    c.plan = TVIS_PLAN_SMALL;
    assert_false(is_winograd(kernel_of(&m, &c)));
    tvt_free(&pack);
    tvis_blob_free(&blob);
}

/* Factors are rounded where the config allows it and the processor can; the same bits with any number of threads. */
static void bfloat16(void **state)
{
    static float x[SIDE * SIDE * CHANNELS], direct[SIDE * SIDE * CHANNELS], y[SIDE * SIDE * CHANNELS],
        threads[SIDE * SIDE * CHANNELS];
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    tvis_session_config c;
    (void)state;
    if (!(tvt_cpu() & TVIS_CPU_AMX_BF16))
        skip();
    tvt_fill_f32(x, TVIS_COUNT(x));
    tvt_net_begin(&n, SIDE, SIDE);
    tvis_graph_output(&n.g, tvt_net_conv(&n, tvt_net_input(&n, CHANNELS), tvt_conv_of(CHANNELS, 3, 1)));
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n.diag), &n.diag);
    tvis_session_defaults(&c);
    c.cpu = tvt_cpu();
    run(&m, &c, x, direct);
    c.bf16 = true;
    tvt_buf pack = tvt_pack(&m, &c);
    assert_string_equal(kernel_of(&m, &c), "32x32_amx");
    run(&m, &c, x, y);
    assert_true(tvt_max_diff_f32(direct, y, TVIS_COUNT(y)) < 0.01 * tvt_range_f32(direct, TVIS_COUNT(y)));
    assert_true(tvt_max_diff_f32(direct, y, TVIS_COUNT(y)) > 0.0001 * tvt_range_f32(direct, TVIS_COUNT(y)));
    for (c.threads = 2; c.threads < 8; c.threads++) {
        run(&m, &c, x, threads);
        assert_memory_equal(threads, y, sizeof y);
    }
    c.threads = 1;
    c.strict = true; /* of Winograd's packed weights nothing is used */
    c.cpu &= ~TVIS_CPU_AMX_BF16;
    run(&m, &c, x, y);
    assert_memory_equal(direct, y, sizeof y);
    c.cpu = tvt_cpu();
    c.plan = TVIS_PLAN_SMALL;
    assert_string_not_equal(kernel_of(&m, &c), "32x32_amx");
    tvt_free(&pack);
    tvis_blob_free(&blob);
}

int main(void)
{
    static const struct CMUnitTest rows[] = { cmocka_unit_test(shapes), cmocka_unit_test(layers),
                                              cmocka_unit_test(parts) };
    static const struct CMUnitTest plans[] = { cmocka_unit_test(planning), cmocka_unit_test(bfloat16) };
    const int failed =
        tvt_run_rows("winograd_f32", tvis_winograd_f32, sizeof *tvis_winograd_f32, rows, TVIS_COUNT(rows));
    return failed + cmocka_run_group_tests_name("plans", plans, NULL, NULL);
}

#else
static void nowhere(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(nowhere) };
    return cmocka_run_group_tests_name("winograd_f32", tests, NULL, NULL);
}
#endif
