/* SPDX-License-Identifier: MIT */
/* A text file while it is made. */
#ifndef TINYVIS_TOOL_TEXT_H
#define TINYVIS_TOOL_TEXT_H

#include <tinyvis/types.h>

/* Starts as { 0 }. */
typedef struct text_file {
    char *text; /* from malloc, ends with a zero byte once there is one */
    size_t length, room;
    bool failed; /* no memory */
} text_file;

void text_add(text_file *t, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
void text_put(text_file *t, const char *s);
/* Text from anywhere inside HTML or SVG: & < > " ' become entities, control characters and what is no UTF-8 '?'. */
void text_put_escaped(text_file *t, const char *s);
/* A field of a CSV file (RFC 4180), in quotes where it has to be. */
void text_put_csv(text_file *t, const char *s);
/* Writes it and frees it. */
tvis_status text_write(text_file *t, const char *path, tvis_diag *d);
void text_free(text_file *t);

/* Length of the UTF-8 sequence at s, 0 where there is none. s ends with a zero byte. */
size_t text_utf8(const char *s);

#endif
