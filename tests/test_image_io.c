/* SPDX-License-Identifier: MIT */
/* The tool's picture files: readers against Pillow (tests/golden/preprocess), damaged files, writers, photographs. */
#include "tests/fault.h"
#include "tests/pictures.h"

#include "examples/tinyvis/image_write.h"

#include <errno.h>

/* JPEG and PNG depend on the build. */
static bool unread(const char *name, tvis_status s)
{
    return s == TVIS_EUNSUP && (strstr(name, ".jpg") || strstr(name, ".JPEG") || strstr(name, ".png"));
}

static uint32_t rgb_crc(const picture *p)
{
    uint32_t crc = 0;
    for (int64_t i = 0; i < (int64_t)p->width * p->height; i++) {
        const uint8_t *v = p->pixels + i * p->channels, gray[3] = { v[0], v[0], v[0] };
        crc = tvis_crc32(crc, p->channels == 3 ? v : gray, 3);
    }
    return crc;
}

static void assert_empty(const picture *p)
{
    assert_null(p->pixels);
    assert_int_equal(p->width | p->height | p->channels, 0);
}

/* ---- the files of pictures.txt ---- */

typedef struct listed {
    char name[64], path[128];
    unsigned width, height, channels, crc;
    uint8_t *data;
    size_t size;
} listed;

static bool next_listed(char **rest, listed *f)
{
    const char *line = tvt_line(rest);
    if (!line)
        return false;
    assert_int_equal(sscanf(line, "%63s %u %u %u %x", f->name, &f->width, &f->height, &f->channels, &f->crc), 5);
    snprintf(f->path, sizeof f->path, TVT_PREPROCESS_DIR "%s", f->name);
    f->data = tvt_read(f->path, &f->size);
    return true;
}

static void pictures_are_those_of_pillow(void **state)
{
    (void)state;
    size_t size;
    uint32_t unsupported = 0;
    char *text = (char *)tvt_read(TVT_PREPROCESS_DIR "pictures.txt", &size), *rest = text;
    for (listed f; next_listed(&rest, &f); free(f.data)) {
        picture p;
        tvis_diag d;
        const tvis_status s = picture_read(f.path, &p, &d);
        if (unread(f.name, s)) {
            assert_non_null(strstr(d.detail, "this build has no"));
            assert_empty(&p);
            unsupported++;
            continue;
        }
        if (s || (unsigned)p.width != f.width || (unsigned)p.height != f.height || (unsigned)p.channels != f.channels)
            fail_msg("%s: status %d, %dx%dx%d", f.name, s, (int)p.width, (int)p.height, (int)p.channels);
        if (rgb_crc(&p) != f.crc)
            fail_msg("%s: other pixels than Pillow's", f.name);
        const tvis_image view = picture_view(&p);
        assert_int_equal(view.stride, p.width * p.channels);
        assert_int_equal(view.format, p.channels == 3 ? TVIS_PIXEL_RGB : TVIS_PIXEL_GRAY);
        picture_free(&p);
    }
    free(text);
    if (unsupported)
        print_message("%u JPEG and PNG files were not read: this build has no decoder for them\n", unsupported);
}

/* Every shorter file is refused; in a plain PNM file the last number may have become another one, or only a newline is
 * gone. */
static void shorter_files_are_refused(void **state)
{
    (void)state;
    size_t size;
    char *text = (char *)tvt_read(TVT_PREPROCESS_DIR "pictures.txt", &size), *rest = text;
    for (listed f; next_listed(&rest, &f); free(f.data))
        for (size_t n = 0; n < f.size; n++) {
            tvt_buf cut = tvt_paged(n ? n : 1); /* reading past the end faults */
            memcpy(cut.p, f.data, n);
            picture p;
            tvis_diag d;
            const tvis_status s = picture_decode(cut.p, n, f.name, &p, &d);
            if (!s && !(strstr(f.name, "plain") && n + 3 >= f.size))
                fail_msg("%s: %zu of %zu bytes were accepted", f.name, n, f.size);
            if (s) {
                assert_true(s == TVIS_EFORMAT || unread(f.name, s));
                assert_string_equal(d.subject, f.name);
                assert_empty(&p);
            }
            picture_free(&p);
            tvt_free(&cut);
        }
    free(text);
}

static void flipped_bits_do_no_harm(void **state)
{
    (void)state;
    size_t size;
    char *text = (char *)tvt_read(TVT_PREPROCESS_DIR "pictures.txt", &size), *rest = text;
    tvt_srand(tvt_seed);
    for (listed f; next_listed(&rest, &f); free(f.data))
        for (int round = 0; round < 300; round++) {
            const size_t at = tvt_below((uint32_t)f.size);
            const uint8_t bit = (uint8_t)(1u << tvt_below(8));
            f.data[at] ^= bit;
            picture p;
            const tvis_status s = picture_decode(f.data, f.size, f.name, &p, NULL);
            assert_true(s == TVIS_OK || s == TVIS_EFORMAT || s == TVIS_EUNSUP);
            picture_free(&p);
            f.data[at] ^= bit;
        }
    free(text);
}

