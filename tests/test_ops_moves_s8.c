/* SPDX-License-Identifier: MIT */
/* Slices, reshapes, shortcuts and tokens of int8 and int16, in networks of one node whose inputs and outputs are
 * integers, and what they refuse. */
#include <math.h>

#include "core/port.h"
#include "ops/stretch.h"
#include "tests/net_tokens.h"
#include "tests/network.h"

enum { ZERO = -9 };
#define SCALE 0.03f

typedef struct setting {
    tvt_net n;
    tvis_tensor in;
    uint32_t x, y;
    tvt_buf values;
} setting;

static void as_integer(tvt_net *n, uint32_t id, uint8_t dtype)
{
    n->g.tensor[id].dtype = dtype;
    n->g.tensor[id].scale = SCALE;
    n->g.tensor[id].zero = dtype == TVIS_S8 ? ZERO : 0;
}

static int32_t get(uint8_t dtype, const void *x, size_t i)
{
    return dtype == TVIS_S8 ? ((const int8_t *)x)[i] : ((const int16_t *)x)[i];
}

/* Every value, the extremes often. */
static void fill(uint8_t dtype, void *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t r = tvt_below(20);
        if (dtype == TVIS_S8)
            ((int8_t *)x)[i] = (int8_t)(r == 0 ? INT8_MIN : r == 1 ? INT8_MAX : (int32_t)tvt_below(256) - 128);
        else
            ((int16_t *)x)[i] = (int16_t)(r == 0 ? INT16_MIN : r == 1 ? INT16_MAX : (int32_t)tvt_below(65536) - 32768);
    }
}

static void begin(setting *t, uint8_t dtype, int32_t n, int32_t h, int32_t w, int32_t c)
{
    tvt_net_begin(&t->n, (uint16_t)h, (uint16_t)w);
    t->x = tvt_net_input(&t->n, c);
    as_integer(&t->n, t->x, dtype);
    t->in = (tvis_tensor){ NULL, { n, h, w, c }, dtype, TVIS_NHWC };
    t->values = tvt_paged((size_t)n * (size_t)h * (size_t)w * (size_t)c * tvis_dtype_size((tvis_dtype)dtype));
    t->in.data = t->values.p;
    fill(dtype, t->values.p, t->values.size / tvis_dtype_size((tvis_dtype)dtype));
}

static void run_once(const tvis_model *m, const tvis_session_config *c, const tvis_tensor *in, const int32_t *dims,
                     const tvt_buf *want)
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
    assert_memory_equal(out.dims, dims, sizeof out.dims);
    assert_memory_equal(out.data, want->p, want->size);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
}

/* Writes the network, runs it in several ways and frees it. */
static void end(setting *t, const int32_t *dims, tvt_buf *want)
{
    tvis_blob blob;
    tvis_model m;
    tvis_graph_output(&t->n.g, t->y);
    tvt_ok(tvt_net_write(&t->n, &blob), &t->n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &t->n.diag), &t->n.diag);
    for (uint32_t way = 0; way < 4; way++) {
        tvis_session_config c;
        tvis_session_defaults(&c);
        c.n = (uint16_t)t->in.dims[0];
        c.plan = (uint8_t)(way & 1u);
        c.threads = way & 2u ? 3 : 1;
        run_once(&m, &c, &t->in, dims, want);
    }
    tvis_blob_free(&blob);
    tvt_free(&t->values);
    tvt_free(want);
}

static tvt_buf room(const int32_t *dims, uint8_t dtype)
{
    return tvt_guarded((size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2] * (size_t)dims[3] *
                       tvis_dtype_size((tvis_dtype)dtype));
}

static void put(uint8_t dtype, tvt_buf *y, size_t i, int32_t v)
{
    if (dtype == TVIS_S8)
        ((int8_t *)y->p)[i] = (int8_t)v;
    else
        ((int16_t *)y->p)[i] = (int16_t)v;
}

static const uint8_t types[] = { TVIS_S8, TVIS_S16 };

