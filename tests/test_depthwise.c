/* SPDX-License-Identifier: MIT */
/* Every row of tvis_depthwise_f32 against sums in double precision. Inputs end where a page ends, y lies between
 * guards. */
#include "ops/depthwise.h"

#include <float.h>
#include <math.h>

#include "core/port.h"
#include "tests/kernels.h"

#define MAX_KH 7

typedef struct problem {
    tvis_depthwise_f32_args a;
    const float *rows[MAX_KH];
    tvt_buf x[MAX_KH], w, bias, y;
} problem;

static tvt_buf random_floats(size_t n)
{
    tvt_buf b = tvt_paged(n * sizeof(float));
    tvt_fill_f32(b.p, n);
    return b;
}

/* Output columns of a row that is padded by `pad` on both sides; may be 0 or less. */
static int32_t columns(int32_t iw, int32_t kw, int32_t stride, int32_t pad, int32_t dilation)
{
    const int32_t room = iw + 2 * pad - (kw - 1) * dilation - 1;
    return room < 0 ? 0 : room / stride + 1;
}

/* Bit i of `absent`: row i is outside of the picture. s: the shape; pointers are filled in. */
static void make(problem *p, tvis_depthwise_f32_args s, uint32_t absent, bool bias)
{
    memset(p, 0, sizeof *p);
    for (int32_t i = 0; i < s.kh; i++)
        if (!(absent >> i & 1)) {
            p->x[i] = random_floats((size_t)s.iw * (size_t)s.c);
            p->rows[i] = p->x[i].p;
        }
    p->w = random_floats((size_t)s.kh * (size_t)s.kw * (size_t)s.c);
    if (bias)
        p->bias = random_floats((size_t)s.c);
    p->y = tvt_guarded((size_t)s.ow * (size_t)s.c * sizeof(float));
    p->a = s;
    p->a.rows = p->rows;
    p->a.w = p->w.p;
    p->a.bias = p->bias.p;
    p->a.y = p->y.p;
}

static void drop(problem *p)
{
    for (int i = 0; i < MAX_KH; i++)
        if (p->x[i].p)
            tvt_free(&p->x[i]);
    if (p->bias.p)
        tvt_free(&p->bias);
    tvt_free(&p->w);
    tvt_free(&p->y);
}

/* What y[ox][c] must be, and how far it may be from that. */
static double exact(const tvis_depthwise_f32_args *a, int32_t ox, int32_t c, double *tolerance)
{
    double sum = a->bias ? (double)a->bias[c] : 0, size = fabs(sum);
    for (int32_t ky = 0; ky < a->kh; ky++)
        for (int32_t kx = 0; kx < a->kw; kx++) {
            const int32_t ix = ox * a->stride - a->pad + kx * a->dilation;
            if (!a->rows[ky] || ix < 0 || ix >= a->iw)
                continue;
            const double term = (double)a->rows[ky][ix * a->c + c] * (double)a->w[(ky * a->kw + kx) * a->c + c];
            sum += term;
            size += fabs(term);
        }
    *tolerance = 4 * (double)FLT_EPSILON * size;
    sum = sum < (double)a->lo ? (double)a->lo : sum;
    return sum > (double)a->hi ? (double)a->hi : sum;
}

static void check(const tvis_depthwise_f32_variant *v, tvis_depthwise_f32_args s)
{
    problem p;
    const uint32_t absent = tvt_below(2) ? 0 : tvt_below(1u << s.kh);
    s.lo = tvt_below(3) ? (tvt_below(2) ? 0.0f : -0.25f) : -INFINITY;
    s.hi = tvt_below(2) ? INFINITY : 0.5f;
    make(&p, s, absent, tvt_below(3) > 0);
    v->run(&p.a);
    assert_true(tvt_guards_ok(&p.y));
    for (int32_t ox = 0; ox < s.ow; ox++)
        for (int32_t c = 0; c < s.c; c++) {
            double tolerance;
            const double want = exact(&p.a, ox, c, &tolerance), got = (double)p.a.y[ox * s.c + c];
            if (!(fabs(got - want) <= tolerance))
                fail_msg(
                    "depthwise_f32 %s c=%d iw=%d k=%dx%d s=%d p=%d d=%d absent=%x seed=%u: y[%d][%d] is %.9g, not %.9g",
                    v->k.name, (int)s.c, (int)s.iw, (int)s.kh, (int)s.kw, (int)s.stride, (int)s.pad, (int)s.dilation,
                    absent, tvt_seed, (int)ox, (int)c, got, want);
        }
    drop(&p);
}