/* ---- PGM and PPM ---- */

typedef struct text_case {
    const char *text;
    size_t size;
    tvis_status status;
    uint8_t first; /* sample, where it is read */
} text_case;

#define TEXT(s) s, sizeof s - 1

static void pnm_files(void **state)
{
    static const text_case cases[] = {
        { TEXT("P2 1 1 255 7"), TVIS_OK, 7 },
        { TEXT("P2#c\n1#c\n 1 # c\n\t255\r\n#c\n7"), TVIS_OK, 7 },
        { TEXT("P2 1 1 100 50"), TVIS_OK, 128 },
        { TEXT("P2 1 1 1 1"), TVIS_OK, 255 },
        { TEXT("P2 1 1 65535 257"), TVIS_OK, 1 },
        { TEXT("P5 1 1 65535 \x80\x00"), TVIS_OK, 128 },
        { TEXT("P5 1 1 65535\n\xff\xff"), TVIS_OK, 255 },
        { TEXT("P5 1 1 1000\n\x01\xf4"), TVIS_OK, 128 },
        { TEXT("P6 1 1 15 \x01\x02\x0f"), TVIS_OK, 17 },
        { TEXT("P5 1 1 255 \x09trailing bytes are no concern"), TVIS_OK, 9 },
        { TEXT("P5 1 1 15 \x10"), TVIS_EFORMAT, 0 },
        { TEXT("P5 1 1 1000 \x03\xe9"), TVIS_EFORMAT, 0 },
        { TEXT("P2 1 1 15 16"), TVIS_EFORMAT, 0 },
        { TEXT("P2 1 1 255 -1"), TVIS_EFORMAT, 0 },
        { TEXT("P2 1 1 255 99999999999999999999"), TVIS_EFORMAT, 0 },
        { TEXT("P5 0 1 255 "), TVIS_EFORMAT, 0 },
        { TEXT("P3 1 0 255 "), TVIS_EFORMAT, 0 },
        { TEXT("P5 1 1 0 \x01"), TVIS_EFORMAT, 0 },
        { TEXT("P5 1 1 65536 \x01\x01"), TVIS_EFORMAT, 0 },
        { TEXT("P5 1 1 255x\x01"), TVIS_EFORMAT, 0 },
        { TEXT("P5 a 1 255 \x01"), TVIS_EFORMAT, 0 },
        { TEXT("P6 32768 32768 255 "), TVIS_EFORMAT, 0 },
        { TEXT("P6 65535 65535 65535 "), TVIS_EFORMAT, 0 },
        { TEXT("P2 32769 1 255 1"), TVIS_EFORMAT, 0 },
        { TEXT("P1 1 1 1"), TVIS_EFORMAT, 0 },
        { TEXT("P4 1 1 \x01"), TVIS_EFORMAT, 0 },
        { TEXT("P7\nWIDTH 1\n"), TVIS_EFORMAT, 0 },
        { TEXT("P5"), TVIS_EFORMAT, 0 },
        { TEXT("GIF89a"), TVIS_EFORMAT, 0 },
        { TEXT(""), TVIS_EFORMAT, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        picture p;
        tvis_diag d;
        const tvis_status s = picture_decode(cases[i].text, cases[i].size, "case", &p, &d);
        if (s != cases[i].status || (!s && p.pixels[0] != cases[i].first))
            fail_msg("case %zu: status %d, first sample %d", i, s, s ? -1 : p.pixels[0]);
        if (s)
            assert_empty(&p);
        picture_free(&p);
    }
}

/* A side that is too long is named even where all its bytes are there. */
static void long_sides_are_refused(void **state)
{
    (void)state;
    static const char header[] = "P5 40000 1 255 ";
    const size_t n = sizeof header - 1;
    uint8_t *data = calloc(1, n + 40000);
    assert_non_null(data);
    memcpy(data, header, n);
    picture p;
    tvis_diag d;
    assert_int_equal(picture_decode(data, n + 40000, "long", &p, &d), TVIS_EFORMAT);
    assert_int_equal(d.code, TVIS_DIAG_LIMIT);
    assert_int_equal(d.expected[0], 32768);
    assert_int_equal(d.found[0], 40000);
    free(data);
}

/* ---- writing ---- */

static picture synthetic(uint32_t seed, int32_t w, int32_t h, int32_t c)
{
    picture p = { malloc((size_t)(w * h * c)), w, h, c };
    assert_non_null(p.pixels);
    tvt_synthetic(p.pixels, seed, (uint32_t)w, (uint32_t)h, (uint32_t)c);
    return p;
}

static void png_is_the_expected_file(void **state)
{
    (void)state;
    size_t want_size, size;
    uint8_t *want = tvt_read(TVT_PREPROCESS_DIR "written.png", &want_size), *data;
    picture p = synthetic(6, 9, 7, 3);
    assert_int_equal(picture_encode("x.png", &p, &data, &size, NULL), TVIS_OK);
    assert_int_equal(size, want_size);
    assert_memory_equal(data, want, size);
    free(data);
    free(want);
    picture_free(&p);
}

static void check_round_trip(const char *path, const picture *p)
{
    picture q;
    tvis_diag d;
    assert_int_equal(picture_write(path, p, &d), TVIS_OK);
    const tvis_status s = picture_read(path, &q, &d);
    assert_int_equal(remove(path), 0);
    if (unread(path, s))
        return;
    assert_int_equal(s, TVIS_OK);
    assert_int_equal(q.width, p->width);
    assert_int_equal(q.height, p->height);
    assert_int_equal(q.channels, strstr(path, ".ppm") ? 3 : p->channels);
    assert_int_equal(rgb_crc(&q), rgb_crc(p));
    picture_free(&q);
}

/* 300 x 200 x 3 takes several blocks of the PNG; 85 x 257 x 3 with its filter bytes is close to one. */
static void written_files_read_back(void **state)
{
    static const int32_t sizes[][3] = { { 1, 1, 3 }, { 300, 200, 3 }, { 85, 256, 3 }, { 255, 256, 1 }, { 17, 5, 1 } };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        picture p = synthetic(3, sizes[i][0], sizes[i][1], sizes[i][2]);
        check_round_trip(tvt_temp("io.png"), &p);
        check_round_trip(tvt_temp("io.ppm"), &p);
        if (p.channels == 1)
            check_round_trip(tvt_temp("io.pgm"), &p);
        picture_free(&p);
    }
}

