/* SPDX-License-Identifier: MIT */
#include "quant/refit_hosted.h"
#include "core/op.h"
#include "quant/hessian_hosted.h"
#include "quant/layer_fit_hosted.h"
#include "quant/runner_hosted.h"

#include <stdlib.h>
#include <string.h>

/* A tensor of a model while that runs, as floats. */
typedef struct view {
    const tvis_model *m;
    uint32_t tensor;
    int32_t dims[4];
    float *values;
    size_t room;
    bool failed;
} view;

static bool make_room(view *v, const tvis_tensor *x)
{
    const size_t n = (size_t)tvis_elements(x->dims);
    memcpy(v->dims, x->dims, sizeof v->dims);
    if (n > v->room) {
        free(v->values);
        v->values = malloc(n * sizeof *v->values);
        v->room = v->values ? n : 0;
    }
    v->failed = v->failed || !v->values;
    return v->values != NULL;
}

static void see(view *v, const tvis_tensor *x)
{
    const tvis_blob_tensor *t = &tvis_tensors(v->m)[v->tensor];
    const size_t n = (size_t)tvis_elements(x->dims);
    if (!make_room(v, x))
        return;
    if (x->dtype == TVIS_F32)
        memcpy(v->values, x->data, n * sizeof *v->values);
    else
        for (size_t i = 0; i < n; i++) {
            const int32_t q = x->dtype == TVIS_S8 ? ((const int8_t *)x->data)[i] : ((const int16_t *)x->data)[i];
            v->values[i] = t->scale * (float)(q - t->zero);
        }
}

static void after_node(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    view *v = user;
    const tvis_blob_node *n = &tvis_nodes(v->m)[node];
    for (uint32_t k = 0; outputs && k < count; k++)
        if (tvis_ids(v->m)[n->ids + n->in_count + k] == v->tensor)
            see(v, &outputs[k]);
}

/* A layer in both models. */
typedef struct pair {
    tvis_search *s;
    uint32_t node; /* in the float model */
    view exact, rounded;
    tvis_layer_fit fit;
} pair;

static tvis_status no_memory(const tvis_search *s)
{
    return tvis_fail(s->diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "quantize", "out of memory");
}

static tvis_status run_picture(pair *p, tvis_runner *exact, tvis_runner *rounded, uint32_t picture, uint32_t pictures)
{
    const tvis_search *s = p->s;
    tvis_tensor in = exact->input;
    tvis_status status = s->c->input(s->c->input_user, picture, &in, s->diag);
    if (status)
        return status;
    memcpy(rounded->input.data, in.data, (size_t)tvis_elements(in.dims) * sizeof(float));
    if (p->exact.tensor == 0)
        see(&p->exact, &in);
    status = tvis_session_run(exact->session, &in, NULL, s->diag);
    if (!status)
        status = tvis_session_run(rounded->session, &rounded->input, NULL, s->diag);
    if (!status && (p->exact.failed || p->rounded.failed))
        status = no_memory(s);
    if (!status) {
        tvis_layer_rows_fit(&p->fit.rows, s->m, p->node, p->exact.dims);
        tvis_layer_fit_add(&p->fit, p->exact.values, p->rounded.values, picture, pictures);
    }
    return status;
}

static tvis_status run_both(pair *p, uint32_t pictures)
{
    const tvis_search *s = p->s;
    const uint32_t cpu = s->c->portable ? 0 : tvis_cpu_detect();
    tvis_runner exact, rounded = { .session = NULL };
    tvis_status status = tvis_runner_start(&exact, s->m, cpu, after_node, &p->exact, s->diag);
    if (!status)
        status = tvis_runner_start(&rounded, p->rounded.m, cpu, after_node, &p->rounded, s->diag);
    for (uint32_t i = 0; !status && i < pictures; i++)
        status = run_picture(p, &exact, &rounded, i, pictures);
    tvis_runner_free(&exact);
    tvis_runner_free(&rounded);
    return status;
}

void tvis_refit_free(tvis_refit *r)
{
    if (!r)
        return;
    free(r->q);
    free(r->scale);
    free(r->bias);
    free(r);
}

static tvis_refit *allocate(int32_t n, int32_t k)
{
    tvis_refit *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->q = malloc((size_t)n * (size_t)k);
    r->scale = malloc((size_t)n * sizeof *r->scale);
    r->bias = malloc((size_t)n * sizeof *r->bias);
    if (r->q && r->scale && r->bias)
        return r;
    tvis_refit_free(r);
    return NULL;
}

