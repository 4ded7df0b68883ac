/* SPDX-License-Identifier: MIT */
#include "labels.h"

#include "fail.h"

#include <tinyvis/hosted.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 1000000u

/* The whole file as text from malloc with a zero byte after it, without a byte order mark. */
static tvis_status read_text(const char *path, char **text, size_t *size, tvis_diag *d)
{
    tvis_file f;
    tvis_status s = tvis_file_open(&f, path, d);
    if (s)
        return s;
    size_t skip = f.size >= 3 && memcmp(f.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    *size = f.size - skip;
    *text = malloc(*size + 1);
    if (!*text)
        s = tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, path, NULL);
    else if (*size > 0)
        memcpy(*text, f.data + skip, *size);
    tvis_file_close(&f);
    if (s)
        return s;
    (*text)[*size] = '\0';
    if (strlen(*text) == *size)
        return TVIS_OK;
    free(*text);
    *text = NULL;
    return tool_fail(d, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, path, "is not a text file: it has a zero byte");
}

/* Lines that one of these characters ends, with a last one that nothing ends. */
static size_t count_lines(const char *s, const char *ends)
{
    size_t n = 0;
    for (; *s; s++)
        n += strchr(ends, *s) || s[1] == '\0';
    return n;
}

tvis_status labels_read_names(const char *path, label_names *l, tvis_diag *d)
{
    size_t size, lines;
    *l = (label_names){ 0 };
    tvis_status s = read_text(path, &l->text, &size, d);
    if (s)
        return s;
    lines = count_lines(l->text, "\n");
    if (lines == 0)
        s = tool_fail(d, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, path, "is empty");
    else if (lines > MAX_NAMES)
        s = tool_fail_value(d, TVIS_EFORMAT, TVIS_DIAG_LIMIT, path, "number of lines", MAX_NAMES, (int64_t)lines);
    else if (!(l->name = calloc(lines, sizeof *l->name)))
        s = tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, path, NULL);
    if (s) {
        labels_free_names(l);
        return s;
    }
    for (char *at = l->text; l->count < lines;) {
        char *end = at + strcspn(at, "\n"), *next = *end ? end + 1 : end;
        *end = '\0';
        if (end > at && end[-1] == '\r')
            end[-1] = '\0';
        l->name[l->count++] = at;
        at = next;
    }
    return TVIS_OK;
}

void labels_free_names(label_names *l)
{
    free(l->name);
    free(l->text);
    *l = (label_names){ 0 };
}

enum { COLUMN_FILE, COLUMN_CLASS, COLUMN_COUNT };

/* Reads and, since a field never grows, writes the same text. */
typedef struct csv {
    char *at;
    size_t line;
    int column[COLUMN_COUNT]; /* number of the column, -1: not seen */
} csv;

static tvis_status bad_line(const csv *c, const char *detail, tvis_diag *d)
{
    char where[32];
    (void)snprintf(where, sizeof where, "line %zu", c->line);
    return tool_fail(d, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, where, detail);
}

/* Takes the quotes away; *field is the text. Returns the character that ended it, which is overwritten by a zero byte;
 * '?' when a quoted field goes on after its closing quote or never ends. */
static char next_field(csv *c, char **field)
{
    char *out = c->at, *in = c->at;
    *field = out;
    if (*in == '"') {
        for (in++; *in && (*in != '"' || in[1] == '"'); in++) {
            c->line += *in == '\n';
            in += *in == '"';
            *out++ = *in;
        }
        if (*in++ != '"' || !strchr(",\r\n", *in))
            return '?';
    } else {
        in += strcspn(in, ",\r\n");
        out = in;
    }
    if (in[0] == '\r' && in[1] == '\n')
        in++;
    char end = *in == '\r' ? '\n' : *in;
    *out = '\0';
    c->at = end ? in + 1 : in;
    return end;
}

static tvis_status read_header(csv *c, tvis_diag *d)
{
    static const char *const names[COLUMN_COUNT] = { "file", "class_index" };
    char *field, end = ',';
    for (int i = 0; end == ','; i++) {
        end = next_field(c, &field);
        for (int k = 0; k < COLUMN_COUNT; k++)
            if (strcmp(field, names[k]) == 0)
                c->column[k] = i;
    }
    if (end == '?')
        return bad_line(c, "a quote is not closed", d);
    if (c->column[COLUMN_FILE] < 0)
        return bad_line(c, "the header has no column 'file'", d);
    if (c->column[COLUMN_CLASS] < 0)
        return bad_line(c, "the header has no column 'class_index'", d);
    return TVIS_OK;
}

static tvis_status read_row(csv *c, uint32_t classes, labelled *row, tvis_diag *d)
{
    char *field, *value[COLUMN_COUNT] = { NULL }, end = ',';
    for (int i = 0; end == ','; i++) {
        end = next_field(c, &field);
        for (int k = 0; k < COLUMN_COUNT; k++)
            if (c->column[k] == i)
                value[k] = field;
    }
    if (end == '?')
        return bad_line(c, "a quote is not closed", d);
    if (!value[COLUMN_FILE] || !value[COLUMN_FILE][0] || !value[COLUMN_CLASS])
        return bad_line(c, "a column is missing", d);
    const char *digits = value[COLUMN_CLASS];
    size_t n = strlen(digits);
    if (n == 0 || n > 9 || strspn(digits, "0123456789") != n)
        return bad_line(c, "class_index is not a whole number", d);
    row->file = value[COLUMN_FILE];
    row->class_index = (uint32_t)strtoul(digits, NULL, 10); /* below 10^9 */
    if (row->class_index < classes)
        return TVIS_OK;
    (void)bad_line(c, "class_index is not a class of this model", d);
    d->code = TVIS_DIAG_LIMIT;
    d->expected[0] = (int64_t)classes - 1;
    d->found[0] = row->class_index;
    return TVIS_EFORMAT;
}

static tvis_status read_rows(csv *c, uint32_t classes, label_table *t, tvis_diag *d)
{
    tvis_status s = read_header(c, d);
    while (!s && *c->at) {
        c->line++;
        if (*c->at == '\n' || *c->at == '\r')
            c->at += c->at[0] == '\r' && c->at[1] == '\n' ? 2 : 1;
        else if (!(s = read_row(c, classes, &t->row[t->count], d)))
            t->count++;
    }
    if (!s && t->count == 0)
        s = bad_line(c, "no picture follows the header", d);
    return s;
}

tvis_status labels_read_csv(const char *path, uint32_t classes, label_table *t, tvis_diag *d)
{
    size_t size;
    *t = (label_table){ 0 };
    tvis_status s = read_text(path, &t->text, &size, d);
    if (s)
        return s;
    csv c = { t->text, 1, { -1, -1 } };
    t->row = calloc(count_lines(t->text, "\r\n") + 1, sizeof *t->row);
    s = t->row ? read_rows(&c, classes, t, d) : tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, path, NULL);
    if (s)
        labels_free_csv(t);
    return s;
}

void labels_free_csv(label_table *t)
{
    free(t->row);
    free(t->text);
    *t = (label_table){ 0 };
}
