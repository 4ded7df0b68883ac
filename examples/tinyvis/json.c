/* SPDX-License-Identifier: MIT */
#include "json.h"

#include "print.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(json *j, const char *text, size_t n)
{
    if (j->failed)
        return;
    if (n > j->capacity - j->length) {
        size_t want = j->capacity + n + j->capacity / 2 + 1024;
        char *larger = want > n ? realloc(j->text, want) : NULL;
        if (!larger) {
            j->failed = true;
            return;
        }
        j->text = larger;
        j->capacity = want;
    }
    memcpy(j->text + j->length, text, n);
    j->length += n;
}

static void put_text(json *j, const char *text)
{
    put(j, text, strlen(text));
}

static void quote(json *j, const char *text)
{
    const char *s = text;
    char escape[8];
    put(j, "\"", 1);
    while (*s) {
        size_t n = text_utf8(s);
        if (n == 0) {
            put_text(j, "\\ufffd");
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            put(j, "\\", 1);
            put(j, s, 1);
        } else if ((unsigned char)*s < 0x20) {
            (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*s);
            put_text(j, escape);
        } else {
            put(j, s, n);
        }
        s += n;
    }
    put(j, "\"", 1);
}

static void new_line(json *j)
{
    put(j, "\n", 1);
    for (uint32_t i = 0; i < j->depth; i++)
        put(j, " ", 1);
}

/* Comma, line and key before a value. */
static void before(json *j, const char *key)
{
    if (j->depth > 0) {
        if (j->level[j->depth - 1].begun)
            put_text(j, j->level[j->depth - 1].lines ? "," : ", ");
        j->level[j->depth - 1].begun = true;
        if (j->level[j->depth - 1].lines)
            new_line(j);
    }
    if (key) {
        quote(j, key);
        put_text(j, ": ");
    }
}

static void open_level(json *j, const char *key, bool lines, const char *brackets)
{
    before(j, key);
    put(j, brackets, 1);
    if (j->depth == JSON_MAX_DEPTH) {
        j->failed = true;
        return;
    }
    j->level[j->depth].lines = lines;
    j->level[j->depth].begun = false;
    j->level[j->depth++].end = brackets[1];
}

void json_object(json *j, const char *key, bool lines)
{
    open_level(j, key, lines, "{}");
}

void json_list(json *j, const char *key, bool lines)
{
    open_level(j, key, lines, "[]");
}

void json_end(json *j)
{
    j->depth--;
    if (j->level[j->depth].lines && j->level[j->depth].begun)
        new_line(j);
    put(j, &j->level[j->depth].end, 1);
}

void json_string(json *j, const char *key, const char *s)
{
    before(j, key);
    if (s)
        quote(j, s);
    else
        put_text(j, "null");
}

static void number(json *j, const char *key, double x, int figures)
{
    char text[40];
    before(j, key);
    if (isfinite(x))
        (void)snprintf(text, sizeof text, "%.*g", figures, x);
    put_text(j, isfinite(x) ? text : "null");
}

void json_number(json *j, const char *key, double x)
{
    number(j, key, x, 9);
}

void json_float(json *j, const char *key, float x)
{
    number(j, key, (double)x, 7);
}

void json_integer(json *j, const char *key, uint64_t x)
{
    char text[24];
    before(j, key);
    (void)snprintf(text, sizeof text, "%" PRIu64, x);
    put_text(j, text);
}

void json_bool(json *j, const char *key, bool x)
{
    before(j, key);
    put_text(j, x ? "true" : "false");
}

bool json_close(json *j)
{
    put(j, "\n", 1);
    return !j->failed;
}

int json_print(json *j)
{
    int status = TOOL_OK;
    if (!json_close(j))
        status = print_failure("JSON", "no memory");
    else
        (void)fwrite(j->text, 1, j->length, stdout); /* print_finish() looks at the stream */
    json_free(j);
    return status;
}

void json_free(json *j)
{
    free(j->text);
    *j = (json){ 0 };
}
