/* SPDX-License-Identifier: MIT */
/* Trained weights and photographs of TINYVIS_DATA against what PyTorch gave for them. */
#include "core/port.h"
#include "examples/tinyvis/image_read.h"
#include "examples/tinyvis/labels.h"
#include "tests/network.h"

enum { PHOTOS = 20, SIDE = 224, CLASSES = 1000 };

typedef struct trained {
    const char *arch, *weights, *logits;
    bool same;         /* TensorFlow's padding */
    double top1, top5; /* per cent of the photographs */
} trained;

static const trained v2 = {
    "mobilenet_v2", "weights/mobilenet_v2.safetensors", "golden/mobilenet_v2_logits.npy", false, 82.0, 96.6
};
static const trained v3 = { "mobilenet_v3_small",
                            "weights/mobilenet_v3_small_tfpad.safetensors",
                            "golden/mobilenet_v3_small_tfpad_logits.npy",
                            true,
                            77.6,
                            93.6 };

static void convert(const char *arch, const char *weights, bool same, tvis_blob *blob, tvis_model *m)
{
    const tvis_convert_config c = {
        .struct_size = sizeof c, .arch = arch, .weights = tvt_data(weights), .same_padding = same
    };
    tvt_convert(&c, blob, m);
}

static uint8_t *crops(const char *path)
{
    const size_t pixels = (size_t)PHOTOS * SIDE * SIDE * 3;
    size_t size;
    uint8_t *file = tvt_read(path, &size);
    assert_true(size > pixels + 10);
    assert_int_equal(size - pixels, 10u + file[8] + 256u * file[9]); /* the header of .npy */
    memmove(file, file + size - pixels, pixels);
    return file;
}

/* A picture to a network's input (n, c, h, w), as p says. */
static void prepare(const tvis_preprocess *p, const tvis_image *image, int32_t side, float *x)
{
    const tvis_tensor out = { x, { 1, side, side, 3 }, TVIS_F32, TVIS_NCHW };
    tvis_diag d;
    size_t bytes = 0;
    tvt_ok(tvis_preprocess_size(p, image, side, side, &bytes, &d), &d);
    tvt_buf mem = tvt_guarded(bytes);
    tvt_ok(tvis_preprocess_run(p, image, &out, mem.p, bytes, &d), &d);
    assert_true(tvt_guards_ok(&mem));
    tvt_free(&mem);
}

/* A picture that has the network's size: FIT_STRETCH leaves its pixels alone. */
static void normalise(const tvis_model *m, const uint8_t *rgb, int32_t side, float *x)
{
    const tvis_image image = { rgb, NULL, side, side, side * 3, TVIS_PIXEL_RGB };
    tvis_preprocess p;
    tvis_model_preprocess(m, &p);
    p.fit = TVIS_FIT_STRETCH;
    prepare(&p, &image, side, x);
}

static void logits(void **state)
{
    const trained *t = *state;
    const char *crop_file = tvt_data("golden/input_crops_u8.npy"), *logit_file = tvt_data(t->logits);
    static float x[3 * SIDE * SIDE], y[CLASSES];
    const unsigned photos = tvt_quick() ? 1 : PHOTOS;
    size_t dims[2];
    tvis_blob blob;
    tvis_model m;
    double worst = 0;
    convert(t->arch, t->weights, t->same, &blob, &m);
    uint8_t *rgb = crops(crop_file);
    float *want = tvt_npy_f32(logit_file, dims, 2);
    assert_true(dims[0] == PHOTOS && dims[1] == CLASSES);
    for (unsigned i = 0; i < photos; i++) {
        tvt_run r = tvt_default_run(1, SIDE, SIDE);
        r.packed = i % 2 == 0;
        r.plan = i % 4 == 3 ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        normalise(&m, rgb + (size_t)i * SIDE * SIDE * 3, SIDE, x);
        tvt_infer(&m, &r, x, y);
        const double e = tvt_max_diff_f32(y, want + (size_t)i * CLASSES, CLASSES);
        if (!(e <= 1e-3))
            fail_msg("%s, photo %u: logits differ by %g", t->arch, i, e);
        worst = e > worst ? e : worst;
    }
    print_message("# %s: %u photographs, logits differ from PyTorch by %.2e at most\n", t->arch, photos, worst);
    free(want);
    free(rgb);
    tvis_blob_free(&blob);
}

