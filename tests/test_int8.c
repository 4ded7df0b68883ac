/* SPDX-License-Identifier: MIT */
/* Integer networks: the same bits with any kernels, threads and plans, and on every processor; quantizing a float
 * network. */
#include <math.h>

#include "core/port.h"
#include "ops/pointwise_s8.h"
#include "tests/net.h"
#include "tests/network.h"

#include <tinyvis/quantize.h>

/* Of the hand-made network's outputs, on every target. */
#define GOLDEN_CRC 0x5ac69a1bu

static uint32_t s8(tvt_net *n, uint32_t id, float scale, int32_t zero)
{
    if (id != TVIS_NONE) {
        n->g.tensor[id].dtype = TVIS_S8;
        n->g.tensor[id].scale = scale;
        n->g.tensor[id].zero = zero;
    }
    return id;
}

static uint32_t integers(tvt_net *n, uint8_t dtype, const int32_t *dims, uint32_t range, int32_t offset)
{
    char name[TVIS_NAME_MAX];
    const uint32_t id = tvis_graph_constant(&n->g, tvt_net_name(n, name, "i"), dtype, dims);
    for (size_t i = 0; id != TVIS_NONE && i < n->g.tensor[id].bytes / tvis_dtype_size((tvis_dtype)dtype); i++) {
        const int32_t v = (int32_t)tvt_below(range) + offset;
        if (dtype == TVIS_S8)
            ((int8_t *)n->g.tensor[id].data)[i] = (int8_t)v;
        else
            ((int32_t *)n->g.tensor[id].data)[i] = v & ~1;
    }
    return id;
}

static void set_quant(tvt_net *n, tvis_quant q)
{
    n->g.node[n->g.node_count - 1].q = q;
}

/* A layer with random weights, biases and multipliers; a table if asked for. */
static uint32_t layer(tvt_net *n, tvis_op_code op, uint32_t x, const int32_t *weights, int32_t out, uint32_t add,
                      const tvis_params *p, bool table, tvis_quant q)
{
    const int32_t vector[4] = { 1, 1, 1, out }, entries[4] = { 1, 1, 1, 256 };
    const uint32_t in[6] = { x,
                             integers(n, TVIS_S8, weights, 255, -127),
                             integers(n, TVIS_S32, vector, 4000, -2000),
                             add,
                             integers(n, TVIS_S32, vector, 1u << 22, 1 << 21),
                             table ? integers(n, TVIS_S8, entries, 256, -128) : (uint32_t)TVIS_NONE };
    const uint32_t y = s8(n, tvt_net_node(n, op, in, 6, out, p), 0.05f, q.zero);
    set_quant(n, q);
    return y;
}

