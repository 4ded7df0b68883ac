/* SPDX-License-Identifier: MIT */
/* Networks of tests/golden/parity/convnets: their layers as PyTorch names them, and weights for these from the seed. */
#ifndef TVT_GOLDEN_NET_H
#define TVT_GOLDEN_NET_H

#include <math.h>

#include "tests/network.h"
#include "tests/weights_file.h"

#define TVT_NETS "tests/golden/parity/convnets/"

typedef enum tvt_layer_kind { TVT_NORM, TVT_LINEAR, TVT_CONV, TVT_BIASED } tvt_layer_kind;

typedef struct tvt_layer {
    tvt_layer_kind kind;
    char name[80];
    int64_t dims[4]; /* of the weight */
    float scale;     /* mean square of what a batch norm is given */
} tvt_layer;

typedef struct tvt_golden_case {
    unsigned h, w;
    double gap; /* of PyTorch in float32 from the reference, over its range */
} tvt_golden_case;

typedef struct tvt_golden_net {
    char file[64], arch[40];
    unsigned seed, same, classes, case_count, layer_count;
    float width;
    tvt_golden_case cases[8];
    tvt_layer *layer;
    float *logits; /* a row a case */
} tvt_golden_net;

static inline void tvt_parse_layer(tvt_layer *l, const char *line, const char *file)
{
    static const char *const kinds[] = { "norm", "linear", "conv", "biased" };
    static const int numbers[] = { 2, 2, 4, 4 };
    char kind[12];
    double v[4];
    const int n = sscanf(line, "%11s %79s %lf %lf %lf %lf", kind, l->name, &v[0], &v[1], &v[2], &v[3]);
    for (int k = 0; k < 4; k++)
        if (n > 2 && strcmp(kind, kinds[k]) == 0 && n == 2 + numbers[k]) {
            l->kind = (tvt_layer_kind)k;
            l->scale = (float)v[1];
            for (int i = 0; i < numbers[k]; i++)
                l->dims[i] = (int64_t)v[i];
            return;
        }
    fail_msg("%s: %.60s", file, line);
}

static inline void tvt_golden_load(tvt_golden_net *g, const char *file)
{
    char path[256];
    size_t size, dims[1];
    memset(g, 0, sizeof *g);
    assert_true(snprintf(g->file, sizeof g->file, "%s", file) < (int)sizeof g->file);
    assert_true(snprintf(path, sizeof path, TVT_NETS "%s.txt", file) < (int)sizeof path);
    char *text = (char *)tvt_read(path, &size);
    const char *line = text;
    assert_int_equal(sscanf(line, "seed %u arch %39s same %u classes %u sizes %u layers %u width %f", &g->seed, g->arch,
                            &g->same, &g->classes, &g->case_count, &g->layer_count, &g->width),
                     7);
    assert_true(g->case_count <= TVIS_COUNT(g->cases));
    for (unsigned i = 0; i < g->case_count; i++) {
        line = tvt_next_line(line, file);
        assert_int_equal(sscanf(line, "%u %u %lf", &g->cases[i].h, &g->cases[i].w, &g->cases[i].gap), 3);
    }
    g->layer = calloc(g->layer_count, sizeof *g->layer);
    assert_non_null(g->layer);
    for (unsigned i = 0; i < g->layer_count; i++)
        tvt_parse_layer(&g->layer[i], line = tvt_next_line(line, file), file);
    free(text);
    assert_true(snprintf(path, sizeof path, TVT_NETS "%s.npy", file) < (int)sizeof path);
    g->logits = tvt_npy_f32(path, dims, 1);
    assert_int_equal(dims[0], g->case_count * g->classes);
}

static inline void tvt_golden_free(tvt_golden_net *g)
{
    free(g->layer);
    free(g->logits);
}

static inline void tvt_scale_weight(tvt_weight *t, float by)
{
    for (size_t i = 0; i < t->count; i++)
        t->data[i] *= by;
}

/* Every tensor of the file that PyTorch would save. */
static inline void tvt_golden_weights(const tvt_golden_net *g, tvt_weights *w)
{
    memset(w, 0, sizeof *w);
    for (unsigned i = 0; i < g->layer_count; i++) {
        const tvt_layer *l = &g->layer[i];
        const tvis_random_role role = l->kind == TVT_NORM ? TVIS_RANDOM_BN_WEIGHT : TVIS_RANDOM_WEIGHT;
        const uint32_t rank = l->kind == TVT_NORM ? 1 : l->kind == TVT_LINEAR ? 2 : 4;
        tvt_weight_random(w, l->name, "weight", role, l->dims, rank, g->seed);
        if (l->kind == TVT_NORM) {
            tvt_weight_random(w, l->name, "bias", TVIS_RANDOM_BN_BIAS, l->dims, 1, g->seed);
            tvt_scale_weight(tvt_weight_random(w, l->name, "running_mean", TVIS_RANDOM_BN_MEAN, l->dims, 1, g->seed),
                             sqrtf(l->scale));
            tvt_scale_weight(tvt_weight_random(w, l->name, "running_var", TVIS_RANDOM_BN_VAR, l->dims, 1, g->seed),
                             l->scale);
        } else if (l->kind != TVT_CONV) {
            tvt_weight_random(w, l->name, "bias", TVIS_RANDOM_BIAS, l->dims, 1, g->seed);
        }
    }
}

/* Converts tensors as the architecture of g. */
static inline tvis_status tvt_golden_convert(const tvt_golden_net *g, const tvt_weights *w, tvis_blob *blob,
                                             tvis_diag *d)
{
    const char *path = tvt_temp("net.safetensors");
    const tvis_convert_config c = {
        .struct_size = sizeof c, .arch = g->arch, .weights = path, .width = g->width, .same_padding = g->same != 0
    };
    tvt_weights_write(w, path);
    const tvis_status status = tvis_convert(&c, blob, d);
    assert_int_equal(remove(path), 0);
    return status;
}

static inline float *tvt_golden_input(const tvt_golden_net *g, unsigned h, unsigned w)
{
    const size_t count = (size_t)g->layer[0].dims[1] * h * w;
    float *x = malloc(sizeof *x * count);
    assert_non_null(x);
    tvis_random_fill(g->seed, "input", TVIS_RANDOM_INPUT, 1, x, (int64_t)count);
    return x;
}

#endif
