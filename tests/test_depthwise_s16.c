/* SPDX-License-Identifier: MIT */
/* Every row of tvis_depthwise_s16 against the C reference: equal, sums that wrap around too. Inputs end where a page
 * ends, y lies between guards. */
#include "ops/depthwise_s16.h"

#include "core/port.h"
#include "tests/kernels.h"

enum { MAX_KH = 32 };

static tvt_buf bytes(size_t n, int lowest)
{
    tvt_buf b = tvt_paged(n);
    tvt_fill(b.p, n);
    if (lowest)
        memset(b.p, 0x80, n);
    return b;
}

static void check(const tvis_depthwise_s16_variant *v, tvis_depthwise_s16_args a)
{
    const bool lowest = !tvt_below(4);
    const int16_t *rows[MAX_KH] = { NULL };
    const size_t row = (size_t)a.iw * (size_t)a.c * sizeof(int16_t),
                 size = (size_t)a.ow * (size_t)a.c * sizeof(int32_t);
    tvt_buf x[MAX_KH] = { { 0 } }, w = bytes((size_t)(a.kh * a.kw * a.c), lowest), bias = bytes((size_t)a.c * 4, 0);
    tvt_buf want = tvt_guarded(size), got = tvt_guarded(size);
    for (int32_t i = 0; i < a.kh; i++)
        if (tvt_below(4)) {
            x[i] = bytes(row, lowest);
            rows[i] = x[i].p;
        }
    a.rows = rows;
    a.w = w.p;
    a.bias = tvt_below(3) ? bias.p : NULL;
    a.y = want.p;
    tvis_depthwise_s16_c(&a);
    a.y = got.p;
    v->run(&a);
    if (!tvt_same(&want, &got))
        fail_msg("depthwise_s16 %s c=%d iw=%d k=%dx%d s=%d p=%d d=%d seed=%u", v->k.name, (int)a.c, (int)a.iw,
                 (int)a.kh, (int)a.kw, (int)a.stride, (int)a.pad, (int)a.dilation, tvt_seed);
    for (int32_t i = 0; i < a.kh; i++)
        if (x[i].p)
            tvt_free(&x[i]);
    tvt_buf *all[] = { &w, &bias, &want, &got };
    for (size_t i = 0; i < TVIS_COUNT(all); i++)
        tvt_free(all[i]);
}

static void shapes(void **state)
{
    const tvis_depthwise_s16_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t c = 1; c <= 70; c++)
        for (int round = 0; round < 20; round++) {
            tvis_depthwise_s16_args a = { .c = c,
                                          .iw = 1 + (int32_t)tvt_below(12),
                                          .kh = 1 + (int32_t)tvt_below(6),
                                          .kw = 1 + (int32_t)tvt_below(6),
                                          .stride = 1 + (int32_t)tvt_below(3),
                                          .dilation = 1 + (int32_t)tvt_below(2) };
            a.pad = (int32_t)tvt_below((uint32_t)a.kw + 1);
            const int32_t room = a.iw + 2 * a.pad - (a.kw - 1) * a.dilation - 1;
            a.ow = room < 0 ? 0 : room / a.stride + 1;
            if (a.ow > 0)
                check(v, a);
        }
}

static void reference_by_hand(void **state)
{
    (void)state;
    const int16_t x[] = { 300, -2, 50 }, *rows[] = { x };
    const int8_t w[] = { 5, 7, 9 };
    const int32_t bias = 10;
    int32_t y[2] = { 0, 0 };
    tvis_depthwise_s16_c(&(tvis_depthwise_s16_args){ rows, w, &bias, y, 3, 2, 1, 1, 3, 2, 1, 1 });
    assert_int_equal(y[0], 10 + 300 * 7 - 2 * 9);
    assert_int_equal(y[1], 10 - 2 * 5 + 50 * 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(reference_by_hand) };
    return tvt_run_rows("depthwise_s16", tvis_depthwise_s16, sizeof *tvis_depthwise_s16, tests, TVIS_COUNT(tests));
}
