/* SPDX-License-Identifier: MIT */
/* Convolution and depthwise convolution against their definition in double precision. */
#include "tests/ops.h"

/* PyTorch's size of a convolution's output, and TensorFlow's for SAME, by their own formulas. */
static int32_t out_size(int32_t in, int32_t kernel, int32_t stride, int32_t dilation, int32_t before, int32_t after,
                        bool same)
{
    if (same)
        return (int32_t)ceil((double)in / stride);
    return (int32_t)floor((double)(in + before + after - dilation * (kernel - 1) - 1) / stride) + 1;
}

static int32_t pad_before(int32_t in, int32_t kernel, int32_t stride, int32_t dilation, int32_t given, bool same)
{
    if (!same)
        return given;
    const int32_t effective = (kernel - 1) * dilation + 1;
    const int32_t total = in % stride == 0 ? effective - stride : effective - in % stride;
    return total > 0 ? total / 2 : 0;
}

typedef struct conv_case {
    tvt_conv c;
    int32_t n, h, w, in;
    uint8_t act;
    bool add;
} conv_case;

/* Weights are (out, kh, kw, in / groups), for depthwise (1, kh, kw, channels). */
static void reference(const conv_case *t, const float *x, const float *w, const float *bias, const float *add,
                      tvt_expected *e)
{
    const tvis_conv_params *p = &t->c.p;
    const bool depthwise = t->c.groups == 0;
    const int32_t out = e->dims[3], groups = depthwise ? t->in : t->c.groups, each = t->in / groups;
    const int32_t top = pad_before(t->h, t->c.kh, p->stride[0], p->dilation[0], p->pad[0], p->same);
    const int32_t left = pad_before(t->w, t->c.kw, p->stride[1], p->dilation[1], p->pad[1], p->same);
    size_t at = 0;
    for (int32_t n = 0; n < t->n; n++)
        for (int32_t oy = 0; oy < e->dims[1]; oy++)
            for (int32_t ox = 0; ox < e->dims[2]; ox++)
                for (int32_t o = 0; o < out; o++, at++) {
                    double sum = (bias ? (double)bias[o] : 0) + (add ? (double)add[at] : 0);
                    double size = (bias ? fabs((double)bias[o]) : 0) + (add ? fabs((double)add[at]) : 0);
                    for (int32_t ky = 0; ky < t->c.kh; ky++)
                        for (int32_t kx = 0; kx < t->c.kw; kx++)
                            for (int32_t i = 0; i < each; i++) {
                                const int32_t iy = oy * p->stride[0] - top + ky * p->dilation[0];
                                const int32_t ix = ox * p->stride[1] - left + kx * p->dilation[1];
                                if (iy < 0 || iy >= t->h || ix < 0 || ix >= t->w)
                                    continue;
                                const int32_t c = o / (out / groups) * each + i;
                                const double a = (double)x[((n * t->h + iy) * t->w + ix) * t->in + c];
                                const double b = (double)w[depthwise ? (ky * t->c.kw + kx) * out + o
                                                                     : ((o * t->c.kh + ky) * t->c.kw + kx) * each + i];
                                sum += a * b;
                                size += fabs(a * b);
                            }
                    tvt_expect_sum(e, at, sum, size, t->act);
                }
}

