/* SPDX-License-Identifier: MIT */
/* Layer norm, attention, tokens and slices as nodes of a network, against their definitions in double precision, and
 * what they refuse. Their kernels have tests of their own; parity with PyTorch is in test_parity_vits.c. */
#include "tests/net_tokens.h"
#include "tests/ops.h"

typedef struct setting {
    tvt_net n;
    tvt_buf x;
    tvis_tensor in;
    uint32_t input;
} setting;

static void begin(setting *t, int32_t n, int32_t h, int32_t w, int32_t c)
{
    tvt_net_begin(&t->n, (uint16_t)h, (uint16_t)w);
    t->input = tvt_net_input(&t->n, c);
    t->in = tvt_random_tensor(&t->x, n, h, w, c);
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

static void layer_norm(void **state)
{
    (void)state;
    for (int32_t c = 2; c < 90; c += 1 + c / 3) {
        setting t;
        begin(&t, 2, 1, 7, c);
        const uint32_t y = tvt_net_layer_norm(&t.n, t.input);
        const float *weight = weights(&t, y, 1), *bias = weights(&t, y, 2), *x = t.x.p;
        tvt_expected e = tvt_expect(2, 1, 7, c);
        for (int32_t r = 0; r < 14; r++, x += c) {
            double mean = 0, var = 0;
            for (int32_t k = 0; k < c; k++)
                mean += (double)x[k] / c;
            for (int32_t k = 0; k < c; k++)
                var += ((double)x[k] - mean) * ((double)x[k] - mean) / c;
            for (int32_t k = 0; k < c; k++) {
                const double scale = 1 / sqrt(var + 1e-6);
                e.y[r * c + k] = ((double)x[k] - mean) * scale * (double)weight[k] + (double)bias[k];
                e.tolerance[r * c + k] = 2e-7 * c * (2 + scale);
            }
        }
        end(&t, y, &e, "layer_norm");
    }
}

/* Softmax of one query's scores into w. */
static void softmax_of(const float *qkv, int32_t tokens, int32_t c, int32_t d, int32_t query, int32_t head, double *w)
{
    double sum = 0;
    for (int32_t j = 0; j < tokens; j++) {
        w[j] = 0;
        for (int32_t i = 0; i < d; i++)
            w[j] += (double)qkv[query * 3 * c + head * d + i] * (double)qkv[j * 3 * c + c + head * d + i];
        sum += w[j] = exp(w[j] / sqrt((double)d)); /* inputs are at most 1 and heads 32 wide: no overflow */
    }
    for (int32_t j = 0; j < tokens; j++)
        w[j] /= sum;
}

static void attention(void **state)
{
    static const int32_t shapes[][3] = { { 1, 1, 1 },  { 5, 1, 7 },   { 33, 2, 8 },   { 64, 3, 16 },
                                         { 65, 2, 5 }, { 140, 3, 4 }, { 129, 1, 32 }, { 17, 4, 12 } };
    (void)state;
    for (size_t s = 0; s < TVIS_COUNT(shapes); s++) {
        const int32_t tokens = shapes[s][0], heads = shapes[s][1], d = shapes[s][2], c = heads * d;
        double *w = malloc((size_t)tokens * sizeof *w);
        setting t;
        assert_non_null(w);
        begin(&t, 2, 1, tokens, 3 * c);
        tvt_expected e = tvt_expect(2, 1, tokens, c);
        for (int32_t n = 0; n < 2; n++)
            for (int32_t q = 0; q < tokens; q++)
                for (int32_t head = 0; head < heads; head++) {
                    const float *x = (const float *)t.x.p + n * tokens * 3 * c;
                    softmax_of(x, tokens, c, d, q, head, w);
                    for (int32_t i = 0; i < d; i++) {
                        const int32_t at = ((n * tokens + q) * heads + head) * d + i;
                        for (int32_t j = 0; j < tokens; j++)
                            e.y[at] += w[j] * (double)x[j * 3 * c + 2 * c + head * d + i];
                        e.tolerance[at] = 1e-7 * (4 * d + tokens + 32);
                    }
                }
        end(&t, tvt_net_attention(&t.n, t.input, (uint16_t)heads, NULL), &e, "attention");
        free(w);
    }
}

/* The first token's weights. */
static void attention_maps(void **state)
{
    enum { TOKENS = 70, HEADS = 3, D = 6, C = HEADS * D };
    (void)state;
    for (int way = 0; way < 3; way++) {
        setting t;
        double w[TOKENS];
        uint32_t maps;
        begin(&t, 2, 1, TOKENS, 3 * C);
        tvis_graph_output(&t.n.g, tvt_net_attention(&t.n, t.input, HEADS, &maps));
        /* as first output of the network, so that it is what is compared */
        t.n.g.output_count = 0;
        tvt_expected e = tvt_expect(2, 1, HEADS, TOKENS);
        for (int32_t n = 0; n < 2; n++)
            for (int32_t head = 0; head < HEADS; head++) {
                softmax_of((const float *)t.x.p + n * TOKENS * 3 * C, TOKENS, C, D, 0, head, w);
                for (int32_t j = 0; j < TOKENS; j++) {
                    e.y[(n * HEADS + head) * TOKENS + j] = w[j];
                    e.tolerance[(n * HEADS + head) * TOKENS + j] = 1e-5 * w[j];
                }
            }
        end(&t, maps, &e, "attention maps");
    }
}

/* ---- position embeddings, stretched ---- */

static double cubic(double a, double x)
{
    x = fabs(x);
    if (x <= 1)
        return (a + 2) * x * x * x - (a + 3) * x * x + 1;
    return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

/* Weights of all stored places for place i of n. */
static void stretch(uint16_t rule, int32_t grid, int32_t n, int32_t i, double *w)
{
    double sum = 0;
    for (int32_t j = 0; j < grid; j++)
        w[j] = 0;
    if (rule == TVIS_STRETCH_OFFSET) {
        const double at = (i + 0.5) * grid / (n + 0.1) - 0.5;
        for (int32_t j = (int32_t)floor(at) - 1; j <= (int32_t)floor(at) + 2; j++)
            w[j < 0 ? 0 : j < grid ? j : grid - 1] += cubic(-0.75, at - j);
        return;
    }
    const double ratio = (double)grid / n, wide = ratio > 1 ? ratio : 1;
    for (int32_t j = 0; j < grid; j++)
        sum += w[j] = cubic(-0.5, (j + 0.5 - (i + 0.5) * ratio) / wide);
    for (int32_t j = 0; j < grid; j++)
        w[j] /= sum;
}

static double position(const tvis_tokens_params *p, const float *table, int32_t c, const int32_t *size, int32_t i,
                       int32_t j, int32_t k)
{
    double down[64], across[64], sum = 0;
    if (p->grid[0] == size[0] && p->grid[1] == size[1])
        return (double)table[(i * p->grid[1] + j) * c + k];
    stretch(p->stretch, p->grid[0], size[0], i, down);
    stretch(p->stretch, p->grid[1], size[1], j, across);
    for (int32_t y = 0; y < p->grid[0]; y++)
        for (int32_t x = 0; x < p->grid[1]; x++)
            sum += down[y] * across[x] * (double)table[(y * p->grid[1] + x) * c + k];
    return sum;
}

static void check_tokens(tvis_tokens_params p, int32_t h, int32_t w)
{
    enum { N = 2, C = 5 };
    const int32_t size[2] = { h, w }, first = 1 + p.registers, tokens = first + h * w;
    setting t;
    begin(&t, N, h, w, C);
    const uint32_t y = tvt_net_tokens(&t.n, t.input, p);
    tvt_expected e = tvt_expect(N, 1, tokens, C);
    for (int32_t n = 0; n < N; n++)
        for (int32_t token = 0; token < tokens; token++)
            for (int32_t k = 0; k < C; k++) {
                const int32_t at = (n * tokens + token) * C + k, patch = token - first;
                if (token == 0)
                    e.y[at] = (double)weights(&t, y, 1)[k];
                else if (token < first)
                    e.y[at] = (double)weights(&t, y, 3)[(token - 1) * C + k];
                else
                    e.y[at] = (double)((const float *)t.x.p)[(n * h * w + patch) * C + k] +
                              position(&p, weights(&t, y, 2), C, size, patch / w, patch % w, k);
                e.tolerance[at] = token < first ? 0 : 1e-5;
            }
    end(&t, y, &e, "tokens");
}

/* Larger, smaller, the same in one direction only, from and to a single patch. */
static void tokens(void **state)
{
    static const uint16_t grids[][2] = { { 1, 1 }, { 4, 4 }, { 7, 5 }, { 14, 14 }, { 37, 37 } };
    static const int32_t sizes[][2] = { { 1, 1 }, { 4, 4 }, { 4, 9 }, { 7, 5 }, { 5, 7 }, { 3, 2 }, { 11, 16 } };
    (void)state;
    for (size_t g = 0; g < TVIS_COUNT(grids); g++)
        for (size_t s = 0; s < TVIS_COUNT(sizes); s++)
            for (uint16_t rule = 0; rule < TVIS_STRETCH_COUNT_; rule++)
                check_tokens((tvis_tokens_params){ { grids[g][0], grids[g][1] }, rule, (uint16_t)tvt_below(4) },
                             sizes[s][0], sizes[s][1]);
}

static void slice(void **state)
{
    static const int32_t ranges[][2] = { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 5, 0 }, { 2, 3 }, { 8, 1 }, { 0, 9 } };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(ranges); i++) {
        setting t;
        const int32_t count = ranges[i][1] ? ranges[i][1] : 9 - ranges[i][0];
        begin(&t, 3, 1, 9, 4);
        tvt_expected e = tvt_expect(3, 1, count, 4);
        for (int32_t k = 0; k < 3 * count * 4; k++)
            e.y[k] = (double)((const float *)t.x.p)[k / (count * 4) * 36 + ranges[i][0] * 4 + k % (count * 4)];
        end(&t, tvt_net_slice(&t.n, t.input, ranges[i][0], ranges[i][1]), &e, "slice");
    }
}