static void make_integer_net(tvis_blob *blob, tvis_model *m)
{
    const tvis_params stem = { .conv = { { 2, 2 }, { 1, 1 }, { 1, 1, 1, 1 }, 1, 0 } };
    const tvis_params same = { .conv = { { 1, 1 }, { 1, 1 }, { 1, 1, 1, 1 }, 1, 0 } };
    const tvis_params point = { .conv = { { 1, 1 }, { 1, 1 }, { 0, 0, 0, 0 }, 1, 0 } };
    const tvis_params grouped = { .conv = { { 1, 1 }, { 1, 1 }, { 1, 1, 1, 1 }, 4, 0 } };
    const tvis_params pool = { .pool = { { 3, 3 }, { 2, 2 }, { 1, 1, 1, 1 } } };
    const tvis_quant plain = { .lo = -128, .hi = 127, .zero = 3 },
                     relu = { .lo = -7, .hi = 101, .zero = -7, .shift = 1 };
    const tvis_quant sum = { 1 << 30, 1 << 29, 1, 2, -128, 127, 5, { 0, 0 }, 0 };
    tvt_net n;
    tvis_diag d;
    tvt_srand(11);
    tvt_net_begin(&n, 24, 20);
    uint32_t x = tvt_net_input(&n, 3);
    x = s8(&n, tvt_net_unary(&n, TVIS_OP_QUANTIZE, x), 0.0078125f, -1);
    x = layer(&n, TVIS_OP_CONV2D, x, (const int32_t[]){ 20, 3, 3, 3 }, 20, TVIS_NONE, &stem, false, relu);
    uint32_t y = layer(&n, TVIS_OP_DEPTHWISE, x, (const int32_t[]){ 1, 3, 3, 20 }, 20, TVIS_NONE, &same, true, plain);
    tvis_quant added = plain;
    added.add_mul = 1 << 30;
    added.add_shift = 2;
    y = layer(&n, TVIS_OP_CONV2D, y, (const int32_t[]){ 20, 1, 1, 20 }, 20, x, &point, true, added);
    y = layer(&n, TVIS_OP_CONV2D, y, (const int32_t[]){ 36, 3, 3, 5 }, 36, TVIS_NONE, &grouped, false, plain);
    uint32_t z = layer(&n, TVIS_OP_CONV2D, y, (const int32_t[]){ 36, 1, 1, 36 }, 36, TVIS_NONE, &point, false, relu);
    const uint32_t both[2] = { y, z };
    y = s8(&n, tvt_net_node(&n, TVIS_OP_ADD, both, 2, 36, NULL), 0.1f, 5);
    set_quant(&n, sum);
    y = s8(&n, tvt_net_node(&n, TVIS_OP_MAX_POOL, &y, 1, 36, &pool), 0.1f, 5);
    uint32_t squeezed = s8(&n, tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, y), 0.02f, -20);
    set_quant(&n, (tvis_quant){ 1 << 30, 0, 3, 0, -128, 127, -20, { 0, 0 }, 0 });
    squeezed =
        layer(&n, TVIS_OP_CONV2D, squeezed, (const int32_t[]){ 36, 1, 1, 36 }, 36, TVIS_NONE, &point, true, plain);
    const uint32_t scaled[2] = { y, squeezed };
    y = s8(&n, tvt_net_node(&n, TVIS_OP_SCALE, scaled, 2, 36, NULL), 0.1f, 2);
    set_quant(&n, (tvis_quant){ 1 << 26, 0, 0, 0, -128, 127, 2, { 0, 0 }, 0 });
    y = s8(&n, tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, y), 0.02f, -20);
    set_quant(&n, (tvis_quant){ 1 << 30, 0, 4, 0, -128, 127, -20, { 0, 0 }, 0 });
    y = layer(&n, TVIS_OP_LINEAR, y, (const int32_t[]){ 50, 1, 1, 36 }, 50, TVIS_NONE, NULL, false, plain);
    tvis_graph_output(&n.g, tvt_net_unary(&n, TVIS_OP_DEQUANTIZE, y));
    n.g.max_side = 64;
    tvt_ok(tvt_net_write(&n, blob), &n.diag);
    tvt_ok(tvis_model_open(m, blob->data, blob->size, &d), &d);
}

static void same_bits_everywhere(void **state)
{
    enum { N = 3, OUT = 50 };
    static const uint32_t masks[] = { 0, TVIS_CPU_AVX2, TVIS_CPU_NEON, ~0u };
    tvis_blob blob;
    tvis_model m;
    float x[N * 3 * 24 * 20], y[N * OUT];
    (void)state;
    make_integer_net(&blob, &m);
    for (size_t i = 0; i < TVIS_COUNT(x); i++)
        x[i] = (float)((int32_t)tvt_below(256) - 128) / 128.0f;
    for (uint32_t way = 0; way < 24; way++) {
        tvt_run r = tvt_default_run(N, 24, 20);
        r.threads = way & 1u ? 3 : 1;
        r.plan = way & 2u ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        r.packed = way & 4u;
        r.cpu = tvt_cpu() & masks[way / 8 == 2 ? 3 : way / 8];
        tvt_infer(&m, &r, x, y);
        const uint32_t crc = tvis_crc32(0, y, sizeof y);
        if (crc != GOLDEN_CRC)
            fail_msg("way %u, cpu %x: crc 0x%08xu", way, r.cpu, crc);
    }
    assert_true(tvt_std_f32(y, TVIS_COUNT(y)) > 0.1 * tvt_range_f32(y, TVIS_COUNT(y)));
    tvis_blob_free(&blob);
}

typedef struct pictures {
    uint16_t side;
    uint32_t calls;
    bool broken;
} pictures;

