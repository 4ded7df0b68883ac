/* SPDX-License-Identifier: MIT */
/* Operators of squeeze-excite and of ResNet's option A against their definitions. */
#include "tests/net.h"
#include "tests/network.h"

#include "core/port.h"

typedef struct shape {
    uint16_t n, h, w;
    int32_t c;
} shape;

static shape some_shape(void)
{
    return (shape){ (uint16_t)(1 + tvt_below(3)), (uint16_t)(1 + tvt_below(9)), (uint16_t)(1 + tvt_below(9)),
                    1 + (int32_t)tvt_below(40) };
}

static void open_net(tvt_net *n, uint32_t y, tvis_blob *blob, tvis_model *m)
{
    tvis_graph_output(&n->g, y);
    tvis_pass_fuse_activation(&n->g);
    tvis_pass_remove_dead(&n->g);
    n->g.max_side = 64;
    tvt_ok(tvt_net_write(n, blob), &n->diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &n->diag), &n->diag);
}

static void run_net(const tvis_model *m, shape s, const float *x, float *y)
{
    tvt_run r = tvt_default_run(s.n, s.h, s.w);
    r.threads = (uint16_t)(1 + tvt_below(4));
    r.cpu = tvt_below(2) ? tvt_cpu() : 0;
    const tvis_session_config c = tvt_config(&r);
    const tvis_tensor in = { (void *)(uintptr_t)x, { s.n, s.h, s.w, s.c }, TVIS_F32, TVIS_NHWC };
    tvt_run_session(m, &c, &in, y);
}

static size_t floats(shape s)
{
    return (size_t)s.n * s.h * s.w * (size_t)s.c;
}

/* x times its own mean, so that the factors are an activation, as they are in networks. */
static void scale(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        const shape s = some_shape();
        const size_t pixels = (size_t)s.h * s.w, c = (size_t)s.c;
        tvt_net n;
        tvis_blob blob;
        tvis_model m;
        tvt_net_begin(&n, 8, 8);
        uint32_t x = tvt_net_input(&n, s.c), ids[2] = { x, tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, x) };
        open_net(&n, tvt_net_node(&n, TVIS_OP_SCALE, ids, 2, s.c, NULL), &blob, &m);
        tvt_buf in = tvt_paged(floats(s) * sizeof(float)), out = tvt_guarded(in.size);
        tvt_fill_f32(in.p, floats(s));
        run_net(&m, s, in.p, out.p);
        const float *a = in.p, *y = out.p;
        for (size_t k = 0; k < floats(s); k++) {
            const size_t first = k / (pixels * c) * pixels * c + k % c;
            double mean = 0;
            for (size_t p = 0; p < pixels; p++)
                mean += (double)a[first + p * c] / (double)pixels;
            assert_true(tvt_max_diff_f32(&y[k], &(float){ (float)((double)a[k] * mean) }, 1) <= 1e-6);
        }
        assert_true(tvt_guards_ok(&out));
        tvt_free(&in);
        tvt_free(&out);
        tvis_blob_free(&blob);
    }
}

static float shortcut_of(const float *x, shape s, const tvis_shortcut_params *p, const int32_t *at)
{
    const int32_t k = at[3] - p->before;
    if (k < 0 || k >= s.c)
        return 0.0f;
    return x[(((at[0] * s.h) + at[1] * p->stride) * s.w + at[2] * p->stride) * s.c + k];
}

static void shortcut(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        const shape s = some_shape();
        const tvis_params p = { .shortcut = { (uint16_t)(1 + tvt_below(3)), (uint16_t)tvt_below(20),
                                              (uint16_t)tvt_below(20), 0 } };
        const int32_t step = p.shortcut.stride, oh = (s.h + step - 1) / step, ow = (s.w + step - 1) / step;
        const int32_t c = p.shortcut.before + s.c + p.shortcut.after;
        tvt_net n;
        tvis_blob blob;
        tvis_model m;
        tvt_net_begin(&n, 8, 8);
        uint32_t x = tvt_net_input(&n, s.c);
        open_net(&n, tvt_net_node(&n, TVIS_OP_SHORTCUT, &x, 1, c, &p), &blob, &m);
        tvt_buf in = tvt_paged(floats(s) * sizeof(float));
        tvt_buf out = tvt_guarded((size_t)s.n * (size_t)(oh * ow * c) * sizeof(float));
        tvt_fill_f32(in.p, floats(s));
        run_net(&m, s, in.p, out.p);
        const float *y = out.p;
        for (int32_t k = 0; k < s.n * oh * ow * c; k++) {
            const int32_t at[4] = { k / (oh * ow * c), k / (ow * c) % oh, k / c % ow, k % c };
            const float want = shortcut_of(in.p, s, &p.shortcut, at);
            assert_memory_equal(&y[k], &want, sizeof want);
        }
        assert_true(tvt_guards_ok(&out));
        tvt_free(&in);
        tvt_free(&out);
        tvis_blob_free(&blob);
    }
}

