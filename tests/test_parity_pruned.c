/* SPDX-License-Identifier: MIT */
/* Networks without a quarter of the channels of each group, against PyTorch's networks without the same ones: each
 * logit. Which channels belong together is found on both sides, and has to be the same. */
#include "quant/channel_groups_hosted.h"
#include "tests/golden_net.h"

#include <tinyvis/quantize.h>

#define TOLERANCE 1e-4 /* of the range of the reference */

enum { MOST_LAYERS = 256 };

static const char *const nets[] = {
    "mobilenet_v1.timm",
    "mobilenet_v1.gray",
    "mobilenet_v2.timm",
    "mobilenet_v3_small",
    "mobilenet_v3_small.timm",
    "mobilenet_v3_small.tf",
    "mobilenet_v3_large",
    "mobilenet_v3_large.timm",
    "mobilenet_v3_large.tf",
    "mobilenet_v4_conv_small.timm",
    "mobilenet_v4_conv_medium.timm",
    "efficientnet_b0",
    "efficientnet_b0.timm",
    "efficientnet_b0.tf",
    "efficientnet_b1",
    "efficientnet_b2.timm",
    "efficientnet_b3",
    "efficientnet_b4.timm",
    "resnet18",
    "resnet18.two",
    "resnet20_cifar10",
    "resnet34",
    "resnet50",
};

/* A layer of PyTorch's network, in the order in which they run; key: of the group that it writes, "-" if that is fixed.
 */
typedef struct layer {
    int32_t dims[4]; /* out, in, height, width */
    char key[80];
    bool used;
} layer;

typedef struct pruned_net {
    char file[64];
    unsigned h, w, groups, layer_count;
    double gap;
    layer layer[MOST_LAYERS];
    size_t first; /* of its logits */
} pruned_net;

static char *text;
static float *logits;
static size_t logit_count;

static void load_net(const char *file, pruned_net *p)
{
    const char *line = text;
    memset(p, 0, sizeof *p);
    for (;; line = tvt_next_line(line, file)) {
        assert_int_equal(sscanf(line, "net %63s %u %u %lf groups %u layers %u", p->file, &p->h, &p->w, &p->gap,
                                &p->groups, &p->layer_count),
                         6);
        assert_true(p->layer_count <= MOST_LAYERS);
        for (unsigned k = 0; k < p->layer_count; k++) {
            layer *l = &p->layer[k];
            line = tvt_next_line(line, file);
            assert_int_equal(
                sscanf(line, "%d %d %d %d %79s", &l->dims[0], &l->dims[1], &l->dims[2], &l->dims[3], l->key), 5);
        }
        if (strcmp(p->file, file) == 0)
            return;
        tvt_golden_net g;
        tvt_golden_load(&g, p->file);
        p->first += g.classes;
        tvt_golden_free(&g);
    }
}

/* PyTorch's layer that a node is: the first one of its shape that was not another node. */
static layer *layer_of(pruned_net *p, const tvis_gnode *n, const int32_t *w)
{
    const bool depthwise = n->op == TVIS_OP_DEPTHWISE;
    const int32_t dims[4] = { depthwise ? w[3] : w[0], depthwise ? 1 : w[3], w[1], w[2] };
    for (unsigned i = 0; i < p->layer_count; i++)
        if (!p->layer[i].used && memcmp(p->layer[i].dims, dims, sizeof dims) == 0) {
            p->layer[i].used = true;
            return &p->layer[i];
        }
    fail_msg("%s: PyTorch's network has no layer like %s", p->file, n->name);
    return NULL;
}

static bool *draw_keep(const char *key, int32_t units)
{
    char name[100];
    float *v = malloc((size_t)units * sizeof *v);
    bool *keep = malloc((size_t)units * sizeof *keep);
    assert_true(v && keep);
    (void)snprintf(name, sizeof name, "keep.%s", key);
    tvis_random_fill(5, name, TVIS_RANDOM_BN_MEAN, 1, v, units);
    for (int32_t i = 0; i < units; i++)
        keep[i] = i == 0 || v[i] > -0.05f;
    free(v);
    return keep;
}

/* The layer's group is PyTorch's: fixed where that is, of the same name as those of other layers that write it. */
static void mark(const pruned_net *p, tvis_channel_groups *s, const char **key, const tvis_gnode *n, const layer *l)
{
    const uint32_t root = s->root[n->out[0]];
    const bool fixed = strcmp(l->key, "-") == 0;
    if (s->fixed[root] != fixed)
        fail_msg("%s: channels of %s are %s here", p->file, n->name, fixed ? "free" : "fixed");
    if (key[root] && strcmp(key[root], l->key) != 0)
        fail_msg("%s: %s belongs to %s, here to %s", p->file, n->name, l->key, key[root]);
    key[root] = l->key;
    if (!fixed && !s->keep[root])
        s->keep[root] = draw_keep(l->key, s->units[root]);
}

static void cut(pruned_net *p, tvis_graph *g)
{
    tvis_channel_groups s;
    const char **key = calloc(g->tensor_count, sizeof *key);
    unsigned cut_groups = 0;
    assert_non_null(key);
    assert_int_equal(tvis_channel_groups_find(&s, g), TVIS_OK);
    for (uint32_t i = 0; i < g->node_count; i++) {
        const tvis_gnode *n = &g->node[i];
        if (n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_DEPTHWISE || n->op == TVIS_OP_LINEAR)
            mark(p, &s, key, n, layer_of(p, n, g->tensor[n->in[1]].dims));
    }
    for (uint32_t i = 0; i < s.count; i++)
        cut_groups += s.keep[i] != NULL;
    assert_int_equal(cut_groups, p->groups);
    tvis_channel_groups_cut(&s, g);
    tvis_channel_groups_free(&s);
    free(key);
}

