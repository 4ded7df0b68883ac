/* SPDX-License-Identifier: MIT */
/* Row by row, through a ring of as many rows as the vertical filter reaches; only what the crop shows is computed. As a
 * rule the ring holds rows that are resized horizontally, and a column pass makes each output row from it. Pictures
 * that lose much more height than width go the other way round, as in Pillow since 13.0: the result of the first pass
 * is rounded to 8 bits, so the order shows in the pixels. */
#include "core/diag.h"
#include "core/port.h"
#include "models/pixel.h"
#include "models/preprocess_check.h"
#include "models/resize.h"
#include "ops/pointwise_s8.h"

enum { MAX_RESIZED = 1 << 24 };

/* Everything decided before a pixel is read. Offsets into the working memory, in the order of the fields. */
typedef struct plan {
    tvis_axis x, y;
    int32_t channels; /* of the rows that are resized: 1 or 3 */
    int32_t x0, span; /* source columns read */
    bool convert;     /* rows go through tvis_pixel_row(), else they are read where they lie */
    bool swap;        /* red and blue change places on the way out */
    bool vertical_first;
    size_t lut, taps, x_weights, y_weights, ring, source, column, line;
    uint64_t bytes;
} plan;

/* Where output rows go. Strides in elements; exactly one of f32, s8 and u8 is set. */
typedef struct sink {
    float *f32;
    int8_t *s8;
    uint8_t *u8;
    size_t row, pixel, channel;
    int32_t channels;
} sink;

/* Half of a difference, halves to even. */
static int64_t centre_offset(int64_t resized, int32_t wanted)
{
    int64_t half = (resized - wanted) / 2;
    return (resized - wanted) % 2 ? half + half % 2 : half;
}

/* The size that the picture is resized to, at least h x w. */
static tvis_status resized_size(const tvis_preprocess *p, const tvis_image *m, int32_t h, int32_t w, int64_t *rh,
                                int64_t *rw, tvis_diag *d)
{
    *rh = h;
    *rw = w;
    if (p->fit == TVIS_FIT_STRETCH)
        return TVIS_OK;
    double ch = h / (double)p->crop + 0.5, cw = w / (double)p->crop + 0.5;
    if (ch > MAX_RESIZED || cw > MAX_RESIZED)
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "preprocess crop", "is too small for this output size");
    *rh = (int64_t)ch;
    *rw = (int64_t)cw;
    if (*rw * m->height >= *rh * m->width) /* the width is the tighter side */
        *rh = *rw * m->height / m->width;
    else
        *rw = *rh * m->width / m->height;
    return TVIS_OK;
}

static size_t take(plan *l, uint64_t bytes)
{
    size_t at = (size_t)l->bytes; /* meaningless past SIZE_MAX, which no caller's memory passes */
    l->bytes += bytes;
    return at;
}

/* Multiples of 4 bytes first, so that all are aligned. Largest term: 32768 rows * 32768 pixels * 3 bytes. */
static void lay_out(plan *l)
{
    uint64_t w = (uint64_t)l->x.out, row = w * (uint64_t)l->channels,
             source = (uint64_t)l->span * (uint64_t)l->channels;
    uint64_t ring_row = !l->vertical_first ? row : l->convert ? source : 0;
    l->bytes = 0;
    l->lut = take(l, 3 * 256 * sizeof(float));
    l->taps = take(l, w * sizeof(tvis_taps));
    l->x_weights = take(l, w * (uint64_t)l->x.max_taps * sizeof(int32_t));
    l->y_weights = take(l, (uint64_t)l->y.max_taps * sizeof(int32_t));
    l->ring = take(l, (uint64_t)l->y.max_taps * ring_row);
    l->source = take(l, l->convert && !l->vertical_first ? source : 0);
    l->column = take(l, l->vertical_first ? source : 0);
    l->line = take(l, row);
}

