/* SPDX-License-Identifier: MIT */
/* Pre-processing against Pillow's pixels and PyTorch's numbers (tests/golden/preprocess), formats against RGB, bad
 * arguments. */
#include "core/port.h"
#include "ops/pointwise_s8.h"
#include "tests/pictures.h"

#include <math.h>
#include <tinyvis/image.h>

static const tvis_preprocess plain = { TVIS_FILTER_BILINEAR, TVIS_FIT_STRETCH, 3, 0, 1.0f,
                                       { 0, 0, 0 },          { 1, 1, 1 },      0, 0 };

/* The output in guarded memory, made with exactly the bytes asked for; one byte less is refused. */
static tvt_buf run_u8(const tvis_preprocess *p, const tvis_image *m, int32_t h, int32_t w)
{
    size_t bytes;
    tvis_diag d;
    assert_int_equal(tvis_preprocess_size(p, m, h, w, &bytes, &d), TVIS_OK);
    tvt_buf mem = tvt_guarded(bytes), out = tvt_guarded((size_t)h * (size_t)w * p->channels);
    assert_int_equal(tvis_preprocess_u8(p, m, h, w, out.p, mem.p, bytes - 1, &d), TVIS_ENOMEM);
    assert_int_equal(d.code, TVIS_DIAG_MEMORY);
    assert_int_equal(d.expected[0], bytes);
    assert_int_equal(d.found[0], bytes - 1);
    assert_int_equal(tvis_preprocess_u8(p, m, h, w, out.p, mem.p, bytes, &d), TVIS_OK);
    assert_true(tvt_guards_ok(&mem) && tvt_guards_ok(&out));
    tvt_free(&mem);
    return out;
}

static tvis_image view(const uint8_t *data, int32_t w, int32_t h, int32_t channels)
{
    return (tvis_image){ .data = data,
                         .width = w,
                         .height = h,
                         .stride = w * channels,
                         .format = channels == 3 ? TVIS_PIXEL_RGB : TVIS_PIXEL_GRAY };
}

/* ---- pixels ---- */

static void test_resize(void **state)
{
    (void)state;
    size_t size;
    char *text = (char *)tvt_read(TVT_PREPROCESS_DIR "resize.txt", &size), *rest = text, *line;
    uint32_t cases = 0;
    for (; (line = tvt_line(&rest)); cases++) {
        unsigned seed, filter, c, w, h, side, ow, oh, crc;
        assert_int_equal(sscanf(line, "%u %u %u %u %u %u %u %u %x", &seed, &filter, &c, &w, &h, &side, &ow, &oh, &crc),
                         9);
        tvt_buf source = tvt_paged((size_t)w * h * c);
        tvt_synthetic(source.p, seed, w, h, c);
        const tvis_image m = view(source.p, (int32_t)w, (int32_t)h, (int32_t)c);
        tvis_preprocess p = plain;
        p.filter = (uint8_t)filter;
        p.channels = (uint8_t)c;
        p.fit = side ? TVIS_FIT_CROP : TVIS_FIT_STRETCH;
        p.crop = side ? (float)ow / (float)side : 1.0f;
        tvt_buf out = run_u8(&p, &m, (int32_t)oh, (int32_t)ow);
        if (tvis_crc32(0, out.p, out.size) != crc)
            fail_msg("other pixels than Pillow's: %s", line);
        tvt_free(&out);
        tvt_free(&source);
    }
    assert_true(cases > 200);
    free(text);
}

