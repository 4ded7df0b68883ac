/* SPDX-License-Identifier: MIT */
/* Every row of tvis_look_up_s8 against the table itself. Inputs end where a page ends, or are written in place. */
#include "ops/look_up_s8.h"

#include "core/port.h"
#include "tests/kernels.h"

static void fill(int8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (int8_t)((int32_t)tvt_below(256) - 128);
}

static void every_value(void **state)
{
    const tvis_look_up_s8_variant *v = *state;
    int8_t table[256], x[256], y[256];
    tvt_need_row(&v->k, v->run);
    fill(table, sizeof table);
    for (int i = 0; i < 256; i++)
        x[i] = (int8_t)(i - 128);
    const tvis_look_up_s8_args a = { table, x, y, 1, 256, 256 };
    v->run(&a);
    assert_memory_equal(y, table, sizeof y);
}

/* Every size of a last block; a row's neighbours stay as they are. */
static void shapes(void **state)
{
    const tvis_look_up_s8_variant *v = *state;
    tvt_buf table = tvt_paged(256);
    tvt_need_row(&v->k, v->run);
    fill(table.p, 256);
    for (int32_t cols = 1; cols <= 200; cols++)
        for (int32_t rows = 1; rows <= 3; rows++) {
            const int32_t ld = cols + 3 * (int32_t)tvt_below(2), total = (rows - 1) * ld + cols;
            tvt_buf x = tvt_paged((size_t)total), y = tvt_guarded(x.size);
            fill(x.p, x.size);
            memcpy(y.p, x.p, x.size);
            const int8_t *from = x.p, *to = y.p;
            const tvis_look_up_s8_args a = { table.p, tvt_below(2) ? y.p : from, y.p, rows, cols, ld };
            v->run(&a);
            for (int32_t i = 0; i < total; i++)
                assert_int_equal(to[i], i % ld < cols ? ((int8_t *)table.p)[from[i] + 128] : from[i]);
            assert_true(tvt_guards_ok(&y));
            tvt_free(&x);
            tvt_free(&y);
        }
    tvt_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_value), cmocka_unit_test(shapes) };
    return tvt_run_rows("look_up_s8", tvis_look_up_s8, sizeof *tvis_look_up_s8, tests, TVIS_COUNT(tests));
}