static tvis_status picture(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    pictures *p = user;
    p->calls++;
    assert_int_equal(in->dims[1], p->side);
    if (p->broken && i == 2)
        return d->subject[0] = '\0', TVIS_EIO;
    tvt_srand(100 + i);
    tvt_fill_f32(in->data, (size_t)p->side * p->side * 3);
    return TVIS_OK;
}

static tvis_quantize_config int8_config(pictures *p, uint8_t observer)
{
    return (tvis_quantize_config){ .struct_size = sizeof(tvis_quantize_config),
                                   .mode = TVIS_QUANTIZE_INT8,
                                   .observer = observer,
                                   .percentile = 99.99f,
                                   .images = 4,
                                   .input = picture,
                                   .input_user = p,
                                   .equalize = TVIS_EQUALIZE_OFF };
}

static void a_network_keeps_its_answers(void **state)
{
    enum { CLASSES = 20, SIDE = 64 };
    const tvis_convert_config c = { .struct_size = sizeof c,
                                    .arch = "mobilenet_v2",
                                    .seed = 3,
                                    .classes = CLASSES,
                                    .width = 0.35f,
                                    .h = SIDE,
                                    .w = SIDE };
    static float x[SIDE * SIDE * 3];
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_diag d;
    float want[CLASSES], got[CLASSES], again[CLASSES];
    pictures p = { SIDE, 0, false };
    (void)state;
    tvt_convert(&c, &blob, &m);
    tvt_srand(100);
    tvt_fill_f32(x, TVIS_COUNT(x));
    tvt_run r = tvt_default_run(1, SIDE, SIDE);
    r.layout = TVIS_NHWC;
    tvt_infer(&m, &r, x, want);
    for (uint8_t observer = 0; observer < TVIS_OBSERVER_COUNT_; observer++) {
        const tvis_quantize_config k = int8_config(&p, observer);
        tvis_quantize_report report;
        p.calls = 0;
        tvt_ok(tvis_quantize(&m, &k, &small, &report, &d), &d);
        if (observer < TVIS_OBSERVER_BEST)
            assert_int_equal(p.calls, observer < TVIS_OBSERVER_PERCENTILE ? 4 : 8);
        assert_int_equal(report.tensors, 53);
        assert_true(report.snr_db > 35.0 && report.worst_db <= report.snr_db && report.worst);
        tvt_ok(tvis_model_open(&q, small.data, small.size, &d), &d);
        assert_true(small.size < blob.size * 36 / 100);
        r.cpu = tvt_cpu();
        tvt_infer(&q, &r, x, got);
        r.cpu = 0;
        tvt_infer(&q, &r, x, again);
        assert_memory_equal(got, again, sizeof got);
        double signal = 0.0, noise = 0.0;
        for (int i = 0; i < CLASSES; i++) {
            signal += (double)want[i] * (double)want[i];
            noise += ((double)want[i] - (double)got[i]) * ((double)want[i] - (double)got[i]);
        }
        if (!(10.0 * log10(signal / noise) > 3.0))
            fail_msg("observer %u: %.1f dB", observer, 10.0 * log10(signal / noise));
        tvis_blob_free(&small);
        if (tvt_quick())
            break;
    }
    tvis_blob_free(&blob);
}

/* One session's answers; in: as c says. */
static size_t answers(const tvis_model *m, const tvis_session_config *c, const tvis_tensor *in, float *y)
{
    tvis_diag d;
    size_t bytes;
    tvt_ok(tvis_session_size(m, c, &bytes, &d), &d);
    tvt_run_session(m, c, in, y);
    return bytes;
}