/* ---- refused ---- */

enum { REFUSED_C = 6, REFUSED_SIDE = 6 };

static tvis_gnode *node(tvt_net *n, uint32_t y)
{
    return tvis_graph_producer(&n->g, y);
}

static uint32_t reshaped(tvt_net *n, uint32_t x)
{
    const tvis_params p = { .reshape = { { 0, 1, REFUSED_SIDE * REFUSED_SIDE, 0 }, 0 } };
    return tvt_net_node(n, TVIS_OP_RESHAPE, &x, 1, REFUSED_C, &p);
}

static const tvis_tokens_params grid = { { 3, 3 }, TVIS_STRETCH_OFFSET, 2 };

static uint32_t norm_short(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_layer_norm(n, x);
    const uint32_t other = tvt_net_vector(n, TVIS_RANDOM_BIAS, REFUSED_C + 1);
    node(n, y)->in[2] = other;
    return y;
}

static uint32_t norm_without(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_layer_norm(n, x);
    node(n, y)->in[1] = TVIS_NONE;
    return y;
}

static uint32_t norm_activation(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_layer_norm(n, x);
    tvt_net_set_act(n, y, TVIS_ACT_GELU);
    return y;
}

static uint32_t attention_map(tvt_net *n, uint32_t x)
{
    return tvt_net_attention(n, x, 1, NULL); /* a picture, not tokens */
}

