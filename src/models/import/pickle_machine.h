/* SPDX-License-Identifier: MIT */
/* The stack and the values under the pickle operations. Each function returns false when it failed, with p->status set
 * and the diagnostic filled. */
#ifndef TVIS_MODELS_IMPORT_PICKLE_MACHINE_H
#define TVIS_MODELS_IMPORT_PICKLE_MACHINE_H

#include "models/import/import.h"
#include "models/import/pickle.h"

/* Values, items, entries of the stack and the memo: indices fit 32 bits, and real files stay far below. */
#define TVIS_PICKLE_COUNT_MAX ((size_t)1 << 24)
#define TVIS_PICKLE_MARK      TVIS_PICKLE_NONE /* on the stack */

bool tvis_pickle_fail(tvis_pickle *p, tvis_diag_code code, const char *detail); /* EFORMAT at p->pos */
bool tvis_pickle_no_memory(tvis_pickle *p);

bool tvis_pickle_take(tvis_pickle *p, uint64_t n, const uint8_t **bytes);
/* An unsigned little-endian number of 1, 2, 4 or 8 bytes. */
bool tvis_pickle_take_number(tvis_pickle *p, unsigned bytes, uint64_t *n);
/* Up to the end of the line, which is taken as well. */
bool tvis_pickle_take_line(tvis_pickle *p, const uint8_t **text, size_t *len);

bool tvis_pickle_push(tvis_pickle *p, uint32_t value);
bool tvis_pickle_pop(tvis_pickle *p, uint32_t *value); /* not a mark */
/* Index of the last mark on the stack. Who asks removes it, so the search costs what was pushed since. */
bool tvis_pickle_find_mark(tvis_pickle *p, size_t *at);

bool tvis_pickle_new_value(tvis_pickle *p, tvis_pickle_type type, uint32_t *index);
bool tvis_pickle_push_new(tvis_pickle *p, tvis_pickle_type type);
bool tvis_pickle_push_integer(tvis_pickle *p, tvis_pickle_type type, int64_t n);
bool tvis_pickle_push_text(tvis_pickle *p, tvis_pickle_type type, const uint8_t *text, size_t len);
/* GLOBAL, CALL or PERSISTENT. */
bool tvis_pickle_push_pair(tvis_pickle *p, tvis_pickle_type type, uint32_t callable, uint32_t args);
bool tvis_pickle_append(tvis_pickle *p, uint32_t container, uint32_t key, uint32_t value);

/* The operations of pickle_constants_hosted.c. */
bool tvis_pickle_op_constant(tvis_pickle *p, uint8_t op);
bool tvis_pickle_op_integer(tvis_pickle *p, uint8_t op);
bool tvis_pickle_op_decimal(tvis_pickle *p, uint8_t op);
bool tvis_pickle_op_long(tvis_pickle *p, uint8_t op);
bool tvis_pickle_op_float(tvis_pickle *p, uint8_t op);
bool tvis_pickle_op_counted(tvis_pickle *p, uint8_t op);
bool tvis_pickle_op_line_text(tvis_pickle *p, uint8_t op);
/* False, and no diagnostic, where it is no integer or too large. */
bool tvis_pickle_parse_decimal(const uint8_t *text, size_t len, int64_t *n);

#endif
