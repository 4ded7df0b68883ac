/* SPDX-License-Identifier: MIT */
/* Attention in int8 as a node of a network, against the C kernel head by head; what it refuses; and a float network
 * that is quantized with it. */
#include <math.h>

#include "core/port.h"
#include "ops/attention_s8.h"
#include "tests/net_tokens.h"
#include "tests/network.h"

#include <tinyvis/quantize.h>

enum { PICTURES = 2, TOKENS = 53, HEADS = 3, D = 10, C = HEADS * D };

static const tvis_quant arithmetic = {
    .mul = 1 << 30, .add_mul = 1 << 30, .shift = 6, .add_shift = 3, .lo = -120, .hi = 127, .zero = 4
};

static void as_integer(tvt_net *n, uint32_t id, uint8_t dtype, float scale, int32_t zero)
{
    n->g.tensor[id].dtype = dtype;
    n->g.tensor[id].scale = scale;
    n->g.tensor[id].zero = zero;
}

/* One node; its input and outputs are integers. */
static uint32_t integer_net(tvt_net *n, int32_t channels, uint16_t heads, uint32_t *maps)
{
    tvt_net_begin(n, 1, TOKENS);
    const uint32_t x = tvt_net_input(n, channels), y = tvt_net_attention(n, x, heads, maps);
    as_integer(n, x, TVIS_S8, 0.05f, -9);
    as_integer(n, y, TVIS_S8, 0.02f, arithmetic.zero);
    if (maps)
        as_integer(n, *maps, TVIS_S16, 1.0f / 32768.0f, 0);
    n->g.node[0].q = arithmetic;
    tvis_graph_output(&n->g, y);
    if (maps)
        tvis_graph_output(&n->g, *maps);
    return y;
}

