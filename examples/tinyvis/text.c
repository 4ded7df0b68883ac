/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "fail.h"

#include <tinyvis/hosted.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for n characters more and a zero byte. */
static bool reserve(text_file *t, size_t n)
{
    if (n < t->room - t->length)
        return !t->failed;
    const size_t room = t->room * 2 + n + 256;
    char *larger = t->failed ? NULL : realloc(t->text, room);
    t->failed = !larger;
    if (larger) {
        t->text = larger;
        t->room = room;
    }
    return larger != NULL;
}

void text_add(text_file *t, const char *format, ...)
{
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    const int n = vsnprintf(NULL, 0, format, list);
    t->failed = t->failed || n < 0;
    if (!t->failed && reserve(t, (size_t)n))
        t->length += (size_t)vsnprintf(t->text + t->length, t->room - t->length, format, again);
    va_end(again);
    va_end(list);
}

static void put(text_file *t, const char *s, size_t n)
{
    if (!reserve(t, n))
        return;
    memcpy(t->text + t->length, s, n);
    t->length += n;
    t->text[t->length] = '\0';
}

void text_put(text_file *t, const char *s)
{
    put(t, s, strlen(s));
}

size_t text_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
               : (s[0] & 0xf0) == 0xe0       ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] >= 0xa0;
    bool too_large = s[0] == 0xf4 && s[1] >= 0x90;
    return n > 1 && (overlong || surrogate || too_large) ? 0 : n;
}

static const char *entity(char c)
{
    return c == '&'    ? "&amp;"
           : c == '<'  ? "&lt;"
           : c == '>'  ? "&gt;"
           : c == '"'  ? "&quot;"
           : c == '\'' ? "&#39;"
                       : NULL;
}

void text_put_escaped(text_file *t, const char *s)
{
    while (*s) {
        const size_t n = text_utf8(s);
        const char *name = entity(*s);
        if (name)
            text_put(t, name);
        else if (n == 0 || (unsigned char)*s < 0x20 || *s == 0x7f)
            put(t, "?", 1);
        else
            put(t, s, n);
        s += n ? n : 1;
    }
}

void text_put_csv(text_file *t, const char *s)
{
    if (!strpbrk(s, ",\"\r\n")) {
        text_put(t, s);
        return;
    }
    put(t, "\"", 1);
    for (; *s; s++)
        put(t, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
    put(t, "\"", 1);
}

tvis_status text_write(text_file *t, const char *path, tvis_diag *d)
{
    const tvis_status s = t->failed ? tool_fail_value(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, path, NULL, (int64_t)t->room, 0)
                                    : tvis_file_write(path, t->text, t->length, d);
    text_free(t);
    return s;
}

void text_free(text_file *t)
{
    free(t->text);
    *t = (text_file){ 0 };
}