/* The sample's list; a test that needs photographs is for where they are quick. */
static void open_list(label_table *list)
{
    tvis_diag d;
    const char *path = tvt_data("imagenet_sample/labels.csv");
    if (tvt_quick())
        skip();
    tvt_ok(labels_read_csv(path, CLASSES, list, &d), &d);
}

/* Skips the test in a build that reads no JPEG. */
static picture photograph(const char *file)
{
    char name[256];
    picture p;
    tvis_diag d;
    assert_true(snprintf(name, sizeof name, "imagenet_sample/%s", file) < (int)sizeof name);
    const tvis_status status = picture_read(tvt_data(name), &p, &d);
    if (status == TVIS_EUNSUP)
        skip();
    tvt_ok(status, &d);
    return p;
}

static void accuracy(void **state)
{
    const trained *t = *state;
    static float x[3 * SIDE * SIDE], y[CLASSES];
    unsigned top1 = 0, top5 = 0;
    label_table list;
    tvis_preprocess prep;
    tvis_blob blob;
    tvis_model m;
    open_list(&list);
    convert(t->arch, t->weights, t->same, &blob, &m);
    tvis_model_preprocess(&m, &prep);
    const tvt_run r = tvt_default_run(1, SIDE, SIDE);
    for (size_t i = 0; i < list.count; i++) {
        uint32_t best[5];
        float prob[5];
        picture p = photograph(list.row[i].file);
        const tvis_image view = picture_view(&p);
        prepare(&prep, &view, SIDE, x);
        picture_free(&p);
        tvt_infer(&m, &r, x, y);
        tvis_top_k(y, CLASSES, 5, best, prob);
        top1 += best[0] == list.row[i].class_index;
        for (int k = 0; k < 5; k++)
            top5 += best[k] == list.row[i].class_index;
    }
    const double each = 100.0 / (double)list.count, a = each * top1, b = each * top5;
    print_message("# %s: top-1 %.1f, top-5 %.1f of %zu photographs\n", t->arch, a, b, list.count);
    labels_free_csv(&list);
    tvis_blob_free(&blob);
    assert_true(a >= t->top1 - 1.001 * each && a <= t->top1 + 1.001 * each);
    assert_true(b >= t->top5 - 1.001 * each && b <= t->top5 + 1.001 * each);
}

/* The class of CIFAR-10 that a class of ImageNet belongs to, or -1. */
static int cifar_class(uint32_t imagenet)
{
    static const struct {
        uint16_t first, last;
        uint8_t cifar;
    } ranges[] = {
        { 404, 404, 0 }, { 895, 895, 0 }, { 436, 436, 1 }, { 468, 468, 1 }, { 511, 511, 1 }, { 609, 609, 1 },
        { 627, 627, 1 }, { 656, 656, 1 }, { 661, 661, 1 }, { 751, 751, 1 }, { 817, 817, 1 }, { 7, 24, 2 },
        { 80, 100, 2 },  { 127, 146, 2 }, { 281, 285, 3 }, { 351, 353, 4 }, { 151, 268, 5 }, { 30, 32, 6 },
        { 339, 339, 7 }, { 403, 403, 8 }, { 510, 510, 8 }, { 554, 554, 8 }, { 625, 625, 8 }, { 628, 628, 8 },
        { 724, 724, 8 }, { 780, 780, 8 }, { 814, 814, 8 }, { 871, 871, 8 }, { 914, 914, 8 }, { 555, 555, 9 },
        { 569, 569, 9 }, { 675, 675, 9 }, { 717, 717, 9 }, { 864, 864, 9 }, { 867, 867, 9 },
    };
    for (size_t i = 0; i < TVIS_COUNT(ranges); i++)
        if (imagenet >= ranges[i].first && imagenet <= ranges[i].last)
            return ranges[i].cifar;
    return -1;
}