static void what_cannot_be_written(void **state)
{
    (void)state;
    picture p = synthetic(3, 4, 4, 3);
    tvis_diag d;
    assert_int_equal(picture_write(tvt_temp("colour.pgm"), &p, &d), TVIS_EINVAL);
    assert_int_equal(picture_write(tvt_temp("picture.gif"), &p, &d), TVIS_EINVAL);
    assert_int_equal(picture_write("no-ending", &p, &d), TVIS_EINVAL);
    assert_int_equal(picture_write("tests/no/such/folder/x.png", &p, &d), TVIS_EIO);
    assert_string_equal(d.subject, "tests/no/such/folder/x.png");
    picture bad = p;
    bad.width = 0;
    assert_int_equal(picture_write(tvt_temp("bad.png"), &bad, &d), TVIS_EINVAL);
    bad.width = 32768;
    bad.height = 32768;
    assert_int_equal(picture_write(tvt_temp("bad.png"), &bad, &d), TVIS_EINVAL);
    bad = p;
    bad.channels = 4;
    assert_int_equal(picture_write(tvt_temp("bad.png"), &bad, &d), TVIS_EINVAL);
    picture_free(&p);
}

static void what_cannot_be_read(void **state)
{
    (void)state;
    picture p;
    tvis_diag d;
    assert_int_equal(picture_read("tests/no-such-file.png", &p, &d), TVIS_EIO);
    assert_string_equal(d.subject, "tests/no-such-file.png");
    assert_empty(&p);
    assert_int_equal(picture_read("tests", &p, &d), TVIS_EIO);
    assert_empty(&p);
}

/* Each allocation, and each call that writes, fails in turn: a status, and no file. */
static void failures_leave_nothing(void **state)
{
    static const char *const files[] = { "raw.ppm", "rgb8.png", "cmyk.jpg", "rgb_adam7.png" };
    static const tvt_fault_kind kinds[] = { TVT_ALLOC, TVT_OPEN, TVT_WRITE, TVT_SYNC, TVT_CLOSE, TVT_RENAME };
    (void)state;
    picture p;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (uint32_t n = 0;; n++) {
            char path[128];
            snprintf(path, sizeof path, TVT_PREPROCESS_DIR "%s", files[i]);
            tvt_fault(TVT_ALLOC, n, ENOMEM);
            const tvis_status s = picture_read(path, &p, NULL);
            const bool fired = tvt_fault_fired();
            assert_true(fired ? s == TVIS_ENOMEM : s == TVIS_OK || unread(path, s));
            picture_free(&p);
            if (!fired)
                break;
        }
    p = synthetic(3, 30, 20, 3);
    const char *path = tvt_temp("fault.png");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (uint32_t n = 0;; n++) {
            tvt_fault(kinds[i], n, EACCES);
            const tvis_status s = picture_write(path, &p, NULL);
            if (!tvt_fault_fired()) {
                assert_int_equal(s, TVIS_OK);
                assert_int_equal(remove(path), 0);
                break;
            }
            if (s == TVIS_OK) /* the failure was one that may be passed over */
                assert_int_equal(remove(path), 0);
            else
                assert_int_not_equal(remove(path), 0);
        }
    picture_free(&p);
}

