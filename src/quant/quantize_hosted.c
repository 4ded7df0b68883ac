/* SPDX-License-Identifier: MIT */
#include "core/graph_hosted.h"
#include "core/half.h"
#include "quant/int8_hosted.h"

#include <tinyvis/quantize.h>

#include <math.h>
#include <string.h>

/* Energy of the weights and of what rounding them took away. */
typedef struct energy {
    double signal, noise;
} energy;

static double decibel(energy e)
{
    return e.noise > 0.0 ? 10.0 * log10(e.signal / e.noise) : INFINITY;
}

static bool has_weights(const tvis_graph *g, const tvis_gnode *n)
{
    return (n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_DEPTHWISE || n->op == TVIS_OP_LINEAR) && n->in_count > 1 &&
           g->tensor[n->in[1]].constant;
}

static void refuse(tvis_graph *g, tvis_status s, tvis_diag_code code, const char *name, const char *why)
{
    g->status = tvis_fail(g->diag, s, code, name, why);
}

static energy halve(tvis_graph *g, const char *name, const float *x, uint16_t *y, size_t n)
{
    energy e = { 0.0, 0.0 };
    for (size_t i = 0; i < n; i++) {
        float back;
        if (!(x[i] <= TVIS_HALF_MAX && x[i] >= -TVIS_HALF_MAX)) {
            refuse(g, TVIS_EMODEL, TVIS_DIAG_VALUE, name,
                   "a weight is beyond the largest half, 65504, or not a number");
            return e;
        }
        y[i] = tvis_half_from(x[i]);
        tvis_half_expand(&y[i], 1, &back);
        e.signal += (double)x[i] * (double)x[i];
        e.noise += ((double)x[i] - (double)back) * ((double)x[i] - (double)back);
    }
    return e;
}

/* A copy of constant `id` as halves; its name is the model's. */
static energy add_half(tvis_graph *g, uint32_t id, uint32_t *half)
{
    const energy none = { 0.0, 0.0 };
    *half = tvis_graph_constant(g, g->tensor[id].name, TVIS_F16, g->tensor[id].dims);
    if (*half == TVIS_NONE)
        return none;
    const tvis_gtensor *from = &g->tensor[id];
    return halve(g, from->name, from->data, g->tensor[*half].data, from->bytes / sizeof(float));
}

static void replace(tvis_graph *g, uint32_t old, uint32_t id)
{
    for (uint32_t i = 0; i < g->node_count; i++)
        if (has_weights(g, &g->node[i]) && g->node[i].in[1] == old)
            g->node[i].in[1] = id;
}

static void to_half(tvis_graph *g, const tvis_model *m, tvis_quantize_report *r)
{
    energy all = { 0.0, 0.0 };
    r->worst_db = INFINITY;
    for (uint32_t i = 0; i < g->node_count && !g->status; i++) {
        const tvis_gnode *n = &g->node[i];
        if (!has_weights(g, n) || n->in[1] >= tvis_header(m)->tensor_count)
            continue;
        const uint32_t old = n->in[1];
        if (g->tensor[old].dtype != TVIS_F32) {
            refuse(g, TVIS_EINVAL, TVIS_DIAG_REFUSED, g->tensor[old].name, "the model is quantized already");
            return;
        }
        uint32_t half;
        const energy e = add_half(g, old, &half);
        if (g->status)
            return;
        replace(g, old, half);
        all.signal += e.signal;
        all.noise += e.noise;
        r->tensors++;
        r->elements += g->tensor[half].bytes / sizeof(uint16_t);
        if (decibel(e) < r->worst_db) {
            r->worst_db = decibel(e);
            r->worst = tvis_string(m, tvis_tensors(m)[old].name);
        }
    }
    r->snr_db = decibel(all);
    if (!g->status && r->tensors == 0)
        refuse(g, TVIS_EINVAL, TVIS_DIAG_REFUSED, "model", "has no convolution or linear layer to quantize");
}

tvis_status tvis_quantize(const tvis_model *m, const tvis_quantize_config *c, tvis_blob *blob,
                          tvis_quantize_report *report, tvis_diag *diag)
{
    tvis_graph g;
    tvis_quantize_report r;
    if (!m || !c || !blob || c->struct_size != sizeof *c)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "config",
                         "is NULL or of another version (struct_size)");
    if (c->mode >= TVIS_QUANTIZE_COUNT_)
        return tvis_fail_value(diag, TVIS_EINVAL, TVIS_DIAG_ENUM, "mode", NULL, -1, c->mode);
    memset(&r, 0, sizeof r);
    if (c->mode == TVIS_QUANTIZE_INT8)
        return tvis_quantize_int8(m, c, blob, report, diag);
    tvis_graph_init(&g, diag);
    tvis_graph_read(&g, m);
    if (!g.status)
        to_half(&g, m, &r);
    tvis_status s = g.status ? g.status : tvis_blob_write(&g, blob, diag);
    tvis_graph_free(&g);
    if (!s && report)
        *report = r;
    return s;
}
