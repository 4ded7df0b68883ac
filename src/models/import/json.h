/* SPDX-License-Identifier: MIT */
/* The part of JSON that a safetensors header uses: objects, arrays, strings and non-negative integers, read in one
 * pass. */
#ifndef TVIS_MODELS_IMPORT_JSON_H
#define TVIS_MODELS_IMPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tvis_json {
    const uint8_t *data;
    size_t size, pos;
    uint8_t *text; /* room for `size` bytes: the last string, decoded */
    size_t text_size;
} tvis_json;

/* Skip white space, then take the character c; false and nothing taken where it is another one. */
bool tvis_json_take(tvis_json *j, char c);
/* A string into j->text; false where there is none or its escapes are wrong. Bytes above 0x7f are not checked. */
bool tvis_json_string(tvis_json *j);
/* The last string is this text. */
bool tvis_json_is(const tvis_json *j, const char *text);
/* An integer 0 … 2^63 - 1; false for any other number. */
bool tvis_json_integer(tvis_json *j, int64_t *n);
/* After a value of an object or array that ends with `close`: true and *more where a comma follows, true and !*more at
 * its end. */
bool tvis_json_next(tvis_json *j, char close, bool *more);
/* Nothing but white space is left. */
bool tvis_json_end(tvis_json *j);

#endif