static void slices(void **state)
{
    static const int32_t ranges[][2] = { { 0, 0 }, { 0, 1 }, { 5, 0 }, { 2, 3 }, { 8, 1 } };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(ranges) * 2; i++) {
        const int32_t *range = ranges[i / 2], count = range[1] ? range[1] : 9 - range[0], dims[4] = { 3, 1, count, 5 };
        const uint8_t dtype = types[i % 2];
        setting t;
        begin(&t, dtype, 3, 1, 9, 5);
        t.y = tvt_net_slice(&t.n, t.x, range[0], range[1]);
        as_integer(&t.n, t.y, dtype);
        tvt_buf want = room(dims, dtype);
        for (int32_t k = 0; k < 3 * count * 5; k++)
            put(dtype, &want, (size_t)k,
                get(dtype, t.values.p, (size_t)(k / (count * 5) * 45 + range[0] * 5 + k % (count * 5))));
        end(&t, dims, &want);
    }
}

static void reshapes(void **state)
{
    const tvis_params rows = { .reshape = { { 0, 1, 12, 7 }, 0 } }, flat = { .reshape = { { 0, 0, 0, 0 }, 1 } };
    const int32_t dims[2][4] = { { 2, 1, 12, 7 }, { 2, 1, 1, 84 } };
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const bool flatten = i / 2;
        const uint8_t dtype = types[i % 2];
        setting t;
        begin(&t, dtype, 2, 3, 4, 7);
        t.y = tvt_net_node(&t.n, TVIS_OP_RESHAPE, &t.x, 1, flatten ? 84 : 7, flatten ? &flat : &rows);
        as_integer(&t.n, t.y, dtype);
        tvt_buf want = room(dims[flatten], dtype);
        for (size_t k = 0; k < 2 * 84; k++) {
            const size_t p = k / 7 % 12, to = flatten ? k / 84 * 84 + k % 7 * 12 + p : k;
            put(dtype, &want, to, get(dtype, t.values.p, k));
        }
        end(&t, dims[flatten], &want);
    }
}

static void shortcuts(void **state)
{
    static const uint16_t cases[][3] = { { 2, 3, 2 }, { 1, 0, 5 }, { 3, 1, 0 } };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(cases) * 2; i++) {
        const uint16_t *k = cases[i / 2];
        const tvis_params p = { .shortcut = { k[0], k[1], k[2], 0 } };
        const int32_t c = 4 + k[1] + k[2], dims[4] = { 2, 4 / k[0] + 1, 6 / k[0] + 1, c };
        const uint8_t dtype = types[i % 2];
        setting t;
        begin(&t, dtype, 2, 5, 7, 4);
        t.y = tvt_net_node(&t.n, TVIS_OP_SHORTCUT, &t.x, 1, c, &p);
        as_integer(&t.n, t.y, dtype);
        tvt_buf want = room(dims, dtype);
        for (int32_t n = 0, at = 0; n < 2; n++)
            for (int32_t y = 0; y < dims[1]; y++)
                for (int32_t x = 0; x < dims[2]; x++)
                    for (int32_t j = 0; j < c; j++, at++) {
                        const bool inside = j >= k[1] && j < k[1] + 4;
                        const int32_t from = ((n * 5 + y * k[0]) * 7 + x * k[0]) * 4 + j - k[1];
                        put(dtype, &want, (size_t)at,
                            inside             ? get(dtype, t.values.p, (size_t)from)
                            : dtype == TVIS_S8 ? ZERO
                                               : 0);
                    }
        end(&t, dims, &want);
    }
}

/* ---- tokens ---- */

enum { C = 5, REGISTERS = 2 };

static uint32_t integers(tvt_net *n, uint8_t dtype, const int32_t *dims)
{
    char name[TVIS_NAME_MAX];
    const uint32_t id = tvis_graph_constant(&n->g, tvt_net_name(n, name, "i"), dtype, dims);
    fill(dtype, n->g.tensor[id].data, n->g.tensor[id].bytes / tvis_dtype_size((tvis_dtype)dtype));
    return id;
}