static uint32_t attention_heads(tvt_net *n, uint32_t x)
{
    return tvt_net_attention(n, reshaped(n, x), 4, NULL);
}

static uint32_t attention_thirds(tvt_net *n, uint32_t x)
{
    return tvt_net_attention(n, tvt_net_linear(n, reshaped(n, x), 7, true), 1, NULL);
}

static uint32_t attention_outputs(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_attention(n, reshaped(n, x), 1, NULL);
    node(n, y)->p.attention.maps = 1;
    return y;
}

static uint32_t tokens_grid(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_tokens(n, x, grid);
    node(n, y)->p.tokens.grid[1] = 4;
    return y;
}

static uint32_t tokens_registers(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_tokens(n, x, grid);
    node(n, y)->p.tokens.registers = 3;
    return y;
}

static uint32_t tokens_missing(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_tokens(n, x, grid);
    node(n, y)->in_count = 3;
    return y;
}

static uint32_t tokens_extra(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_tokens(n, x, grid);
    node(n, y)->p.tokens.registers = 0;
    return y;
}

static uint32_t tokens_activation(tvt_net *n, uint32_t x)
{
    const uint32_t y = tvt_net_tokens(n, x, grid);
    node(n, y)->in[2] = x;
    return y;
}

static uint32_t slice_map(tvt_net *n, uint32_t x)
{
    return tvt_net_slice(n, x, 0, 1);
}