static void test_luma(void **state)
{
    (void)state;
    size_t size;
    char *text = (char *)tvt_read(TVT_PREPROCESS_DIR "luma.txt", &size), *rest = text, *line;
    while ((line = tvt_line(&rest))) {
        unsigned seed, filter, w, h, ow, oh, crc;
        assert_int_equal(sscanf(line, "%u %u %u %u %u %u %x", &seed, &filter, &w, &h, &ow, &oh, &crc), 7);
        tvt_buf source = tvt_paged((size_t)w * h * 3);
        tvt_synthetic(source.p, seed, w, h, 3);
        const tvis_image m = view(source.p, (int32_t)w, (int32_t)h, 3);
        tvis_preprocess p = plain;
        p.filter = (uint8_t)filter;
        p.channels = 1;
        tvt_buf out = run_u8(&p, &m, (int32_t)oh, (int32_t)ow);
        if (tvis_crc32(0, out.p, out.size) != crc)
            fail_msg("other pixels than Pillow's: %s", line);
        tvt_free(&out);
        tvt_free(&source);
    }
    free(text);
}

/* Two pixels into four: the outer ones have one pixel under the filter, the inner ones are 3/4 and 1/4. */
static void test_by_hand(void **state)
{
    (void)state;
    const uint8_t pixels[2] = { 0, 200 };
    const tvis_image m = view(pixels, 2, 1, 1);
    tvis_preprocess p = plain;
    p.channels = 1;
    tvt_buf out = run_u8(&p, &m, 1, 4);
    assert_memory_equal(out.p, ((const uint8_t[]){ 0, 50, 150, 200 }), 4);
    tvt_free(&out);
}

/* ---- numbers ---- */

static void run_f32(const tvis_preprocess *p, const tvis_image *m, const tvis_tensor *t)
{
    size_t bytes;
    tvis_diag d;
    assert_int_equal(tvis_preprocess_size(p, m, t->dims[1], t->dims[2], &bytes, NULL), TVIS_OK);
    tvt_buf mem = tvt_guarded(bytes);
    assert_int_equal(tvis_preprocess_run(p, m, t, mem.p, bytes - 1, &d), TVIS_ENOMEM);
    assert_int_equal(tvis_preprocess_run(p, m, t, mem.p, bytes, NULL), TVIS_OK);
    assert_true(tvt_guards_ok(&mem));
    tvt_free(&mem);
}

static void test_normalize(void **state)
{
    static const float mean[4][3] = {
        { 0.485f, 0.456f, 0.406f }, { 0.5f, 0.5f, 0.5f }, { 0, 0, 0 }, { 0.4914f, 0.4822f, 0.4465f }
    };
    static const float std[4][3] = {
        { 0.229f, 0.224f, 0.225f }, { 0.5f, 0.5f, 0.5f }, { 1, 1, 1 }, { 0.2023f, 0.1994f, 0.201f }
    };
    (void)state;
    size_t dims[4];
    float *want = tvt_npy_f32(TVT_PREPROCESS_DIR "normalize.npy", dims, 4); /* 4 sets, 3 channels, 1, 256 */
    uint8_t pixels[256];
    for (uint32_t i = 0; i < 256; i++)
        pixels[i] = (uint8_t)i;
    const tvis_image m = view(pixels, 256, 1, 1);
    for (uint32_t i = 0; i < 4; i++) {
        tvis_preprocess p = plain;
        memcpy(p.mean, mean[i], sizeof p.mean);
        memcpy(p.std, std[i], sizeof p.std);
        tvt_buf out = tvt_guarded(3 * 256 * sizeof(float));
        const tvis_tensor t = { out.p, { 1, 1, 256, 3 }, TVIS_F32, TVIS_NCHW };
        run_f32(&p, &m, &t);
        assert_true(tvt_guards_ok(&out));
        assert_memory_equal(out.p, want + 768 * i, 768 * sizeof(float)); /* bit for bit */
        tvt_free(&out);
    }
    free(want);
}

