/* SPDX-License-Identifier: MIT */
/* Linear, batch norm, activations, add, pooling, softmax, L2 norm, reshape by their definitions in double precision. */
#include "tests/ops.h"

/* A network of one input, its values and the pictures' side. */
typedef struct setting {
    tvt_net n;
    tvt_buf x;
    tvis_tensor in;
    uint32_t input;
    size_t floats;
} setting;

static void begin(setting *t, int32_t n, int32_t h, int32_t w, int32_t c)
{
    tvt_net_begin(&t->n, (uint16_t)h, (uint16_t)w);
    t->input = tvt_net_input(&t->n, c);
    t->in = tvt_random_tensor(&t->x, n, h, w, c);
    t->floats = tvt_elements(t->in.dims);
}

static void end(setting *t, uint32_t y, tvt_expected *e, const char *what)
{
    tvt_check_net(&t->n, y, &t->in, e, what);
    tvt_free(&t->x);
}

static const float *weights(const setting *t, uint32_t y, uint32_t i)
{
    return t->n.g.tensor[tvis_graph_producer(&t->n.g, y)->in[i]].data;
}

static void linear(void **state)
{
    static const int32_t outs[] = { 1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 100 };
    static const int32_t ins[] = { 1, 3, 4, 8, 13, 16, 31, 64, 129, 320 };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(outs) * TVIS_COUNT(ins); i++) {
        const int32_t out = outs[i % TVIS_COUNT(outs)], in = ins[i / TVIS_COUNT(outs)];
        setting t;
        const int32_t n = 1 + (int32_t)tvt_below(3), h = 1 + (int32_t)tvt_below(3), w = 1 + (int32_t)tvt_below(5);
        if (tvt_quick() && tvt_below(5))
            continue;
        begin(&t, n, h, w, in);
        const bool bias = tvt_below(2);
        const uint8_t act = (uint8_t)tvt_below(TVIS_ACT_COUNT_);
        const uint32_t y = tvt_net_linear(&t.n, t.input, out, bias);
        tvt_net_set_act(&t.n, y, (tvis_act)act);
        tvt_expected e = tvt_expect(n, h, w, out);
        const float *x = t.x.p, *m = weights(&t, y, 1), *b = bias ? weights(&t, y, 2) : NULL;
        for (int32_t r = 0; r < n * h * w; r++)
            for (int32_t o = 0; o < out; o++) {
                double sum = b ? (double)b[o] : 0, size = fabs(sum);
                for (int32_t k = 0; k < in; k++) {
                    sum += (double)x[r * in + k] * (double)m[o * in + k];
                    size += fabs((double)x[r * in + k] * (double)m[o * in + k]);
                }
                tvt_expect_sum(&e, (size_t)(r * out + o), sum, size, act);
            }
        end(&t, y, &e, "linear");
    }
}

static void batch_norm(void **state)
{
    (void)state;
    for (int32_t c = 1; c < 70; c += 3) {
        setting t;
        begin(&t, 2, 3, 5, c);
        const uint8_t act = (uint8_t)tvt_below(TVIS_ACT_COUNT_);
        const uint32_t y = tvt_net_batch_norm(&t.n, t.input);
        tvt_net_set_act(&t.n, y, (tvis_act)act);
        tvt_expected e = tvt_expect(2, 3, 5, c);
        for (size_t i = 0; i < t.floats; i++) {
            const size_t k = i % (size_t)c;
            const double scale = (double)weights(&t, y, 1)[k] / sqrt((double)weights(&t, y, 4)[k] + (double)1e-3f);
            const double x = (double)((const float *)t.x.p)[i], mean = (double)weights(&t, y, 3)[k];
            const double beta = (double)weights(&t, y, 2)[k];
            tvt_expect_sum(&e, i, (x - mean) * scale + beta, fabs(x * scale) + fabs(mean * scale) + fabs(beta), act);
        }
        end(&t, y, &e, "batch norm");
    }
}

static void activations(void **state)
{
    (void)state;
    for (uint8_t act = 0; act < TVIS_ACT_COUNT_; act++)
        for (int32_t c = 1; c < 40; c += 6) {
            setting t;
            begin(&t, 2, 5, 7, c);
            float *x = t.x.p;
            for (size_t i = 0; i < t.floats; i++)
                x[i] *= i % 4 ? 8.0f : i % 8 ? 100.0f : 1e-3f;
            x[0] = -0.0f;
            const uint32_t y = tvt_net_activation(&t.n, t.input, (tvis_act)act);
            tvt_expected e = tvt_expect(2, 5, 7, c);
            for (size_t i = 0; i < t.floats; i++)
                tvt_expect_sum(&e, i, (double)x[i], 0, act);
            end(&t, y, &e, tvis_act_name(act));
        }
}

