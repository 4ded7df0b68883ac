/* SPDX-License-Identifier: MIT */
/* Every row of tvis_depthwise_s8 against the C reference: equal. Inputs end where a page ends, y lies between guards.
 */
#include "ops/depthwise_s8.h"

#include "core/port.h"
#include "tests/kernels.h"

#define MAX_KH 24

typedef enum values { RANDOM, LOWEST, HIGHEST, EXTREMES, VALUES_COUNT } values;

typedef struct problem {
    tvis_depthwise_s8_args a;
    const int8_t *rows[MAX_KH];
    tvt_buf x[MAX_KH], w, packed, bias, mul;
} problem;

static tvt_buf bytes(size_t n, values v)
{
    tvt_buf b = tvt_paged(n);
    int8_t *p = b.p;
    for (size_t i = 0; i < n; i++) {
        const int8_t r = (int8_t)(tvt_rand() & 0xff);
        p[i] = v == RANDOM ? r : v == LOWEST || (v == EXTREMES && r < 0) ? -128 : 127;
    }
    return b;
}

/* Output columns of a row that is padded by `pad` on both sides; may be 0 or less. */
static int32_t columns(int32_t iw, int32_t kw, int32_t stride, int32_t pad, int32_t dilation)
{
    const int32_t room = iw + 2 * pad - (kw - 1) * dilation - 1;
    return room < 0 ? 0 : room / stride + 1;
}

/* Factors that spread most results over -128 … 127, some of them far outside. */
static void scales(problem *p)
{
    const tvis_depthwise_s8_args *s = &p->a;
    p->mul = tvt_paged((size_t)s->c * sizeof(int32_t));
    p->bias = tvt_paged((size_t)s->c * sizeof(int32_t));
    for (int32_t c = 0; c < s->c; c++) {
        const int64_t mul = ((int64_t)1 << 32) / (200 * s->kh * s->kw) + tvt_below(1u << 10);
        ((int32_t *)p->mul.p)[c] = tvt_below(16) ? (int32_t)(mul & ~1) : 2 * (int32_t)tvt_below(1u << 30);
        ((int32_t *)p->bias.p)[c] = (int32_t)tvt_below(20000) - 10000;
    }
    p->a.q = (tvis_requant){ p->mul.p, (int32_t)tvt_below(3), (int32_t)tvt_below(256) - 128, -128, 127 };
    if (tvt_below(2)) {
        p->a.q.lo = (int32_t)tvt_below(200) - 128;
        p->a.q.hi = p->a.q.lo + (int32_t)tvt_below((uint32_t)(128 - p->a.q.lo));
    }
    p->a.bias = tvt_below(3) ? p->bias.p : NULL;
    p->a.x_zero = (int32_t)tvt_below(256) - 128;
}

/* Bit i of `absent`: row i is outside of the picture. s: the shape; the rest is filled in. */
static void make(problem *p, tvis_depthwise_s8_args s, uint32_t absent)
{
    const bool random = tvt_below(4) > 0;
    memset(p, 0, sizeof *p);
    for (int32_t i = 0; i < s.kh; i++)
        if (!(absent >> i & 1)) {
            p->x[i] = bytes((size_t)s.iw * (size_t)s.c, random ? RANDOM : (values)tvt_below(VALUES_COUNT));
            p->rows[i] = p->x[i].p;
        }
    p->w = bytes((size_t)s.kh * (size_t)s.kw * (size_t)s.c, random ? RANDOM : (values)tvt_below(VALUES_COUNT));
    p->a = s;
    p->a.rows = p->rows;
    p->a.w = p->w.p;
    scales(p);
}

static void drop(problem *p)
{
    for (int i = 0; i < MAX_KH; i++)
        if (p->x[i].p)
            tvt_free(&p->x[i]);
    if (p->packed.p)
        tvt_free(&p->packed);
    tvt_free(&p->bias);
    tvt_free(&p->mul);
    tvt_free(&p->w);
}

static void write_to(tvis_depthwise_s8_args *a, const tvt_buf *y, bool sums)
{
    a->y = sums ? NULL : y->p;
    a->y32 = sums ? y->p : NULL;
    if (sums)
        a->q.mul = NULL;
}

