/* SPDX-License-Identifier: MIT */
/* int8 static quantization: docs/quantization.md has the formulas. */
#include "quant/int8_hosted.h"
#include "quant/correct_hosted.h"
#include "quant/refit_hosted.h"

#include <tinyvis/session.h>

#include <math.h>
#include <stdlib.h>

/* The float model's answers take at most this. */
#define REFERENCE_BYTES ((size_t)16 << 20)

/* Whether ways are compared by their answers. */
static bool compares(const tvis_quantize_config *c)
{
    return c->observer == TVIS_OBSERVER_BEST || c->equalize == TVIS_EQUALIZE_BEST || c->mixed;
}

static void note_macs(void *user, uint32_t node, const tvis_node_info *info)
{
    tvis_search *s = user;
    s->share[node] = (double)info->macs;
    s->macs += info->macs;
}

static tvis_status count_macs(tvis_search *s)
{
    tvis_session_config c;
    tvis_session_defaults(&c);
    c.no_fusion = true;
    const tvis_status status = tvis_session_plan(s->m, &c, NULL, note_macs, s, s->diag);
    for (uint32_t i = 0; s->macs && i < s->from->node_count; i++)
        s->share[i] /= (double)s->macs;
    return status;
}

/* From now on. */
static tvis_status judge_by_all(tvis_search *s)
{
    tvis_reference_free(&s->reference);
    return tvis_reference_make(&s->reference, s->m, s->c, REFERENCE_BYTES, s->diag);
}

/* Layers fitted to the inputs that they have now, and the drop that is left. */
static tvis_status fit_and_judge(tvis_search *s)
{
    tvis_score now;
    tvis_status status = s->c->observer == TVIS_OBSERVER_BEST ? tvis_search_refit(s) : TVIS_OK;
    if (!status)
        status = tvis_search_try(s, 0, NULL, &now);
    if (!status)
        s->report.drop = now.drop;
    return status;
}

/* More bits only where fitting the layers is not enough. */
static tvis_status mix(tvis_search *s)
{
    tvis_status status = judge_by_all(s);
    if (!status)
        status = fit_and_judge(s);
    if (status || s->report.drop <= (double)s->c->max_drop)
        return status;
    tvis_search_forget_fits(s);
    status = tvis_search_grades(s);
    if (!status && s->c->observer == TVIS_OBSERVER_BEST)
        status = tvis_search_refine(s);
    return status ? status : fit_and_judge(s);
}

static tvis_status search(tvis_search *s)
{
    tvis_status status = s->grade && s->precision && s->observed && s->range && s->share && s->shift && s->refit
                             ? TVIS_OK
                             : tvis_fail(s->diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "quantize", "out of memory");
    if (!status)
        status = count_macs(s);
    if (!status && compares(s->c))
        status = tvis_reference_make(&s->reference, s->m, &s->odd.c, REFERENCE_BYTES, s->diag);
    if (!status)
        status = tvis_search_ranges(s);
    if (!status && s->c->observer == TVIS_OBSERVER_BEST)
        status = tvis_search_correct(s);
    if (!status && s->c->mixed)
        status = mix(s);
    return status;
}

static tvis_status make(const tvis_model *plain, tvis_graph *from, const tvis_model *original,
                        const tvis_quantize_config *c, tvis_blob *blob, tvis_quantize_report *report, tvis_diag *diag)
{
    tvis_search s = {
        .c = c,
        .original = original,
        .pictures = TVIS_TRIAL_PICTURES,
        .m = plain,
        .from = from,
        .grade = calloc(from->node_count + 1, sizeof *s.grade),
        .precision = calloc(from->node_count + 1, sizeof *s.precision),
        .observed = calloc(from->tensor_count + 1, sizeof *s.observed),
        .range = calloc(from->tensor_count + 1, sizeof *s.range),
        .shift = calloc(from->node_count + 1, sizeof *s.shift),
        .refit = calloc(from->node_count + 1, sizeof *s.refit),
        .share = calloc(from->node_count + 1, sizeof *s.share),
        .report = { .drop = NAN },
        .diag = diag,
    };
    tvis_half_make(&s.even, c, 0);
    tvis_half_make(&s.odd, c, 1);
    tvis_status status = search(&s);
    if (!status)
        status = tvis_search_make(&s, blob);
    if (!status && report)
        *report = s.report;
    tvis_calibration_free(&s.k);
    tvis_reference_free(&s.reference);
    free(s.grade);
    free(s.precision);
    free(s.observed);
    free(s.range);
    free(s.share);
    for (uint32_t i = 0; s.shift && s.refit && i < from->node_count; i++) {
        free(s.shift[i]);
        tvis_refit_free(s.refit[i]);
    }
    free(s.refit);
    free(s.shift);
    return status;
}

/* Numbers of tensors are those of the plain blob, whose constants are ours to change. */
static tvis_status with_plain(const tvis_graph *split, const tvis_model *original, const tvis_quantize_config *c,
                              tvis_blob *blob, tvis_quantize_report *report, tvis_diag *diag)
{
    tvis_blob plain;
    tvis_model m;
    tvis_graph from;
    tvis_graph open = *split; /* nothing is compressed */
    open.sparse = false;
    tvis_status s = tvis_blob_write(&open, &plain, diag);
    if (s)
        return s;
    s = tvis_model_open(&m, plain.data, plain.size, diag);
    if (!s) {
        tvis_graph_init(&from, diag);
        tvis_graph_read(&from, &m);
        from.sparse = split->sparse;
        s = from.status ? from.status : make(&m, &from, original, c, blob, report, diag);
        tvis_graph_free(&from);
    }
    tvis_blob_free(&plain);
    return s;
}

static void refuse_unfit(tvis_graph *g)
{
    for (uint32_t i = 0; i < g->tensor_count && !g->status; i++) {
        const tvis_gtensor *t = &g->tensor[i];
        if (t->dtype != TVIS_F32)
            g->status = tvis_fail(g->diag, TVIS_EINVAL, TVIS_DIAG_REFUSED, t->name, "the model is quantized already");
        const float *x = t->data;
        for (size_t k = 0; t->constant && !g->status && k < t->bytes / sizeof *x; k++)
            if (!isfinite(x[k]))
                g->status = tvis_fail(g->diag, TVIS_EMODEL, TVIS_DIAG_VALUE, t->name, "a weight is not a finite number");
    }
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
    if (c->equalize >= TVIS_EQUALIZE_COUNT_)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ENUM, "equalize", "unknown");
    if (c->mixed && !(c->max_drop >= 0.0f && c->most_macs >= 0.0f && c->most_macs <= 1.0f))
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "max_drop",
                         "is below 0, or the share of multiplications is not from 0 to 1");
    if (c->images == 0 || !c->input)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "calibration", "int8 needs pictures to calibrate on");
    tvis_graph_init(&fused, diag);
    tvis_graph_init(&split, diag);
    tvis_graph_read(&fused, m);
    if (!fused.status)
        refuse_unfit(&fused);
    if (!fused.status)
        tvis_split_activations(&split, &fused);
    tvis_status s = fused.status   ? fused.status
                    : split.status ? split.status
                                   : with_plain(&split, m, c, blob, report, diag);
    tvis_graph_free(&split);
    tvis_graph_free(&fused);
    return s;
}
