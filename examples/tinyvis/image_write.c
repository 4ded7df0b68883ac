/* SPDX-License-Identifier: MIT */
#include "image_write.h"

#include "fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tinyvis/hosted.h>

typedef enum file_type { PGM, PPM, PNG, UNKNOWN } file_type;

static file_type type_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot)
        return UNKNOWN;
    return !strcmp(dot, ".pgm") ? PGM : !strcmp(dot, ".ppm") ? PPM : !strcmp(dot, ".png") ? PNG : UNKNOWN;
}

static tvis_status check(const char *name, const picture *p, tvis_diag *diag)
{
    const file_type type = type_of(name);
    if (type == UNKNOWN)
        return tool_fail(diag, TVIS_EINVAL, TVIS_DIAG_NAME, name, "pictures are written as .png, .ppm or .pgm");
    if (p->width < 1 || p->width > PICTURE_MAX_SIDE || p->height < 1 || p->height > PICTURE_MAX_SIDE ||
        (int64_t)p->width * p->height > PICTURE_MAX_PIXELS || (p->channels != 1 && p->channels != 3))
        return tool_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, name, "a picture of a size that cannot be written");
    if (type == PGM && p->channels == 3)
        return tool_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, name, "a colour picture cannot be written as .pgm");
    return TVIS_OK;
}

static uint8_t *allocate(size_t size, const char *name, tvis_diag *diag)
{
    uint8_t *p = malloc(size);
    if (!p)
        (void)tool_fail_value(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, name, "the file", (int64_t)size, -1);
    return p;
}

/* ---- PGM and PPM ---- */

static tvis_status encode_pnm(const char *name, const picture *p, uint8_t **data, size_t *size, tvis_diag *diag)
{
    const size_t pixels = (size_t)p->width * (size_t)p->height, channels = type_of(name) == PGM ? 1 : 3;
    char header[40]; /* two numbers of 5 digits */
    const int length =
        snprintf(header, sizeof header, "P%d\n%d %d\n255\n", channels == 1 ? 5 : 6, (int)p->width, (int)p->height);
    *size = (size_t)length + pixels * channels;
    *data = allocate(*size, name, diag);
    if (!*data)
        return TVIS_ENOMEM;
    memcpy(*data, header, (size_t)length);
    uint8_t *to = *data + length;
    if ((size_t)p->channels == channels)
        memcpy(to, p->pixels, pixels * channels);
    else
        for (size_t i = 0; i < pixels * 3; i++)
            to[i] = p->pixels[i / 3];
    return TVIS_OK;
}

/* ---- PNG: one IDAT chunk of a zlib stream with stored blocks ---- */

enum { BLOCK = 65535 };

typedef struct png_writer {
    uint8_t *at;
    size_t left;        /* bytes of the zlib stream's content that are still to come */
    size_t block;       /* of these, what is left in the open block */
    uint32_t low, high; /* Adler-32 */
} png_writer;

static void put_u32(png_writer *w, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *w->at++ = (uint8_t)(v >> shift);
}

/* CRC-32 of PNG (reflected, 0xedb88320), four bits a step. */
static uint32_t crc32(const uint8_t *p, size_t n)
{
    static const uint32_t table[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
    uint32_t crc = 0xffffffffu;
    for (; n; n--, p++) {
        crc = table[(crc ^ *p) & 15] ^ crc >> 4;
        crc = table[(crc ^ *p >> 4) & 15] ^ crc >> 4;
    }
    return ~crc;
}

static uint8_t *open_chunk(png_writer *w, const char *type, size_t size)
{
    put_u32(w, (uint32_t)size);
    uint8_t *start = w->at;
    memcpy(w->at, type, 4);
    w->at += 4;
    return start;
}

static void close_chunk(png_writer *w, const uint8_t *start)
{
    put_u32(w, crc32(start, (size_t)(w->at - start)));
}

static void open_block(png_writer *w)
{
    w->block = w->left < BLOCK ? w->left : BLOCK;
    const uint8_t header[5] = { w->left <= BLOCK, (uint8_t)w->block, (uint8_t)(w->block >> 8), (uint8_t)~w->block,
                                (uint8_t)(~w->block >> 8) };
    memcpy(w->at, header, sizeof header);
    w->at += sizeof header;
}

static void put_content(png_writer *w, const uint8_t *p, size_t n)
{
    while (n) {
        if (!w->block)
            open_block(w);
        const size_t now = n < w->block ? n : w->block;
        memcpy(w->at, p, now);
        w->at += now;
        for (size_t i = 0; i < now; i++) {
            w->low = (w->low + p[i]) % 65521;
            w->high = (w->high + w->low) % 65521;
        }
        p += now;
        n -= now;
        w->block -= now;
        w->left -= now;
    }
}

static void put_header(png_writer *w, const picture *p)
{
    const uint8_t rest[5] = { 8, p->channels == 3 ? 2 : 0, 0, 0, 0 };
    memcpy(w->at, "\x89PNG\r\n\x1a\n", 8);
    w->at += 8;
    const uint8_t *chunk = open_chunk(w, "IHDR", 13);
    put_u32(w, (uint32_t)p->width);
    put_u32(w, (uint32_t)p->height);
    memcpy(w->at, rest, sizeof rest);
    w->at += sizeof rest;
    close_chunk(w, chunk);
}

static void put_pixels(png_writer *w, const picture *p, size_t stream)
{
    const size_t stride = (size_t)p->width * (size_t)p->channels;
    const uint8_t *chunk = open_chunk(w, "IDAT", stream);
    *w->at++ = 0x78; /* deflate, window of 32 KiB */
    *w->at++ = 0x01;
    for (size_t y = 0; y < (size_t)p->height; y++) {
        put_content(w, (const uint8_t[]){ 0 }, 1); /* the row is not filtered */
        put_content(w, p->pixels + y * stride, stride);
    }
    put_u32(w, w->high << 16 | w->low);
    close_chunk(w, chunk);
}

/* At most 3 * 2^28 + 2^15 bytes of content: all sizes fit in 31 bits, which PNG asks for. */
static tvis_status encode_png(const char *name, const picture *p, uint8_t **data, size_t *size, tvis_diag *diag)
{
    const size_t content = ((size_t)p->width * (size_t)p->channels + 1) * (size_t)p->height;
    const size_t stream = 2 + content + (content + BLOCK - 1) / BLOCK * 5 + 4;
    *size = 8 + 25 + 12 + stream + 12;
    *data = allocate(*size, name, diag);
    if (!*data)
        return TVIS_ENOMEM;
    png_writer w = { .at = *data, .left = content, .low = 1 };
    put_header(&w, p);
    put_pixels(&w, p, stream);
    close_chunk(&w, open_chunk(&w, "IEND", 0));
    return TVIS_OK;
}

tvis_status picture_encode(const char *name, const picture *p, uint8_t **data, size_t *size, tvis_diag *diag)
{
    *data = NULL;
    *size = 0;
    const tvis_status s = check(name, p, diag);
    if (s)
        return s;
    return type_of(name) == PNG ? encode_png(name, p, data, size, diag) : encode_pnm(name, p, data, size, diag);
}

tvis_status picture_write(const char *path, const picture *p, tvis_diag *diag)
{
    uint8_t *data;
    size_t size;
    tvis_status s = picture_encode(path, p, &data, &size, diag);
    if (!s)
        s = tvis_file_write(path, data, size, diag);
    free(data);
    return s;
}