static uint32_t slice_begin(tvt_net *n, uint32_t x)
{
    return tvt_net_slice(n, reshaped(n, x), REFUSED_SIDE * REFUSED_SIDE, 0);
}

static uint32_t slice_count(tvt_net *n, uint32_t x)
{
    return tvt_net_slice(n, reshaped(n, x), 30, 7);
}

static void refused(void **state)
{
    static const struct {
        const char *name;
        uint32_t (*make)(tvt_net *n, uint32_t x);
        tvis_diag_code code;
    } cases[] = {
        { "norm_short", norm_short, TVIS_DIAG_SHAPE },
        { "norm_without", norm_without, TVIS_DIAG_GRAPH },
        { "norm_activation", norm_activation, TVIS_DIAG_DTYPE },
        { "attention_map", attention_map, TVIS_DIAG_SHAPE },
        { "attention_heads", attention_heads, TVIS_DIAG_SHAPE },
        { "attention_thirds", attention_thirds, TVIS_DIAG_SHAPE },
        { "attention_outputs", attention_outputs, TVIS_DIAG_GRAPH },
        { "tokens_grid", tokens_grid, TVIS_DIAG_SHAPE },
        { "tokens_registers", tokens_registers, TVIS_DIAG_SHAPE },
        { "tokens_missing", tokens_missing, TVIS_DIAG_GRAPH },
        { "tokens_extra", tokens_extra, TVIS_DIAG_GRAPH },
        { "tokens_activation", tokens_activation, TVIS_DIAG_DTYPE },
        { "slice_map", slice_map, TVIS_DIAG_SHAPE },
        { "slice_begin", slice_begin, TVIS_DIAG_SHAPE },
        { "slice_count", slice_count, TVIS_DIAG_SHAPE },
    };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(cases); i++) {
        tvt_net n;
        tvis_blob blob;
        tvis_model m;
        tvis_diag d;
        tvis_session_config c;
        size_t bytes;
        tvt_net_begin(&n, REFUSED_SIDE, REFUSED_SIDE);
        tvis_graph_output(&n.g, cases[i].make(&n, tvt_net_input(&n, REFUSED_C)));
        tvt_ok(tvt_net_write(&n, &blob), &n.diag);
        tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
        tvis_session_defaults(&c);
        const tvis_status s = tvis_session_size(&m, &c, &bytes, &d);
        if (s != TVIS_EFORMAT || d.code != cases[i].code || d.node == TVIS_NONE)
            fail_msg("%s: status %d, code %d", cases[i].name, (int)s, (int)d.code);
        tvis_blob_free(&blob);
    }
}

/* The first output of a network with three. */
static void run_whole(const tvis_model *m, uint8_t plan, uint16_t threads, const tvis_tensor *in, float *y)
{
    tvis_session_config c;
    tvis_session *s;
    tvis_tensor out;
    tvis_diag d;
    size_t bytes;
    tvis_session_defaults(&c);
    c.plan = plan;
    c.threads = threads;
    tvt_ok(tvis_session_size(m, &c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    memset(arena.p, 0xff, bytes);
    tvt_ok(tvis_session_init(&s, m, &c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_run(s, in, NULL, &d), &d);
    assert_int_equal(tvis_session_output(s, 0, &out), TVIS_OK);
    assert_int_equal(out.dims[3], 12);
    memcpy(y, out.data, 12 * sizeof *y);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
}

/* All of them one after the other, as a network runs them. */
static void whole(void **state)
{
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    tvt_buf x;
    float first[12], again[12];
    (void)state;
    tvt_ok(tvt_net_transformer(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n.diag), &n.diag);
    const tvis_tensor in = tvt_random_tensor(&x, 1, 12, 16, 3);
    run_whole(&m, TVIS_PLAN_FAST, 1, &in, first);
    run_whole(&m, TVIS_PLAN_SMALL, 4, &in, again);
    assert_memory_equal(first, again, sizeof first);
    for (int i = 0; i < 12; i++)
        assert_true(first[i] - first[i] == 0.0f);
    tvt_free(&x);
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm), cmocka_unit_test(attention), cmocka_unit_test(attention_maps),
        cmocka_unit_test(tokens),     cmocka_unit_test(slice),     cmocka_unit_test(refused),
        cmocka_unit_test(whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
