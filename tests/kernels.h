/* SPDX-License-Identifier: MIT */
/* Tests that run once for each row of a variant table. */
#ifndef TVT_KERNELS_H
#define TVT_KERNELS_H

#include "core/kernel.h"
#include "tests/tvt.h"

#define TVT_MAX_ROW_TESTS 128

/* Skips the test when the row can't run here: another instruction set, or TVT_CPU leaves it out. */
static inline void tvt_need_row(const tvis_kernel *k, bool built)
{
    if (!built || (k->cpu & ~tvt_cpu()))
        skip();
}

/* Each of `tests`, with a pointer to the row as its state, for each row of a table whose rows begin with a tvis_kernel.
 */
static inline int tvt_run_rows(const char *op, const void *table, size_t row_bytes, const struct CMUnitTest *tests,
                               size_t count)
{
    static char names[TVT_MAX_ROW_TESTS][64];
    struct CMUnitTest all[TVT_MAX_ROW_TESTS];
    size_t n = 0;
    tvt_srand(tvt_seed);
    for (const char *row = table; ((const tvis_kernel *)(const void *)row)->name; row += row_bytes)
        for (size_t i = 0; i < count; i++, n++) {
            if (n == TVT_MAX_ROW_TESTS)
                return fprintf(stderr, "%s: more rows than TVT_MAX_ROW_TESTS\n", op), 1;
            (void)snprintf(names[n], sizeof names[n], "%s_%s %s", op, ((const tvis_kernel *)(const void *)row)->name,
                           tests[i].name);
            all[n] = tests[i];
            all[n].name = names[n];
            all[n].initial_state = (void *)(uintptr_t)row;
        }
    return _cmocka_run_group_tests(op, all, n, NULL, NULL);
}

#endif