static void make(pruned_net *p, const tvt_golden_net *g, tvis_blob *blob)
{
    tvt_weights w;
    tvis_blob plain;
    tvis_model m;
    tvis_graph graph;
    tvis_diag d;
    tvt_golden_weights(g, &w);
    tvt_ok(tvt_golden_convert(g, &w, &plain, &d), &d);
    tvt_weights_free(&w);
    tvt_ok(tvis_model_open(&m, plain.data, plain.size, &d), &d);
    tvis_graph_init(&graph, &d);
    tvis_graph_read(&graph, &m);
    cut(p, &graph);
    tvt_ok(graph.status, &d);
    tvt_ok(tvis_blob_write(&graph, blob, &d), &d);
    assert_true(blob->size < plain.size);
    tvis_graph_free(&graph);
    tvis_blob_free(&plain);
}

static double difference(const tvis_blob *blob, const pruned_net *p, const tvt_golden_net *g, const float *x, float *y)
{
    const float *want = logits + p->first;
    const double range = tvt_range_f32(want, g->classes);
    tvis_model m;
    tvis_diag d;
    tvt_run r = tvt_default_run(1, (uint16_t)p->h, (uint16_t)p->w);
    tvt_ok(tvis_model_open(&m, blob->data, blob->size, &d), &d);
    tvt_ok(tvis_blob_verify(&m, &d), &d);
    assert_true(tvt_std_f32(want, g->classes) > 0.1 * range);
    tvt_infer(&m, &r, x, y);
    return tvt_max_diff_f32(y, want, g->classes) / range;
}

/* Numbers as the test's, at the model's own size. */
static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    const ptrdiff_t c = in->dims[3], pixels = (ptrdiff_t)in->dims[1] * in->dims[2];
    float *x = tvt_golden_input(user, (unsigned)in->dims[1], (unsigned)in->dims[2]), *y = in->data;
    (void)i;
    (void)d;
    for (ptrdiff_t k = 0; k < c * pixels; k++)
        y[k] = x[k % c * pixels + k / c];
    free(x);
    return TVIS_OK;
}

static double quantized(const tvis_blob *blob, tvt_golden_net *g, const pruned_net *p, uint8_t mode, const float *x,
                        float *y)
{
    const tvis_quantize_config q = { .struct_size = sizeof q,
                                     .mode = mode,
                                     .images = mode == TVIS_QUANTIZE_INT8,
                                     .input = picture,
                                     .input_user = g,
                                     .percentile = 100.0f };
    tvis_blob smaller;
    tvis_model m;
    tvis_diag d;
    tvt_ok(tvis_model_open(&m, blob->data, blob->size, &d), &d);
    tvt_ok(tvis_quantize(&m, &q, &smaller, NULL, &d), &d);
    const double off = difference(&smaller, p, g, x, y);
    tvis_blob_free(&smaller);
    return off;
}

static void every_logit(void **state)
{
    static pruned_net p;
    tvt_golden_net g;
    tvis_blob blob;
    load_net(*state, &p);
    if (tvt_quick() && p.layer_count > 60)
        skip();
    tvt_golden_load(&g, p.file);
    assert_true(p.first + g.classes <= logit_count);
    make(&p, &g, &blob);
    float *x = tvt_golden_input(&g, p.h, p.w), *y = calloc(g.classes, sizeof *y);
    assert_non_null(y);
    const double off = difference(&blob, &p, &g, x, y);
    if (!(off + p.gap <= TOLERANCE))
        fail_msg("%s: %g of the range off", p.file, off);
    const double halves = quantized(&blob, &g, &p, TVIS_QUANTIZE_FP16, x, y);
    if (!(halves <= 2e-3))
        fail_msg("%s in halves: %g of the range off", p.file, halves);
    const bool small = p.layer_count <= 60 && !tvt_quick(); /* calibration runs it at its own size, several times */
    const double int8 = small ? quantized(&blob, &g, &p, TVIS_QUANTIZE_INT8, x, y) : 0.0;
    if (!(int8 <= 0.1))
        fail_msg("%s in int8: %g of the range off", p.file, int8);
    print_message("# %s: %u groups, %.2e of the range from PyTorch, %.2e in halves, %.2e in int8\n", p.file, p.groups,
                  off, halves, int8);
    free(x);
    free(y);
    tvis_blob_free(&blob);
    tvt_golden_free(&g);
}

int main(void)
{
    size_t size;
    struct CMUnitTest tests[TVIS_COUNT(nets)];
    text = (char *)tvt_read("tests/golden/parity/pruned.txt", &size);
    logits = tvt_npy_f32("tests/golden/parity/pruned.npy", &logit_count, 1);
    for (size_t i = 0; i < TVIS_COUNT(nets); i++)
        tests[i] = (struct CMUnitTest){ nets[i], every_logit, NULL, NULL, (void *)(uintptr_t)nets[i] };
    const int failed = cmocka_run_group_tests_name("parity_pruned", tests, NULL, NULL);
    free(text);
    free(logits);
    return failed;
}