/* Whether the kernel fits into the padded input. */
static bool check(const conv_case *t)
{
    const tvis_conv_params *p = &t->c.p;
    char what[160];
    tvt_net n;
    tvt_buf x, a = { 0 };
    tvis_tensor in[2];
    snprintf(what, sizeof what,
             "%s %dx%d of %dx%dx%dx%d to %d, stride %u %u, dilation %u %u, pad %u %u %u %u%s, groups %d",
             t->c.groups ? "conv2d" : "depthwise", (int)t->c.kh, (int)t->c.kw, (int)t->n, (int)t->h, (int)t->w,
             (int)t->in, (int)t->c.out, p->stride[0], p->stride[1], p->dilation[0], p->dilation[1], p->pad[0],
             p->pad[1], p->pad[2], p->pad[3], p->same ? " same" : "", (int)t->c.groups);
    const int32_t oh = out_size(t->h, t->c.kh, p->stride[0], p->dilation[0], p->pad[0], p->pad[2], p->same);
    const int32_t ow = out_size(t->w, t->c.kw, p->stride[1], p->dilation[1], p->pad[1], p->pad[3], p->same);
    if (oh < 1 || ow < 1)
        return false;
    const int32_t out = t->c.groups ? t->c.out : t->in;
    tvt_net_begin(&n, (uint16_t)t->h, (uint16_t)t->w);
    const uint32_t input = tvt_net_input(&n, t->in), other = t->add ? tvt_net_input(&n, out) : 0;
    in[0] = tvt_random_tensor(&x, t->n, t->h, t->w, t->in);
    const uint32_t y = tvt_net_conv(&n, input, t->c);
    tvis_gnode *node = tvis_graph_producer(&n.g, y);
    node->act = t->act;
    if (t->add) {
        n.g.tensor[other].dims[1] = oh;
        n.g.tensor[other].dims[2] = ow;
        in[1] = tvt_random_tensor(&a, t->n, oh, ow, out);
        while (node->in_count < 3)
            node->in[node->in_count++] = TVIS_NONE;
        node->in[node->in_count++] = other;
    }
    tvt_expected e = tvt_expect(t->n, oh, ow, out);
    const float *bias = t->c.bias ? n.g.tensor[node->in[2]].data : NULL;
    reference(t, x.p, n.g.tensor[node->in[1]].data, bias, a.p, &e);
    tvt_check_net(&n, y, in, &e, what);
    tvt_free(&x);
    if (a.p)
        tvt_free(&a);
    return true;
}

typedef enum padding { VALID, HALF, LOPSIDED, SAME, PADDINGS } padding;

static void pad(conv_case *t, padding how)
{
    for (int i = 0; i < 4; i++) {
        const int32_t kernel = i % 2 ? t->c.kw : t->c.kh;
        t->c.p.pad[i] = (uint16_t)(how == HALF ? kernel / 2 : how == LOPSIDED ? (int32_t)tvt_below(6) : 0);
    }
    t->c.p.same = how == SAME;
}

static const struct {
    uint8_t h, w;
} kernels[] = { { 1, 1 }, { 2, 2 }, { 3, 3 }, { 4, 4 }, { 5, 5 }, { 7, 7 }, { 1, 3 }, { 3, 1 }, { 2, 5 }, { 5, 3 } };

/* Every combination of kernel, stride, dilation and padding; the rest is drawn. */
static void combinations(bool depthwise)
{
    uint32_t count = 0;
    for (size_t k = 0; k < TVIS_COUNT(kernels); k++)
        for (uint32_t i = 0; i < 9 * 4 * PADDINGS * (depthwise ? 1 : 3); i++) {
            const uint32_t stride = i % 9, dilation = i / 9 % 4, how = i / 36 % PADDINGS, groups = i / 36 / PADDINGS;
            conv_case t = { .c = { .kh = kernels[k].h, .kw = kernels[k].w },
                            .act = (uint8_t)tvt_below(TVIS_ACT_COUNT_) };
            if (tvt_quick() && tvt_below(20))
                continue;
            t.c.groups = depthwise ? 0 : 1 << groups;
            t.c.p.stride[0] = (uint16_t)(1 + stride % 3);
            t.c.p.stride[1] = (uint16_t)(1 + stride / 3);
            t.c.p.dilation[0] = (uint16_t)(1 + dilation % 2);
            t.c.p.dilation[1] = (uint16_t)(1 + dilation / 2);
            t.n = 1 + (int32_t)tvt_below(3);
            t.h = 1 + (int32_t)tvt_below(14);
            t.w = 1 + (int32_t)tvt_below(14);
            t.in = depthwise ? 1 + (int32_t)tvt_below(37) : t.c.groups * (1 + (int32_t)tvt_below(6));
            t.c.out = depthwise ? 0 : t.c.groups * (1 + (int32_t)tvt_below(14));
            t.c.bias = tvt_below(2);
            t.add = !depthwise && tvt_below(2);
            pad(&t, (padding)how);
            count += check(&t);
        }
    print_message("# %u shapes\n", count);
}

