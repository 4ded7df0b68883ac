/* SPDX-License-Identifier: MIT */
#include "npy.h"

#include "fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tinyvis/hosted.h>

/* A header that is a Python dictionary of three entries, then the elements. */

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4 };

typedef struct reader {
    const char *at, *end; /* of the header's text */
    const char *name;
    tvis_diag *diag;
    uint32_t seen; /* HAS_* */
    char descr[16];
    bool fortran;
    npy *out;
} reader;

static tvis_status bad_header(const reader *r)
{
    return tool_fail(r->diag, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, r->name, "the header of the .npy file is damaged");
}

static bool take(reader *r, char c)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t'))
        r->at++;
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* A quoted text without escapes, shorter than `size`. */
static bool text(reader *r, char *to, size_t size)
{
    const char quote = take(r, '\'') ? '\'' : take(r, '"') ? '"' : '\0';
    size_t n = 0;
    if (!quote)
        return false;
    for (; r->at < r->end && *r->at != quote; r->at++) {
        if (n + 1 == size || *r->at == '\\' || *r->at < ' ')
            return false;
        to[n++] = *r->at;
    }
    to[n] = '\0';
    return take(r, quote);
}

static bool word(reader *r, const char *w)
{
    if (!take(r, *w))
        return false;
    for (w++; *w; w++, r->at++)
        if (r->at == r->end || *r->at != *w)
            return false;
    return true;
}

static bool truth(reader *r, bool *value)
{
    const char *start = r->at;
    *value = word(r, "True");
    if (*value)
        return true;
    r->at = start;
    return word(r, "False");
}

static bool number(reader *r, int32_t *value)
{
    (void)take(r, ' ');
    const char *start = r->at;
    int64_t v = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        v = v * 10 + (*r->at - '0');
        if (v > INT32_MAX)
            return false;
    }
    *value = (int32_t)v;
    return r->at > start;
}

static tvis_status shape(reader *r)
{
    npy *a = r->out;
    if (!take(r, '('))
        return bad_header(r);
    while (!take(r, ')')) {
        if (a->rank == NPY_MAX_RANK)
            return tool_fail_value(r->diag, TVIS_EUNSUP, TVIS_DIAG_LIMIT, r->name, "dimensions", NPY_MAX_RANK,
                                   NPY_MAX_RANK + 1);
        if (!number(r, &a->dims[a->rank++]))
            return bad_header(r);
        if (take(r, ','))
            continue;
        if (a->rank == 1 || !take(r, ')')) /* "(3)" is a number, "(3,)" a shape */
            return bad_header(r);
        break;
    }
    return TVIS_OK;
}

static tvis_status entry(reader *r)
{
    char key[16];
    if (!text(r, key, sizeof key) || !take(r, ':'))
        return bad_header(r);
    const uint32_t bit = !strcmp(key, "descr")           ? HAS_DESCR
                         : !strcmp(key, "fortran_order") ? HAS_ORDER
                         : !strcmp(key, "shape")         ? HAS_SHAPE
                                                         : 0;
    if (!bit || r->seen & bit)
        return bad_header(r);
    r->seen |= bit;
    if (bit == HAS_SHAPE)
        return shape(r);
    if (bit == HAS_ORDER)
        return truth(r, &r->fortran) ? TVIS_OK : bad_header(r);
    if (take(r, '['))
        return tool_fail(r->diag, TVIS_EUNSUP, TVIS_DIAG_REFUSED, r->name, "elements are records: float32 is read");
    return text(r, r->descr, sizeof r->descr) ? TVIS_OK : bad_header(r);
}

static tvis_status dictionary(reader *r)
{
    if (!take(r, '{'))
        return bad_header(r);
    while (!take(r, '}')) {
        const tvis_status s = entry(r);
        if (s)
            return s;
        if (take(r, ','))
            continue;
        if (!take(r, '}'))
            return bad_header(r);
        break;
    }
    (void)take(r, ' '); /* only white space may follow */
    return r->at == r->end && r->seen == (HAS_DESCR | HAS_ORDER | HAS_SHAPE) ? TVIS_OK : bad_header(r);
}