/* Of two inputs, and of an input with itself. */
static void add(void **state)
{
    (void)state;
    for (int32_t c = 1; c < 40; c += 6)
        for (int same = 0; same < 2; same++) {
            setting t;
            tvt_buf b;
            begin(&t, 3, 4, 3, c);
            const tvis_tensor in[2] = { t.in, tvt_random_tensor(&b, 3, 4, 3, c) };
            const uint32_t other = same ? t.input : tvt_net_input(&t.n, c);
            const uint32_t y = tvt_net_add(&t.n, t.input, other);
            tvt_net_set_act(&t.n, y, (tvis_act)(c % TVIS_ACT_COUNT_));
            tvt_expected e = tvt_expect(3, 4, 3, c);
            for (size_t i = 0; i < t.floats; i++) {
                const double p = (double)((const float *)t.x.p)[i],
                             q = (double)((const float *)(same ? t.x.p : b.p))[i];
                tvt_expect_sum(&e, i, p + q, fabs(p + q), (uint8_t)(c % TVIS_ACT_COUNT_));
            }
            tvt_check_net(&t.n, y, in, &e, "add");
            tvt_free(&t.x);
            tvt_free(&b);
        }
}

static void global_avg_pool(void **state)
{
    static const int32_t sizes[][2] = { { 1, 1 }, { 1, 2 }, { 2, 1 }, { 7, 7 }, { 8, 3 }, { 31, 17 }, { 16, 16 } };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(sizes); i++)
        for (int32_t c = 1; c < 70; c = c * 2 + 1) {
            const int32_t h = sizes[i][0], w = sizes[i][1];
            setting t;
            begin(&t, 2, h, w, c);
            const float *x = t.x.p;
            const uint32_t y = tvt_net_unary(&t.n, TVIS_OP_GLOBAL_AVG_POOL, t.input);
            tvt_expected e = tvt_expect(2, 1, 1, c);
            for (int32_t n = 0; n < 2; n++)
                for (int32_t k = 0; k < c; k++) {
                    double sum = 0, size = 0;
                    for (int32_t p = 0; p < h * w; p++) {
                        sum += (double)x[(n * h * w + p) * c + k];
                        size += fabs((double)x[(n * h * w + p) * c + k]);
                    }
                    tvt_expect_sum(&e, (size_t)(n * c + k), sum / (h * w), size / (h * w), TVIS_ACT_NONE);
                }
            end(&t, y, &e, "global average pool");
        }
}

static void max_pool(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 60; i++) {
        const int32_t h = 3 + (int32_t)tvt_below(9), w = 3 + (int32_t)tvt_below(9), c = 1 + (int32_t)tvt_below(20);
        tvis_params p = { .pool = { .kernel = { (uint16_t)(1 + tvt_below(3)), (uint16_t)(1 + tvt_below(3)) },
                                    .stride = { (uint16_t)(1 + tvt_below(3)), (uint16_t)(1 + tvt_below(3)) } } };
        setting t;
        for (int k = 0; k < 4; k++)
            p.pool.pad[k] = (uint16_t)tvt_below(p.pool.kernel[k % 2]);
        begin(&t, 2, h, w, c);
        const int32_t oh = (h + p.pool.pad[0] + p.pool.pad[2] - p.pool.kernel[0]) / p.pool.stride[0] + 1;
        const int32_t ow = (w + p.pool.pad[1] + p.pool.pad[3] - p.pool.kernel[1]) / p.pool.stride[1] + 1;
        const uint32_t y = tvt_net_node(&t.n, TVIS_OP_MAX_POOL, &t.input, 1, c, &p);
        tvt_expected e = tvt_expect(2, oh, ow, c);
        for (int32_t at = 0; at < 2 * oh * ow * c; at++) {
            const int32_t k = at % c, ox = at / c % ow, oy = at / c / ow % oh, n = at / c / ow / oh;
            double most = -(double)FLT_MAX;
            for (int32_t ky = 0; ky < p.pool.kernel[0]; ky++)
                for (int32_t kx = 0; kx < p.pool.kernel[1]; kx++) {
                    const int32_t iy = oy * p.pool.stride[0] - p.pool.pad[0] + ky;
                    const int32_t ix = ox * p.pool.stride[1] - p.pool.pad[1] + kx;
                    if (iy >= 0 && iy < h && ix >= 0 && ix < w)
                        most = fmax(most, (double)((const float *)t.x.p)[((n * h + iy) * w + ix) * c + k]);
                }
            e.y[at] = most;
        }
        end(&t, y, &e, "max pool");
    }
}