static void conv2d(void **state)
{
    (void)state;
    combinations(false);
}

static void depthwise(void **state)
{
    (void)state;
    combinations(true);
}

/* Layers as networks have them: more rows, columns and channels than one block or panel holds. */
static void large(void **state)
{
    static const struct {
        int32_t n, h, w, in, out, kernel;
        uint16_t stride;
        int32_t groups;
    } layers[] = {
        { 1, 60, 45, 3, 32, 3, 2, 1 },  { 1, 20, 31, 24, 80, 1, 1, 1 }, { 2, 14, 14, 96, 33, 1, 1, 1 },
        { 1, 30, 30, 3, 17, 7, 2, 1 },  { 3, 9, 9, 40, 70, 3, 1, 1 },   { 1, 12, 12, 64, 64, 3, 1, 4 },
        { 1, 40, 40, 48, 0, 3, 1, 0 },  { 2, 17, 19, 130, 0, 5, 2, 0 }, { 1, 2, 2, 300, 200, 1, 1, 1 },
        { 1, 1, 1, 513, 129, 1, 1, 1 }, { 2, 9, 31, 16, 40, 3, 1, 1 },  { 1, 11, 97, 5, 20, 5, 3, 1 },
        { 1, 7, 24, 8, 70, 4, 1, 1 },
    };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(layers); i++) {
        conv_case t = { .c = tvt_conv_of(layers[i].out, layers[i].kernel, layers[i].stride),
                        .n = layers[i].n,
                        .h = layers[i].h,
                        .w = layers[i].w,
                        .in = layers[i].in };
        t.c.groups = layers[i].groups;
        t.act = TVIS_ACT_RELU6;
        assert_true(check(&t));
    }
}

/* Pieces of a row that lie in the padding as a whole, before and behind the picture. */
static void wide_padding(void **state)
{
    (void)state;
    for (uint16_t before = 0; before <= 240; before = (uint16_t)(before + 40))
        for (uint16_t after = 0; after <= 200; after = (uint16_t)(after + 200))
            for (int32_t groups = 0; groups < 2; groups++) {
                conv_case t = { .c = tvt_conv_of(groups ? 40 : 0, 5, 1), .n = 2, .h = 5, .w = 6, .in = 8 };
                const uint16_t pads[4] = { 2, before, 2, after };
                memcpy(t.c.p.pad, pads, sizeof pads);
                t.c.groups = groups;
                t.c.bias = true;
                assert_true(check(&t));
            }
}

/* What is added may be the input itself, or lie where the output goes. */
static void add_in_place(void **state)
{
    (void)state;
    for (int32_t side = 3; side < 12; side += 4) {
        tvt_net n;
        tvt_buf x;
        tvt_net_begin(&n, (uint16_t)side, (uint16_t)side);
        const uint32_t input = tvt_net_input(&n, 20);
        const tvis_tensor in = tvt_random_tensor(&x, 2, side, side, 20);
        const uint32_t y = tvt_net_conv(&n, input, tvt_conv_of(20, 1, 1));
        tvis_gnode *node = tvis_graph_producer(&n.g, y);
        node->in[node->in_count++] = input;
        conv_case t = { .c = tvt_conv_of(20, 1, 1), .n = 2, .h = side, .w = side, .in = 20 };
        tvt_expected e = tvt_expect(2, side, side, 20);
        reference(&t, x.p, n.g.tensor[node->in[1]].data, n.g.tensor[node->in[2]].data, x.p, &e);
        tvt_check_net(&n, y, &in, &e, "a convolution with its own input added");
        tvt_free(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d),
        cmocka_unit_test(depthwise),
        cmocka_unit_test(large),
        cmocka_unit_test(wide_padding),
        cmocka_unit_test(add_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
