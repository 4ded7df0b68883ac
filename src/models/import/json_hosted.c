/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "models/import/json.h"

static void skip_space(tvis_json *j)
{
    while (j->pos < j->size && strchr(" \t\r\n", j->data[j->pos]) && j->data[j->pos])
        j->pos++;
}

bool tvis_json_take(tvis_json *j, char c)
{
    skip_space(j);
    if (j->pos >= j->size || j->data[j->pos] != (uint8_t)c)
        return false;
    j->pos++;
    return true;
}

bool tvis_json_end(tvis_json *j)
{
    skip_space(j);
    return j->pos == j->size;
}

bool tvis_json_next(tvis_json *j, char close, bool *more)
{
    *more = tvis_json_take(j, ',');
    return *more || tvis_json_take(j, close);
}

bool tvis_json_integer(tvis_json *j, int64_t *n)
{
    skip_space(j);
    size_t first = j->pos;
    int64_t v = 0;
    for (; j->pos < j->size && j->data[j->pos] >= '0' && j->data[j->pos] <= '9'; j->pos++) {
        int digit = j->data[j->pos] - '0';
        if (v > (INT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *n = v;
    bool leading_zero = j->pos > first + 1 && j->data[first] == '0';
    return j->pos > first && !leading_zero;
}

bool tvis_json_is(const tvis_json *j, const char *text)
{
    return j->text_size == strlen(text) && memcmp(j->text, text, j->text_size) == 0;
}

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX. */
static bool unit(tvis_json *j, uint32_t *u)
{
    *u = 0;
    if (j->size - j->pos < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = hex(j->data[j->pos++]);
        if (digit < 0)
            return false;
        *u = *u << 4 | (uint32_t)digit;
    }
    return true;
}

static void put(tvis_json *j, uint32_t byte)
{
    j->text[j->text_size++] = (uint8_t)byte;
}

/* Never longer than its escape: 3 bytes for 6, 4 for 12. */
static void put_utf8(tvis_json *j, uint32_t u)
{
    if (u < 0x80) {
        put(j, u);
        return;
    }
    if (u < 0x800) {
        put(j, 0xc0 | u >> 6);
    } else {
        if (u < 0x10000) {
            put(j, 0xe0 | u >> 12);
        } else {
            put(j, 0xf0 | u >> 18);
            put(j, 0x80 | (u >> 12 & 0x3f));
        }
        put(j, 0x80 | (u >> 6 & 0x3f));
    }
    put(j, 0x80 | (u & 0x3f));
}

static bool unicode_escape(tvis_json *j)
{
    uint32_t u, low;
    if (!unit(j, &u) || (u >= 0xdc00 && u < 0xe000))
        return false;
    if (u >= 0xd800 && u < 0xdc00) {
        if (j->size - j->pos < 6 || j->data[j->pos] != '\\' || j->data[j->pos + 1] != 'u')
            return false;
        j->pos += 2;
        if (!unit(j, &low) || low < 0xdc00 || low >= 0xe000)
            return false;
        u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(j, u);
    return true;
}

static bool escape(tvis_json *j)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (j->pos >= j->size || !j->data[j->pos])
        return false;
    uint8_t c = j->data[j->pos++];
    if (c == 'u')
        return unicode_escape(j);
    const char *at = strchr(from, c);
    if (at)
        put(j, (uint8_t)to[at - from]);
    return at != NULL;
}

bool tvis_json_string(tvis_json *j)
{
    j->text_size = 0;
    if (!tvis_json_take(j, '"'))
        return false;
    while (j->pos < j->size) {
        uint8_t c = j->data[j->pos++];
        if (c == '"')
            return true;
        if (c < 0x20)
            return false;
        if (c != '\\')
            put(j, c);
        else if (!escape(j))
            return false;
    }
    return false;
}
