/* SPDX-License-Identifier: MIT */
/* PNG through libpng: any colour type and depth as 8-bit RGB or gray, transparency dropped, gamma and profiles ignored.
 */
#include "fail.h"
#include "image_decode.h"

#ifdef TVIS_HAVE_PNG

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* Everything that must survive the jump out of the library. */
typedef struct job {
    png_structp png;
    png_infop info;
    jmp_buf stop;
    tvis_status status;
    const uint8_t *data;
    size_t left;
    const char *name;
    picture *out;
    tvis_diag *diag;
} job;

static void stop(job *j, tvis_status s, tvis_diag_code code, const char *why)
{
    if (!j->status) /* the first reason counts: the library turns it into a general one */
        j->status = tool_fail(j->diag, s, code, j->name, why);
    longjmp(j->stop, 1);
}

static void on_error(png_structp png, png_const_charp text)
{
    (void)text;
    stop(png_get_error_ptr(png), TVIS_EFORMAT, TVIS_DIAG_SYNTAX, "the PNG is damaged");
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void *allocate(png_structp png, png_alloc_size_t size)
{
    job *j = png_get_mem_ptr(png);
    void *p = malloc(size);
    if (!p && !j->status)
        j->status = tool_fail(j->diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, j->name, "no memory to decode the PNG");
    return p;
}

static void release(png_structp png, void *p)
{
    (void)png;
    free(p);
}

static void read_bytes(png_structp png, png_bytep to, size_t n)
{
    job *j = png_get_io_ptr(png);
    if (n > j->left)
        stop(j, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, "the PNG ends too early");
    memcpy(to, j->data, n);
    j->data += n;
    j->left -= n;
}

static void open_job(job *j)
{
    j->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, j, on_error, on_warning, j, allocate, release);
    j->info = j->png ? png_create_info_struct(j->png) : NULL;
    if (!j->info)
        stop(j, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "no memory to decode the PNG");
    png_set_user_limits(j->png, PICTURE_MAX_SIDE, PICTURE_MAX_SIDE);
    png_set_read_fn(j->png, j, read_bytes);
    png_read_info(j->png, j->info);
}

static void set_transforms(const job *j)
{
    png_set_palette_to_rgb(j->png);
    png_set_expand_gray_1_2_4_to_8(j->png);
    png_set_strip_16(j->png);
    png_set_strip_alpha(j->png);
}

static void decode(job *j)
{
    open_job(j);
    const int color = png_get_color_type(j->png, j->info);
    const int32_t channels = color & PNG_COLOR_MASK_COLOR ? 3 : 1;
    j->status = picture_alloc(j->out, png_get_image_width(j->png, j->info), png_get_image_height(j->png, j->info),
                              channels, j->name, j->diag);
    if (j->status)
        longjmp(j->stop, 1);
    set_transforms(j);
    const int passes = png_set_interlace_handling(j->png);
    png_read_update_info(j->png, j->info);
    const size_t stride = (size_t)j->out->width * (size_t)channels;
    if (png_get_rowbytes(j->png, j->info) != stride)
        stop(j, TVIS_EUNSUP, TVIS_DIAG_REFUSED, "a kind of PNG that this program does not know");
    if (passes > 1) /* interlaced rows are combined with what is there */
        memset(j->out->pixels, 0, stride * (size_t)j->out->height);
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < (size_t)j->out->height; y++)
            png_read_row(j->png, j->out->pixels + y * stride, NULL);
    png_read_end(j->png, NULL);
}

static tvis_status run(job *j)
{
    if (!setjmp(j->stop))
        decode(j);
    if (j->png)
        png_destroy_read_struct(&j->png, &j->info, NULL);
    return j->status;
}

tvis_status picture_decode_png(const uint8_t *data, size_t size, const char *name, picture *p, tvis_diag *diag)
{
    job j = { .data = data, .left = size, .name = name, .out = p, .diag = diag };
    return run(&j);
}

#else

tvis_status picture_decode_png(const uint8_t *data, size_t size, const char *name, picture *p, tvis_diag *diag)
{
    (void)data;
    (void)size;
    (void)p;
    return tool_fail(diag, TVIS_EUNSUP, TVIS_DIAG_REFUSED, name, "this build has no PNG decoder (libpng)");
}

#endif
