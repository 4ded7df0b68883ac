/* SPDX-License-Identifier: MIT */
/* PGM and PPM, plain (P2, P3) and raw (P5, P6), up to 16 bits a sample. */
#include "fail.h"
#include "image_decode.h"

#include <string.h>

typedef struct reader {
    const uint8_t *at, *end;
    const char *name;
    tvis_diag *diag;
} reader;

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Over white space and comments, which reach from # to the end of the line. */
static void skip_space(reader *r)
{
    while (r->at < r->end && (is_space(*r->at) || *r->at == '#')) {
        if (*r->at == '#')
            while (r->at < r->end && *r->at != '\n')
                r->at++;
        else
            r->at++;
    }
}

static tvis_status cut_off(const reader *r)
{
    return tool_fail(r->diag, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, r->name, "the picture is cut off");
}

/* A decimal number up to 65535, which is the largest that the format knows for a sample. */
static tvis_status number(reader *r, uint32_t *value)
{
    skip_space(r);
    if (r->at == r->end)
        return cut_off(r);
    if (*r->at < '0' || *r->at > '9')
        return tool_fail(r->diag, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, r->name, "a number is missing in the PNM file");
    for (*value = 0; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        *value = *value * 10 + (*r->at - (uint32_t)'0');
        if (*value > 65535)
            return tool_fail(r->diag, TVIS_EFORMAT, TVIS_DIAG_LIMIT, r->name, "a number over 65535 in the PNM file");
    }
    return TVIS_OK;
}

/* To 8 bits, halves up. False: over maxval. */
static bool reduce(uint32_t v, uint32_t maxval, uint8_t *out)
{
    *out = (uint8_t)((v * 255 + maxval / 2) / maxval); /* v * 255 < 2^24; used only where v <= maxval */
    return v <= maxval;
}

static tvis_status over_maxval(const reader *r, uint32_t maxval, uint32_t v)
{
    return tool_fail_value(r->diag, TVIS_EFORMAT, TVIS_DIAG_LIMIT, r->name, "a sample over the file's maximum", maxval,
                           v);
}

static tvis_status read_plain(reader *r, uint32_t maxval, uint8_t *out, size_t n)
{
    uint32_t v;
    for (size_t i = 0; i < n; i++) {
        const tvis_status s = number(r, &v);
        if (s)
            return s;
        if (!reduce(v, maxval, out + i))
            return over_maxval(r, maxval, v);
    }
    return TVIS_OK;
}

/* There are enough bytes. */
static tvis_status read_raw(const reader *r, uint32_t maxval, uint8_t *out, size_t n)
{
    if (maxval == 255) {
        memcpy(out, r->at, n);
        return TVIS_OK;
    }
    const size_t bytes = maxval > 255 ? 2 : 1;
    const uint8_t *p = r->at;
    for (size_t i = 0; i < n; i++, p += bytes) {
        const uint32_t v = bytes == 2 ? (uint32_t)p[0] << 8 | p[1] : p[0];
        if (!reduce(v, maxval, out + i))
            return over_maxval(r, maxval, v);
    }
    return TVIS_OK;
}

static tvis_status header(reader *r, uint32_t *width, uint32_t *height, uint32_t *maxval)
{
    tvis_status s = number(r, width);
    if (!s)
        s = number(r, height);
    if (!s)
        s = number(r, maxval);
    if (s)
        return s;
    if (*maxval == 0)
        return tool_fail(r->diag, TVIS_EFORMAT, TVIS_DIAG_VALUE, r->name, "the maximum of the PNM file is 0");
    if (r->at == r->end)
        return cut_off(r);
    if (!is_space(*r->at++))
        return tool_fail(r->diag, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, r->name, "no white space after the PNM header");
    return TVIS_OK;
}

tvis_status picture_decode_pnm(const uint8_t *data, size_t size, const char *name, picture *p, tvis_diag *diag)
{
    const bool plain = data[1] < '4';
    const int32_t channels = data[1] == '3' || data[1] == '6' ? 3 : 1;
    uint32_t width, height, maxval;
    reader r = { data + 2, data + size, name, diag };
    tvis_status s = header(&r, &width, &height, &maxval);
    if (s)
        return s;
    const uint64_t samples = (uint64_t)width * height * (uint64_t)channels, left = (uint64_t)(r.end - r.at);
    const uint64_t bytes = plain ? samples * 2 - (samples > 0) : maxval > 255 ? samples * 2 : samples;
    if (bytes > left) /* plain samples take a digit and a space at least; checked before any memory is taken */
        return tool_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, name, "the picture is cut off", (int64_t)bytes,
                               (int64_t)left);
    s = picture_alloc(p, width, height, channels, name, diag);
    if (s)
        return s;
    return plain ? read_plain(&r, maxval, p->pixels, (size_t)samples)
                 : read_raw(&r, maxval, p->pixels, (size_t)samples);
}