/* An int8 network that takes int8 gives the same bits in less memory, however it is planned. */
static void int8_pictures(void **state)
{
    enum { CLASSES = 10, SIDE = 96 };
    const tvis_convert_config conversion = { .struct_size = sizeof conversion,
                                             .arch = "mobilenet_v2",
                                             .seed = 3,
                                             .classes = CLASSES,
                                             .width = 0.35f,
                                             .h = SIDE,
                                             .w = SIDE };
    static float x[2 * SIDE * SIDE * 3];
    static int8_t narrow[2 * SIDE * SIDE * 3];
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_preprocess p;
    tvis_diag d;
    float want[2 * CLASSES], got[2 * CLASSES];
    pictures calibration = { SIDE, 0, false };
    const tvis_quantize_config k = int8_config(&calibration, TVIS_OBSERVER_MINMAX);
    (void)state;
    tvt_convert(&conversion, &blob, &m);
    tvt_ok(tvis_quantize(&m, &k, &small, NULL, &d), &d);
    tvt_ok(tvis_model_open(&q, small.data, small.size, &d), &d);
    tvis_model_preprocess(&m, &p);
    assert_true(!(p.scale < 0.0f) && !(p.scale > 0.0f) && p.zero == 0);
    tvis_model_preprocess(&q, &p);
    assert_true(p.scale > 0.0f);
    tvt_srand(100);
    tvt_fill_f32(x, TVIS_COUNT(x));
    tvis_pointwise_s8_quantize_c(x, TVIS_COUNT(x), p.scale, p.zero, narrow);
    for (uint32_t way = 0; way < 16; way++) {
        tvis_session_config c;
        tvis_session_defaults(&c);
        c.n = way & 1 ? 2 : 1;
        c.threads = way & 2 ? 3 : 1;
        c.plan = way & 4 ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        c.no_fusion = way & 8;
        c.cpu = tvt_cpu();
        const tvis_tensor floats = { x, { c.n, SIDE, SIDE, 3 }, TVIS_F32, TVIS_NHWC };
        const tvis_tensor bytes = { narrow, { c.n, SIDE, SIDE, 3 }, TVIS_S8, TVIS_NHWC };
        const size_t most = answers(&q, &c, &floats, want);
        c.int8_input = true;
        const size_t least = answers(&q, &c, &bytes, got);
        assert_memory_equal(got, want, (size_t)c.n * CLASSES * sizeof *got);
        assert_true(least <= most);
        if (c.plan == TVIS_PLAN_SMALL && !c.no_fusion && c.n == 1 && c.threads == 1) {
            c.cpu = TVIS_CPU_DSP;
            size_t board;
            tvt_ok(tvis_session_size(&q, &c, &board, &d), &d);
            assert_true(board <= 65536); /* of a Cortex-M4 */
        }
    }
    tvis_blob_free(&small);
    tvis_blob_free(&blob);
}

