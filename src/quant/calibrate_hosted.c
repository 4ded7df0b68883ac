/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* posix_memalign */
#include "quant/calibrate_hosted.h"
#include "core/op.h"

#include <tinyvis/session.h>

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

static void sum_channels(tvis_observed *o, const float *x, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++)
        for (int32_t c = 0; c < o->channels; c++)
            o->sums[c] += (double)x[i * (size_t)o->channels + (size_t)c];
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
    }
    if (!o->sums)
        r->status = no_memory(r->diag);
    else if (!tvis_statistics_add(&o->s, t->data, n))
        r->status = tvis_fail(r->diag, TVIS_EMODEL, TVIS_DIAG_VALUE, tvis_string(r->m, tvis_tensors(r->m)[id].name),
                              "an activation is not finite on a calibration picture");
    else
        sum_channels(o, t->data, n / (size_t)o->channels);
}

static void after_node(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    run *r = user;
    const tvis_blob_node *n = &tvis_nodes(r->m)[node];
    for (uint32_t k = 0; outputs && k < count; k++)
        observe(r, tvis_ids(r->m)[n->ids + n->in_count + k], &outputs[k]);
}

static tvis_status pass(run *r, tvis_session *s, const tvis_quantize_config *c)
{
    tvis_tensor in;
    tvis_session_input(s, 0, &in);
    for (uint32_t i = 0; !r->status && i < c->images; i++) {
        r->status = c->input(c->input_user, i, &in, r->diag);
        if (!r->status)
            observe(r, 0, &in);
        if (!r->status) {
            tvis_status status = tvis_session_run(s, &in, NULL, r->diag);
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
    tvis_session_config config;
    tvis_session *s;
    size_t bytes;
    void *arena = NULL;
    tvis_session_defaults(&config);
    config.no_fusion = true;
    config.observe = after_node;
    config.observe_user = &r;
    k->count = tvis_header(m)->activation_count;
    k->tensor = calloc(k->count, sizeof *k->tensor);
    tvis_status status = k->tensor ? tvis_session_size(m, &config, &bytes, diag) : no_memory(diag);
    if (!status && posix_memalign(&arena, TVIS_ARENA_ALIGN, bytes) != 0)
        status = no_memory(diag);
    if (!status)
        status = tvis_session_init(&s, m, &config, arena, bytes, diag);
    if (!status)
        status = pass(&r, s, c);
    if (!status && tvis_observer_counts(c->observer)) {
        status = add_bins(&r);
        if (!status)
            status = pass(&r, s, c);
    }
    free(arena);
    return status;
}

void tvis_calibration_free(tvis_calibration *k)
{
    for (uint32_t i = 0; k->tensor && i < k->count; i++) {
        free(k->tensor[i].sums);
        free(k->tensor[i].s.bins);
    }
    free(k->tensor);
}