/* The layer's input in the quantized model; false: its node is not there. */
static bool find_input(pair *p, const tvis_model *m)
{
    const char *name = p->s->from->node[p->node].name;
    p->rounded.m = m;
    for (uint32_t i = 0; i < tvis_header(m)->node_count; i++)
        if (strcmp(tvis_string(m, tvis_nodes(m)[i].name), name) == 0) {
            p->rounded.tensor = tvis_ids(m)[tvis_nodes(m)[i].ids];
            return true;
        }
    return false;
}

static tvis_status fit_to(pair *p, const tvis_blob *blob, uint32_t pictures)
{
    tvis_search *s = p->s;
    tvis_model m;
    tvis_status status = tvis_model_open(&m, blob->data, blob->size, s->diag);
    if (status || !find_input(p, &m))
        return status;
    status = run_both(p, pictures);
    if (status || !tvis_layer_fit_is_determined(&p->fit))
        return status;
    tvis_refit *r = allocate(p->fit.n, p->fit.rows.k);
    s->refit[p->node] = r;
    return r && tvis_layer_fit_solve(&p->fit, r) ? TVIS_OK : no_memory(s);
}

/* By the quantized model as it is with the layers before. */
static tvis_status refit_layer(tvis_search *s, uint32_t i, uint32_t pictures)
{
    const tvis_gnode *n = &s->from->node[i];
    const bool biased = n->in_count > 2 && n->in[2] != TVIS_NONE;
    pair p = { .s = s, .node = i, .exact = { .m = s->m, .tensor = n->in[0] } };
    p.fit = (tvis_layer_fit){ .w = s->from->tensor[n->in[1]].data,
                        .bias = biased ? s->from->tensor[n->in[2]].data : NULL,
                        .n = s->from->tensor[n->in[1]].dims[0],
                        .rows = tvis_layer_rows_of(s->m, i) };
    tvis_blob blob = { NULL, 0 };
    tvis_status status = tvis_layer_fit_begin(&p.fit, s->c->portable ? 0 : tvis_cpu_detect()) ? TVIS_OK : no_memory(s);
    if (!status)
        status = tvis_search_make(s, &blob);
    if (!status)
        status = fit_to(&p, &blob, pictures);
    tvis_blob_free(&blob);
    tvis_layer_fit_free(&p.fit);
    free(p.exact.values);
    free(p.rounded.values);
    return status;
}

/* Two halves of squares and products of inputs and outputs, the equations made of both, and what solves them. */
static bool fits_in_memory(const tvis_search *s, uint32_t i)
{
    const tvis_layer_rows r = tvis_layer_rows_of(s->m, i);
    const uint64_t n = (uint64_t)s->from->tensor[s->from->node[i].in[1]].dims[0], k = (uint64_t)r.k;
    return (3 * k * k * (uint64_t)r.groups + 9 * n * k) * sizeof(float) <= TVIS_HESSIAN_BUDGET * 2 / 5;
}

static bool can_be_refitted(const tvis_search *s, uint32_t i)
{
    const tvis_gnode *n = &s->from->node[i];
    return tvis_has_weights(s->from, n) && n->op != TVIS_OP_DEPTHWISE && s->grade[i] != TVIS_GRADE_F32 &&
           fits_in_memory(s, i);
}

/* Both models run once for each layer. */
static uint32_t affordable(const tvis_search *s)
{
    enum { MOST = 64 };
    double layers = 1.0;
    for (uint32_t i = 0; i < s->from->node_count; i++)
        layers += can_be_refitted(s, i);
    const double fit = 4e12 / layers / (double)(s->macs + 1);
    const uint32_t most = s->c->images < MOST ? s->c->images : MOST;
    return fit < most ? (uint32_t)fit : most;
}

void tvis_search_forget_fits(tvis_search *s)
{
    for (uint32_t i = 0; i < s->from->node_count; i++) {
        tvis_refit_free(s->refit[i]);
        s->refit[i] = NULL;
    }
}

static tvis_status refit_layers(tvis_search *s, uint32_t pictures)
{
    tvis_status status = TVIS_OK;
    for (uint32_t i = 0; !status && i < s->from->node_count; i++) {
        if (s->c->progress)
            s->c->progress(s->c->input_user, "layers, one by one", i, s->from->node_count);
        if (can_be_refitted(s, i))
            status = refit_layer(s, i, pictures);
    }
    return status;
}

tvis_status tvis_search_refit(tvis_search *s)
{
    const uint32_t pictures = affordable(s);
    tvis_score before, after;
    if (pictures < 4)
        return TVIS_OK;
    tvis_status status = tvis_search_try(s, s->pictures, NULL, &before);
    if (!status)
        status = refit_layers(s, pictures);
    if (!status)
        status = tvis_search_try(s, s->pictures, NULL, &after);
    if (!status && !(after.badness < before.badness))
        tvis_search_forget_fits(s);
    return status;
}