/* Both layouts and both channel orders hold the same values at their places. */
static void test_layouts(void **state)
{
    enum { W = 9, H = 7, OW = 5, OH = 4 };
    (void)state;
    uint8_t pixels[W * H * 3];
    float f[OW * OH * 3];
    tvt_synthetic(pixels, 3, W, H, 3);
    const tvis_image m = view(pixels, W, H, 3);
    tvt_buf u8 = run_u8(&plain, &m, OH, OW);
    const uint8_t *want = u8.p;
    for (int bgr = 0; bgr < 2; bgr++)
        for (uint8_t layout = TVIS_NHWC; layout <= TVIS_NCHW; layout++) {
            tvis_preprocess p = plain;
            p.bgr = (uint8_t)bgr;
            const tvis_tensor t = { f, { 1, OH, OW, 3 }, TVIS_F32, layout };
            run_f32(&p, &m, &t);
            for (int i = 0; i < OW * OH; i++)
                for (int c = 0; c < 3; c++) {
                    const float got = layout == TVIS_NHWC ? f[3 * i + c] : f[c * OW * OH + i];
                    assert_true(got == (float)want[3 * i + (bgr ? 2 - c : c)] / 255.0f);
                }
        }
    tvt_free(&u8);
}

/* What quantizing the floats gives. */
static void straight_into_int8(void **state)
{
    enum { W = 53, H = 31, OW = 24, OH = 17 };
    (void)state;
    uint8_t pixels[W * H * 3];
    float f[OW * OH * 3];
    tvt_synthetic(pixels, 3, W, H, 3);
    const tvis_image m = view(pixels, W, H, 3);
    for (int bgr = 0; bgr < 2; bgr++)
        for (uint8_t layout = TVIS_NHWC; layout <= TVIS_NCHW; layout++)
            for (uint8_t filter = 0; filter < TVIS_FILTER_COUNT_; filter++) {
                tvis_preprocess p = plain;
                p.bgr = (uint8_t)bgr;
                p.filter = filter;
                p.mean[1] = 0.45f;
                p.std[2] = 0.22f;
                p.scale = tvt_float(0.001f, 0.04f); /* the small ones leave int8 */
                p.zero = (int32_t)tvt_below(256) - 128;
                tvt_buf y = tvt_guarded(TVIS_COUNT(f)), want = tvt_guarded(TVIS_COUNT(f));
                const tvis_tensor t = { f, { 1, OH, OW, 3 }, TVIS_F32, layout };
                const tvis_tensor narrow = { y.p, { 1, OH, OW, 3 }, TVIS_S8, layout };
                run_f32(&p, &m, &t);
                run_f32(&p, &m, &narrow);
                tvis_pointwise_s8_quantize_c(f, TVIS_COUNT(f), p.scale, p.zero, want.p);
                assert_true(tvt_same(&y, &want));
                tvt_free(&y);
                tvt_free(&want);
            }
}

static void int8_without_a_scale(void **state)
{
    (void)state;
    static uint8_t working[8192] __attribute__((aligned(TVIS_ARENA_ALIGN)));
    uint8_t pixels[4 * 3] = { 0 };
    int8_t y[4 * 3];
    const tvis_image m = view(pixels, 2, 2, 3);
    const tvis_tensor out = { y, { 1, 2, 2, 3 }, TVIS_S8, TVIS_NHWC };
    tvis_preprocess p = plain;
    tvis_diag d;
    const struct {
        float scale;
        int32_t zero;
    } wrong[] = { { 0.0f, 0 }, { -1.0f, 0 }, { NAN, 0 }, { 1.0f, 128 }, { 1.0f, -129 } };
    for (size_t i = 0; i < TVIS_COUNT(wrong); i++) {
        p.scale = wrong[i].scale;
        p.zero = wrong[i].zero;
        assert_int_equal(tvis_preprocess_run(&p, &m, &out, working, sizeof working, &d), TVIS_EINVAL);
        assert_int_equal(d.code, TVIS_DIAG_DTYPE);
    }
    p.scale = 1.0f;
    p.zero = 127;
    assert_int_equal(tvis_preprocess_run(&p, &m, &out, working, sizeof working, &d), TVIS_OK);
}

/* ---- formats ---- */

typedef struct source {
    tvt_buf data, uv, rgb; /* rgb: the same picture as TVIS_PIXEL_RGB without gaps */
    tvis_image image, rgb_image;
} source;

