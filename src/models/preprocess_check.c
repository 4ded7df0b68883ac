/* SPDX-License-Identifier: MIT */
#include "models/preprocess_check.h"

#include "core/diag.h"
#include "models/pixel.h"

#include <float.h>

enum { MAX_SIDE = 32768 };

tvis_status tvis_bad_argument(tvis_diag *d, const char *what, const char *why, int64_t expected, int64_t found)
{
    return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, what, why, expected, found);
}

static bool is_finite(float v)
{
    return v >= -FLT_MAX && v <= FLT_MAX;
}

tvis_status tvis_check_preprocess(const tvis_preprocess *p, tvis_diag *d)
{
    if (!p)
        return tvis_bad_argument(d, "preprocess", "is NULL", -1, -1);
    if (p->filter >= TVIS_FILTER_COUNT_)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ENUM, "preprocess filter", NULL, -1, p->filter);
    if (p->fit >= TVIS_FIT_COUNT_)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ENUM, "preprocess fit", NULL, -1, p->fit);
    if (p->channels != 1 && p->channels != 3)
        return tvis_bad_argument(d, "preprocess channels", "are 3, or 1 for gray", -1, p->channels);
    if (p->bgr > 1)
        return tvis_bad_argument(d, "preprocess bgr", "is 0 or 1", -1, p->bgr);
    if (p->fit == TVIS_FIT_CROP && !(p->crop > 0.0f && p->crop <= 1.0f))
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_VALUE, "preprocess crop", "lies over 0 and up to 1");
    for (int c = 0; c < p->channels; c++)
        if (!is_finite(p->mean[c]) || !is_finite(p->std[c]) || !(p->std[c] > 0.0f))
            return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_VALUE, "preprocess mean and std",
                             "are finite, and std is over 0");
    return TVIS_OK;
}

tvis_status tvis_check_image(const tvis_image *m, tvis_diag *d)
{
    if (!m || !m->data)
        return tvis_bad_argument(d, "image", m ? "data is NULL" : "is NULL", -1, -1);
    if (m->format >= TVIS_PIXEL_COUNT_)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ENUM, "image format", NULL, -1, m->format);
    if (m->width < 1 || m->width > MAX_SIDE)
        return tvis_bad_argument(d, "image width", "is 1 to 32768", -1, m->width);
    if (m->height < 1 || m->height > MAX_SIDE)
        return tvis_bad_argument(d, "image height", "is 1 to 32768", -1, m->height);
    if (m->stride < tvis_pixel_row_bytes(m->format, m->width))
        return tvis_bad_argument(d, "image stride", "is at least one row", tvis_pixel_row_bytes(m->format, m->width),
                                 m->stride);
    if ((uint64_t)m->stride * (uint64_t)m->height > PTRDIFF_MAX)
        return tvis_bad_argument(d, "image", "stride times height is more than memory can hold", PTRDIFF_MAX,
                                 (int64_t)m->stride * m->height);
    bool nv12 = m->format == TVIS_PIXEL_NV12;
    if ((nv12 || m->format == TVIS_PIXEL_YUYV) && m->width % 2)
        return tvis_bad_argument(d, "image width", "is even in YUYV and NV12", m->width + 1, m->width);
    if (nv12 && m->height % 2)
        return tvis_bad_argument(d, "image height", "is even in NV12", m->height + 1, m->height);
    if (nv12 && !m->uv)
        return tvis_bad_argument(d, "image", "uv is NULL", -1, -1);
    return TVIS_OK;
}

tvis_status tvis_check_output_size(int32_t h, int32_t w, tvis_diag *d)
{
    if (h < 1 || h > MAX_SIDE)
        return tvis_bad_argument(d, "output height", "is 1 to 32768", -1, h);
    if (w < 1 || w > MAX_SIDE)
        return tvis_bad_argument(d, "output width", "is 1 to 32768", -1, w);
    return TVIS_OK;
}

tvis_status tvis_check_preprocess_output(const tvis_preprocess *p, const tvis_tensor *t, tvis_diag *d)
{
    if (!t || !t->data)
        return tvis_bad_argument(d, "output", t ? "data is NULL" : "is NULL", -1, -1);
    const bool int8 = t->dtype == TVIS_S8 && p && p->scale > 0.0f && p->zero == (int8_t)p->zero;
    if (t->dtype != TVIS_F32 && !int8)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_DTYPE, "output", NULL, TVIS_F32, t->dtype);
    if (t->layout != TVIS_NHWC && t->layout != TVIS_NCHW)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ENUM, "output layout", NULL, -1, t->layout);
    if (!int8 && (uintptr_t)t->data % sizeof(float))
        return tvis_bad_argument(d, "output", "data is not aligned to its elements", 0,
                                 (int64_t)((uintptr_t)t->data % sizeof(float)));
    if (t->dims[0] != 1 || (p && t->dims[3] != p->channels)) {
        const int32_t want[4] = { 1, t->dims[1], t->dims[2], p ? p->channels : -1 };
        return tvis_fail_dims(d, TVIS_EINVAL, "output", NULL, want, t->dims);
    }
    return TVIS_OK;
}