static void check(const tvis_depthwise_s8_variant *v, tvis_depthwise_s8_args s)
{
    problem p;
    const uint32_t absent = tvt_below(2) ? 0 : tvt_below(1u << s.kh);
    if (v->side && (v->side != s.kh || v->side != s.kw || s.dilation != 1))
        return;
    make(&p, s, absent);
    if (!tvis_depthwise_s8_fits(v, s.kh, s.kw, s.dilation))
        fail_msg("depthwise_s8 %s is not for k=%dx%d d=%d", v->k.name, (int)s.kh, (int)s.kw, (int)s.dilation);
    const bool sums = !tvt_below(4);
    const size_t size = (size_t)s.ow * (size_t)s.c * (sums ? sizeof(int32_t) : 1);
    tvt_buf want = tvt_guarded(size), got = tvt_guarded(size);
    write_to(&p.a, &want, sums);
    tvis_depthwise_s8_c(&p.a);
    write_to(&p.a, &got, sums);
    if (TVIS_PACK_IS_TAPS(v->k.pack)) {
        p.packed = tvt_paged(tvis_depthwise_s8_packed(s.kh, s.kw, s.c, v->k.pack));
        tvis_depthwise_s8_pack(p.w.p, s.kh, s.kw, s.c, v->k.pack, p.packed.p);
        assert_true(tvt_guards_ok(&p.packed));
        p.a.w = p.packed.p;
    }
    v->run(&p.a);
    if (!tvt_same(&want, &got))
        fail_msg("depthwise_s8 %s c=%d iw=%d ow=%d k=%dx%d s=%d p=%d d=%d absent=%x seed=%u", v->k.name, (int)s.c,
                 (int)s.iw, (int)s.ow, (int)s.kh, (int)s.kw, (int)s.stride, (int)s.pad, (int)s.dilation, absent,
                 tvt_seed);
    tvt_free(&want);
    tvt_free(&got);
    drop(&p);
}

static tvis_depthwise_s8_args shape(int32_t iw, int32_t c, int32_t kh, int32_t kw, int32_t stride, int32_t pad,
                                    int32_t dilation)
{
    return (tvis_depthwise_s8_args){ .iw = iw,
                                     .ow = columns(iw, kw, stride, pad, dilation),
                                     .c = c,
                                     .kh = kh,
                                     .kw = kw,
                                     .stride = stride,
                                     .pad = pad,
                                     .dilation = dilation };
}

/* Rows oy … oy + count of a picture at once, against row by row. */
static void check_picture(const tvis_depthwise_s8_variant *v, tvis_depthwise_s8_args s,
                          tvis_depthwise_s8_picture picture)
{
    problem p;
    const size_t row = (size_t)s.iw * (size_t)s.c, out_row = (size_t)s.ow * (size_t)s.c;
    tvt_buf x = bytes((size_t)picture.ih * row, RANDOM);
    tvt_buf want = tvt_guarded((size_t)picture.count * out_row), got = tvt_guarded((size_t)picture.count * out_row);
    make(&p, s, 0);
    picture.x = x.p;
    for (int32_t i = 0; i < picture.count; i++) {
        const int32_t iy = (picture.oy + i) * picture.stride - picture.top;
        for (int32_t ky = 0; ky < s.kh; ky++)
            p.rows[ky] = iy + ky < 0 || iy + ky >= picture.ih ? NULL : picture.x + (size_t)(iy + ky) * row;
        p.a.y = (int8_t *)want.p + (size_t)i * out_row;
        tvis_depthwise_s8_c(&p.a);
    }
    p.a.rows = NULL;
    p.a.y = got.p;
    assert_true(v->fits(&p.a));
    v->run_picture(&p.a, &picture);
    if (!tvt_same(&want, &got))
        fail_msg("depthwise_s8 %s c=%d k=%d iw=%d ih=%d oy=%d count=%d s=%dx%d seed=%u", v->k.name, (int)s.c, (int)s.kh,
                 (int)s.iw, (int)picture.ih, (int)picture.oy, (int)picture.count, (int)picture.stride, (int)s.stride,
                 tvt_seed);
    tvt_free(&x);
    tvt_free(&want);
    tvt_free(&got);
    drop(&p);
}