static tvis_status check_type(const reader *r)
{
    if (!strcmp(r->descr, "<f4")) {
        if (!r->fortran || r->out->rank < 2)
            return TVIS_OK;
        return tool_fail(r->diag, TVIS_EUNSUP, TVIS_DIAG_REFUSED, r->name,
                         "columns come first (fortran_order): C order is read");
    }
    char subject[sizeof r->diag->subject];
    (void)snprintf(subject, sizeof subject, "%.90s: '%s'", r->name, r->descr);
    return tool_fail(r->diag, TVIS_EUNSUP, TVIS_DIAG_REFUSED, subject, "elements are not '<f4', little-endian float32");
}

static tvis_status elements(reader *r, const uint8_t *data, size_t size)
{
    npy *a = r->out;
    uint64_t count = 1;
    for (uint32_t i = 0; i < a->rank; i++) {
        if (a->dims[i] && count > PTRDIFF_MAX / sizeof(float) / (uint32_t)a->dims[i])
            return tool_fail(r->diag, TVIS_EFORMAT, TVIS_DIAG_LIMIT, r->name, "a shape larger than memory");
        count *= (uint32_t)a->dims[i];
    }
    const uint64_t bytes = count * sizeof(float);
    if (bytes > size)
        return tool_fail_value(r->diag, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, r->name, "elements", (int64_t)bytes,
                               (int64_t)size);
    if (bytes < size)
        return tool_fail_value(r->diag, TVIS_EFORMAT, TVIS_DIAG_BOUNDS, r->name, "more than the elements: bytes",
                               (int64_t)bytes, (int64_t)size);
    a->count = (size_t)count;
    a->data = malloc(size ? size : 1);
    if (!a->data)
        return tool_fail_value(r->diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, r->name, "elements", (int64_t)size, -1);
    for (size_t i = 0; i < a->count; i++, data += 4) {
        const uint32_t bits = data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
        memcpy(&a->data[i], &bits, sizeof bits);
    }
    return TVIS_OK;
}

static tvis_status decode(const uint8_t *data, size_t size, reader *r)
{
    if (!npy_recognize(data, size))
        return tool_fail(r->diag, TVIS_EFORMAT, TVIS_DIAG_MAGIC, r->name, "not a .npy file");
    const size_t start = size > 6 && data[6] == 1 ? 10 : 12; /* a 16-bit length in version 1, 32 bits later */
    if (size < start)
        return tool_fail_value(r->diag, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, r->name, "header", (int64_t)start,
                               (int64_t)size);
    if (data[6] < 1 || data[6] > 3)
        return tool_fail_value(r->diag, TVIS_EUNSUP, TVIS_DIAG_VERSION, r->name, NULL, 3, data[6]);
    uint32_t length = data[8] | (uint32_t)data[9] << 8;
    if (start == 12)
        length |= (uint32_t)data[10] << 16 | (uint32_t)data[11] << 24;
    if (length > size - start)
        return tool_fail_value(r->diag, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, r->name, "header", length,
                               (int64_t)(size - start));
    r->at = (const char *)data + start;
    r->end = r->at + length;
    tvis_status s = dictionary(r);
    if (!s)
        s = check_type(r);
    return s ? s : elements(r, data + start + length, size - start - length);
}

bool npy_recognize(const void *data, size_t size)
{
    return size >= 6 && memcmp(data, NPY_MAGIC, 6) == 0;
}

tvis_status npy_decode(const void *data, size_t size, const char *name, npy *a, tvis_diag *diag)
{
    *a = (npy){ 0 };
    reader r = { .name = name, .diag = diag, .out = a };
    const tvis_status s = decode(data, size, &r);
    if (s)
        *a = (npy){ 0 }; /* elements are the last thing that is allocated */
    return s;
}

tvis_status npy_read(const char *path, npy *a, tvis_diag *diag)
{
    tvis_file file;
    *a = (npy){ 0 };
    tvis_status s = tvis_file_open(&file, path, diag);
    if (s)
        return s;
    s = npy_decode(file.data, file.size, path, a, diag);
    tvis_file_close(&file);
    return s;
}

void npy_free(npy *a)
{
    free(a->data);
    *a = (npy){ 0 };
}
