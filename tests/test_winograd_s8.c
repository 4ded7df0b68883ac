/* SPDX-License-Identifier: MIT */
/* Every row of tvis_winograd_s8 against direct convolution as src/ops/requant.h defines it: the same bits. Inputs end
 * where a page ends, y and scratch lie between guards. */
#include "ops/winograd_s8.h"

#include "core/port.h"
#include "tests/kernels.h"

#if !TVIS_LARGE_CODE
static void left_out(void **state)
{
    (void)state;
    skip(); /* of code that is optimized for size */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(left_out) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else

typedef struct problem {
    tvis_conv_shape s;
    tvis_winograd_s8_args a;
    int32_t pictures;
    tvt_buf x, w, packed, bias, mul, add, y, scratch;
} problem;

static tvt_buf random_bytes(size_t n, bool extreme)
{
    tvt_buf b = tvt_paged(n);
    tvt_fill(b.p, n);
    for (size_t i = 0; extreme && i < n; i++)
        ((int8_t *)b.p)[i] = ((int8_t *)b.p)[i] < 0 ? INT8_MIN : INT8_MAX;
    return b;
}

static size_t outputs(const problem *p)
{
    return (size_t)p->pictures * (size_t)p->s.oh * (size_t)p->s.ow * (size_t)p->a.n;
}

static void make(problem *p, const tvis_kernel *k, int32_t h, int32_t w, int32_t c, int32_t n)
{
    memset(p, 0, sizeof *p);
    const int32_t top = (int32_t)tvt_below(3), left = (int32_t)tvt_below(3), bottom = (int32_t)tvt_below(3);
    const bool extreme = tvt_below(4) == 0, limits = tvt_below(3) == 0;
    p->s = (tvis_conv_shape){ .ih = h,
                              .iw = w,
                              .ic = c,
                              .kh = 3,
                              .kw = 3,
                              .stride = { 1, 1 },
                              .dilation = { 1, 1 },
                              .top = top,
                              .left = left,
                              .size = 1 };
    p->s.oh = h + top + bottom - 2 < 1 ? 1 : h + top + bottom - 2;
    p->s.ow = w + 2 * left - 2 < 1 ? 1 : w + 2 * left - 2;
    p->pictures = 1 + (int32_t)tvt_below(3);
    p->x = random_bytes((size_t)p->pictures * (size_t)h * (size_t)w * (size_t)c, extreme);
    p->w = random_bytes((size_t)n * 9 * (size_t)c, extreme);
    p->bias = random_bytes((size_t)n * sizeof(int32_t), false);
    p->mul = random_bytes((size_t)n * sizeof(int32_t), false);
    for (int32_t j = 0; j < n; j++) {
        ((int32_t *)p->bias.p)[j] %= 1 << 20;
        ((int32_t *)p->mul.p)[j] = 2 * (int32_t)(1 + tvt_below(1u << 24) / (uint32_t)c);
    }
    p->packed = tvt_guarded((size_t)tvis_winograd_s8_packed(n, c));
    tvis_winograd_s8_pack(p->w.p, n, c, k->pack, p->packed.p);
    p->scratch = tvt_guarded((size_t)tvis_winograd_s8_scratch(c));
    p->a = (tvis_winograd_s8_args){
        .s = &p->s, .x = p->x.p, .zero = (int8_t)(tvt_below(256) - 128), .w = p->packed.p, .scratch = p->scratch.p
    };
    p->a.y = (tvis_narrow_args){ .ldy = n, .q = { .mul = p->mul.p } };
    p->y = tvt_guarded(outputs(p));
    p->a.y.y = p->y.p;
    p->a.y.q.shift = (int32_t)tvt_below(2);
    p->a.y.q.zero = (int32_t)tvt_below(40) - 20;
    p->a.y.q.lo = limits ? -20 : INT8_MIN;
    p->a.y.q.hi = limits ? 90 : INT8_MAX;
    if (tvt_below(2)) {
        p->add = random_bytes(outputs(p), false);
        memcpy(p->y.p, p->add.p, p->add.size);
        p->a.y.add = tvt_below(2) ? p->y.p : p->add.p;
        p->a.y.add_q = (tvis_requant_add){ 1 << 30, 1, 7 };
    }
}

static void drop(problem *p)
{
    tvt_buf *all[] = { &p->x, &p->w, &p->packed, &p->bias, &p->mul, &p->add, &p->y, &p->scratch };
    for (size_t i = 0; i < TVIS_COUNT(all); i++)
        if (all[i]->p)
            tvt_free(all[i]);
}

static int32_t direct(const problem *p, int32_t picture, int32_t oy, int32_t ox, int32_t j)
{
    const tvis_conv_shape *s = &p->s;
    const int8_t *x = p->x.p, *w = p->w.p;
    int32_t sum = 0;
    for (int32_t ky = 0; ky < 3; ky++)
        for (int32_t kx = 0; kx < 3; kx++)
            for (int32_t c = 0; c < s->ic; c++) {
                const int32_t iy = oy - s->top + ky, ix = ox - s->left + kx;
                const bool inside = iy >= 0 && iy < s->ih && ix >= 0 && ix < s->iw;
                sum += (inside ? x[((picture * s->ih + iy) * s->iw + ix) * s->ic + c] : p->a.zero) *
                       w[((j * 3 + ky) * 3 + kx) * s->ic + c];
            }
    return sum;
}

static void check_values(const problem *p, const char *name)
{
    const tvis_narrow_args *g = &p->a.y;
    size_t at = 0;
    for (int32_t picture = 0; picture < p->pictures; picture++)
        for (int32_t y = 0; y < p->s.oh; y++)
            for (int32_t x = 0; x < p->s.ow; x++)
                for (int32_t j = 0; j < p->a.n; j++, at++) {
                    const int32_t sum = tvis_requant_sum(p->a.bias[j], direct(p, picture, y, x, j));
                    int64_t v = tvis_requant_scale(sum, g->q.mul[j], g->q.shift);
                    if (p->add.p)
                        v += tvis_requant_scale(((int8_t *)p->add.p)[at] - g->add_q.zero, g->add_q.mul, g->add_q.shift);
                    const int8_t want = tvis_requant_clamp(v, &g->q), got = ((int8_t *)p->y.p)[at];
                    if (got != want)
                        fail_msg("winograd_s8 %s %dx%dx%dx%d to %d, seed %u: [%d][%d][%d][%d] is %d, not %d", name,
                                 (int)p->pictures, (int)p->s.ih, (int)p->s.iw, (int)p->s.ic, (int)p->a.n, tvt_seed,
                                 (int)picture, (int)y, (int)x, (int)j, got, want);
                }
}

static void check(const tvis_winograd_s8_variant *v, int32_t h, int32_t w, int32_t c, int32_t n)
{
    problem p;
    make(&p, &v->k, h, w, c, (n + v->k.nr - 1) / v->k.nr * v->k.nr);
    const int32_t tiles = (int32_t)tvis_winograd_s8_tiles(&p.s, p.pictures),
                  cut = tiles > 1 ? 1 + (int32_t)tvt_below((uint32_t)tiles - 1) : 1;
    v->run(&p.a, 0, cut);
    v->run(&p.a, cut, tiles);
    check_values(&p, v->k.name);
    assert_true(tvt_guards_ok(&p.y));
    assert_true(tvt_guards_ok(&p.scratch));
    drop(&p);
}

static void shapes(void **state)
{
    static const int32_t sides[] = { 1, 2, 3, 4, 5, 6, 7, 9, 13 }, channels[] = { 16, 32, 48, 64, 80, 112, 144, 272 };
    static const int32_t ns[] = { 2, 4, 6, 14, 30, 32, 34, 38, 66 };
    const tvis_winograd_s8_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (size_t i = 0; i < TVIS_COUNT(sides); i++)
        for (size_t j = 0; j < TVIS_COUNT(channels); j++)
            check(v, sides[i], sides[tvt_below(TVIS_COUNT(sides))], channels[j], ns[tvt_below(TVIS_COUNT(ns))]);
    check(v, 23, 17, 64, 64);
}

/* The largest sums that there can be: 9 * 3632 products of -128. */
static void largest(void **state)
{
    const tvis_winograd_s8_variant *v = *state;
    problem p;
    tvt_need_row(&v->k, v->run);
    make(&p, &v->k, 4, 4, 3632, v->k.nr);
    memset(p.x.p, 0x80, p.x.size);
    memset(p.w.p, 0x80, p.w.size);
    for (int32_t j = 0; j < v->k.nr; j++) {
        ((int32_t *)p.bias.p)[j] = -500000000;
        ((int32_t *)p.mul.p)[j] = 8000;
    }
    p.a.y.q.shift = 0;
    p.a.zero = INT8_MIN;
    tvis_winograd_s8_pack(p.w.p, v->k.nr, 3632, v->k.pack, p.packed.p);
    v->run(&p.a, 0, (int32_t)tvis_winograd_s8_tiles(&p.s, p.pictures));
    check_values(&p, v->k.name);
    drop(&p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(largest) };
    return tvt_run_rows("winograd_s8", tvis_winograd_s8, sizeof *tvis_winograd_s8, tests, TVIS_COUNT(tests));
}
#endif
