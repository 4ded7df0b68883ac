/* SPDX-License-Identifier: MIT */
/* JSON text, built in memory and printed whole, so that a failure on the way prints nothing. */
#ifndef TINYVIS_TOOL_JSON_H
#define TINYVIS_TOOL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_MAX_DEPTH 8

/* Starts as { 0 }. */
typedef struct json {
    char *text; /* from malloc */
    size_t length, capacity;
    uint32_t depth;
    bool failed; /* no memory: everything after it is ignored, json_print() says so */
    struct {
        bool lines; /* a line for each member */
        bool begun;
        char end;
    } level[JSON_MAX_DEPTH];
} json;

/* key is NULL in lists and at the top. */
void json_object(json *j, const char *key, bool lines);
void json_list(json *j, const char *key, bool lines);
void json_end(json *j);
/* Bytes that are not UTF-8 become U+FFFD; NULL gives null. */
void json_string(json *j, const char *key, const char *s);
/* Nine figures, seven of a float; a NaN or an infinity gives null. */
void json_number(json *j, const char *key, double x);
void json_float(json *j, const char *key, float x);
void json_integer(json *j, const char *key, uint64_t x);
void json_bool(json *j, const char *key, bool x);

/* Adds the last newline; once. False when there was no memory for all of the text. */
bool json_close(json *j);
/* The text, closed by this, to stdout; frees it. Returns TOOL_OK or TOOL_FAILED. */
int json_print(json *j);
void json_free(json *j);

#endif