/* Rows of a picture at once are those that come one by one. */
static void check_picture(const tvis_depthwise_f32_variant *v, tvis_depthwise_f32_args s,
                          tvis_depthwise_f32_picture picture)
{
    problem p;
    const size_t row = (size_t)s.iw * (size_t)s.c, out_row = (size_t)s.ow * (size_t)s.c;
    tvt_buf x = random_floats((size_t)picture.ih * row);
    tvt_buf want = tvt_guarded((size_t)picture.count * out_row * sizeof(float)), got = tvt_guarded(want.size);
    make(&p, s, 0, tvt_below(3) > 0);
    picture.x = x.p;
    for (int32_t i = 0; i < picture.count; i++) {
        for (int32_t ky = 0; ky < s.kh; ky++) {
            const int32_t iy = (picture.oy + i) * picture.stride - picture.top + ky * picture.dilation;
            p.rows[ky] = iy < 0 || iy >= picture.ih ? NULL : picture.x + (size_t)iy * row;
        }
        p.a.y = (float *)want.p + (size_t)i * out_row;
        v->run(&p.a);
    }
    p.a.rows = NULL;
    p.a.y = got.p;
    v->run_picture(&p.a, &picture);
    if (!tvt_same(&want, &got))
        fail_msg("depthwise_f32 %s c=%d iw=%d ih=%d k=%dx%d s=%dx%d seed=%u: rows at once differ", v->k.name, (int)s.c,
                 (int)s.iw, (int)picture.ih, (int)s.kh, (int)s.kw, (int)picture.stride, (int)s.stride, tvt_seed);
    tvt_free(&x);
    tvt_free(&want);
    tvt_free(&got);
    drop(&p);
}

static void pictures(void **state)
{
    const tvis_depthwise_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run != NULL);
    for (int i = 0; v->run_picture && i < 200; i++) {
        const int32_t k = 1 + (int32_t)tvt_below(6), pad = (int32_t)tvt_below(5), ih = 1 + (int32_t)tvt_below(20);
        const int32_t down = 1 + (int32_t)tvt_below(3), dilation = 1 + (int32_t)tvt_below(2);
        const int32_t rows = columns(ih, k, down, pad, dilation);
        tvis_depthwise_f32_args s = { .iw = 1 + (int32_t)tvt_below(30),
                                      .c = 1 + (int32_t)tvt_below(40),
                                      .kh = k,
                                      .kw = 1 + (int32_t)tvt_below(6),
                                      .stride = 1 + (int32_t)tvt_below(3),
                                      .pad = (int32_t)tvt_below(9),
                                      .dilation = 1 + (int32_t)tvt_below(2),
                                      .lo = 0.0f,
                                      .hi = tvt_below(2) ? 0.5f : FLT_MAX };
        s.ow = columns(s.iw, s.kw, s.stride, s.pad, s.dilation);
        if (rows < 1 || s.ow < 1)
            continue;
        const int32_t oy = (int32_t)tvt_below((uint32_t)rows);
        check_picture(v, s,
                      (tvis_depthwise_f32_picture){ NULL, ih, oy, 1 + (int32_t)tvt_below((uint32_t)(rows - oy)), down,
                                                    pad, dilation });
    }
}

/* All kernels to 7 x 7, strides and dilations, widths from 1 on, more padding than a kernel's half. */
static void small_shapes(void **state)
{
    static const int32_t channels[] = { 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 40, 64, 67, 72 };
    const tvis_depthwise_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t kw = 1; kw <= 7; kw++)
        for (int32_t stride = 1; stride <= 3; stride++)
            for (int32_t dilation = 1; dilation <= 2; dilation++)
                for (int32_t pad = 0; pad <= kw; pad++)
                    for (int32_t iw = 1; iw <= 26; iw += 1 + (int32_t)tvt_below(4)) {
                        const int32_t c = channels[tvt_below(TVIS_COUNT(channels))];
                        const int32_t kh = tvt_below(2) ? kw : 1 + (int32_t)tvt_below(MAX_KH);
                        const int32_t ow = columns(iw, kw, stride, pad, dilation);
                        if (ow > 0)
                            check(v, (tvis_depthwise_f32_args){ .iw = iw,
                                                                .ow = ow,
                                                                .c = c,
                                                                .kh = kh,
                                                                .kw = kw,
                                                                .stride = stride,
                                                                .pad = pad,
                                                                .dilation = dilation });
                    }
}

