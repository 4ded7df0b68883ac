/* SPDX-License-Identifier: MIT */
/* int8 static quantization: docs/quantization.md has the formulas. */
#include "quant/int8_hosted.h"
#include "quant/maker.h"

#include <stdlib.h>
#include <string.h>

static tvis_status no_memory(tvis_diag *d)
{
    return tvis_fail(d, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "quantize", "out of memory");
}

/* Names of the report live in the caller's blob. */
static void name_worst(tvis_maker *q, const tvis_model *m)
{
    for (uint32_t i = 0; q->worst && i < tvis_header(m)->node_count; i++) {
        const char *name = tvis_string(m, tvis_nodes(m)[i].name);
        if (strcmp(name, q->worst) == 0)
            q->report.worst = name;
    }
}

static tvis_status make(tvis_maker *q, const tvis_model *original, tvis_blob *blob, tvis_quantize_report *report,
                        tvis_diag *diag)
{
    tvis_precision *precision = calloc(q->from->node_count, sizeof *precision);
    tvis_range *range = calloc(q->from->tensor_count, sizeof *range);
    tvis_status s = precision && range ? TVIS_OK : no_memory(diag);
    q->precision = precision;
    q->range = range;
    if (!s)
        tvis_choose_ranges(q->from, q->k, q->c, range);
    if (!s)
        s = tvis_make(q, blob, diag);
    name_worst(q, original);
    if (!s && report)
        *report = q->report;
    free(range);
    free(precision);
    return s;
}

/* Numbers of tensors are those of the calibrated blob. */
static tvis_status calibrate(const tvis_graph *split, const tvis_model *original, const tvis_quantize_config *c,
                             tvis_blob *blob, tvis_quantize_report *report, tvis_diag *diag)
{
    tvis_blob plain;
    tvis_model m;
    tvis_calibration k = { NULL, 0 };
    tvis_graph from;
    tvis_status s = tvis_blob_write(split, &plain, diag);
    if (s)
        return s;
    s = tvis_model_open(&m, plain.data, plain.size, diag);
    if (!s)
        s = tvis_calibrate(&k, &m, c, diag);
    if (!s) {
        tvis_graph_init(&from, diag);
        tvis_graph_read(&from, &m);
        tvis_maker q = { .c = c, .from = &from, .k = &k };
        s = from.status ? from.status : make(&q, original, blob, report, diag);
        tvis_graph_free(&from);
    }
    tvis_calibration_free(&k);
    tvis_blob_free(&plain);
    return s;
}

static void refuse_quantized(tvis_graph *g)
{
    for (uint32_t i = 0; i < g->tensor_count && !g->status; i++)
        if (g->tensor[i].dtype != TVIS_F32)
            g->status =
                tvis_fail(g->diag, TVIS_EINVAL, TVIS_DIAG_REFUSED, g->tensor[i].name, "the model is quantized already");
    if (!g->status && g->input_count != 1)
        g->status =
            tvis_fail(g->diag, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "inputs", "networks with one input can be calibrated");
}

tvis_status tvis_quantize_int8(const tvis_model *m, const tvis_quantize_config *c, tvis_blob *blob,
                               tvis_quantize_report *report, tvis_diag *diag)
{
    tvis_graph fused, split;
    if (c->observer >= TVIS_OBSERVER_COUNT_ || !(c->percentile > 0.0f && c->percentile <= 100.0f))
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ENUM, "observer", "unknown, or a percentile outside of 0 to 100");
    if (c->images == 0 || !c->input)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "calibration", "int8 needs pictures to calibrate on");
    tvis_graph_init(&fused, diag);
    tvis_graph_init(&split, diag);
    tvis_graph_read(&fused, m);
    if (!fused.status)
        refuse_quantized(&fused);
    if (!fused.status)
        tvis_split_activations(&split, &fused);
    tvis_status s = fused.status   ? fused.status
                    : split.status ? split.status
                                   : calibrate(&split, m, c, blob, report, diag);
    tvis_graph_free(&split);
    tvis_graph_free(&fused);
    return s;
}
