/* SPDX-License-Identifier: MIT */
/* Trained weights and photographs of TINYVIS_DATA against the logits that PyTorch gave for them. */
#include "tests/network.h"

enum { PHOTOS = 20, SIDE = 224, CLASSES = 1000 };

static void convert(const char *weights, tvis_blob *blob, tvis_model *m)
{
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = "mobilenet_v2", .weights = tvt_data(weights) };
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

/* The crop is 224x224 already: FIT_STRETCH leaves its pixels alone. */
static void normalise(const tvis_model *m, const uint8_t *rgb, float *x)
{
    const tvis_image image = { rgb, NULL, SIDE, SIDE, SIDE * 3, TVIS_PIXEL_RGB };
    const tvis_tensor out = { x, { 1, SIDE, SIDE, 3 }, TVIS_F32, TVIS_NCHW };
    tvis_preprocess p;
    tvis_diag d;
    size_t bytes = 0;
    tvis_model_preprocess(m, &p);
    p.fit = TVIS_FIT_STRETCH;
    tvt_ok(tvis_preprocess_size(&p, &image, SIDE, SIDE, &bytes, &d), &d);
    tvt_buf mem = tvt_guarded(bytes);
    tvt_ok(tvis_preprocess_run(&p, &image, &out, mem.p, bytes, &d), &d);
    assert_true(tvt_guards_ok(&mem));
    tvt_free(&mem);
}

static void photographs(void **state)
{
    (void)state;
    const char *crop_file = tvt_data("golden/input_crops_u8.npy");
    const char *logit_file = tvt_data("golden/mobilenet_v2_logits.npy");
    static float x[3 * SIDE * SIDE], y[CLASSES];
    const unsigned photos = tvt_quick() ? 1 : PHOTOS;
    size_t dims[2];
    tvis_blob blob;
    tvis_model m;
    double worst = 0;
    convert("weights/mobilenet_v2.safetensors", &blob, &m);
    uint8_t *rgb = crops(crop_file);
    float *want = tvt_npy_f32(logit_file, dims, 2);
    assert_true(dims[0] == PHOTOS && dims[1] == CLASSES);
    for (unsigned i = 0; i < photos; i++) {
        tvt_run r = tvt_default_run(1, SIDE, SIDE);
        r.packed = i % 2 == 0;
        r.plan = i % 4 == 3 ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        normalise(&m, rgb + (size_t)i * SIDE * SIDE * 3, x);
        tvt_infer(&m, &r, x, y);
        const double e = tvt_max_diff_f32(y, want + (size_t)i * CLASSES, CLASSES);
        if (!(e <= 1e-3))
            fail_msg("photo %u: logits differ by %g", i, e);
        worst = e > worst ? e : worst;
    }
    print_message("# %u photographs, logits differ from PyTorch by %.2e at most\n", photos, worst);
    free(want);
    free(rgb);
    tvis_blob_free(&blob);
}

static void both_files_give_one_blob(void **state)
{
    tvis_blob a, b;
    tvis_model m;
    (void)state;
    convert("weights/mobilenet_v2.safetensors", &a, &m);
    convert("weights/mobilenet_v2.pth", &b, &m);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    tvis_blob_free(&a);
    tvis_blob_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(photographs),
        cmocka_unit_test(both_files_give_one_blob),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