/* The rows of MobileNetV2's layers, and the larger kernels of its successors. */
static void layers(void **state)
{
    static const int32_t shapes[][4] = { { 112, 32, 3, 1 }, { 112, 96, 3, 2 }, { 56, 144, 3, 1 },
                                         { 56, 144, 3, 2 }, { 14, 576, 3, 1 }, { 14, 576, 3, 2 },
                                         { 7, 960, 3, 1 },  { 14, 672, 5, 2 }, { 7, 100, 5, 1 } };
    const tvis_depthwise_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (size_t i = 0; i < TVIS_COUNT(shapes); i++)
        for (int round = 0; round < 4; round++) {
            const int32_t k = shapes[i][2], stride = shapes[i][3], iw = shapes[i][0];
            check(v, (tvis_depthwise_f32_args){ .iw = iw,
                                                .ow = columns(iw, k, stride, k / 2, 1),
                                                .c = shapes[i][1],
                                                .kh = k,
                                                .kw = k,
                                                .stride = stride,
                                                .pad = k / 2,
                                                .dilation = 1 });
        }
}

/* TensorFlow's padding: only behind the last column, so that ow is more than the padding in front gives. */
static void padding_behind(void **state)
{
    const tvis_depthwise_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t k = 1; k <= 7; k++)
        for (int32_t stride = 1; stride <= 2; stride++)
            for (int32_t iw = 1; iw <= 20; iw++)
                check(v, (tvis_depthwise_f32_args){ .iw = iw,
                                                    .ow = (iw + k) / stride,
                                                    .c = 1 + (int32_t)tvt_below(40),
                                                    .kh = k,
                                                    .kw = k,
                                                    .stride = stride,
                                                    .pad = 0,
                                                    .dilation = 1 });
}

/* A column's bits are the same wherever it stands in the row: one column at a time against all of them. */
static void pieces_give_the_same_bits(void **state)
{
    static const int32_t widths[] = { 5, 13, 16, 23 };
    const tvis_depthwise_f32_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t k = 1; k <= 5; k++)
        for (int32_t stride = 1; stride <= 2; stride++)
            for (size_t i = 0; i < TVIS_COUNT(widths); i++) {
                const tvis_depthwise_f32_args s = { .iw = widths[i],
                                                    .ow = columns(widths[i], k, stride, k / 2, 1),
                                                    .c = 77,
                                                    .kh = k,
                                                    .kw = k,
                                                    .stride = stride,
                                                    .pad = k / 2,
                                                    .dilation = 1,
                                                    .lo = -1.0f,
                                                    .hi = 1.0f };
                problem p;
                make(&p, s, i == 1 ? 1u : 0u, true);
                tvt_buf whole = p.y;
                v->run(&p.a);
                p.y = tvt_guarded(whole.size);
                for (int32_t ox = 0; ox < s.ow; ox++) {
                    tvis_depthwise_f32_args one = p.a;
                    one.y = (float *)p.y.p + ox * s.c;
                    one.ow = 1;
                    one.pad = s.pad - ox * stride;
                    v->run(&one);
                }
                assert_true(tvt_same(&whole, &p.y));
                tvt_free(&whole);
                drop(&p);
            }
}

static void not_a_number_stays(void **state)
{
    const tvis_depthwise_f32_variant *v = *state;
    problem p;
    tvt_need_row(&v->k, v->run);
    make(&p,
         (tvis_depthwise_f32_args){ .iw = 14,
                                    .ow = 14,
                                    .c = 21,
                                    .kh = 3,
                                    .kw = 3,
                                    .stride = 1,
                                    .pad = 1,
                                    .dilation = 1,
                                    .lo = 0.0f,
                                    .hi = 6.0f },
         0, true);
    for (int32_t i = 0; i < 14; i++)
        ((float *)p.x[1].p)[i * 21 + 20] = ((float *)p.x[1].p)[i * 21 + 3] = NAN;
    v->run(&p.a);
    for (int32_t i = 0; i < 14; i++)
        for (int32_t c = 0; c < 21; c++)
            assert_int_equal(isnan(p.a.y[i * 21 + c]) != 0, c == 3 || c == 20);
    drop(&p);
}

static void table(void **state)
{
    const tvis_depthwise_f32_variant *v = *state;
    assert_int_equal(v->k.pack, TVIS_PACK_PLAIN);
    assert_true(v->k.mr > 0 && v->k.nr > 0);
    if (!v[1].k.name) {
        assert_ptr_equal(v->run, tvis_depthwise_f32_c);
        assert_int_equal(v->k.cpu, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(small_shapes),
        cmocka_unit_test(layers),
        cmocka_unit_test(pictures),
        cmocka_unit_test(padding_behind),
        cmocka_unit_test(pieces_give_the_same_bits),
        cmocka_unit_test(not_a_number_stays),
    };
    return tvt_run_rows("depthwise_f32", tvis_depthwise_f32, sizeof *tvis_depthwise_f32, tests, TVIS_COUNT(tests));
}