/* Plans a network whose last node is `y`; the diagnostic's code. */
static tvis_diag_code refused(tvt_net *n, uint32_t y, tvis_status want)
{
    tvis_blob blob;
    tvis_model m;
    tvis_session_config c;
    size_t bytes;
    open_net(n, y, &blob, &m);
    tvis_session_defaults(&c);
    assert_int_equal(tvis_session_size(&m, &c, &bytes, &n->diag), want);
    tvis_blob_free(&blob);
    return (tvis_diag_code)n->diag.code;
}

static void bad_graphs(void **state)
{
    const tvis_params wide = { .shortcut = { 1, 0xffff, 0xffff, 0 } };
    tvt_net n;
    (void)state;
    tvt_net_begin(&n, 8, 8);
    uint32_t x = tvt_net_input(&n, 4), ids[2] = { x, tvt_net_conv(&n, x, tvt_conv_of(4, 3, 1)) };
    assert_int_equal(refused(&n, tvt_net_node(&n, TVIS_OP_SCALE, ids, 2, 4, NULL), TVIS_EFORMAT), TVIS_DIAG_SHAPE);
    tvt_net_begin(&n, 8, 8);
    x = tvt_net_input(&n, 4);
    assert_int_equal(refused(&n, tvt_net_node(&n, TVIS_OP_SCALE, &x, 1, 4, NULL), TVIS_EFORMAT), TVIS_DIAG_GRAPH);
    tvt_net_begin(&n, 8, 8);
    x = tvt_net_node(&n, TVIS_OP_SHORTCUT, &(uint32_t){ tvt_net_input(&n, 4) }, 1, 4, &wide);
    tvt_net_set_act(&n, x, TVIS_ACT_RELU);
    assert_int_equal(refused(&n, x, TVIS_EFORMAT), TVIS_DIAG_DTYPE);
}

/* A squeeze-excite block multiplies a row a picture: the kernel for few rows, with its activation inside. */
typedef struct seen {
    unsigned gates, few;
} seen;

static void look(void *user, uint32_t node, const tvis_node_info *info)
{
    seen *s = user;
    (void)node;
    if (strcmp(info->activation, "hard_sigmoid") == 0) {
        s->gates++;
        s->few += strncmp(info->kernel, "1x8", 3) == 0;
        assert_string_equal(info->op, "conv2d");
    }
    assert_string_not_equal(info->op, "activation");
}

static void gates_run_as_few_rows(void **state)
{
    const uint32_t cpu[] = { TVIS_CPU_AVX2, TVIS_CPU_AVX2 | TVIS_CPU_AVX512, TVIS_CPU_NEON };
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    (void)state;
    tvt_net_begin(&n, 8, 8);
    uint32_t x = tvt_net_input(&n, 24), s = tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, x);
    s = tvt_net_activation(&n, tvt_net_conv(&n, s, tvt_conv_of(8, 1, 1)), TVIS_ACT_RELU);
    s = tvt_net_activation(&n, tvt_net_conv(&n, s, tvt_conv_of(24, 1, 1)), TVIS_ACT_HARD_SIGMOID);
    const uint32_t ids[2] = { x, s };
    open_net(&n, tvt_net_node(&n, TVIS_OP_SCALE, ids, 2, 24, NULL), &blob, &m);
    for (size_t i = 0; i < TVIS_COUNT(cpu); i++) {
        tvis_session_config c;
        seen found = { 0, 0 };
        tvis_session_bytes bytes;
        tvis_session_defaults(&c);
        c.cpu = cpu[i];
        tvt_ok(tvis_session_plan(&m, &c, &bytes, look, &found, &n.diag), &n.diag);
        assert_int_equal(found.gates, 1);
        assert_int_equal(found.few, 1);
    }
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scale),
        cmocka_unit_test(shortcut),
        cmocka_unit_test(bad_graphs),
        cmocka_unit_test(gates_run_as_few_rows),
    };
    return cmocka_run_group_tests_name("ops_channel", tests, NULL, NULL);
}