static const tvis_quant arithmetic = {
    .mul = 1 << 28, .add_mul = 1 << 29, .shift = 1, .add_shift = 2, .lo = -128, .hi = 127, .zero = ZERO
};

static uint32_t tokens(tvt_net *n, uint32_t x, tvis_tokens_params t, uint8_t out)
{
    const int32_t one[4] = { 1, 1, 1, C }, some[4] = { 1, 1, t.registers, C }, grid[4] = { 1, t.grid[0], t.grid[1], C };
    const tvis_params p = { .tokens = t };
    uint32_t in[4] = { x, integers(n, out, one), integers(n, TVIS_S16, grid) };
    if (t.registers)
        in[3] = integers(n, out, some);
    const uint32_t y = tvt_net_node(n, TVIS_OP_TOKENS, in, t.registers ? 4 : 3, C, &p);
    as_integer(n, y, out);
    n->g.node[n->g.node_count - 1].q = arithmetic;
    return y;
}

/* The position of a patch in double precision: rows of taps, then columns. */
static double position(const setting *t, const tvis_tokens_params *p, int32_t i, int32_t j, int32_t k)
{
    const int16_t *x = t->n.g.tensor[tvis_graph_producer(&t->n.g, t->y)->in[2]].data;
    const int32_t h = t->in.dims[1], w = t->in.dims[2];
    if (p->grid[0] == h && p->grid[1] == w)
        return x[(i * w + j) * C + k];
    const tvis_taps down = tvis_stretch_taps(p->stretch, p->grid[0], h, i),
                    across = tvis_stretch_taps(p->stretch, p->grid[1], w, j);
    double sum = 0.0, size = 0.0;
    for (int32_t a = 0; a < down.count; a++) {
        size += fabs((double)tvis_stretch_weight(&down, a));
        for (int32_t b = 0; b < across.count; b++) {
            int32_t y0 = down.first + a, x0 = across.first + b;
            y0 = y0 < 0 ? 0 : y0 < p->grid[0] ? y0 : p->grid[0] - 1;
            x0 = x0 < 0 ? 0 : x0 < p->grid[1] ? x0 : p->grid[1] - 1;
            sum += (double)tvis_stretch_weight(&down, a) * (double)tvis_stretch_weight(&across, b) *
                   (double)x[(y0 * p->grid[1] + x0) * C + k];
        }
    }
    assert_true(size < 2.5); /* what the kernel's sums rely on */
    return sum;
}

static double limited(double v, uint8_t dtype)
{
    return dtype == TVIS_S8 ? fmin(fmax(v, -128.0), 127.0) : fmin(fmax(v, -32768.0), 32767.0);
}

/* Against the formula in double precision: weights of 13 bits move a position by at most 2^-13 a tap. */
static void compare_tokens(setting *t, const tvis_tokens_params *p, uint8_t out, const void *y)
{
    const double mul = (double)arithmetic.mul * 2.0 / 4294967296.0,
                 add = (double)arithmetic.add_mul * 4.0 / 4294967296.0;
    const int32_t h = t->in.dims[1], w = t->in.dims[2], tokens_count = 1 + p->registers + h * w;
    const bool stored = p->grid[0] == h && p->grid[1] == w;
    const double tolerance = stored ? 1.01 : out == TVIS_S8 ? 1.5 + 32768.0 * 12 / 8192 * add : 32768.0 * 12 / 8192;
    const tvis_gnode *node = tvis_graph_producer(&t->n.g, t->y);
    for (int32_t n = 0; n < t->in.dims[0]; n++)
        for (int32_t i = 0; i < tokens_count * C; i++) {
            const int32_t got = get(out, y, (size_t)(n * tokens_count * C + i)), token = i / C, k = i % C;
            if (token <= p->registers) {
                const uint32_t id = token ? node->in[3] : node->in[1];
                assert_int_equal(got, get(out, t->n.g.tensor[id].data, (size_t)(token ? i - C : i)));
                continue;
            }
            const int32_t patch = token - 1 - p->registers;
            const int32_t x = get(t->in.dtype, t->values.p, (size_t)((n * h * w + patch) * C + k));
            const double v = (x - (t->in.dtype == TVIS_S8 ? ZERO : 0)) * mul +
                             position(t, p, patch / w, patch % w, k) * add + (out == TVIS_S8 ? ZERO : 0);
            if (!(fabs(limited(v, out) - got) <= tolerance))
                fail_msg("patch %d, channel %d: %d is not %.3f", (int)patch, (int)k, (int)got, v);
        }
}

