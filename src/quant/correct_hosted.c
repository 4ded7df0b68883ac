/* SPDX-License-Identifier: MIT */
#include "quant/correct_hosted.h"
#include "core/op.h"
#include "quant/runner_hosted.h"

#include <stdlib.h>
#include <string.h>

/* Sums by channel of the outputs of some nodes. */
typedef struct means {
    const tvis_model *m;
    double **sums;    /* of each node of m: NULL: not wanted */
    uint64_t *pixels; /* of each node */
} means;

static double real(const tvis_blob_tensor *t, const tvis_tensor *y, size_t i)
{
    if (y->dtype == TVIS_F32)
        return (double)((const float *)y->data)[i];
    const int32_t v = y->dtype == TVIS_S8 ? ((const int8_t *)y->data)[i] : ((const int16_t *)y->data)[i];
    return (double)t->scale * (v - t->zero);
}

static void add_node(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    means *x = user;
    if (!outputs || count == 0 || !x->sums[node])
        return;
    const tvis_blob_node *n = &tvis_nodes(x->m)[node];
    const tvis_blob_tensor *t = &tvis_tensors(x->m)[tvis_ids(x->m)[n->ids + n->in_count]];
    const size_t channels = (size_t)outputs->dims[3], pixels = (size_t)tvis_elements(outputs->dims) / channels;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < channels; c++)
            x->sums[node][c] += real(t, outputs, i * channels + c);
    x->pixels[node] += pixels;
}

static tvis_status means_make(means *x, const tvis_model *m, tvis_diag *diag)
{
    const uint32_t nodes = tvis_header(m)->node_count;
    x->m = m;
    x->sums = calloc((size_t)nodes + 1, sizeof *x->sums);
    x->pixels = calloc((size_t)nodes + 1, sizeof *x->pixels);
    return x->sums && x->pixels ? TVIS_OK : tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "quantize", "out of memory");
}

static void means_free(means *x)
{
    for (uint32_t i = 0; x->sums && i < tvis_header(x->m)->node_count; i++)
        free(x->sums[i]);
    free(x->sums);
    free(x->pixels);
    *x = (means){ NULL, NULL, NULL };
}

static tvis_status want(means *x, uint32_t node, int32_t channels, tvis_diag *diag)
{
    x->sums[node] = calloc((size_t)channels, sizeof **x->sums);
    return x->sums[node] ? TVIS_OK : tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "quantize", "out of memory");
}

static tvis_status measure(const tvis_search *s, means *x, uint32_t pictures)
{
    tvis_runner run;
    tvis_status status = tvis_runner_start(&run, x->m, s->c->portable ? 0 : tvis_cpu_detect(), add_node, x, s->diag);
    for (uint32_t i = 0; !status && i < pictures; i++) {
        tvis_tensor in = run.input;
        status = s->c->input(s->c->input_user, i, &in, s->diag);
        if (!status)
            status = tvis_session_run(run.session, &in, NULL, s->diag);
    }
    tvis_runner_free(&run);
    return status;
}

static uint32_t node_named(const tvis_model *m, const char *name)
{
    uint32_t found = TVIS_NONE;
    for (uint32_t i = 0; i < tvis_header(m)->node_count; i++)
        if (strcmp(tvis_string(m, tvis_nodes(m)[i].name), name) == 0)
            found = i;
    return found;
}

/* The layer's difference of means, as it is with what was corrected before, to s->shift[i]. */
static tvis_status correct_layer(tvis_search *s, uint32_t i, const means *should, uint32_t pictures)
{
    const int32_t channels = s->k.tensor[s->from->node[i].out[0]].channels;
    means is = { NULL, NULL, NULL };
    tvis_blob blob = { NULL, 0 };
    tvis_model m;
    uint32_t node = TVIS_NONE;
    double *shift = calloc((size_t)channels, sizeof *shift);
    tvis_status status = shift ? tvis_search_make(s, &blob)
                               : tvis_fail(s->diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "quantize", "out of memory");
    if (!status)
        status = tvis_model_open(&m, blob.data, blob.size, s->diag);
    if (!status)
        status = means_make(&is, &m, s->diag);
    if (!status)
        node = node_named(&m, s->from->node[i].name);
    if (!status && node != TVIS_NONE)
        status = want(&is, node, channels, s->diag);
    if (!status && node != TVIS_NONE)
        status = measure(s, &is, pictures);
    for (int32_t c = 0; !status && node != TVIS_NONE && is.pixels[node] && c < channels; c++)
        shift[c] = should->sums[i][c] / (double)should->pixels[i] - is.sums[node][c] / (double)is.pixels[node];
    if (is.m)
        means_free(&is);
    tvis_blob_free(&blob);
    s->shift[i] = shift;
    return status;
}

/* Its output is a sum and nothing else. */
static bool is_linear(const tvis_search *s, uint32_t i)
{
    const tvis_gnode *n = &s->from->node[i], *next = n + 1;
    const bool table = i + 1 < s->from->node_count && next->op == TVIS_OP_ACTIVATION && next->in[0] == n->out[0];
    return tvis_has_weights(s->from, n) && !s->refit[i] && n->act == TVIS_ACT_NONE && !table && s->grade[i] != TVIS_GRADE_F32;
}

/* A correction stays if the answers are nearer for it. */
static tvis_status keep_or_drop(tvis_search *s, uint32_t i, tvis_score *best)
{
    tvis_score score;
    const tvis_status status = tvis_search_try(s, s->pictures, best, &score);
    if (!status && score.badness < best->badness) {
        *best = score;
        return status;
    }
    free(s->shift[i]);
    s->shift[i] = NULL;
    return status;
}

static tvis_status correct(tvis_search *s, means *should, uint32_t pictures)
{
    tvis_score best;
    tvis_status status = tvis_search_try(s, s->pictures, NULL, &best);
    for (uint32_t i = 0; !status && i < s->from->node_count; i++)
        if (is_linear(s, i))
            status = want(should, i, s->k.tensor[s->from->node[i].out[0]].channels, s->diag);
    if (!status)
        status = measure(s, should, pictures);
    for (uint32_t i = 0; !status && i < s->from->node_count; i++) {
        if (s->c->progress)
            s->c->progress(s->c->input_user, "means of layers", i, s->from->node_count);
        if (should->sums[i])
            status = correct_layer(s, i, should, pictures);
        if (!status && should->sums[i])
            status = keep_or_drop(s, i, &best);
    }
    return status;
}

/* Large networks have fewer pictures, or none. */
static uint32_t affordable(const tvis_search *s)
{
    enum { MOST = 64 };
    double layers = 1.0;
    for (uint32_t i = 0; i < s->from->node_count; i++)
        layers += is_linear(s, i);
    const double fit = 1e12 / layers / (double)(s->macs + 1);
    const uint32_t most = s->c->images < MOST ? s->c->images : MOST;
    return fit < most ? (uint32_t)fit : most;
}

tvis_status tvis_search_correct(tvis_search *s)
{
    const uint32_t pictures = affordable(s);
    means should = { NULL, NULL, NULL };
    if (pictures < 4)
        return TVIS_OK;
    tvis_status status = means_make(&should, s->m, s->diag);
    if (!status)
        status = correct(s, &should, pictures);
    if (should.m)
        means_free(&should);
    return status;
}