static uint8_t clip(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void yuv(uint8_t *rgb, int y, int u, int v)
{
    const int c = 298 * (y - 16) + 128;
    rgb[0] = clip((c + 409 * (v - 128)) >> 8);
    rgb[1] = clip((c - 100 * (u - 128) - 208 * (v - 128)) >> 8);
    rgb[2] = clip((c + 516 * (u - 128)) >> 8);
}

static void to_rgb(const source *s, int x, int y, uint8_t *rgb)
{
    const uint8_t *row = s->image.data + y * s->image.stride, *p;
    switch (s->image.format) {
    case TVIS_PIXEL_BGR:
        for (int c = 0; c < 3; c++)
            rgb[c] = row[3 * x + 2 - c];
        break;
    case TVIS_PIXEL_GRAY:
        memset(rgb, row[x], 3);
        break;
    case TVIS_PIXEL_RGB565: {
        const int v = row[2 * x] | row[2 * x + 1] << 8, r = v >> 11, g = v >> 5 & 63, b = v & 31;
        rgb[0] = (uint8_t)(r * 8 + r / 4);
        rgb[1] = (uint8_t)(g * 4 + g / 16);
        rgb[2] = (uint8_t)(b * 8 + b / 4);
        break;
    }
    case TVIS_PIXEL_YUYV:
        p = row + x / 2 * 4;
        yuv(rgb, p[x % 2 * 2], p[1], p[3]);
        break;
    case TVIS_PIXEL_NV12:
        p = s->image.uv + y / 2 * s->image.stride + x / 2 * 2;
        yuv(rgb, row[x], p[0], p[1]);
        break;
    default:
        memcpy(rgb, row + 3 * x, 3);
    }
}

/* Rows end `gap` bytes before the next begins, but the last ends where memory does. */
static source make_source(uint8_t format, int32_t w, int32_t h, int32_t gap)
{
    static const int32_t bytes[] = { 3, 3, 1, 2, 2, 1 }; /* ORDER TVIS_PIXEL */
    source s;
    const int32_t row = w * bytes[format], stride = row + gap;
    s.data = tvt_paged((size_t)(stride * (h - 1) + row));
    s.uv = tvt_paged((size_t)(stride * ((h + 1) / 2 - 1) + row));
    s.rgb = tvt_paged((size_t)(w * h * 3));
    tvt_synthetic(s.data.p, 3, (uint32_t)s.data.size, 1, 1);
    tvt_synthetic(s.uv.p, 6, (uint32_t)s.uv.size, 1, 1);
    s.image = (tvis_image){ s.data.p, format == TVIS_PIXEL_NV12 ? s.uv.p : NULL, w, h, stride, format };
    s.rgb_image = view(s.rgb.p, w, h, 3);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            to_rgb(&s, x, y, (uint8_t *)s.rgb.p + 3 * (y * w + x));
    return s;
}

static void free_source(source *s)
{
    tvt_free(&s->data);
    tvt_free(&s->uv);
    tvt_free(&s->rgb);
}

static void compare_format(const tvis_preprocess *p, const source *s, int32_t h, int32_t w)
{
    tvt_buf got = run_u8(p, &s->image, h, w), want = run_u8(p, &s->rgb_image, h, w);
    if (!tvt_same(&got, &want))
        fail_msg("format %d, %dx%d to %dx%d, channels %d, bgr %d, fit %d", s->image.format, (int)s->image.width,
                 (int)s->image.height, (int)w, (int)h, p->channels, p->bgr, p->fit);
    tvt_free(&got);
    tvt_free(&want);
}

/* Every format gives what its RGB equivalent gives: both networks, both orders, both fits, rows first and columns
 * first. */
static void test_formats(void **state)
{
    static const int32_t sizes[][4] = { { 64, 48, 31, 33 }, { 20, 200, 19, 20 }, { 2, 2, 5, 7 }, { 130, 6, 8, 6 } };
    (void)state;
    for (uint8_t format = 0; format < TVIS_PIXEL_COUNT_; format++)
        for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (uint32_t variant = 0; variant < 16; variant++) {
                source s = make_source(format, sizes[i][0], sizes[i][1], variant & 1 ? 10 : 0);
                tvis_preprocess p = plain;
                p.channels = variant & 2 ? 1 : 3;
                p.bgr = (uint8_t)(variant >> 2 & 1);
                p.fit = variant & 8 ? TVIS_FIT_CROP : TVIS_FIT_STRETCH;
                p.crop = 0.875f;
                compare_format(&p, &s, sizes[i][3], sizes[i][2]);
                free_source(&s);
            }
}

/* ---- what is refused ---- */

typedef struct arguments {
    tvis_preprocess p;
    tvis_image m;
    int32_t h, w;
} arguments;

/* clang-format off */
static void change(arguments *a, uint32_t i)
{
    switch (i) {
    case 0: a->p.filter = TVIS_FILTER_COUNT_; break;
    case 1: a->p.fit = TVIS_FIT_COUNT_; break;
    case 2: a->p.channels = 2; break;
    case 3: a->p.bgr = 2; break;
    case 4: a->p.crop = NAN; break;
    case 5: a->p.crop = 0; break;
    case 6: a->p.crop = 1.01f; break;
    case 7: a->p.crop = -0.5f; break;
    case 8: a->p.crop = 1e-40f; break;
    case 9: a->p.mean[2] = INFINITY; break;
    case 10: a->p.std[1] = 0; break;
    case 11: a->p.std[0] = NAN; break;
    case 12: a->m.data = NULL; break;
    case 13: a->m.format = TVIS_PIXEL_COUNT_; break;
    case 14: a->m.width = 0; break;
    case 15: a->m.width = 32769; break;
    case 16: a->m.height = -1; break;
    case 17: a->m.height = 32769; break;
    case 18: a->m.stride = 23; break;
    case 19: a->m.stride = -24; break;
    case 20: a->h = 0; break;
    case 21: a->h = 32769; break;
    case 22: a->w = -8; break;
    case 23: a->w = INT32_MAX; break;
    case 24: a->m.format = TVIS_PIXEL_YUYV; a->m.width = 7; break;
    case 25: a->m.format = TVIS_PIXEL_NV12; a->m.uv = a->m.data; a->m.width = 7; break;
    case 26: a->m.format = TVIS_PIXEL_NV12; a->m.uv = a->m.data; a->m.height = 7; break;
    case 27: a->m.format = TVIS_PIXEL_NV12; a->m.uv = NULL; break;
    default: fail();
    }
}
/* clang-format on */

static void test_bad_arguments(void **state)
{
    (void)state;
    uint8_t pixels[24 * 8];
    tvt_synthetic(pixels, 3, 8, 8, 3);
    for (uint32_t i = 0; i < 28; i++) {
        arguments a = { plain, view(pixels, 8, 8, 3), 4, 4 };
        a.p.fit = TVIS_FIT_CROP;
        size_t bytes;
        tvis_diag d = { .status = TVIS_OK };
        assert_int_equal(tvis_preprocess_size(&a.p, &a.m, a.h, a.w, &bytes, &d), TVIS_OK);
        change(&a, i);
        bytes = 77;
        if (tvis_preprocess_size(&a.p, &a.m, a.h, a.w, &bytes, &d) != TVIS_EINVAL || bytes != 77)
            fail_msg("case %u was accepted", i);
        assert_int_equal(d.status, TVIS_EINVAL);
        assert_true(d.subject[0]);
        assert_int_equal(tvis_preprocess_size(&a.p, &a.m, a.h, a.w, &bytes, NULL), TVIS_EINVAL);
        float out[48];
        const tvis_tensor t = { out, { 1, a.h, a.w, 3 }, TVIS_F32, TVIS_NHWC };
        assert_int_equal(tvis_preprocess_run(&a.p, &a.m, &t, pixels, sizeof pixels, NULL), TVIS_EINVAL);
    }
}

static void test_bad_output(void **state)
{
    (void)state;
    const uint8_t pixels[3] = { 1, 2, 3 };
    const tvis_image m = view(pixels, 1, 1, 3);
    size_t bytes;
    float out[12];
    tvis_diag d;
    assert_int_equal(tvis_preprocess_size(&plain, &m, 2, 2, &bytes, &d), TVIS_OK);
    tvt_buf mem = tvt_guarded(bytes + 1);
    const tvis_tensor good = { out, { 1, 2, 2, 3 }, TVIS_F32, TVIS_NHWC };
    assert_int_equal(tvis_preprocess_run(&plain, &m, &good, mem.p, bytes, &d), TVIS_OK);
    for (int i = 0; i < 6; i++) {
        tvis_tensor t = good;
        switch (i) {
        case 0:
            t.data = NULL;
            break;
        case 1:
            t.dims[0] = 2;
            break;
        case 2:
            t.dims[3] = 1;
            break;
        case 3:
            t.dtype = TVIS_U8;
            break;
        case 4:
            t.layout = 2;
            break;
        default:
            t.data = (uint8_t *)out + 1;
        }
        assert_int_equal(tvis_preprocess_run(&plain, &m, &t, mem.p, bytes, &d), TVIS_EINVAL);
    }
    assert_int_equal(tvis_preprocess_run(&plain, &m, &good, (uint8_t *)mem.p + 1, bytes, &d), TVIS_EINVAL);
    assert_int_equal(d.code, TVIS_DIAG_ALIGN);
    assert_int_equal(tvis_preprocess_run(&plain, &m, &good, NULL, bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_preprocess_run(&plain, &m, NULL, mem.p, bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_preprocess_run(NULL, &m, &good, mem.p, bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_preprocess_run(&plain, NULL, &good, mem.p, bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_preprocess_u8(&plain, &m, 2, 2, NULL, mem.p, bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_preprocess_size(&plain, &m, 2, 2, NULL, &d), TVIS_EINVAL);
    tvt_free(&mem);
}

/* The largest legal arguments: a size, or a refusal where it is more than the processor can address. */
static void test_limits(void **state)
{
    (void)state;
    const uint8_t pixel = 0;
    const tvis_image square = { &pixel, NULL, 32768, 32768, 32768, TVIS_PIXEL_GRAY };
    const tvis_image tall = { &pixel, NULL, 1, 32768, 1, TVIS_PIXEL_GRAY }, wide = { &pixel, NULL, 32768, 1, 32768, 2 };
    const tvis_image *const images[] = { &square, &tall, &wide };
    const int32_t outs[][2] = { { 1, 1 }, { 32768, 32768 }, { 1, 32768 }, { 32768, 1 } };
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t o = 0; o < 4; o++)
            for (uint8_t variant = 0; variant < 4; variant++) {
                tvis_preprocess p = plain;
                p.filter = variant & 1;
                p.fit = variant >> 1;
                p.crop = 0.0625f;
                size_t bytes = 0;
                const tvis_status s = tvis_preprocess_size(&p, images[i], outs[o][0], outs[o][1], &bytes, NULL);
                assert_true(s == TVIS_OK ? bytes > 0 : s == TVIS_ENOMEM && sizeof(size_t) == 4);
            }
    const tvis_image lie = { &pixel, NULL, 1, 32768, INT32_MAX, TVIS_PIXEL_GRAY };
    size_t bytes;
    assert_int_equal(tvis_preprocess_size(&plain, &lie, 1, 1, &bytes, NULL),
                     sizeof(size_t) == 4 ? TVIS_EINVAL : TVIS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize),          cmocka_unit_test(test_luma),
        cmocka_unit_test(test_by_hand),         cmocka_unit_test(straight_into_int8),
        cmocka_unit_test(int8_without_a_scale), cmocka_unit_test(test_normalize),
        cmocka_unit_test(test_layouts),         cmocka_unit_test(test_formats),
        cmocka_unit_test(test_bad_arguments),   cmocka_unit_test(test_bad_output),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