static tvis_status make_plan(const tvis_preprocess *p, const tvis_image *m, int32_t h, int32_t w, plan *l, tvis_diag *d)
{
    int64_t rh, rw;
    tvis_status s = tvis_check_preprocess(p, d);
    if (!s)
        s = tvis_check_image(m, d);
    if (!s)
        s = tvis_check_output_size(h, w, d);
    if (!s)
        s = resized_size(p, m, h, w, &rh, &rw, d);
    if (s)
        return s;
    bool gray = m->format == TVIS_PIXEL_GRAY, raw = m->format == TVIS_PIXEL_RGB || m->format == TVIS_PIXEL_BGR;
    l->channels = gray ? 1 : p->channels;
    l->convert = !gray && (!raw || p->channels == 1);
    l->vertical_first = m->height > rh && m->height - rh > 2 * (m->width - rw);
    l->swap = (m->format == TVIS_PIXEL_BGR && !l->convert) != (p->bgr == 1);
    tvis_axis_init(&l->x, p->filter, m->width, rw, centre_offset(rw, w), w);
    tvis_axis_init(&l->y, p->filter, m->height, rh, centre_offset(rh, h), h);
    tvis_taps last = tvis_axis_taps(&l->x, w - 1);
    l->x0 = tvis_axis_taps(&l->x, 0).first;
    l->span = last.first + last.count - l->x0;
    lay_out(l);
    return TVIS_OK;
}

static tvis_status check_memory(const plan *l, const void *mem, size_t bytes, tvis_diag *d)
{
    if (!mem)
        return tvis_bad_argument(d, "working memory", "is NULL", -1, -1);
    if ((uintptr_t)mem % TVIS_ARENA_ALIGN)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ALIGN, "working memory", NULL, TVIS_ARENA_ALIGN,
                               (int64_t)((uintptr_t)mem % TVIS_ARENA_ALIGN));
    if (bytes < l->bytes)
        return tvis_fail_value(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "working memory", NULL, (int64_t)l->bytes,
                               (int64_t)bytes);
    return TVIS_OK;
}

static tvis_tap_table fill_tables(const plan *l, uint8_t *mem)
{
    tvis_taps *taps = (tvis_taps *)(void *)(mem + l->taps);
    int32_t *weights = (int32_t *)(void *)(mem + l->x_weights);
    for (int32_t i = 0; i < l->x.out; i++) {
        taps[i] = tvis_axis_weights(&l->x, i, weights + (size_t)i * (size_t)l->x.max_taps);
        taps[i].first -= l->x0;
    }
    return (tvis_tap_table){ taps, weights, l->x.out, l->x.max_taps };
}

/* Rounded as a framework does it in float: x / 255, minus mean, over std. */
static void fill_lut(const tvis_preprocess *p, float *lut)
{
    for (int c = 0; c < p->channels; c++)
        for (int v = 0; v < 256; v++) {
            float scaled = (float)v / 255.0f, centred = scaled - p->mean[c];
            lut[256 * c + v] = centred / p->std[c];
        }
}

static const uint8_t *in_place(const plan *l, const tvis_image *m, int32_t y)
{
    return m->data + (size_t)y * (size_t)m->stride + (size_t)l->x0 * (size_t)l->channels;
}

/* Source row y on its way into the ring. */
static void fill_row(const plan *l, const tvis_image *m, const tvis_tap_table *t, int32_t y, uint8_t *source,
                     uint8_t *dst)
{
    if (l->convert)
        tvis_pixel_row(m, y, l->x0, l->span, l->channels, l->vertical_first ? dst : source);
    if (!l->vertical_first)
        tvis_resize_line(t, l->convert ? source : in_place(l, m, y), l->channels, dst);
}

/* The table in int8, in its own place. */
static void quantize_lut(const tvis_preprocess *p, float *lut)
{
    tvis_pointwise_s8_quantize_c(lut, 256 * p->channels, p->scale, p->zero, (int8_t *)lut);
}

static void emit(const plan *l, const sink *to, const float *lut, const uint8_t *line, int32_t y)
{
    const int8_t *narrow = (const int8_t *)lut;
    for (int32_t c = 0; c < to->channels; c++) {
        const uint8_t *src = line + (l->channels == 1 ? 0 : l->swap ? 2 - c : c);
        size_t step = (size_t)l->channels, at = (size_t)y * to->row + (size_t)c * to->channel;
        if (to->f32)
            for (int32_t x = 0; x < l->x.out; x++, src += step, at += to->pixel)
                to->f32[at] = lut[256 * c + *src];
        else if (to->s8)
            for (int32_t x = 0; x < l->x.out; x++, src += step, at += to->pixel)
                to->s8[at] = narrow[256 * c + *src];
        else
            for (int32_t x = 0; x < l->x.out; x++, src += step, at += to->pixel)
                to->u8[at] = *src;
    }
}