static void pictures(void **state)
{
    const tvis_depthwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run != NULL);
    for (int i = 0; v->run_picture && i < 200; i++) {
        const int32_t k = v->side, pad = (int32_t)tvt_below(4), ih = 1 + (int32_t)tvt_below(20);
        const int32_t down = 1 + (int32_t)tvt_below(6), rows = columns(ih, k, down, pad, 1);
        const tvis_depthwise_s8_args s = shape(1 + (int32_t)tvt_below(50), 1 + (int32_t)tvt_below(80), k, k,
                                               1 + (int32_t)tvt_below(2), (int32_t)tvt_below(4), 1);
        if (rows < 1 || s.ow < 1)
            continue;
        const int32_t oy = (int32_t)tvt_below((uint32_t)rows);
        check_picture(
            v, s,
            (tvis_depthwise_s8_picture){ NULL, ih, oy, 1 + (int32_t)tvt_below((uint32_t)(rows - oy)), down, pad });
    }
}

/* All kernels to 7 x 7, strides and dilations, widths from 1 on, more padding than a kernel's half. */
static void small_shapes(void **state)
{
    static const int32_t channels[] = {
        1, 2, 3, 5, 8, 9, 15, 16, 17, 20, 31, 32, 33, 40, 63, 64, 65, 72, 100, 128, 144
    };
    const tvis_depthwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t kw = 1; kw <= 7; kw++)
        for (int32_t stride = 1; stride <= 3; stride++)
            for (int32_t dilation = 1; dilation <= 2; dilation++)
                for (int32_t pad = 0; pad <= kw; pad++)
                    for (int32_t iw = 1; iw <= 26; iw += 1 + (int32_t)tvt_below(4)) {
                        const int32_t kh = tvt_below(2) ? kw : 1 + (int32_t)tvt_below(7);
                        const tvis_depthwise_s8_args s =
                            shape(iw, channels[tvt_below(TVIS_COUNT(channels))], kh, kw, stride, pad, dilation);
                        if (s.ow > 0)
                            check(v, s);
                    }
}

/* The rows of MobileNetV2's layers, and the larger kernels of its successors. */
static void layers(void **state)
{
    static const int32_t shapes[][4] = { { 112, 32, 3, 1 }, { 112, 96, 3, 2 }, { 56, 144, 3, 1 },
                                         { 56, 144, 3, 2 }, { 14, 576, 3, 1 }, { 14, 576, 3, 2 },
                                         { 7, 960, 3, 1 },  { 14, 672, 5, 2 }, { 7, 100, 5, 1 } };
    const tvis_depthwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (size_t i = 0; i < TVIS_COUNT(shapes); i++)
        for (int round = 0; round < 4; round++) {
            const int32_t k = shapes[i][2];
            check(v, shape(shapes[i][0], shapes[i][1], k, k, shapes[i][3], k / 2, 1));
        }
}

/* Rows longer than the buffers of kernels, the largest kernels and the widest dilations; those that are too large are
 * left to C. */
static void large_shapes(void **state)
{
    static const int32_t shapes[][6] = { /* iw, c, kh, kw, stride, dilation */
                                         { 700, 20, 3, 3, 1, 1 }, { 500, 66, 5, 5, 2, 1 },  { 300, 17, 24, 9, 1, 1 },
                                         { 90, 19, 2, 60, 1, 1 }, { 400, 18, 3, 3, 1, 30 }, { 900, 5, 3, 3, 3, 200 },
                                         { 300, 70, 8, 8, 4, 3 }, { 200, 16, 1, 1, 1, 1 }
    };
    const tvis_depthwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (size_t i = 0; i < TVIS_COUNT(shapes); i++) {
        const int32_t *s = shapes[i], reach = (s[3] - 1) * s[5];
        if (tvis_depthwise_s8_fits(v, s[2], s[3], s[5]))
            check(v, shape(s[0], s[1], s[2], s[3], s[4], reach / 2, s[5]));
    }
    for (int round = 0; round < 200; round++) {
        const int32_t kh = 1 + (int32_t)tvt_below(MAX_KH), kw = 1 + (int32_t)tvt_below(30);
        const int32_t dilation = 1 + (int32_t)tvt_below(10), iw = kw * dilation + (int32_t)tvt_below(200);
        if (tvis_depthwise_s8_fits(v, kh, kw, dilation))
            check(v, shape(iw, 1 + (int32_t)tvt_below(70), kh, kw, 1 + (int32_t)tvt_below(4), (int32_t)tvt_below(20),
                           dilation));
    }
}

