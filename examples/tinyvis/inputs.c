/* SPDX-License-Identifier: MIT */
#include "inputs.h"

#include "fail.h"
#include "stats.h"

#include <stdlib.h>

static void drop(source *s)
{
    npy_free(&s->array);
    picture_free(&s->image);
}

tvis_status source_read(source *s, const char *path, tvis_diag *d)
{
    tvis_file f;
    double start = stats_now_ms();
    drop(s);
    tvis_status status = tvis_file_open(&f, path, d);
    if (status)
        return status;
    s->is_npy = npy_recognize(f.data, f.size);
    if (s->is_npy)
        status = npy_decode(f.data, f.size, path, &s->array, d);
    else
        status = picture_decode(f.data, f.size, path, &s->image, d);
    tvis_file_close(&f);
    s->read_ms = stats_now_ms() - start;
    return status;
}

/* expected: (C, H, W); N is as found. */
static tvis_status wrong_shape(const npy *a, const int32_t *expected, const char *detail, tvis_diag *d)
{
    uint32_t batch = a->rank == 4;
    (void)tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SHAPE, "", detail);
    for (uint32_t i = 0; i < 4; i++) {
        d->expected[i] = i < batch ? a->dims[0] : i < batch + 3 ? expected[i - batch] : -1;
        d->found[i] = i < a->rank ? a->dims[i] : -1;
    }
    return TVIS_EINVAL;
}

/* (C, H, W) or (N, C, H, W) */
static tvis_status prepare_array(source *s, loaded *l, arg_size size, tvis_tensor *t, tvis_diag *d)
{
    const npy *a = &s->array;
    const int32_t *chw = a->dims + (a->rank == 4);
    const int32_t usual[3] = { l->info.c, l->info.h, l->info.w }, wanted[3] = { l->info.c, size.h, size.w };
    if (a->rank != 3 && a->rank != 4)
        return wrong_shape(a, usual, "3 or 4 dimensions are needed, (N) C H W", d);
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->dims[i] < 1 || a->dims[i] > UINT16_MAX)
            return wrong_shape(a, usual, "a dimension is empty or too large", d);
    if (chw[0] != l->info.c)
        return wrong_shape(a, usual, "(N) C H W: another number of channels", d);
    if (size.h && (chw[1] != size.h || chw[2] != size.w))
        return wrong_shape(a, wanted, "(N) C H W: not the size that was asked for", d);
    *t = (tvis_tensor){ .data = a->data,
                        .dims = { a->rank == 4 ? a->dims[0] : 1, chw[1], chw[2], chw[0] },
                        .dtype = TVIS_F32,
                        .layout = TVIS_NCHW };
    s->prepare_ms = 0;
    return model_start(l, (uint16_t)t->dims[0], (uint16_t)chw[1], (uint16_t)chw[2], d);
}

static tvis_status input_view(const loaded *l, tvis_tensor *t, tvis_diag *d)
{
    tvis_status s = tvis_session_input(l->session, 0, t);
    return s ? tool_fail(d, s, TVIS_DIAG_ARGUMENT, "input", "cannot be described") : TVIS_OK;
}

static tvis_status reserve(source *s, size_t bytes, tvis_diag *d)
{
    if (bytes <= s->work_bytes)
        return TVIS_OK;
    free(s->work);
    s->work = memory_aligned(bytes);
    s->work_bytes = s->work ? bytes : 0;
    return s->work ? TVIS_OK
                   : tool_fail_value(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "pre-processing", NULL, (int64_t)bytes, 0);
}

static tvis_status prepare_picture(source *s, loaded *l, arg_size size, tvis_tensor *t, tvis_diag *d)
{
    const tvis_image image = picture_view(&s->image);
    size_t bytes;
    tvis_status status = model_start(l, 1, size.h ? size.h : l->info.h, size.w ? size.w : l->info.w, d);
    if (status)
        return status;
    double start = stats_now_ms();
    status = input_view(l, t, d);
    if (!status)
        status = tvis_preprocess_size(&l->preprocess, &image, t->dims[1], t->dims[2], &bytes, d);
    if (!status)
        status = reserve(s, bytes, d);
    if (!status)
        status = tvis_preprocess_run(&l->preprocess, &image, t, s->work, s->work_bytes, d);
    s->prepare_ms = stats_now_ms() - start;
    return status;
}

tvis_status source_prepare(source *s, loaded *l, arg_size size, tvis_tensor *t, tvis_diag *d)
{
    return s->is_npy ? prepare_array(s, l, size, t, d) : prepare_picture(s, l, size, t, d);
}

void source_free(source *s)
{
    drop(s);
    free(s->work);
    *s = (source){ 0 };
}

tvis_status source_pattern(loaded *l, tvis_tensor *t, tvis_diag *d)
{
    return source_pattern_number(l, 1, t, d);
}

tvis_status source_pattern_number(loaded *l, uint32_t number, tvis_tensor *t, tvis_diag *d)
{
    tvis_status status = input_view(l, t, d);
    if (status)
        return status;
    uint32_t x = number; /* the linear congruential generator of Numerical Recipes; its high byte is used */
    float *v = t->data;
    for (size_t i = 0; i < tensor_elements(t); i++) {
        x = x * 1664525u + 1013904223u;
        v[i] = (float)((int32_t)(x >> 24) - 128) / 64.0f;
    }
    return TVIS_OK;
}