static void int8_pictures_refused(void **state)
{
    const tvis_convert_config conversion = { .struct_size = sizeof conversion,
                                             .arch = "mobilenet_v2",
                                             .seed = 3,
                                             .classes = 2,
                                             .width = 0.35f,
                                             .h = 32,
                                             .w = 32 };
    tvis_blob blob, small;
    tvis_model m, q;
    tvis_session *s;
    tvis_session_config c;
    tvis_tensor own;
    tvis_diag d;
    size_t bytes;
    pictures p = { 32, 0, false };
    const tvis_quantize_config k = int8_config(&p, TVIS_OBSERVER_MINMAX);
    (void)state;
    tvt_convert(&conversion, &blob, &m);
    tvis_session_defaults(&c);
    c.int8_input = true;
    assert_int_equal(tvis_session_size(&m, &c, &bytes, &d), TVIS_EUNSUP);
    assert_int_equal(d.code, TVIS_DIAG_DTYPE);
    tvt_ok(tvis_quantize(&m, &k, &small, NULL, &d), &d);
    tvt_ok(tvis_model_open(&q, small.data, small.size, &d), &d);
    tvt_ok(tvis_session_size(&q, &c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    assert_int_equal(tvis_session_init(&s, &q, &c, arena.p, bytes - 1, &d), TVIS_ENOMEM);
    tvt_ok(tvis_session_init(&s, &q, &c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_input(s, 0, &own), &d);
    assert_int_equal(own.dtype, TVIS_S8);
    assert_int_equal(own.dims[3], 3);
    assert_int_equal(tvis_session_input(s, 1, &own), TVIS_EINVAL);
    own.dtype = TVIS_F32;
    assert_int_equal(tvis_session_run(s, &own, NULL, &d), TVIS_EINVAL);
    assert_int_equal(d.code, TVIS_DIAG_DTYPE);
    tvt_free(&arena);
    tvis_blob_free(&small);
    tvis_blob_free(&blob);
}

static void refusals(void **state)
{
    const tvis_convert_config c = {
        .struct_size = sizeof c, .arch = "mobilenet_v2", .seed = 3, .classes = 2, .width = 0.35f, .h = 32, .w = 32
    };
    tvis_blob blob, small = { NULL, 0 }, twice = { NULL, 0 };
    tvis_model m, q;
    tvis_diag d;
    pictures p = { 32, 0, false };
    tvis_quantize_config k = int8_config(&p, TVIS_OBSERVER_MINMAX);
    (void)state;
    tvt_convert(&c, &blob, &m);
    k.images = 0;
    assert_int_equal(tvis_quantize(&m, &k, &small, NULL, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "calibration");
    k = int8_config(&p, TVIS_OBSERVER_COUNT_);
    assert_int_equal(tvis_quantize(&m, &k, &small, NULL, &d), TVIS_EINVAL);
    k = int8_config(&p, TVIS_OBSERVER_MINMAX);
    p.broken = true;
    assert_int_equal(tvis_quantize(&m, &k, &small, NULL, &d), TVIS_EIO);
    p.broken = false;
    tvt_ok(tvis_quantize(&m, &k, &small, NULL, &d), &d);
    tvt_ok(tvis_model_open(&q, small.data, small.size, &d), &d);
    assert_int_equal(tvis_quantize(&q, &k, &twice, NULL, &d), TVIS_EINVAL);
    assert_int_equal(d.code, TVIS_DIAG_REFUSED);
    tvis_blob_free(&small);
    tvis_blob_free(&blob);
}

/* Weights of the first layer of that name, in a blob of ours. */
static float *weights_of(tvis_blob *b, const tvis_model *m, const char *layer, size_t *count)
{
    for (uint32_t i = 0; i < tvis_header(m)->node_count; i++) {
        const tvis_blob_node *n = &tvis_nodes(m)[i];
        const tvis_blob_tensor *w = &tvis_tensors(m)[tvis_ids(m)[n->ids + 1]];
        if (strcmp(tvis_string(m, n->name), layer) == 0) {
            *count = w->bytes / sizeof(float);
            return (float *)(void *)((uint8_t *)b->data + w->offset);
        }
    }
    fail_msg("no layer %s", layer);
    return NULL;
}

static void note_kept(void *user, const char *layer, const char *why)
{
    pictures *p = user;
    assert_non_null(strstr(why, "one number"));
    p->broken = strcmp(layer, "features.1.conv.0.0") == 0;
}

static void weights_that_are_wrong(void **state)
{
    const tvis_convert_config c = {
        .struct_size = sizeof c, .arch = "mobilenet_v2", .seed = 3, .classes = 2, .width = 0.35f, .h = 32, .w = 32
    };
    tvis_blob blob, small = { NULL, 0 };
    tvis_model m;
    tvis_diag d;
    size_t count;
    pictures p = { 32, 0, false };
    tvis_quantize_config k = int8_config(&p, TVIS_OBSERVER_MINMAX);
    (void)state;
    tvt_convert(&c, &blob, &m);
    float *w = weights_of(&blob, &m, "features.1.conv.0.0", &count);
    const float first = w[1];
    w[1] = NAN;
    assert_int_equal(tvis_quantize(&m, &k, &small, NULL, &d), TVIS_EMODEL);
    assert_int_equal(d.code, TVIS_DIAG_VALUE);
    assert_non_null(strstr(d.subject, "features.1.conv.0.0"));
    w[1] = first;
    for (size_t i = 0; i < count; i++)
        w[i] = 0.0f;
    k.kept = note_kept;
    tvt_ok(tvis_quantize(&m, &k, &small, NULL, &d), &d);
    tvis_blob_free(&small);
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_everywhere),
        cmocka_unit_test(a_network_keeps_its_answers),
        cmocka_unit_test(int8_pictures),
        cmocka_unit_test(int8_pictures_refused),
        cmocka_unit_test(refusals),
        cmocka_unit_test(weights_that_are_wrong),
    };
    return cmocka_run_group_tests_name("int8", tests, NULL, NULL);
}
