/* SPDX-License-Identifier: MIT */
/* Factors by channel leave what a float network computes as it is, make the channels of its activations more alike, and can be
 * taken back. */
#include <math.h>

#include "core/port.h"
#include "quant/equalize_hosted.h"
#include "quant/maker.h"
#include "quant/runner_hosted.h"
#include "tests/network.h"

enum { PICTURES = 2 };

typedef struct pictures {
    uint16_t side;
    int32_t channels;
} pictures;

static void draw(const pictures *p, uint32_t i, float *x)
{
    tvt_srand(300 + i);
    tvt_fill_f32(x, (size_t)p->side * p->side * (size_t)p->channels);
}

static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)d;
    draw(user, i, in->data);
    return TVIS_OK;
}

/* The network with activations as nodes of their own, in memory that may be written. */
typedef struct plain {
    tvis_blob blob;
    tvis_model m;
    tvis_graph g;
    tvis_diag d;
} plain;

static void make_plain(plain *p, const tvis_convert_config *c)
{
    tvis_blob blob;
    tvis_model m;
    tvis_graph fused, split;
    tvt_convert(c, &blob, &m);
    tvis_graph_init(&fused, &p->d);
    tvis_graph_init(&split, &p->d);
    tvis_graph_read(&fused, &m);
    tvis_split_activations(&split, &fused);
    tvt_ok(tvis_blob_write(&split, &p->blob, &p->d), &p->d);
    tvt_ok(tvis_model_open(&p->m, p->blob.data, p->blob.size, &p->d), &p->d);
    tvis_graph_init(&p->g, &p->d);
    tvis_graph_read(&p->g, &p->m);
    tvis_graph_free(&split);
    tvis_graph_free(&fused);
    tvis_blob_free(&blob);
}

/* Largest channel over the mean channel, in the mean (logarithmic) over the tensors that have factors. */
static double unlikeness(const tvis_equalization *e, const tvis_calibration *k)
{
    double sum = 0.0;
    int tensors = 0;
    for (uint32_t i = 0; i < k->count; i++) {
        double largest = 0.0, mean = 0.0;
        const tvis_observed *o = &k->tensor[i];
        for (int32_t c = 0; e->factor[e->groups.root[i]] && c < o->channels; c++) {
            largest = fmax(largest, (double)o->extremes[c]);
            mean += (double)o->extremes[c] / o->channels;
        }
        if (mean > 0.0) {
            sum += log(largest / mean);
            tensors++;
        }
    }
    return tensors ? sum / tensors : 0.0;
}

/* The first output. */
static void run_all(const plain *p, const pictures *s, size_t outputs, float *y)
{
    tvis_runner r;
    tvis_tensor out;
    tvis_diag d;
    tvt_ok(tvis_runner_start(&r, &p->m, tvt_cpu(), NULL, NULL, &d), &d);
    for (uint32_t i = 0; i < PICTURES; i++) {
        draw(s, i, r.input.data);
        tvt_ok(tvis_session_run(r.session, &r.input, NULL, &d), &d);
        assert_int_equal(tvis_session_output(r.session, 0, &out), TVIS_OK);
        memcpy(y + i * outputs, out.data, outputs * sizeof *y);
    }
    tvis_runner_free(&r);
}

static void check(const char *arch, uint16_t side, float width, int32_t channels, size_t outputs, uint32_t least)
{
    const tvis_convert_config c = { .struct_size = sizeof c,
                                    .arch = arch,
                                    .seed = 5,
                                    .classes = strncmp(arch, "dino", 4) ? (uint32_t)outputs : 0,
                                    .width = width,
                                    .h = side,
                                    .w = side };
    pictures s = { side, channels };
    const tvis_quantize_config q = {
        .struct_size = sizeof q, .mode = TVIS_QUANTIZE_INT8, .images = PICTURES, .input = picture, .input_user = &s
    };
    plain p;
    tvis_equalization e;
    tvis_calibration before, after;
    float *want = malloc(PICTURES * outputs * sizeof *want), *got = malloc(PICTURES * outputs * sizeof *got);
    assert_true(want && got);
    make_plain(&p, &c);
    run_all(&p, &s, outputs, want);
    tvt_ok(tvis_calibrate(&before, &p.m, &q, &p.d), &p.d);
    assert_int_equal(tvis_equalization_choose(&e, &p.g, &before), TVIS_OK);
    if (e.layers < least)
        fail_msg("%s: %u tensors have factors", arch, e.layers);
    for (int back = 0; back < 2; back++) {
        tvis_equalization_apply(&e, &p.g, back);
        run_all(&p, &s, outputs, got);
        for (size_t i = 0; i < PICTURES * outputs; i++)
            if (!(fabsf(got[i] - want[i]) <= 1e-4f * tvt_range_f32(want, PICTURES * outputs)))
                fail_msg("%s, %s: output %zu: %g for %g", arch, back ? "taken back" : "with factors", i, (double)got[i],
                         (double)want[i]);
        tvt_ok(tvis_calibrate(&after, &p.m, &q, &p.d), &p.d);
        if (!back && strncmp(arch, "dino", 4) != 0)
            assert_true(unlikeness(&e, &after) < 0.8 * unlikeness(&e, &before));
        tvis_calibration_free(&after);
    }
    tvis_equalization_free(&e);
    tvis_calibration_free(&before);
    tvis_graph_free(&p.g);
    tvis_blob_free(&p.blob);
    free(want);
    free(got);
}

static void convolutions(void **state)
{
    (void)state;
    check("mobilenet_v2", 64, 0.35f, 3, 20, 30);
    check("mobilenet_v3_small", 64, 1.0f, 3, 20, 8);
    if (tvt_quick())
        return;
    check("resnet18", 64, 1.0f, 3, 20, 8);
    check("mobilenet_v4_conv_small", 64, 1.0f, 3, 20, 20);
}

static void transformers(void **state)
{
    (void)state;
    if (tvt_quick())
        skip();
    check("dinov2_vits14", 28, 1.0f, 3, 384, 24 + 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(transformers),
    };
    return cmocka_run_group_tests_name("equalize", tests, NULL, NULL);
}
