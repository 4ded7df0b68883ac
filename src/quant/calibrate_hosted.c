/* SPDX-License-Identifier: MIT */
#include "quant/calibrate_hosted.h"
#include "core/op.h"
#include "quant/runner_hosted.h"

#include <stdlib.h>
#include <string.h>

typedef struct run {
    tvis_calibration *k;
    const tvis_model *m;
    bool counting; /* the second pass */
    tvis_status status;
    tvis_diag *diag;
} run;

static tvis_status no_memory(tvis_diag *d)
{
    return tvis_fail(d, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "calibration", "out of memory");
}

static void observe_channels(tvis_observed *o, const float *x, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, x += o->channels)
        for (int32_t c = 0; c < o->channels; c++) {
            const float size = x[c] < 0.0f ? -x[c] : x[c];
            o->sums[c] += (double)x[c];
            o->extremes[c] = size > o->extremes[c] ? size : o->extremes[c];
        }
    o->pixels += pixels;
}

static void observe(run *r, uint32_t id, const tvis_tensor *t)
{
    tvis_observed *o = &r->k->tensor[id];
    const size_t n = (size_t)tvis_elements(t->dims);
    if (r->status || tvis_tensors(r->m)[id].dtype != TVIS_F32)
        return;
    if (r->counting) {
        tvis_statistics_count(&o->s, t->data, n);
        return;
    }
    if (!o->sums) {
        o->channels = t->dims[3];
        o->sums = calloc((size_t)o->channels, sizeof *o->sums);
        o->extremes = calloc((size_t)o->channels, sizeof *o->extremes);
    }
    if (!o->sums || !o->extremes)
        r->status = no_memory(r->diag);
    else if (!tvis_statistics_add(&o->s, t->data, n))
        r->status = tvis_fail(r->diag, TVIS_EMODEL, TVIS_DIAG_VALUE, tvis_string(r->m, tvis_tensors(r->m)[id].name),
                              "an activation is not finite on a calibration picture");
    else
        observe_channels(o, t->data, n / (size_t)o->channels);
}

static void after_node(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    run *r = user;
    const tvis_blob_node *n = &tvis_nodes(r->m)[node];
    for (uint32_t k = 0; outputs && k < count; k++)
        observe(r, tvis_ids(r->m)[n->ids + n->in_count + k], &outputs[k]);
}

static tvis_status pass(run *r, tvis_runner *s, const tvis_quantize_config *c)
{
    tvis_tensor in = s->input;
    for (uint32_t i = 0; !r->status && i < c->images; i++) {
        if (c->progress)
            c->progress(c->input_user, r->counting ? "ranges, second pass" : "ranges, first pass", i, c->images);
        r->status = c->input(c->input_user, i, &in, r->diag);
        if (!r->status)
            observe(r, 0, &in);
        if (!r->status) {
            tvis_status status = tvis_session_run(s->session, &in, NULL, r->diag);
            r->status = r->status ? r->status : status;
        }
    }
    return r->status;
}

static tvis_status add_bins(run *r)
{
    for (uint32_t i = 0; i < r->k->count; i++) {
        r->k->tensor[i].s.bins = calloc(TVIS_RANGE_BINS, sizeof(uint64_t));
        if (!r->k->tensor[i].s.bins)
            return no_memory(r->diag);
    }
    r->counting = true;
    return TVIS_OK;
}

tvis_status tvis_calibrate(tvis_calibration *k, const tvis_model *m, const tvis_quantize_config *c, tvis_diag *diag)
{
    run r = { k, m, false, TVIS_OK, diag };
    tvis_runner s = { .session = NULL };
    k->count = tvis_header(m)->activation_count;
    k->tensor = calloc(k->count, sizeof *k->tensor);
    tvis_status status = k->tensor ? TVIS_OK : no_memory(diag);
    if (!status)
        status = tvis_runner_start(&s, m, c->portable ? 0 : tvis_cpu_detect(), after_node, &r, diag);
    if (!status)
        status = pass(&r, &s, c);
    if (!status && tvis_observer_counts(c->observer)) {
        status = add_bins(&r);
        if (!status)
            status = pass(&r, &s, c);
    }
    tvis_runner_free(&s);
    return status;
}

void tvis_calibration_free(tvis_calibration *k)
{
    for (uint32_t i = 0; k->tensor && i < k->count; i++) {
        free(k->tensor[i].sums);
        free(k->tensor[i].extremes);
        free(k->tensor[i].s.bins);
    }
    free(k->tensor);
    *k = (tvis_calibration){ NULL, 0 };
}
