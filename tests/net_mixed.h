/* SPDX-License-Identifier: MIT */
/* Networks of one node whose inputs and outputs are S8, S16 or floats: run in several ways, the same bits in each. */
#ifndef TVT_NET_MIXED_H
#define TVT_NET_MIXED_H

#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

typedef struct tvt_mixed {
    tvt_net n;
    tvis_tensor in[2];
    tvt_buf values[2];
    uint32_t inputs, y;
    int32_t dims[4]; /* of the output */
    tvt_buf out;
} tvt_mixed;

static inline double tvt_mixed_get(uint8_t dtype, const void *x, size_t i)
{
    return dtype == TVIS_S8    ? ((const int8_t *)x)[i]
           : dtype == TVIS_S16 ? ((const int16_t *)x)[i]
                               : (double)((const float *)x)[i];
}

static inline size_t tvt_mixed_size(const int32_t *dims)
{
    return (size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2] * (size_t)dims[3];
}

/* Every value, the extremes often. */
static inline void tvt_mixed_fill(uint8_t dtype, void *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t r = tvt_below(20);
        if (dtype == TVIS_S8)
            ((int8_t *)x)[i] = (int8_t)(r == 0 ? INT8_MIN : r == 1 ? INT8_MAX : (int32_t)tvt_below(256) - 128);
        else if (dtype == TVIS_S16)
            ((int16_t *)x)[i] = (int16_t)(r == 0 ? INT16_MIN : r == 1 ? INT16_MAX : (int32_t)tvt_below(65536) - 32768);
        else
            ((float *)x)[i] = tvt_float(-1.0f, 1.0f);
    }
}

static inline void tvt_mixed_type(tvt_mixed *t, uint32_t id, uint8_t dtype, float scale, int32_t zero)
{
    tvis_gtensor *g = &t->n.g.tensor[id];
    g->dtype = dtype;
    g->scale = dtype == TVIS_F32 ? 0.0f : scale;
    g->zero = dtype == TVIS_S8 ? zero : 0;
}

static inline void tvt_mixed_begin(tvt_mixed *t, int32_t h, int32_t w)
{
    memset(t, 0, sizeof *t);
    tvt_net_begin(&t->n, (uint16_t)h, (uint16_t)w);
}

/* The first input has the network's size, the second (n, h, w, c). */
static inline uint32_t tvt_mixed_input(tvt_mixed *t, uint8_t dtype, float scale, int32_t zero, const int32_t *dims)
{
    const uint32_t id = tvt_net_input(&t->n, dims[3]), k = t->inputs++;
    tvt_mixed_type(t, id, dtype, scale, zero);
    if (k)
        for (int i = 1; i < 3; i++)
            t->n.g.tensor[id].dims[i] = dims[i];
    t->values[k] = tvt_paged(tvt_mixed_size(dims) * tvis_dtype_size((tvis_dtype)dtype));
    t->in[k] = (tvis_tensor){ t->values[k].p, { dims[0], dims[1], dims[2], dims[3] }, dtype, TVIS_NHWC };
    tvt_mixed_fill(dtype, t->values[k].p, tvt_mixed_size(dims));
    return id;
}

/* The node that is tested. */
static inline void tvt_mixed_node(tvt_mixed *t, tvis_op_code op, const uint32_t *in, uint32_t count,
                                  const tvis_params *p, uint8_t dtype, float scale, int32_t zero, const tvis_quant *q)
{
    t->y = tvt_net_node(&t->n, op, in, count, t->in[0].dims[3], p);
    tvt_mixed_type(t, t->y, dtype, scale, zero);
    if (q)
        t->n.g.node[t->n.g.node_count - 1].q = *q;
    tvis_graph_output(&t->n.g, t->y);
}

static inline void tvt_mixed_way(tvt_mixed *t, const tvis_model *m, uint32_t way)
{
    tvis_session_config c;
    tvis_session *s;
    tvis_tensor y;
    tvis_diag d;
    size_t bytes;
    tvis_session_defaults(&c);
    c.n = (uint16_t)t->in[0].dims[0];
    c.plan = (uint8_t)(way & 1u);
    c.threads = way & 2u ? 3 : 1;
    c.cpu = way & 4u ? 0 : tvt_cpu();
    tvt_ok(tvis_session_size(m, &c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    memset(arena.p, 0xa5, bytes);
    tvt_ok(tvis_session_init(&s, m, &c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_run(s, t->in, NULL, &d), &d);
    assert_int_equal(tvis_session_output(s, 0, &y), TVIS_OK);
    memcpy(t->dims, y.dims, sizeof t->dims);
    const size_t size = tvt_mixed_size(y.dims) * tvis_dtype_size((tvis_dtype)y.dtype);
    if (way == 0) {
        t->out = tvt_guarded(size);
        memcpy(t->out.p, y.data, size);
    }
    assert_memory_equal(y.data, t->out.p, size);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
}

/* Fills dims and out. Values that were changed since the inputs were made count. */
static inline void tvt_mixed_run(tvt_mixed *t)
{
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    tvt_ok(t->n.g.status, &t->n.diag);
    tvt_ok(tvis_blob_write(&t->n.g, &blob, &d), &d);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
    for (uint32_t way = 0; way < 8; way++)
        tvt_mixed_way(t, &m, way);
    tvis_blob_free(&blob);
}

static inline void tvt_mixed_end(tvt_mixed *t)
{
    for (uint32_t k = 0; k < t->inputs; k++)
        tvt_free(&t->values[k]);
    if (t->out.p)
        tvt_free(&t->out);
    tvis_graph_free(&t->n.g);
}

/* What planning says of the network. */
static inline tvis_status tvt_mixed_plan(tvt_mixed *t, tvis_diag *d)
{
    tvis_blob blob;
    tvis_model m;
    tvis_session_config c;
    size_t bytes;
    tvt_ok(t->n.g.status, &t->n.diag);
    tvt_ok(tvis_blob_write(&t->n.g, &blob, d), d);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, d), d);
    tvis_session_defaults(&c);
    c.n = (uint16_t)t->in[0].dims[0];
    const tvis_status s = tvis_session_size(&m, &c, &bytes, d);
    tvis_blob_free(&blob);
    return s;
}

/* Value i of input k, of the output. */
static inline double tvt_mixed_x(const tvt_mixed *t, uint32_t k, size_t i)
{
    return tvt_mixed_get(t->in[k].dtype, t->values[k].p, i);
}

static inline double tvt_mixed_y(const tvt_mixed *t, size_t i)
{
    return tvt_mixed_get(t->n.g.tensor[t->y].dtype, t->out.p, i);
}

static inline double tvt_mixed_limit(uint8_t dtype, double v)
{
    const double lo = dtype == TVIS_S8 ? -128.0 : -32768.0, hi = dtype == TVIS_S8 ? 127.0 : 32767.0;
    return v < lo ? lo : v > hi ? hi : v;
}

#endif
