/* SPDX-License-Identifier: MIT */
/* Convolutions, depthwise ones and linear layers of S8 and S16 in all mixtures, in networks of one node whose inputs
 * and output are integers, against the plainest reference; and what they refuse. */
#include "core/port.h"
#include "ops/requant.h"
#include "ops/table16.h"
#include "tests/net.h"
#include "tests/network.h"

enum { ZERO = -9, Y_ZERO = 5, NO_ADD = 0xff };

typedef struct layer {
    tvis_op_code op;
    uint8_t x, y, add; /* dtypes; NO_ADD */
    bool table;
    int32_t n, h, w, ic, oc, kh, kw;
    tvis_conv_params p;
} layer;

typedef struct setting {
    tvt_net net;
    layer l;
    tvis_tensor in[2];
    tvt_buf x, add;
    const int8_t *weights;
    const int32_t *bias, *mul;
    const int16_t *table;
    tvis_quant q;
    uint32_t y;
    int32_t out[4], top, left;
} setting;

static size_t size_of(uint8_t dtype)
{
    return tvis_dtype_size((tvis_dtype)dtype);
}

static size_t elements(const int32_t *d)
{
    return (size_t)d[0] * (size_t)d[1] * (size_t)d[2] * (size_t)d[3];
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

static uint32_t as_integer(tvt_net *n, uint32_t id, uint8_t dtype, int32_t zero)
{
    n->g.tensor[id].dtype = dtype;
    n->g.tensor[id].scale = 0.03f;
    n->g.tensor[id].zero = dtype == TVIS_S8 ? zero : 0;
    return id;
}

static uint32_t constant(tvt_net *n, uint8_t dtype, const int32_t *dims)
{
    char name[TVIS_NAME_MAX];
    return tvis_graph_constant(&n->g, tvt_net_name(n, name, "i"), dtype, dims);
}

static uint32_t vector(tvt_net *n, uint8_t dtype, int32_t count)
{
    return constant(n, dtype, (const int32_t[]){ 1, 1, 1, count });
}

/* ---- the reference ---- */

static int32_t side(const tvis_conv_params *p, int a, int32_t in, int32_t k, int32_t *before)
{
    const int32_t span = p->dilation[a] * (k - 1) + 1, stride = p->stride[a];
    *before = p->pad[a];
    if (!p->same)
        return (in + p->pad[a] + p->pad[a + 2] - span) / stride + 1;
    const int32_t out = (in + stride - 1) / stride, total = (out - 1) * stride + span - in;
    *before = total > 0 ? total / 2 : 0;
    return out;
}

/* Weight and input channel that tap (ky, kx, i) of output channel c meets. */
static void tap(const setting *t, int32_t c, int32_t place, int32_t i, size_t *w, int32_t *channel)
{
    const layer *l = &t->l;
    const int32_t inputs = l->ic / l->p.groups;
    *w = l->op == TVIS_OP_DEPTHWISE ? (size_t)(place * l->oc + c) : (size_t)((c * l->kh * l->kw + place) * inputs + i);
    *channel = l->op == TVIS_OP_DEPTHWISE ? c : c / (l->oc / l->p.groups) * inputs + i;
}

static int32_t sum_at(const setting *t, int32_t n, int32_t oy, int32_t ox, int32_t c)
{
    const layer *l = &t->l;
    const bool depthwise = l->op == TVIS_OP_DEPTHWISE;
    const int32_t zero = l->x == TVIS_S8 ? ZERO : 0, inputs = depthwise ? 1 : l->ic / l->p.groups;
    uint32_t sum = (uint32_t)t->bias[c];
    for (int32_t place = 0; place < l->kh * l->kw; place++)
        for (int32_t i = 0; i < inputs; i++) {
            const int32_t iy = oy * l->p.stride[0] - t->top + place / l->kw * l->p.dilation[0];
            const int32_t ix = ox * l->p.stride[1] - t->left + place % l->kw * l->p.dilation[1];
            int32_t v = zero, channel;
            size_t w;
            tap(t, c, place, i, &w, &channel);
            if (iy >= 0 && iy < l->h && ix >= 0 && ix < l->w)
                v = get(l->x, t->x.p, (size_t)(((n * l->h + iy) * l->w + ix) * l->ic + channel));
            sum += (uint32_t)((v - (depthwise ? zero : 0)) * t->weights[w]);
        }
    return (int32_t)sum;
}

static int32_t result_at(const setting *t, int32_t sum, int32_t c, size_t at)
{
    const bool wide = t->l.y == TVIS_S16 || t->l.table;
    const int64_t lo = wide ? tvis_quant_lo16(&t->q) : t->q.lo, hi = wide ? tvis_quant_hi16(&t->q) : t->q.hi;
    int64_t v = (wide ? 0 : t->q.zero) + tvis_requant_scale(sum, t->mul[c], t->q.shift);
    if (t->l.add != NO_ADD)
        v += tvis_requant_scale(get(t->l.add, t->add.p, at) - (t->l.add == TVIS_S8 ? ZERO : 0), t->q.add_mul,
                                t->q.add_shift);
    v = v < lo ? lo : v > hi ? hi : v;
    if (!t->l.table)
        return (int32_t)v;
    const int32_t y = tvis_table16_at(t->table, (int32_t)v);
    return t->l.y == TVIS_S16 ? y : tvis_table16_narrow(y);
}

static tvt_buf expected(const setting *t)
{
    const int32_t *d = t->out;
    tvt_buf y = tvt_guarded(elements(d) * size_of(t->l.y));
    size_t at = 0;
    for (int32_t n = 0; n < d[0]; n++)
        for (int32_t oy = 0; oy < d[1]; oy++)
            for (int32_t ox = 0; ox < d[2]; ox++)
                for (int32_t c = 0; c < d[3]; c++, at++) {
                    const int32_t v = result_at(t, sum_at(t, n, oy, ox, c), c, at);
                    if (t->l.y == TVIS_S8)
                        ((int8_t *)y.p)[at] = (int8_t)v;
                    else
                        ((int16_t *)y.p)[at] = (int16_t)v;
                }
    return y;
}

/* ---- the network ---- */

static tvt_buf input(setting *t, uint32_t k, uint8_t dtype, const int32_t *d, uint32_t *id)
{
    *id = as_integer(&t->net, tvt_net_input(&t->net, d[3]), dtype, ZERO);
    memcpy(t->net.g.tensor[*id].dims, (const int32_t[]){ 0, d[1], d[2], d[3] }, sizeof t->net.g.tensor[*id].dims);
    tvt_buf b = tvt_paged(elements(d) * size_of(dtype));
    fill(dtype, b.p, elements(d));
    t->in[k] = (tvis_tensor){ b.p, { d[0], d[1], d[2], d[3] }, dtype, TVIS_NHWC };
    return b;
}

/* Factors that spread most results over what the output holds; sums are some k * 2^11, or 2^19. */
static void scales(setting *t, int32_t *mul)
{
    const layer *l = &t->l;
    const bool wide = l->y == TVIS_S16 || l->table;
    const int32_t sum_bits = l->x == TVIS_S8 ? 15 : 23, bits = wide ? 14 : 6;
    const int32_t shift = sum_bits < bits + 1 ? 2 : 0, half = 30 - shift - sum_bits + bits;
    for (int32_t c = 0; c < l->oc; c++)
        mul[c] = 2 * (int32_t)((1u << half) + tvt_below(1u << half));
    t->q.shift = (uint8_t)shift;
    const int32_t add_bits = (l->add == TVIS_S8 ? 7 : 15) - bits; /* the factor is about 2^-add_bits */
    t->q.add_shift = (uint8_t)(add_bits < 0 ? 1 - add_bits : 0);
    t->q.add_mul =
        l->add == NO_ADD ? 0 : 2 * (int32_t)((1u << 29) + tvt_below(1u << 28)) >> (add_bits > 0 ? add_bits : 0);
    t->q.add_mul &= ~1;
    t->q.zero = l->y == TVIS_S8 && !l->table ? Y_ZERO : 0;
    if (wide)
        tvis_quant_set16(&t->q, tvt_below(2) ? INT16_MIN : 0, tvt_below(2) ? INT16_MAX : 20000);
    else
        t->q.lo = (int8_t)(tvt_below(2) ? INT8_MIN : Y_ZERO), t->q.hi = (int8_t)(tvt_below(2) ? INT8_MAX : 90);
}

static void constants(setting *t, uint32_t *in)
{
    const layer *l = &t->l;
    const int32_t depthwise[4] = { 1, l->kh, l->kw, l->oc }, dense[4] = { l->oc, l->kh, l->kw, l->ic / l->p.groups };
    tvt_net *n = &t->net;
    in[1] = constant(n, TVIS_S8, l->op == TVIS_OP_DEPTHWISE ? depthwise : dense);
    in[2] = vector(n, TVIS_S32, l->oc);
    in[4] = vector(n, TVIS_S32, l->oc);
    in[5] = l->table ? vector(n, TVIS_S16, TVIS_TABLE16_ENTRIES) : (uint32_t)TVIS_NONE;
    t->weights = n->g.tensor[in[1]].data;
    t->bias = n->g.tensor[in[2]].data;
    t->mul = n->g.tensor[in[4]].data;
    t->table = l->table ? n->g.tensor[in[5]].data : NULL;
    fill(TVIS_S8, n->g.tensor[in[1]].data, n->g.tensor[in[1]].bytes);
    if (l->table)
        fill(TVIS_S16, n->g.tensor[in[5]].data, TVIS_TABLE16_ENTRIES);
    for (int32_t c = 0; c < l->oc; c++)
        ((int32_t *)n->g.tensor[in[2]].data)[c] = (int32_t)tvt_below(20000) - 10000;
    scales(t, n->g.tensor[in[4]].data);
}

static void begin(setting *t, layer l)
{
    const int32_t x[4] = { l.n, l.h, l.w, l.ic };
    uint32_t in[6] = { 0, 0, 0, TVIS_NONE, 0, 0 };
    memset(t, 0, sizeof *t);
    t->l = l;
    t->out[0] = l.n;
    t->out[1] = side(&l.p, 0, l.h, l.kh, &t->top);
    t->out[2] = side(&l.p, 1, l.w, l.kw, &t->left);
    t->out[3] = l.oc;
    tvt_net_begin(&t->net, (uint16_t)l.h, (uint16_t)l.w);
    t->x = input(t, 0, l.x, x, &in[0]);
    if (l.add != NO_ADD)
        t->add = input(t, 1, l.add, t->out, &in[3]);
    constants(t, in);
    const tvis_params p = { .conv = l.p };
    t->y =
        as_integer(&t->net, tvt_net_node(&t->net, l.op, in, 6, l.oc, l.op == TVIS_OP_LINEAR ? NULL : &p), l.y, Y_ZERO);
    t->net.g.node[0].q = t->q;
    tvis_graph_output(&t->net.g, t->y);
}

static void run_once(const setting *t, const tvis_model *m, tvis_session_config *c, bool packed, const tvt_buf *want)
{
    tvis_session *s;
    tvis_tensor out;
    tvis_diag d;
    size_t bytes;
    tvt_buf pack = { 0 };
    if (packed && c->plan == TVIS_PLAN_FAST)
        pack = tvt_pack(m, c);
    tvt_ok(tvis_session_size(m, c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    memset(arena.p, 0xa5, bytes);
    tvt_ok(tvis_session_init(&s, m, c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_run(s, t->in, NULL, &d), &d);
    assert_int_equal(tvis_session_output(s, 0, &out), TVIS_OK);
    assert_memory_equal(out.dims, t->out, sizeof out.dims);
    if (memcmp(out.data, want->p, want->size) != 0)
        fail_msg("op %d x %u y %u add %u table %d %dx%dx%dx%d to %d, kernel %dx%d groups %u, cpu %x plan %u threads %u "
                 "packed %d seed %u",
                 t->l.op, t->l.x, t->l.y, t->l.add, t->l.table, (int)t->l.n, (int)t->l.h, (int)t->l.w, (int)t->l.ic,
                 (int)t->l.oc, (int)t->l.kh, (int)t->l.kw, t->l.p.groups, (unsigned)c->cpu, c->plan, c->threads, packed,
                 tvt_seed);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
    if (pack.p)
        tvt_free(&pack);
}

/* With all sets of instructions, and the other conditions as they come. */
static void check(layer l)
{
    static const uint32_t sets[] = { 0, TVIS_CPU_AVX2 | TVIS_CPU_NEON, TVIS_CPU_AVX2 | TVIS_CPU_AVX512, UINT32_MAX };
    setting t;
    tvis_blob blob;
    tvis_model m;
    begin(&t, l);
    tvt_buf want = expected(&t);
    tvt_ok(tvt_net_write(&t.net, &blob), &t.net.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &t.net.diag), &t.net.diag);
    for (size_t i = 0; i < 2 * TVIS_COUNT(sets); i++) {
        tvis_session_config c;
        tvis_session_defaults(&c);
        c.n = (uint16_t)l.n;
        c.plan = (uint8_t)tvt_below(2);
        c.threads = tvt_below(2) ? 3 : 1;
        c.cpu = sets[i / 2] & tvt_cpu();
        run_once(&t, &m, &c, i % 2, &want);
    }
    tvis_blob_free(&blob);
    tvt_free(&t.x);
    if (t.add.p)
        tvt_free(&t.add);
    tvt_free(&want);
}

static const uint8_t types[] = { TVIS_S8, TVIS_S16 };
static const tvis_conv_params one = { { 1, 1 }, { 1, 1 }, { 0, 0, 0, 0 }, 1, 0 };

/* Types that make the layer one of 16 bits. */
static layer mixture(tvis_op_code op)
{
    layer l = { .op = op, .p = one, .kh = 1, .kw = 1 };
    do {
        l.x = types[tvt_below(2)];
        l.y = types[tvt_below(2)];
        l.add = op == TVIS_OP_DEPTHWISE || tvt_below(2) ? (uint8_t)NO_ADD : types[tvt_below(2)];
        l.table = tvt_below(2);
    } while (l.x == TVIS_S8 && l.y == TVIS_S8 && (l.add == TVIS_S8 || l.add == NO_ADD) && !l.table);
    l.n = 1 + (int32_t)tvt_below(2);
    return l;
}

static void place(layer *l)
{
    l->kh = 1 + (int32_t)tvt_below(3);
    l->kw = 1 + (int32_t)tvt_below(4);
    l->h = 7 + (int32_t)tvt_below(6);
    l->w = 7 + (int32_t)tvt_below(6);
    for (int a = 0; a < 2; a++) {
        l->p.stride[a] = (uint16_t)(1 + tvt_below(2));
        l->p.dilation[a] = (uint16_t)(1 + tvt_below(2));
    }
    l->p.same = (uint16_t)tvt_below(2);
    for (int a = 0; a < 4; a++)
        l->p.pad[a] = (uint16_t)(l->p.same ? 0 : tvt_below((uint32_t)(a % 2 ? l->kw : l->kh)));
}

static void convolutions(void **state)
{
    (void)state;
    for (int i = 0; i < 150; i++) {
        layer l = mixture(TVIS_OP_CONV2D);
        l.p.groups = (uint16_t)(tvt_below(2) ? 1 : 1 + tvt_below(4));
        if (tvt_below(4))
            place(&l);
        else
            l.h = 5, l.w = 11;
        l.ic = l.p.groups * (1 + (int32_t)tvt_below(24));
        l.oc = l.p.groups * (1 + (int32_t)tvt_below(40));
        check(l);
    }
}

static void depthwise(void **state)
{
    (void)state;
    for (int i = 0; i < 150; i++) {
        layer l = mixture(TVIS_OP_DEPTHWISE);
        place(&l);
        l.ic = l.oc = 1 + (int32_t)tvt_below(70);
        check(l);
    }
}

/* More rows and columns than a block has, and few of them. */
static void linear(void **state)
{
    static const int32_t shapes[][3] = {
        { 1, 300, 40 }, { 3, 530, 9 }, { 60, 70, 33 }, { 130, 17, 64 }, { 25, 256, 3 },
        { 7, 1, 1 },    { 1, 5, 1 },   { 300, 20, 2 }, { 26, 64, 128 }, { 49, 257, 16 }
    };
    (void)state;
    for (size_t i = 0; i < 10 * TVIS_COUNT(shapes); i++) {
        layer l = mixture(TVIS_OP_LINEAR);
        l.h = 1;
        l.w = shapes[i % TVIS_COUNT(shapes)][0];
        l.oc = shapes[i % TVIS_COUNT(shapes)][1];
        l.ic = shapes[i % TVIS_COUNT(shapes)][2];
        check(l);
    }
}

/* ---- refused ---- */

static void set_dtype(setting *t, uint32_t k, uint8_t dtype)
{
    const uint32_t id = k < 6 ? t->net.g.node[0].in[k] : t->y;
    tvis_gtensor *g = &t->net.g.tensor[id];
    g->dtype = dtype;
    if (dtype == TVIS_F32) {
        g->scale = 0.0f;
        g->zero = 0;
    }
}

static void float_output(setting *t)
{
    set_dtype(t, 6, TVIS_F32);
}

static void float_input(setting *t)
{
    set_dtype(t, 0, TVIS_F32);
}

static void float_add(setting *t)
{
    set_dtype(t, 3, TVIS_F32);
}

static void no_bias(setting *t)
{
    t->net.g.node[0].in[2] = TVIS_NONE;
}

static void no_multipliers(setting *t)
{
    t->net.g.node[0].in[4] = TVIS_NONE;
}

static void activation(setting *t)
{
    t->net.g.node[0].act = TVIS_ACT_RELU;
}

static void table_of_s8(setting *t)
{
    const uint32_t id = vector(&t->net, TVIS_S8, 256);
    t->net.g.node[0].in[5] = id;
}

static void short_table(setting *t)
{
    const uint32_t id = vector(&t->net, TVIS_S16, 512);
    t->net.g.node[0].in[5] = id;
}

static void add_is_x(setting *t)
{
    t->net.g.node[0].in[3] = t->net.g.node[0].in[0];
}

static void other_weights(setting *t)
{
    const uint32_t id = constant(&t->net, TVIS_S8, (const int32_t[]){ 6, 1, 1, 5 });
    t->net.g.node[0].in[1] = id;
}

static void refused(void **state)
{
    static void (*const damage[])(setting *) = { float_output, float_input, float_add,   no_bias,  no_multipliers,
                                                 activation,   table_of_s8, short_table, add_is_x, other_weights };
    (void)state;
    for (size_t i = 0; i < 2 * TVIS_COUNT(damage); i++) {
        layer l = {
            i % 2 ? TVIS_OP_LINEAR : TVIS_OP_CONV2D, TVIS_S8, TVIS_S16, TVIS_S16, true, 1, 2, 3, 4, 6, 1, 1, one
        };
        setting t;
        tvis_blob blob;
        tvis_model m;
        tvis_session_config c;
        tvis_diag d;
        size_t bytes;
        begin(&t, l);
        damage[i / 2](&t);
        tvt_ok(tvt_net_write(&t.net, &blob), &t.net.diag);
        tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
        tvis_session_defaults(&c);
        if (tvis_session_size(&m, &c, &bytes, &d) != TVIS_EFORMAT)
            fail_msg("damage %u of op %d is not found", (unsigned)(i / 2), l.op);
        assert_int_equal(d.node, 0);
        tvis_blob_free(&blob);
        tvt_free(&t.x);
        tvt_free(&t.add);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(depthwise),
        cmocka_unit_test(linear),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("layers_s16", tests, NULL, NULL);
}