static void check_tokens(uint8_t in, uint8_t out, tvis_tokens_params p, int32_t h, int32_t w)
{
    setting t;
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    uint32_t first = 0;
    begin(&t, in, 2, h, w, C);
    t.y = tokens(&t.n, t.x, p, out);
    tvis_graph_output(&t.n.g, t.y);
    tvt_ok(tvis_blob_write(&t.n.g, &blob, &d), &d);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
    for (uint32_t way = 0; way < 4; way++) {
        tvis_session_config c;
        tvis_session *s;
        tvis_tensor y;
        size_t bytes;
        tvis_session_defaults(&c);
        c.n = 2;
        c.plan = (uint8_t)(way & 1u);
        c.threads = way & 2u ? 3 : 1;
        tvt_ok(tvis_session_size(&m, &c, &bytes, &d), &d);
        tvt_buf arena = tvt_guarded(bytes);
        tvt_ok(tvis_session_init(&s, &m, &c, arena.p, bytes, &d), &d);
        tvt_ok(tvis_session_run(s, &t.in, NULL, &d), &d);
        assert_int_equal(tvis_session_output(s, 0, &y), TVIS_OK);
        const uint32_t crc = tvis_crc32(0, y.data, (size_t)(2 * y.dims[2] * C) * tvis_dtype_size((tvis_dtype)y.dtype));
        if (way == 0)
            compare_tokens(&t, &p, out, y.data);
        first = way ? first : crc;
        assert_int_equal(crc, first);
        assert_true(tvt_guards_ok(&arena));
        tvt_free(&arena);
    }
    tvis_blob_free(&blob);
    tvis_graph_free(&t.n.g);
    tvt_free(&t.values);
}

static void tokens_of_all_types(void **state)
{
    static const int32_t sizes[][2] = { { 3, 4 }, { 1, 1 }, { 5, 2 }, { 2, 9 }, { 11, 11 } };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(sizes) * 16; i++) {
        const size_t s = i / 16;
        const uint16_t rule = i & 1 ? TVIS_STRETCH_ANTIALIAS : TVIS_STRETCH_OFFSET, registers = i & 2 ? REGISTERS : 0;
        check_tokens(types[i >> 2 & 1], types[i >> 3 & 1], (tvis_tokens_params){ { 3, 4 }, rule, registers },
                     sizes[s][0], sizes[s][1]);
    }
}

/* The sums in 32 bits: all taps at the extremes, over many pairs of sizes. */
static void extremes(void **state)
{
    (void)state;
    for (uint16_t grid = 1; grid < 40; grid = (uint16_t)(grid + 3))
        for (int32_t side = 1; side < 40; side += 5)
            check_tokens(TVIS_S16, TVIS_S16,
                         (tvis_tokens_params){ { grid, (uint16_t)(grid + 1) }, (uint16_t)(grid % 2), 0 }, side,
                         1 + side / 2);
}

/* ---- refused ---- */

static uint32_t moved(tvt_net *n, uint32_t x, tvis_op_code op)
{
    const tvis_params shortcut = { .shortcut = { 1, 0, 0, 0 } };
    const uint32_t y = tvt_net_node(n, op, &x, 1, C, op == TVIS_OP_SHORTCUT ? &shortcut : NULL);
    as_integer(n, y, TVIS_S8);
    return y;
}

static void slice_type(tvt_net *n, uint32_t x, uint32_t *y)
{
    *y = moved(n, x, TVIS_OP_SLICE);
    as_integer(n, *y, TVIS_S16);
}

