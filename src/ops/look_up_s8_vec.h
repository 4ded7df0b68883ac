/* SPDX-License-Identifier: MIT */
/* Loops of tvis_look_up_s8, included by the file that defines the variant after
 *   BLOCK: how many values at a time          bytes, load_bytes(p), store_bytes(p, v): so many int8
 *   tables, tables_of(table), found(t, v): the function of BLOCK values
 * A row's last block ends where the row ends; it is read before anything is written, as y may be x. */
#include "core/port.h"
#include "ops/look_up_s8.h"

TVIS_INLINE void look_up_row(const tables *t, const int8_t *x, int8_t *y, int32_t n)
{
    const int32_t tail = n - BLOCK;
    if (tail < 0) {
        int8_t copy[BLOCK] = { 0 };
        memcpy(copy, x, (size_t)n);
        store_bytes(copy, found(t, load_bytes(copy)));
        memcpy(y, copy, (size_t)n);
        return;
    }
    const bytes last = load_bytes(x + tail);
    for (int32_t i = 0; i < tail; i += BLOCK)
        store_bytes(y + i, found(t, load_bytes(x + i)));
    store_bytes(y + tail, found(t, last));
}

TVIS_INLINE void look_up_all(const tvis_look_up_s8_args *a)
{
    const tables t = tables_of(a->table);
    if (a->ld == a->cols && (int64_t)a->rows * a->cols <= INT32_MAX) { /* one long row has one end only */
        look_up_row(&t, a->x, a->y, a->rows * a->cols);
        return;
    }
    for (int32_t i = 0; i < a->rows; i++)
        look_up_row(&t, a->x + (ptrdiff_t)i * a->ld, a->y + (ptrdiff_t)i * a->ld, a->cols);
}
