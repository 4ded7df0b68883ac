/* SPDX-License-Identifier: MIT */
#include "manifest.h"

#include "fail.h"
#include "text.h"

#include <tinyvis/hosted.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char title[] = "tinyvis optimize 1\n";
static const char begun[] = "--------";

static char *copy(const char *s, size_t n)
{
    char *p = malloc(n + 1);
    if (p) {
        memcpy(p, s, n);
        p[n] = '\0';
    }
    return p;
}

/* Texts are copied. */
static tvis_status add(manifest *m, const char *file, size_t file_length, const char *key, size_t key_length,
                       tvis_diag *d)
{
    manifest_entry *more = realloc(m->entry, (m->count + 1) * sizeof *more);
    m->entry = more ? more : m->entry;
    manifest_entry e = { more ? copy(file, file_length) : NULL, more ? copy(key, key_length) : NULL, 0, false };
    if (e.file && e.key) {
        m->entry[m->count++] = e;
        return TVIS_OK;
    }
    free(e.file);
    free(e.key);
    return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, MANIFEST_NAME, NULL);
}

static tvis_status damaged(const char *path, size_t line, tvis_diag *d)
{
    return tool_fail_value(d, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, path, "is damaged: line", -1, (int64_t)line);
}

/* CRC TAB FILE TAB KEY; false where the line is something else. */
static bool parse_line(manifest *m, const char *line, size_t n, tvis_status *s, tvis_diag *d)
{
    const char *file = line + 9, *end = line + n;
    const char *tab = n > 9 ? memchr(file, '\t', n - 9) : NULL;
    char digits[9] = "", *stop;
    if (!tab || line[8] != '\t' || tab == file || memchr(file, '/', (size_t)(tab - file)))
        return false;
    memcpy(digits, line, 8);
    const bool done = strcmp(digits, begun) != 0;
    if (done && strspn(digits, "0123456789abcdef") != 8)
        return false;
    *s = add(m, file, (size_t)(tab - file), tab + 1, (size_t)(end - tab - 1), d);
    if (!*s && done) {
        m->entry[m->count - 1].done = true;
        m->entry[m->count - 1].crc = (uint32_t)strtoul(digits, &stop, 16);
    }
    return true;
}

tvis_status manifest_read(manifest *m, const char *path, tvis_diag *d)
{
    tvis_file f;
    tvis_status s = tvis_file_open(&f, path, d);
    if (s)
        return s;
    const char *text = (const char *)f.data;
    size_t at = sizeof title - 1, line = 1;
    if (f.size < at || memcmp(text, title, at) != 0 || memchr(text, '\0', f.size))
        s = damaged(path, 1, d);
    while (!s && at < f.size) {
        const char *end = memchr(text + at, '\n', f.size - at);
        line++;
        if (!end || !parse_line(m, text + at, (size_t)(end - text) - at, &s, d))
            s = damaged(path, line, d);
        else
            at = (size_t)(end - text) + 1;
    }
    tvis_file_close(&f);
    return s;
}

tvis_status manifest_write(const manifest *m, const char *path, tvis_diag *d)
{
    text_file t = { 0 };
    text_put(&t, title);
    for (size_t i = 0; i < m->count; i++) {
        const manifest_entry *e = &m->entry[i];
        if (e->done)
            text_add(&t, "%08x", (unsigned)e->crc);
        else
            text_put(&t, begun);
        text_add(&t, "\t%s\t%s\n", e->file, e->key);
    }
    return text_write(&t, path, d);
}

manifest_entry *manifest_find(const manifest *m, const char *file)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->entry[i].file, file) == 0)
            return &m->entry[i];
    return NULL;
}

tvis_status manifest_begin(manifest *m, const char *file, const char *key, tvis_diag *d)
{
    manifest_entry *e = manifest_find(m, file);
    if (!e)
        return add(m, file, strlen(file), key, strlen(key), d);
    char *text = copy(key, strlen(key));
    if (!text)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, MANIFEST_NAME, NULL);
    free(e->key);
    e->key = text;
    e->done = false;
    return TVIS_OK;
}

void manifest_free(manifest *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->entry[i].file);
        free(m->entry[i].key);
    }
    free(m->entry);
    *m = (manifest){ 0 };
}