static void produce(const plan *l, const tvis_image *m, uint8_t *mem, const sink *to)
{
    tvis_tap_table table = fill_tables(l, mem);
    const float *lut = (const float *)(const void *)(mem + l->lut);
    int32_t *weights = (int32_t *)(void *)(mem + l->y_weights);
    uint8_t *column = mem + (l->vertical_first ? l->column : l->line), *line = mem + l->line;
    bool direct = l->vertical_first && !l->convert; /* the picture itself serves as the ring */
    size_t n = (size_t)(l->vertical_first ? l->span : l->x.out) * (size_t)l->channels;
    tvis_lines ring = { mem + l->ring, n, l->y.max_taps };
    int32_t next = tvis_axis_taps(&l->y, 0).first; /* the first source row that is not in the ring yet */
    if (direct)
        ring = (tvis_lines){ in_place(l, m, 0), (size_t)m->stride, m->height };
    for (int32_t y = 0; y < l->y.out; y++) {
        tvis_taps taps = tvis_axis_weights(&l->y, y, weights);
        for (; !direct && next < taps.first + taps.count; next++)
            fill_row(l, m, &table, next, mem + l->source, mem + l->ring + (size_t)(next % ring.lines) * n);
        tvis_resize_column(&ring, taps, weights, n, column);
        if (l->vertical_first)
            tvis_resize_line(&table, column, l->channels, line);
        emit(l, to, lut, line, y);
    }
}

tvis_status tvis_preprocess_size(const tvis_preprocess *p, const tvis_image *image, int32_t h, int32_t w, size_t *bytes,
                                 tvis_diag *diag)
{
    plan l;
    tvis_status s = make_plan(p, image, h, w, &l, diag);
    if (s)
        return s;
    if (!bytes)
        return tvis_bad_argument(diag, "bytes", "is NULL", -1, -1);
    if (l.bytes > SIZE_MAX)
        return tvis_fail_value(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "working memory",
                               "is more than this processor can address", (int64_t)l.bytes, (int64_t)SIZE_MAX);
    *bytes = (size_t)l.bytes;
    return TVIS_OK;
}

tvis_status tvis_preprocess_run(const tvis_preprocess *p, const tvis_image *image, const tvis_tensor *out, void *mem,
                                size_t bytes, tvis_diag *diag)
{
    plan l;
    tvis_status s = tvis_check_preprocess_output(p, out, diag);
    if (!s)
        s = make_plan(p, image, out->dims[1], out->dims[2], &l, diag);
    if (!s)
        s = check_memory(&l, mem, bytes, diag);
    if (s)
        return s;
    size_t h = (size_t)out->dims[1], w = (size_t)out->dims[2], c = p->channels;
    const bool int8 = out->dtype == TVIS_S8;
    sink to = { int8 ? NULL : out->data, int8 ? out->data : NULL, NULL, w * c, c, 1, p->channels };
    if (out->layout == TVIS_NCHW) {
        to.row = w;
        to.pixel = 1;
        to.channel = h * w;
    }
    float *lut = (float *)(void *)((uint8_t *)mem + l.lut);
    fill_lut(p, lut);
    if (int8)
        quantize_lut(p, lut);
    produce(&l, image, mem, &to);
    return TVIS_OK;
}

tvis_status tvis_preprocess_u8(const tvis_preprocess *p, const tvis_image *image, int32_t h, int32_t w, uint8_t *out,
                               void *mem, size_t bytes, tvis_diag *diag)
{
    plan l;
    tvis_status s = make_plan(p, image, h, w, &l, diag);
    if (!s && !out)
        s = tvis_bad_argument(diag, "output", "is NULL", -1, -1);
    if (!s)
        s = check_memory(&l, mem, bytes, diag);
    if (s)
        return s;
    sink to = { NULL, NULL, out, (size_t)w * p->channels, p->channels, 1, p->channels };
    produce(&l, image, mem, &to);
    return TVIS_OK;
}