/* TensorFlow's padding: only behind the last column, so that ow is more than the padding in front gives. */
static void padding_behind(void **state)
{
    const tvis_depthwise_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t k = 1; k <= 7; k++)
        for (int32_t stride = 1; stride <= 2; stride++)
            for (int32_t iw = 1; iw <= 20; iw++) {
                tvis_depthwise_s8_args s = shape(iw, 1 + (int32_t)tvt_below(80), k, k, stride, 0, 1);
                s.ow = (iw + k) / stride;
                check(v, s);
            }
}

/* By hand, one row of three pixels and one channel: the left one is outside for the first output. */
static void reference_by_hand(void **state)
{
    (void)state;
    const int8_t x[] = { 10, 20, 30 }, w[] = { 1, 2, 3 }, *rows[] = { x };
    const int32_t bias = 4, mul = 0x40000000; /* 2^30: with a shift of 1 times 1/2 */
    int8_t y[3];
    const tvis_depthwise_s8_args a = { .rows = rows,
                                       .w = w,
                                       .bias = &bias,
                                       .y = y,
                                       .iw = 3,
                                       .ow = 3,
                                       .c = 1,
                                       .kh = 1,
                                       .kw = 3,
                                       .stride = 1,
                                       .pad = 1,
                                       .dilation = 1,
                                       .x_zero = 5,
                                       .q = { &mul, 1, -1, -128, 50 } };
    tvis_depthwise_s8_c(&a);
    assert_int_equal(y[0], 29); /* (4 + 5 * 2 + 15 * 3) / 2 = 29.5: 30 */
    assert_int_equal(y[1], 50); /* (4 + 5 + 15 * 2 + 25 * 3) / 2 = 57: 56 */
    assert_int_equal(y[2], 34); /* (4 + 15 + 25 * 2) / 2 = 34.5: 35 */
}

static void table(void **state)
{
    const tvis_depthwise_s8_variant *v = *state;
    assert_true(v->k.mr > 0 && v->k.nr > 0);
    assert_true(v->k.pack == TVIS_PACK_PLAIN || TVIS_PACK_BLOCK(v->k.pack) == v->k.nr);
    for (int32_t k = 1; k <= 7; k += 2) {
        assert_true(tvis_depthwise_s8_fits(v, k, k, 2) == !v->side); /* the kernels of all networks */
        assert_true(tvis_depthwise_s8_fits(v, k, k, 1) == (!v->side || v->side == k));
    }
    if (!v[1].k.name) {
        assert_ptr_equal(v->run, tvis_depthwise_s8_c);
        assert_true(tvis_depthwise_s8_fits(v, 1000, 1000, 1000));
        assert_int_equal(v->k.pack, TVIS_PACK_PLAIN);
        assert_int_equal(v->k.cpu, 0);
    }
}

/* Of the table for programs without 5 x 5: a part of the other one, in its order. */
static void part_of_the_table(void **state)
{
    const tvis_depthwise_s8_variant *whole = tvis_depthwise_s8, *part = tvis_depthwise_s8_3x3;
    (void)state;
    for (; part->k.name; part++, whole++) {
        while (whole->k.name && strcmp(whole->k.name, part->k.name) != 0)
            assert_true((whole++)->side != 3);
        assert_non_null(whole->k.name);
        assert_true(part->run == whole->run && part->run_picture == whole->run_picture && part->fits == whole->fits);
        assert_true(part->side == whole->side && part->k.cpu == whole->k.cpu && part->k.pack == whole->k.pack);
        assert_int_not_equal(part->side, 5);
    }
    assert_null(whole->k.name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(small_shapes),
        cmocka_unit_test(pictures),
        cmocka_unit_test(layers),
        cmocka_unit_test(large_shapes),
        cmocka_unit_test(padding_behind),
        cmocka_unit_test(reference_by_hand),
        cmocka_unit_test(part_of_the_table),
    };
    return tvt_run_rows("depthwise_s8", tvis_depthwise_s8, sizeof *tvis_depthwise_s8, tests, TVIS_COUNT(tests));
}
