/* SPDX-License-Identifier: MIT */
/* One operator in a network of its own, run in every way there is, against what the test says it should give. */
#ifndef TVT_OPS_H
#define TVT_OPS_H

#include <float.h>
#include <math.h>

#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

/* What an output must be, in double precision, and how far each element may be from it. */
typedef struct tvt_expected {
    int32_t dims[4];
    double *y, *tolerance;
} tvt_expected;

static inline size_t tvt_elements(const int32_t *dims)
{
    return (size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2] * (size_t)dims[3];
}

static inline tvt_expected tvt_expect(int32_t n, int32_t h, int32_t w, int32_t c)
{
    tvt_expected e = { { n, h, w, c }, NULL, NULL };
    const size_t floats = tvt_elements(e.dims);
    e.y = calloc(floats, sizeof(double));
    e.tolerance = calloc(floats, sizeof(double));
    if (!e.y || !e.tolerance)
        fail_msg("no memory");
    return e;
}

static inline double tvt_activated(uint8_t act, double x)
{
    const double clamped = fmin(fmax(x + 3, 0), 6);
    switch ((tvis_act)act) {
    case TVIS_ACT_RELU:
        return fmax(x, 0);
    case TVIS_ACT_RELU6:
        return fmin(fmax(x, 0), 6);
    case TVIS_ACT_HARD_SWISH:
        return x * clamped / 6;
    case TVIS_ACT_HARD_SIGMOID:
        return clamped / 6;
    case TVIS_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case TVIS_ACT_SILU:
        return x / (1 + exp(-x));
    case TVIS_ACT_GELU:
        return x * 0.5 * (1 + erf(x / sqrt(2.0)));
    default:
        return x;
    }
}

/* A sum of terms whose magnitudes add up to `size`, through an activation (none of them is steeper than 1.2). */
static inline void tvt_expect_sum(tvt_expected *e, size_t at, double sum, double size, uint8_t act)
{
    e->y[at] = tvt_activated(act, sum);
    e->tolerance[at] = 6 * (double)FLT_EPSILON * size + (act > TVIS_ACT_RELU6 ? 1e-6 * (1 + fabs(e->y[at])) : 0);
}

/* Random values in a view of so many pictures. */
static inline tvis_tensor tvt_random_tensor(tvt_buf *b, int32_t n, int32_t h, int32_t w, int32_t c)
{
    tvis_tensor t = { NULL, { n, h, w, c }, TVIS_F32, TVIS_NHWC };
    *b = tvt_paged(tvt_elements(t.dims) * sizeof(float));
    tvt_fill_f32(b->p, b->size / sizeof(float));
    t.data = b->p;
    return t;
}

static inline void tvt_compare(const tvt_expected *e, const float *y, const char *what, const tvis_session_config *c)
{
    const size_t floats = tvt_elements(e->dims);
    for (size_t i = 0; i < floats; i++)
        if (!(fabs((double)y[i] - e->y[i]) <= e->tolerance[i]))
            fail_msg("%s, cpu %x, plan %u, threads %u, seed %u: element %u is %.9g, not %.9g within %.3g", what,
                     (unsigned)c->cpu, c->plan, c->threads, tvt_seed, (unsigned)i, (double)y[i], e->y[i],
                     e->tolerance[i]);
}

static inline void tvt_check_way(const tvis_model *m, tvis_session_config *c, const tvis_tensor *in,
                                 const tvt_expected *e, const char *what)
{
    tvis_session *s;
    tvis_tensor out;
    tvis_diag d;
    size_t bytes;
    tvt_buf pack = { 0 };
    if (tvt_below(2))
        pack = tvt_pack(m, c);
    tvt_ok(tvis_session_size(m, c, &bytes, &d), &d);
    tvt_buf arena = tvt_guarded(bytes);
    memset(arena.p, 0xff, bytes);
    tvt_ok(tvis_session_init(&s, m, c, arena.p, bytes, &d), &d);
    tvt_ok(tvis_session_run(s, in, NULL, &d), &d);
    assert_int_equal(tvis_session_output(s, 0, &out), TVIS_OK);
    if (memcmp(out.dims, e->dims, sizeof out.dims) != 0)
        fail_msg("%s: the output is %dx%dx%dx%d", what, (int)out.dims[0], (int)out.dims[1], (int)out.dims[2],
                 (int)out.dims[3]);
    tvt_compare(e, out.data, what, c);
    assert_true(tvt_guards_ok(&arena));
    tvt_free(&arena);
    if (pack.p) {
        assert_true(tvt_guards_ok(&pack));
        tvt_free(&pack);
    }
}

/* Writes the network with output y and runs it with every set of instructions that this processor has, by a plan, a
 * number of threads and packed weights or not as they come. Frees the network and what was expected. */
static inline void tvt_check_net(tvt_net *n, uint32_t y, const tvis_tensor *in, tvt_expected *e, const char *what)
{
    static const uint32_t sets[] = { 0, TVIS_CPU_AVX2, TVIS_CPU_AVX2 | TVIS_CPU_AVX512, UINT32_MAX };
    tvis_blob blob;
    tvis_model m;
    uint32_t last = UINT32_MAX;
    tvis_graph_output(&n->g, y);
    tvt_ok(tvt_net_write(n, &blob), &n->diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n->diag), &n->diag);
    for (size_t i = 0; i < TVIS_COUNT(sets); i++) {
        tvis_session_config c;
        tvis_session_defaults(&c);
        c.n = (uint16_t)in[0].dims[0];
        c.cpu = sets[i] & tvt_cpu();
        c.plan = (uint8_t)tvt_below(2);
        c.threads = (uint16_t)(1 + tvt_below(4));
        if (c.cpu != last)
            tvt_check_way(&m, &c, in, e, what);
        last = c.cpu;
    }
    tvis_blob_free(&blob);
    free(e->y);
    free(e->tolerance);
}

#endif