/* The centre of 224 x 224, averaged in boxes of 7 x 7, rows first, both rounded: Pillow's resize with a box. */
static void small_picture(const char *file, uint8_t small[32 * 32 * 3])
{
    static uint8_t crop[SIDE * SIDE * 3];
    const tvis_preprocess centre = { .fit = TVIS_FIT_CROP, .channels = 3, .crop = 0.875f, .std = { 1, 1, 1 } };
    picture p = photograph(file);
    const tvis_image view = picture_view(&p);
    tvis_diag d;
    size_t bytes = 0;
    tvt_ok(tvis_preprocess_size(&centre, &view, SIDE, SIDE, &bytes, &d), &d);
    tvt_buf mem = tvt_guarded(bytes);
    tvt_ok(tvis_preprocess_u8(&centre, &view, SIDE, SIDE, crop, mem.p, bytes, &d), &d);
    tvt_free(&mem);
    picture_free(&p);
    for (int i = 0; i < 32 * 32 * 3; i++) {
        const uint8_t *box = crop + ((i / 96) * 7 * SIDE + (i / 3 % 32) * 7) * 3 + i % 3;
        int rows = 0;
        for (int row = 0; row < 7; row++, box += SIDE * 3) {
            int sum = 3;
            for (int k = 0; k < 7; k++)
                sum += box[k * 3];
            rows += sum / 7;
        }
        small[i] = (uint8_t)((rows + 3) / 7);
    }
}

static void resnet20_knows_small_pictures(void **state)
{
    static float x[3 * 32 * 32];
    unsigned right = 0, all = 0;
    label_table list;
    tvis_blob blob;
    tvis_model m;
    (void)state;
    open_list(&list);
    convert("resnet20_cifar10", "weights/resnet20_cifar10.pth", false, &blob, &m);
    const tvt_run r = tvt_default_run(1, 32, 32);
    for (size_t i = 0; i < list.count; i++) {
        uint8_t small[32 * 32 * 3];
        float y[10], prob;
        uint32_t best;
        const int want = cifar_class(list.row[i].class_index);
        if (want < 0)
            continue;
        small_picture(list.row[i].file, small);
        normalise(&m, small, 32, x);
        tvt_infer(&m, &r, x, y);
        tvis_top_k(y, 10, 1, &best, &prob);
        right += best == (uint32_t)want;
        all++;
    }
    labels_free_csv(&list);
    tvis_blob_free(&blob);
    print_message("# resnet20_cifar10: %u of %u photographs\n", right, all);
    assert_int_equal(all, 106);
    assert_in_range(right, 61, 63); /* 58.5 % by PyTorch */
}

static void both_files_give_one_blob(void **state)
{
    static const struct {
        const char *arch, *zip, *plain;
    } files[] = {
        { "mobilenet_v2", "weights/mobilenet_v2.pth", "weights/mobilenet_v2.safetensors" },
        { "mobilenet_v3_small", "weights/mobilenet_v3_small_tfpad.pth",
          "weights/mobilenet_v3_small_tfpad.safetensors" },
        { "resnet20_cifar10", "weights/resnet20_cifar10.pth", "weights/resnet20_cifar10.safetensors" },
    };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(files); i++) {
        tvis_blob a, b;
        tvis_model m;
        convert(files[i].arch, files[i].zip, false, &a, &m);
        convert(files[i].arch, files[i].plain, false, &b, &m);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
        tvis_blob_free(&a);
        tvis_blob_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(logits, (void *)(uintptr_t)&v2),
        cmocka_unit_test_prestate(logits, (void *)(uintptr_t)&v3),
        cmocka_unit_test_prestate(accuracy, (void *)(uintptr_t)&v2),
        cmocka_unit_test_prestate(accuracy, (void *)(uintptr_t)&v3),
        cmocka_unit_test(resnet20_knows_small_pictures),
        cmocka_unit_test(both_files_give_one_blob),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
