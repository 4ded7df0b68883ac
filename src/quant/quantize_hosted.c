/* SPDX-License-Identifier: MIT */
#include "quant/halve_hosted.h"
#include "quant/int8_hosted.h"
#include "quant/maker.h"

#include <tinyvis/quantize.h>

#include <math.h>
#include <string.h>

static void refuse(tvis_graph *g, tvis_status s, tvis_diag_code code, const char *name, const char *why)
{
    g->status = tvis_fail(g->diag, s, code, name, why);
}

static void replace(tvis_graph *g, uint32_t old, uint32_t id)
{
    for (uint32_t i = 0; i < g->node_count; i++)
        if (tvis_has_weights(g, &g->node[i]) && g->node[i].in[1] == old)
            g->node[i].in[1] = id;
}

static void to_half(tvis_graph *g, const tvis_model *m, tvis_quantize_report *r)
{
    tvis_energy all = { 0.0, 0.0 };
    r->worst_db = INFINITY;
    for (uint32_t i = 0; i < g->node_count && !g->status; i++) {
        const tvis_gnode *n = &g->node[i];
        if (!tvis_has_weights(g, n) || n->in[1] >= tvis_header(m)->tensor_count)
            continue;
        const uint32_t old = n->in[1];
        if (g->tensor[old].dtype != TVIS_F32) {
            refuse(g, TVIS_EINVAL, TVIS_DIAG_REFUSED, g->tensor[old].name, "the model is quantized already");
            return;
        }
        const tvis_gtensor from = g->tensor[old];
        tvis_energy e;
        const uint32_t half = tvis_halve(g, &from, &e);
        if (g->status)
            return;
        replace(g, old, half);
        all.signal += e.signal;
        all.noise += e.noise;
        r->tensors++;
        r->elements += g->tensor[half].bytes / sizeof(uint16_t);
        if (tvis_decibel(e) < r->worst_db) {
            r->worst_db = tvis_decibel(e);
            r->worst = tvis_string(m, tvis_tensors(m)[old].name);
        }
    }
    r->snr_db = tvis_decibel(all);
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