static void reshape_scale(tvt_net *n, uint32_t x, uint32_t *y)
{
    *y = moved(n, x, TVIS_OP_RESHAPE);
    n->g.tensor[*y].scale *= 2.0f;
}

static void shortcut_zero(tvt_net *n, uint32_t x, uint32_t *y)
{
    *y = moved(n, x, TVIS_OP_SHORTCUT);
    n->g.tensor[*y].zero++;
}

static void slice_activation(tvt_net *n, uint32_t x, uint32_t *y)
{
    *y = moved(n, x, TVIS_OP_SLICE);
    tvt_net_set_act(n, *y, TVIS_ACT_RELU);
}

static const tvis_tokens_params few = { { 2, 2 }, TVIS_STRETCH_OFFSET, REGISTERS };

static void tokens_class(tvt_net *n, uint32_t x, uint32_t *y)
{
    *y = tokens(n, x, few, TVIS_S16);
    as_integer(n, *y, TVIS_S8);
}

static void tokens_position(tvt_net *n, uint32_t x, uint32_t *y)
{
    const int32_t grid[4] = { 1, 2, 2, C };
    *y = tokens(n, x, few, TVIS_S8);
    const uint32_t position_id = integers(n, TVIS_S8, grid);
    tvis_graph_producer(&n->g, *y)->in[2] = position_id;
}

static void tokens_grid(tvt_net *n, uint32_t x, uint32_t *y)
{
    *y = tokens(n, x, few, TVIS_S8);
    tvis_graph_producer(&n->g, *y)->p.tokens.grid[0] = 3;
}

static void tokens_registers(tvt_net *n, uint32_t x, uint32_t *y)
{
    *y = tokens(n, x, few, TVIS_S8);
    tvis_graph_producer(&n->g, *y)->p.tokens.registers = REGISTERS + 1;
}

static void tokens_missing(tvt_net *n, uint32_t x, uint32_t *y)
{
    *y = tokens(n, x, few, TVIS_S8);
    tvis_graph_producer(&n->g, *y)->in_count = 3;
}

static void refused(void **state)
{
    static const struct {
        const char *name;
        void (*make)(tvt_net *n, uint32_t x, uint32_t *y);
        tvis_diag_code code;
    } cases[] = {
        { "slice_type", slice_type, TVIS_DIAG_DTYPE },
        { "reshape_scale", reshape_scale, TVIS_DIAG_VALUE },
        { "shortcut_zero", shortcut_zero, TVIS_DIAG_VALUE },
        { "slice_activation", slice_activation, TVIS_DIAG_DTYPE },
        { "tokens_class", tokens_class, TVIS_DIAG_DTYPE },
        { "tokens_position", tokens_position, TVIS_DIAG_DTYPE },
        { "tokens_grid", tokens_grid, TVIS_DIAG_SHAPE },
        { "tokens_registers", tokens_registers, TVIS_DIAG_SHAPE },
        { "tokens_missing", tokens_missing, TVIS_DIAG_GRAPH },
    };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(cases); i++) {
        tvt_net n;
        tvis_blob blob;
        tvis_model m;
        tvis_diag d;
        tvis_session_config c;
        size_t bytes;
        uint32_t y;
        tvt_net_begin(&n, 2, 2);
        const uint32_t x = tvt_net_input(&n, C);
        as_integer(&n, x, TVIS_S8);
        cases[i].make(&n, x, &y);
        tvis_graph_output(&n.g, y);
        tvt_ok(tvt_net_write(&n, &blob), &n.diag);
        tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
        tvis_session_defaults(&c);
        const tvis_status s = tvis_session_size(&m, &c, &bytes, &d);
        if (s != TVIS_EFORMAT || d.code != cases[i].code)
            fail_msg("%s: status %d, code %d", cases[i].name, (int)s, (int)d.code);
        tvis_blob_free(&blob);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices),    cmocka_unit_test(reshapes),
        cmocka_unit_test(shortcuts), cmocka_unit_test(tokens_of_all_types),
        cmocka_unit_test(extremes),  cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("moves_s8", tests, NULL, NULL);
}