/* ---- photographs ---- */

static const tvis_preprocess crop_preset = { .filter = TVIS_FILTER_BILINEAR,
                                             .fit = TVIS_FIT_CROP,
                                             .channels = 3,
                                             .crop = 0.875f,
                                             .std = { 1, 1, 1 } };

/* side x side pixels in malloc's memory. */
static uint8_t *crop_of(const char *path, uint8_t filter, uint32_t resized, uint32_t side)
{
    picture p;
    tvis_diag d;
    const tvis_status s = picture_read(path, &p, &d);
    if (unread(path, s))
        skip();
    if (s)
        fail_msg("%s: %s", path, d.detail);
    tvis_preprocess preset = crop_preset;
    preset.filter = filter;
    preset.crop = (float)side / (float)resized;
    const tvis_image view = picture_view(&p);
    size_t bytes;
    assert_int_equal(tvis_preprocess_size(&preset, &view, (int32_t)side, (int32_t)side, &bytes, &d), TVIS_OK);
    tvt_buf mem = tvt_guarded(bytes);
    uint8_t *out = malloc((size_t)side * side * 3);
    assert_non_null(out);
    assert_int_equal(tvis_preprocess_u8(&preset, &view, (int32_t)side, (int32_t)side, out, mem.p, bytes, &d), TVIS_OK);
    tvt_free(&mem);
    picture_free(&p);
    return out;
}

static void photographs_are_those_of_pillow(void **state)
{
    (void)state;
    size_t size;
    const char *folder = tvt_data("photos");
    char *text = (char *)tvt_read(TVT_PREPROCESS_DIR "photos.txt", &size), *rest = text, *line, path[4096];
    while ((line = tvt_line(&rest))) {
        char name[64];
        unsigned filter, resized, side, crc;
        assert_int_equal(sscanf(line, "%63s %u %u %u %x", name, &filter, &resized, &side, &crc), 5);
        snprintf(path, sizeof path, "%s/%s", folder, name);
        uint8_t *out = crop_of(path, (uint8_t)filter, resized, side);
        if (tvis_crc32(0, out, (size_t)side * side * 3) != crc)
            fail_msg("other pixels than Pillow's: %s", line);
        free(out);
    }
    free(text);
}

/* The files of imagenet_sample are 256 pixels on the shorter side: the crop alone, no resize. */
static void crops_are_those_of_the_golden_images(void **state)
{
    enum { CROP = 224 * 224 * 3, COUNT = 20 };
    (void)state;
    size_t size, json_size;
    uint8_t *npy = tvt_read(tvt_data("golden/input_crops_u8.npy"), &size);
    char *json = (char *)tvt_read(tvt_data("golden/mobilenet_v2_logits.json"), &json_size), *at = json;
    const char *folder = tvt_data("imagenet_sample");
    assert_true(size > (size_t)CROP * COUNT);
    const uint8_t *want = npy + size - (size_t)CROP * COUNT;
    for (int i = 0; i < COUNT; i++, want += CROP) {
        char name[128], path[4096];
        at = strstr(at, "\"file\": \"");
        assert_non_null(at);
        at += 9;
        assert_int_equal(sscanf(at, "%127[^\"]", name), 1);
        snprintf(path, sizeof path, "%s/%s", folder, name);
        uint8_t *out = crop_of(path, TVIS_FILTER_BILINEAR, 256, 224);
        if (memcmp(out, want, CROP) != 0)
            fail_msg("%s: another crop", name);
        free(out);
    }
    free(json);
    free(npy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_are_those_of_pillow),
        cmocka_unit_test(shorter_files_are_refused),
        cmocka_unit_test(flipped_bits_do_no_harm),
        cmocka_unit_test(pnm_files),
        cmocka_unit_test(long_sides_are_refused),
        cmocka_unit_test(png_is_the_expected_file),
        cmocka_unit_test(written_files_read_back),
        cmocka_unit_test(what_cannot_be_written),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(failures_leave_nothing),
        cmocka_unit_test(photographs_are_those_of_pillow),
        cmocka_unit_test(crops_are_those_of_the_golden_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