static void softmax(void **state)
{
    static const float scales[] = { 1.0f, 50.0f, 1e4f, 1e30f, 0.0f };
    (void)state;
    for (size_t s = 0; s < TVIS_COUNT(scales); s++)
        for (int32_t c = 1; c < 1100; c = c * 3 + 1) {
            setting t;
            begin(&t, 2, 1, 3, c);
            float *x = t.x.p;
            const uint32_t y = tvt_net_unary(&t.n, TVIS_OP_SOFTMAX, t.input);
            tvt_expected e = tvt_expect(2, 1, 3, c);
            for (int32_t r = 0; r < 6; r++) {
                double most = -INFINITY, sum = 0;
                for (int32_t k = 0; k < c; k++) {
                    x[r * c + k] *= scales[s];
                    most = fmax(most, (double)x[r * c + k]);
                }
                for (int32_t k = 0; k < c; k++)
                    sum += exp((double)x[r * c + k] - most);
                for (int32_t k = 0; k < c; k++) {
                    const size_t at = (size_t)(r * c + k);
                    e.y[at] = exp((double)x[at] - most) / sum;
                    e.tolerance[at] = 1e-5 * e.y[at] + 1e-37;
                }
            }
            end(&t, y, &e, "softmax");
        }
}

/* Divided by the norm, or by eps where that is more; nothing but zeros stays so. */
static void l2_norm(void **state)
{
    static const float all_eps[] = { 0.0f, 1e-12f, 0.5f };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(all_eps); i++)
        for (int32_t c = 1; c < 700; c = c * 2 + 1) {
            setting t;
            tvis_params p;
            memset(&p, 0, sizeof p);
            p.eps = all_eps[i];
            begin(&t, 2, 2, 3, c);
            float *x = t.x.p;
            const uint32_t y = tvt_net_node(&t.n, TVIS_OP_L2_NORM, &t.input, 1, c, &p);
            tvt_expected e = tvt_expect(2, 2, 3, c);
            for (int32_t r = 0; r < 12; r++) {
                double sum = 0;
                for (int32_t k = 0; k < c; k++) {
                    x[r * c + k] *= r % 3 ? 1.0f : 0.0f;
                    sum += (double)x[r * c + k] * (double)x[r * c + k];
                }
                const double by = fmax(sqrt(sum), (double)p.eps);
                for (int32_t k = 0; k < c; k++) {
                    const size_t at = (size_t)(r * c + k);
                    e.y[at] = by > 0 ? (double)x[at] / by : 0;
                    e.tolerance[at] = 1e-5 * fabs(e.y[at]) + 1e-37;
                }
            }
            end(&t, y, &e, "l2 norm");
        }
}

/* NHWC order, or PyTorch's: channels outermost. */
static void reshape(void **state)
{
    static const struct {
        int32_t h, w, c, to[4];
        uint32_t flatten;
    } cases[] = {
        { 4, 6, 5, { 0, 6, 4, 5 }, 0 },  { 4, 6, 5, { 0, 1, 24, 0 }, 0 }, { 4, 6, 5, { 0, 1, 1, 120 }, 0 },
        { 4, 6, 5, { 0, 0, 0, 0 }, 0 },  { 4, 6, 5, { 6, 4, 2, 5 }, 0 },  { 4, 6, 5, { 0, 0, 0, 0 }, 1 },
        { 1, 1, 17, { 0, 0, 0, 0 }, 1 }, { 3, 7, 1, { 0, 0, 0, 0 }, 1 },  { 1, 9, 2, { 0, 0, 0, 0 }, 1 },
    };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(cases); i++) {
        const int32_t h = cases[i].h, w = cases[i].w, c = cases[i].c, from[4] = { 2, h, w, c };
        tvis_params p = { .reshape = { { 0 }, cases[i].flatten } };
        setting t;
        memcpy(p.reshape.dims, cases[i].to, sizeof p.reshape.dims);
        begin(&t, 2, h, w, c);
        const uint32_t y = tvt_net_node(&t.n, TVIS_OP_RESHAPE, &t.input, 1, c, &p);
        int32_t to[4];
        for (int k = 0; k < 4; k++)
            to[k] = cases[i].to[k] ? cases[i].to[k] : from[k];
        tvt_expected e = cases[i].flatten ? tvt_expect(2, 1, 1, h * w * c) : tvt_expect(to[0], to[1], to[2], to[3]);
        for (int32_t at = 0; at < 2 * h * w * c; at++) {
            const int32_t k = at % c, pixel = at / c % (h * w), n = at / c / (h * w);
            e.y[cases[i].flatten ? (n * c + k) * h * w + pixel : at] = (double)((const float *)t.x.p)[at];
        }
        end(&t, y, &e, "reshape");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear),  cmocka_unit_test(batch_norm),      cmocka_unit_test(activations),
        cmocka_unit_test(add),     cmocka_unit_test(global_avg_pool), cmocka_unit_test(max_pool),
        cmocka_unit_test(softmax), cmocka_unit_test(l2_norm),         cmocka_unit_test(reshape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
