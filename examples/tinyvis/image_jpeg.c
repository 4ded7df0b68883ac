/* SPDX-License-Identifier: MIT */
/* JPEG through libjpeg-turbo with its defaults, which are Pillow's: accurate integer IDCT, smooth chroma upsampling. */
#include "fail.h"
#include "image_decode.h"

#ifdef TVIS_HAVE_JPEG

#include <stdio.h> /* jpeglib.h needs it */
#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>
#include <string.h>

enum { MAX_SCANS = 500 }; /* of a progressive file; honest ones have about 10, and each costs a pass over the picture */
#define MAX_MEMORY (1l << 30) /* of the decoder: a progressive file keeps all coefficients, 2 bytes each */

/* Everything that must survive the jump out of the library. */
typedef struct job {
    struct jpeg_decompress_struct info; /* client_data points back to the job */
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf stop;
    tvis_status status;
    const uint8_t *data;
    size_t size;
    const char *name;
    picture *out;
    tvis_diag *diag;
} job;

static void stop(job *j, tvis_status s, tvis_diag_code code, const char *why)
{
    j->status = tool_fail(j->diag, s, code, j->name, why);
    longjmp(j->stop, 1);
}

static void on_error(j_common_ptr info)
{
    job *j = info->client_data;
    switch (info->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        stop(j, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "no memory to decode the JPEG");
        break;
    case JERR_NO_BACKING_STORE:
        stop(j, TVIS_EFORMAT, TVIS_DIAG_LIMIT, "a progressive JPEG that takes more than 1 GiB to decode");
        break;
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
        stop(j, TVIS_EUNSUP, TVIS_DIAG_REFUSED, "a kind of JPEG that the decoder does not know");
        break;
    default:
        stop(j, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, "the JPEG is damaged");
    }
}

/* The library would go on after these and invent pixels. */
static void on_message(j_common_ptr info, int level)
{
    if (level >= 0)
        return;
    switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA: /* harmless, and seen in many photographs */
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
        break;
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
        stop(info->client_data, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, "the JPEG ends too early");
        break;
    default:
        stop(info->client_data, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, "the JPEG is damaged");
    }
}

static void on_progress(j_common_ptr info)
{
    job *j = info->client_data;
    if (j->info.input_scan_number > MAX_SCANS)
        stop(j, TVIS_EFORMAT, TVIS_DIAG_REFUSED, "a JPEG of more than 500 scans");
}

static void open_job(job *j)
{
    j->info.err = jpeg_std_error(&j->errors);
    j->errors.error_exit = on_error;
    j->errors.emit_message = on_message;
    j->info.client_data = j;
    jpeg_create_decompress(&j->info);
    j->info.mem->max_memory_to_use = MAX_MEMORY;
    j->progress.progress_monitor = on_progress;
    j->info.progress = &j->progress;
    jpeg_mem_src(&j->info, j->data, (unsigned long)j->size);
    (void)jpeg_read_header(&j->info, TRUE);
}

/* Inverted CMYK, as Adobe's programs write it, the way that Pillow turns it into RGB: (1 - C) * (1 - K), rounded. */
static void cmyk_to_rgb(const uint8_t *p, int32_t n, uint8_t *rgb)
{
    for (; n > 0; n--, p += 4)
        for (int c = 0; c < 3; c++) {
            const uint32_t product = (255u - p[c]) * p[3] + 128, lost = (product + (product >> 8)) >> 8;
            *rgb++ = (uint8_t)(p[3] - lost); /* lost <= p[3] */
        }
}

static void read_rows(job *j)
{
    const size_t stride = (size_t)j->out->width * (size_t)j->out->channels;
    JSAMPARRAY wide = j->info.mem->alloc_sarray((j_common_ptr)&j->info, JPOOL_IMAGE,
                                                j->info.output_width * (JDIMENSION)j->info.output_components, 1);
    for (size_t y = 0; y < (size_t)j->out->height; y++) {
        uint8_t *row = j->out->pixels + y * stride;
        (void)jpeg_read_scanlines(&j->info, wide, 1); /* a source in memory never suspends */
        if (j->info.out_color_space == JCS_CMYK)
            cmyk_to_rgb(wide[0], j->out->width, row);
        else
            memcpy(row, wide[0], stride);
    }
}

static void decode(job *j)
{
    open_job(j);
    const int components = j->info.num_components;
    if (components != 1 && components != 3 && components != 4)
        stop(j, TVIS_EUNSUP, TVIS_DIAG_REFUSED, "a JPEG of 2 components, or more than 4");
    j->status =
        picture_alloc(j->out, j->info.image_width, j->info.image_height, components == 1 ? 1 : 3, j->name, j->diag);
    if (j->status)
        longjmp(j->stop, 1);
    j->info.out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    j->info.dct_method = JDCT_ISLOW;
    (void)jpeg_start_decompress(&j->info);
    read_rows(j);
    (void)jpeg_finish_decompress(&j->info);
}

static tvis_status run(job *j)
{
    if (!setjmp(j->stop))
        decode(j);
    jpeg_destroy_decompress(&j->info); /* safe on a zeroed one */
    return j->status;
}

tvis_status picture_decode_jpeg(const uint8_t *data, size_t size, const char *name, picture *p, tvis_diag *diag)
{
    job j = { .data = data, .size = size, .name = name, .out = p, .diag = diag };
    return run(&j);
}

#else

tvis_status picture_decode_jpeg(const uint8_t *data, size_t size, const char *name, picture *p, tvis_diag *diag)
{
    (void)data;
    (void)size;
    (void)p;
    return tool_fail(diag, TVIS_EUNSUP, TVIS_DIAG_REFUSED, name, "this build has no JPEG decoder (libjpeg-turbo)");
}

#endif
