/* SPDX-License-Identifier: MIT */
/* Python's pickle, protocols 0 to 5, as a tree of values. Nothing is called: a call is a value that names what would
 * have been called and holds its arguments. */
#ifndef TVIS_MODELS_IMPORT_PICKLE_H
#define TVIS_MODELS_IMPORT_PICKLE_H

#include <tinyvis/types.h>

#define TVIS_PICKLE_NONE UINT32_MAX /* no value, no item */

typedef enum tvis_pickle_type {
    TVIS_PICKLE_NULL, /* None */
    TVIS_PICKLE_BOOL,
    TVIS_PICKLE_INT,
    TVIS_PICKLE_LONG,  /* does not fit 64 bits: text and count are its little-endian bytes, or decimal digits */
    TVIS_PICKLE_FLOAT, /* its value is not kept */
    TVIS_PICKLE_TEXT,
    TVIS_PICKLE_BYTES,
    TVIS_PICKLE_SET, /* its items are not kept */
    TVIS_PICKLE_LIST,
    TVIS_PICKLE_TUPLE,
    TVIS_PICKLE_DICT,
    TVIS_PICKLE_GLOBAL,    /* a name in a module */
    TVIS_PICKLE_CALL,      /* an object, made by callable(args); set items make it hold pairs as a dict does */
    TVIS_PICKLE_PERSISTENT /* what the file's own format keeps elsewhere, by an id */
} tvis_pickle_type;

typedef struct tvis_pickle_value {
    uint8_t type;
    bool seen;            /* for whoever walks the tree, which may hold cycles and shared parts */
    uint32_t first, last; /* LIST, TUPLE, DICT, CALL: items, or TVIS_PICKLE_NONE */
    uint32_t count;       /* items; TEXT, BYTES, LONG: bytes */
    union {
        int64_t integer;
        const uint8_t *text; /* in the file, without NUL */
        struct {
            uint32_t callable, args;
        } call; /* GLOBAL: module and name; PERSISTENT: args is the id */
    } u;
} tvis_pickle_value;

typedef struct tvis_pickle_item {
    uint32_t key, value, next; /* key: TVIS_PICKLE_NONE in lists and tuples */
} tvis_pickle_item;

typedef struct tvis_pickle {
    const uint8_t *data;
    size_t size, pos;
    const char *source; /* for messages */
    tvis_diag *diag;
    tvis_status status;
    tvis_pickle_value *values;
    size_t value_count, value_capacity;
    tvis_pickle_item *items;
    size_t item_count, item_capacity;
    uint32_t *stack, *memo;
    size_t depth, stack_capacity, memo_size, memo_used, memo_capacity;
} tvis_pickle;

/* Reads one pickle at p->pos, which moves past it. The caller has set data, size, pos, source and diag and zeroed the
 * rest; further calls add to the same tree. Memory and time are proportional to the bytes read. EFORMAT, ENOMEM. */
tvis_status tvis_pickle_load(tvis_pickle *p, uint32_t *root);
void tvis_pickle_free(tvis_pickle *p);

bool tvis_pickle_is_text(const tvis_pickle *p, uint32_t value, const char *text);
bool tvis_pickle_is_global(const tvis_pickle *p, uint32_t value, const char *module, const char *name);
/* Item number i of a tuple or list; TVIS_PICKLE_NONE where there is none. */
uint32_t tvis_pickle_at(const tvis_pickle *p, uint32_t value, uint32_t i);

#endif