static void write(tvt_net *n, tvis_blob *blob, tvis_model *m)
{
    tvis_diag d;
    tvt_ok(tvt_net_write(n, blob), &n->diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
}

/* By the specification, a query at a time. */
static void expect(const int8_t *x, int8_t *y, int16_t *maps)
{
    int32_t scratch[TOKENS];
    for (int32_t i = 0; i < PICTURES * HEADS * TOKENS; i++) {
        const int32_t token = i % TOKENS, map = i / TOKENS, n = map / HEADS, head = map % HEADS;
        const int8_t *q = x + n * TOKENS * 3 * C + head * D;
        const tvis_attention_s8_args a = {
            .q = q + token * 3 * C,
            .k = q + C,
            .v = q + 2 * C,
            .y = y + (n * TOKENS + token) * C + head * D,
            .map = token ? NULL : maps + map * TOKENS,
            .queries = 1,
            .keys = TOKENS,
            .d = D,
            .ld = 3 * C,
            .ldy = C,
            .zero = -9,
            .mul = arithmetic.mul,
            .shift = arithmetic.shift,
            .y_mul = arithmetic.add_mul,
            .y_shift = arithmetic.add_shift,
            .q_y = { .zero = arithmetic.zero, .lo = arithmetic.lo, .hi = arithmetic.hi },
            .scratch = scratch,
        };
        tvis_attention_s8_c(&a);
    }
}

static void run(const tvis_model *m, const tvis_session_config *c, const tvis_tensor *in, const int8_t *y,
                const int16_t *maps)
{
    tvis_session *s;
    tvis_tensor out;
    tvis_diag d;
    size_t bytes;
    tvt_ok(tvis_session_size(m, c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    memset(arena.p, 0xa5, bytes);
    tvt_ok(tvis_session_init(&s, m, c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_run(s, in, NULL, &d), &d);
    assert_int_equal(tvis_session_output(s, 0, &out), TVIS_OK);
    assert_memory_equal(out.data, y, (size_t)PICTURES * TOKENS * C);
    if (maps) {
        assert_int_equal(tvis_session_output(s, 1, &out), TVIS_OK);
        assert_int_equal(out.dims[2], HEADS);
        assert_memory_equal(out.data, maps, (size_t)PICTURES * HEADS * TOKENS * sizeof *maps);
    }
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
}

static void as_a_node(void **state)
{
    static int8_t y[PICTURES * TOKENS * C];
    static int16_t maps[PICTURES * HEADS * TOKENS];
    static const uint32_t masks[] = { 0, TVIS_CPU_AVX2, TVIS_CPU_NEON, ~0u };
    tvt_buf x = tvt_paged((size_t)PICTURES * TOKENS * 3 * C);
    const tvis_tensor in = { x.p, { PICTURES, 1, TOKENS, 3 * C }, TVIS_S8, TVIS_NHWC };
    (void)state;
    tvt_fill(x.p, x.size);
    expect(x.p, y, maps);
    for (uint32_t way = 0; way < 16; way++) {
        const bool with_maps = way & 1u;
        uint32_t id;
        tvt_net n;
        tvis_blob blob;
        tvis_model m;
        tvis_session_config c;
        integer_net(&n, 3 * C, HEADS, with_maps ? &id : NULL);
        write(&n, &blob, &m);
        tvis_session_defaults(&c);
        c.n = PICTURES;
        c.threads = way & 2u ? 5 : 1;
        c.cpu = tvt_cpu() & masks[way / 4];
        run(&m, &c, &in, y, with_maps ? maps : NULL);
        tvis_blob_free(&blob);
    }
    tvt_free(&x);
}

/* ---- refused ---- */

static void heads(tvt_net *n, uint32_t y)
{
    tvis_graph_producer(&n->g, y)->p.attention.heads = 4;
}

static void thirds(tvt_net *n, uint32_t y)
{
    (void)y;
    n->g.tensor[n->g.input[0]].dims[3]++;
}

static void picture(tvt_net *n, uint32_t y)
{
    (void)y;
    n->g.h = 2;
}

static void wide(tvt_net *n, uint32_t y)
{
    tvis_graph_producer(&n->g, y)->p.attention.heads = 1;
    n->g.tensor[n->g.input[0]].dims[3] = 3 * (TVIS_ATTENTION_S8_MAX_D + 1);
}

static void outputs(tvt_net *n, uint32_t y)
{
    tvis_graph_producer(&n->g, y)->p.attention.maps = 0;
}

static void floats(tvt_net *n, uint32_t y)
{
    (void)y;
    as_integer(n, n->g.input[0], TVIS_F32, 0.0f, 0);
}

static void long_integers(tvt_net *n, uint32_t y)
{
    (void)y;
    as_integer(n, n->g.input[0], TVIS_S16, 0.1f, 0);
}

static void activation(tvt_net *n, uint32_t y)
{
    tvt_net_set_act(n, y, TVIS_ACT_RELU);
}

static void map_scale(tvt_net *n, uint32_t y)
{
    as_integer(n, tvis_graph_producer(&n->g, y)->out[1], TVIS_S16, 1.0f / 32767.0f, 0);
}

static void map_type(tvt_net *n, uint32_t y)
{
    as_integer(n, tvis_graph_producer(&n->g, y)->out[1], TVIS_S8, 1.0f / 32768.0f, 0);
}

static void refused(void **state)
{
    static const struct {
        const char *name;
        void (*damage)(tvt_net *n, uint32_t y);
        tvis_status status;
        tvis_diag_code code;
    } cases[] = {
        { "heads", heads, TVIS_EFORMAT, TVIS_DIAG_SHAPE },
        { "thirds", thirds, TVIS_EFORMAT, TVIS_DIAG_SHAPE },
        { "picture", picture, TVIS_EFORMAT, TVIS_DIAG_SHAPE },
        { "wide", wide, TVIS_EUNSUP, TVIS_DIAG_LIMIT },
        { "outputs", outputs, TVIS_EFORMAT, TVIS_DIAG_GRAPH },
        { "floats", floats, TVIS_EFORMAT, TVIS_DIAG_DTYPE },
        { "long_integers", long_integers, TVIS_EFORMAT, TVIS_DIAG_DTYPE },
        { "activation", activation, TVIS_EFORMAT, TVIS_DIAG_DTYPE },
        { "map_scale", map_scale, TVIS_EFORMAT, TVIS_DIAG_DTYPE },
        { "map_type", map_type, TVIS_EFORMAT, TVIS_DIAG_DTYPE },
    };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(cases); i++) {
        tvt_net n;
        tvis_blob blob;
        tvis_model m;
        tvis_diag d;
        tvis_session_config c;
        size_t bytes;
        uint32_t maps;
        cases[i].damage(&n, integer_net(&n, 3 * C, HEADS, &maps));
        write(&n, &blob, &m);
        tvis_session_defaults(&c);
        const tvis_status s = tvis_session_size(&m, &c, &bytes, &d);
        if (s != cases[i].status || d.code != cases[i].code || d.node != 0)
            fail_msg("%s: status %d, code %d: %s", cases[i].name, (int)s, (int)d.code, d.detail ? d.detail : "");
        tvis_blob_free(&blob);
    }
}

/* ---- a network that is quantized ---- */

static tvis_status random_picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    (void)user;
    (void)d;
    tvt_srand(100 + i);
    tvt_fill_f32(in->data, (size_t)TOKENS * 16);
    return TVIS_OK;
}

static double decibel(const float *want, const float *got, size_t n)
{
    double signal = 0.0, noise = 0.0;
    for (size_t i = 0; i < n; i++) {
        signal += (double)want[i] * (double)want[i];
        noise += ((double)want[i] - (double)got[i]) * ((double)want[i] - (double)got[i]);
    }
    return 10.0 * log10(signal / noise);
}

/* Both outputs, of a linear layer behind the attention and the maps. */
static void answers(const tvis_model *m, uint32_t cpu, float *x, float *y, float *maps)
{
    const tvis_tensor in = { x, { 1, 1, TOKENS, 16 }, TVIS_F32, TVIS_NHWC };
    tvis_tensor out[2];
    tvis_session_config c;
    tvis_session *s;
    tvis_diag d;
    size_t bytes;
    tvis_session_defaults(&c);
    c.cpu = cpu;
    tvt_ok(tvis_session_size(m, &c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    tvt_ok(tvis_session_init(&s, m, &c, arena.p, bytes, &d), &d);
    for (uint32_t k = 0; k < 2; k++)
        assert_int_equal(tvis_session_output(s, k, &out[k]), TVIS_OK);
    out[0].data = y;
    out[1].data = maps;
    tvt_ok(tvis_session_run(s, &in, out, &d), &d);
    tvt_free(&arena);
}

static void quantized(void **state)
{
    static float x[TOKENS * 16], y[3][TOKENS * 7], maps[3][HEADS * TOKENS];
    const tvis_quantize_config k = { .struct_size = sizeof k,
                                     .mode = TVIS_QUANTIZE_INT8,
                                     .observer = TVIS_OBSERVER_MINMAX,
                                     .percentile = 99.99f,
                                     .images = 4,
                                     .input = random_picture };
    tvt_net n;
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_diag d;
    uint32_t id;
    (void)state;
    tvt_net_begin(&n, 1, TOKENS);
    const uint32_t qkv = tvt_net_linear(&n, tvt_net_input(&n, 16), 3 * C, true);
    tvis_graph_output(&n.g, tvt_net_linear(&n, tvt_net_attention(&n, qkv, HEADS, &id), 7, true));
    tvis_graph_output(&n.g, id);
    write(&n, &blob, &m);
    tvt_ok(tvis_quantize(&m, &k, &small, NULL, &d), &d);
    tvt_ok(tvis_model_open(&q, small.data, small.size, &d), &d);
    tvt_srand(77);
    tvt_fill_f32(x, TVIS_COUNT(x));
    answers(&m, tvt_cpu(), x, y[0], maps[0]);
    answers(&q, tvt_cpu(), x, y[1], maps[1]);
    answers(&q, 0, x, y[2], maps[2]);
    assert_memory_equal(y[1], y[2], sizeof y[1]);
    assert_memory_equal(maps[1], maps[2], sizeof maps[1]);
    const double db = decibel(y[0], y[1], TVIS_COUNT(y[0])), map_db = decibel(maps[0], maps[1], TVIS_COUNT(maps[0]));
    if (!(db > 30.0 && map_db > 30.0))
        fail_msg("outputs at %.1f dB, maps at %.1f dB", db, map_db);
    uint32_t attention = 0;
    for (uint32_t i = 0; i < tvis_header(&q)->node_count; i++)
        if (tvis_nodes(&q)[i].op == TVIS_OP_ATTENTION)
            attention += tvis_tensors(&q)[tvis_ids(&q)[tvis_nodes(&q)[i].ids]].dtype == TVIS_S8;
    assert_int_equal(attention, 1);
    tvis_blob_free(&small);
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_a_node),
        cmocka_unit_test(refused),
        cmocka_unit_test(quantized),
    };
    return cmocka_run_group_tests_name("ops_attention_s8", tests, NULL, NULL);
}
