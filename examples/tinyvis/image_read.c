/* SPDX-License-Identifier: MIT */
#include "image_read.h"

#include "fail.h"
#include "image_decode.h"

#include <stdlib.h>
#include <string.h>
#include <tinyvis/hosted.h>

tvis_status picture_alloc(picture *p, int64_t width, int64_t height, int32_t channels, const char *name,
                          tvis_diag *diag)
{
    if (width < 1 || height < 1)
        return tool_fail(diag, TVIS_EFORMAT, TVIS_DIAG_VALUE, name, "a picture of no pixels");
    if (width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE)
        return tool_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_LIMIT, name, "side of the picture", PICTURE_MAX_SIDE,
                               width > height ? width : height);
    if (width * height > PICTURE_MAX_PIXELS)
        return tool_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_LIMIT, name, "pixels", PICTURE_MAX_PIXELS, width * height);
    const size_t bytes = (size_t)(width * height * channels);
    *p = (picture){ malloc(bytes), (int32_t)width, (int32_t)height, channels };
    if (!p->pixels)
        return tool_fail_value(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, name, "the picture", (int64_t)bytes, -1);
    return TVIS_OK;
}

static bool starts(const uint8_t *data, size_t size, const char *magic, size_t n)
{
    return size >= n && memcmp(data, magic, n) == 0;
}

static tvis_status decode(const uint8_t *data, size_t size, const char *name, picture *p, tvis_diag *diag)
{
    if (starts(data, size, "\xff\xd8\xff", 3))
        return picture_decode_jpeg(data, size, name, p, diag);
    if (starts(data, size, "\x89PNG\r\n\x1a\n", 8))
        return picture_decode_png(data, size, name, p, diag);
    if (size >= 3 && data[0] == 'P' && strchr("2356", data[1]) && data[1] && strchr(" \t\r\n\v\f#", data[2]) && data[2])
        return picture_decode_pnm(data, size, name, p, diag);
    return tool_fail(diag, TVIS_EFORMAT, TVIS_DIAG_MAGIC, name, "not a picture: JPEG, PNG, PPM and PGM are read");
}

tvis_status picture_decode(const void *data, size_t size, const char *name, picture *p, tvis_diag *diag)
{
    *p = (picture){ 0 };
    const tvis_status s = decode(data, size, name, p, diag);
    if (s)
        picture_free(p);
    return s;
}

tvis_status picture_read(const char *path, picture *p, tvis_diag *diag)
{
    tvis_file file;
    *p = (picture){ 0 };
    tvis_status s = tvis_file_open(&file, path, diag);
    if (s)
        return s;
    s = picture_decode(file.data, file.size, path, p, diag);
    tvis_file_close(&file);
    return s;
}

void picture_free(picture *p)
{
    free(p->pixels);
    *p = (picture){ 0 };
}

tvis_image picture_view(const picture *p)
{
    return (tvis_image){ .data = p->pixels,
                         .width = p->width,
                         .height = p->height,
                         .stride = p->width * p->channels,
                         .format = p->channels == 3 ? TVIS_PIXEL_RGB : TVIS_PIXEL_GRAY };
}
