/* SPDX-License-Identifier: MIT */
/* Every row of tvis_gemm_s16 against the C reference: equal, sums that wrap around too. Inputs end where a page ends, y
 * lies between guards. */
#include "ops/gemm_s16.h"

#include "core/port.h"
#include "ops/gemm_s8.h"
#include "tests/kernels.h"

static size_t matrix(int32_t rows, int32_t cols, int32_t ld)
{
    return (size_t)(rows - 1) * (size_t)ld + (size_t)cols;
}

/* Random, or nothing but the lowest value. */
static tvt_buf words(size_t n, size_t size, bool lowest)
{
    tvt_buf b = tvt_paged(n * size);
    tvt_fill(b.p, n * size);
    for (size_t i = 0; lowest && i < n; i++)
        if (size == 1)
            ((int8_t *)b.p)[i] = INT8_MIN;
        else
            ((int16_t *)b.p)[i] = INT16_MIN;
    return b;
}

static void check(const tvis_gemm_s16_variant *v, int32_t m, int32_t n, int32_t k)
{
    const int32_t ldx = k + (int32_t)tvt_below(3), ldy = n + (int32_t)tvt_below(3);
    const bool lowest = !tvt_below(4);
    tvt_buf x = words(matrix(m, k, ldx), 2, lowest), w = words((size_t)n * (size_t)k, 1, lowest);
    tvt_buf bias = words((size_t)n, 4, false), packed = { 0 };
    const size_t size = matrix(m, n, ldy) * sizeof(int32_t);
    tvt_buf want = tvt_guarded(size), got = tvt_guarded(size);
    tvis_gemm_s16_args a = { x.p, w.p, tvt_below(3) ? bias.p : NULL, want.p, m, n, k, ldx, ldy };
    tvis_gemm_s16_c(&a);
    if (v->k.pack != TVIS_PACK_PLAIN) {
        packed = tvt_paged(tvis_gemm_s8_packed(n, k, v->k.pack));
        tvis_gemm_s8_pack(w.p, n, k, v->k.pack, packed.p);
        a.w = packed.p;
    }
    a.y = got.p;
    v->run(&a);
    if (!tvt_same(&want, &got))
        fail_msg("gemm_s16 %s m=%d n=%d k=%d seed=%u", v->k.name, (int)m, (int)n, (int)k, tvt_seed);
    tvt_buf *all[] = { &x, &w, &bias, &want, &got };
    for (size_t i = 0; i < TVIS_COUNT(all); i++)
        tvt_free(all[i]);
    if (packed.p)
        tvt_free(&packed);
}

static void shapes(void **state)
{
    const tvis_gemm_s16_variant *v = *state;
    tvt_need_row(&v->k, v->run);
    for (int32_t k = 1; k <= 40; k++)
        for (int32_t m = 1; m <= 27; m += 1 + (int32_t)tvt_below(3))
            check(v, m, 1 + (int32_t)tvt_below(70), k);
    check(v, 24, 256, 384);
    check(v, 5, 33, TVIS_GEMM_S8_MAX_K);
}

static void reference_by_hand(void **state)
{
    (void)state;
    const int16_t x[] = { 300, -2 };
    const int8_t w[] = { 5, 7 };
    const int32_t bias = 10;
    int32_t y = 0;
    tvis_gemm_s16_c(&(tvis_gemm_s16_args){ x, w, &bias, &y, 1, 1, 2, 2, 1 });
    assert_int_equal(y, 1496);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(reference_by_hand) };
    return tvt_run_rows("gemm_s16", tvis_gemm_s16, sizeof *tvis_gemm_s16, tests, TVIS_COUNT(tests));
}
