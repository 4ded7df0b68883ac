/* SPDX-License-Identifier: MIT */
/* Which layers are pruned, and what became of them. */
#include "quant/maker.h"
#include "quant/prune.h"

#include <tinyvis/session.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

void tvis_prune_fail(tvis_pruner *p, tvis_status s, tvis_diag_code code, const char *name, const char *why)
{
    if (!p->g->status)
        p->g->status = tvis_fail(p->g->diag, s, code, name, why);
}

float *tvis_prune_writable(tvis_pruner *p, uint32_t tensor)
{
    tvis_gtensor *t = &p->g->tensor[tensor];
    if (!t->borrowed || p->g->status)
        return p->g->status ? NULL : t->data;
    void *copy = malloc(t->bytes);
    if (!copy) {
        tvis_graph_out_of_memory(p->g);
        return NULL;
    }
    t->data = memcpy(copy, t->data, t->bytes);
    t->borrowed = false;
    return copy;
}

static void note_macs(void *user, uint32_t node, const tvis_node_info *info)
{
    ((double *)user)[node] = (double)info->macs;
}

double *tvis_prune_macs(tvis_pruner *p)
{
    tvis_session_config c;
    tvis_session_bytes bytes;
    double *macs = calloc((size_t)p->g->node_count + 1, sizeof *macs);
    tvis_session_defaults(&c);
    c.no_fusion = true;
    if (!macs)
        tvis_graph_out_of_memory(p->g);
    else if (!p->g->status)
        p->g->status = tvis_session_plan(p->m, &c, &bytes, note_macs, macs, p->g->diag);
    return macs;
}

/* One pattern, which ends at ',' or at its end. A '*' goes back to the last place it can take one more at. */
static bool fits_one(const char *pattern, const char *name)
{
    const char *star = NULL, *again = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            again = name;
        } else if (*pattern && *pattern != ',' && (*pattern == '?' || *pattern == *name)) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0' || *pattern == ',';
}

bool tvis_name_fits(const char *patterns, const char *name)
{
    for (const char *p = patterns; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (fits_one(p, name))
            return true;
    return false;
}

static bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* Weights that two layers share are pruned once. */
static bool chosen_before(const tvis_pruner *p, uint32_t weights)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->g->node[p->chosen[i]].in[1] == weights)
            return true;
    return false;
}

void tvis_prune_choose(tvis_pruner *p)
{
    const tvis_graph *g = p->g;
    const bool by_name = p->c->modules && p->c->method != TVIS_PRUNE_CHANNEL; /* groups are chosen later */
    p->chosen = malloc((g->node_count + 1) * sizeof *p->chosen);
    p->was = malloc((g->node_count + 1) * sizeof *p->was);
    if (!p->chosen || !p->was) {
        tvis_graph_out_of_memory(p->g);
        return;
    }
    for (uint32_t i = 0; i < g->node_count && !g->status; i++) {
        const tvis_gnode *n = &g->node[i];
        if (!tvis_has_weights(g, n) || (by_name && !tvis_name_fits(p->c->modules, n->name)) ||
            chosen_before(p, n->in[1]))
            continue;
        const tvis_gtensor *w = &g->tensor[n->in[1]];
        if (!all_finite(w->data, w->bytes / sizeof(float)))
            tvis_prune_fail(p, TVIS_EMODEL, TVIS_DIAG_VALUE, w->name, "a weight is not finite");
        p->was[p->count] = i;
        p->chosen[p->count++] = i;
    }
    if (p->count == 0)
        tvis_prune_fail(p, TVIS_EINVAL, TVIS_DIAG_NAME, p->c->modules ? p->c->modules : "model",
                        "names no convolution or linear layer of the model");
}

static int32_t channels_of(const tvis_gnode *n, const int32_t *w)
{
    return w[n->op == TVIS_OP_DEPTHWISE ? 3 : 0];
}

static void compare(const float *before, const float *now, tvis_prune_layer *l)
{
    double signal = 0.0, noise = 0.0;
    for (uint64_t k = 0; k < l->weights; k++) {
        const double w = (double)before[k], change = w - (double)now[k];
        l->zeros += !(now[k] < 0.0f || now[k] > 0.0f);
        signal += w * w;
        noise += change * change;
    }
    l->snr_db = noise > 0.0 ? 10.0 * log10(signal / noise) : INFINITY;
}

/* What a layer has become in which `rank` channels lie between two. */
static void note_rank(int32_t rank, const int32_t *w, tvis_prune_layer *l)
{
    const uint64_t both = (uint64_t)rank * ((uint64_t)w[0] + (uint64_t)w[1] * (uint64_t)w[2] * (uint64_t)w[3]);
    l->kept = rank ? rank : l->channels;
    l->zeros = rank ? l->weights - both : 0;
}

void tvis_prune_note(tvis_pruner *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const tvis_gnode *n = &p->g->node[p->chosen[i]];
        const tvis_gtensor *now = &p->g->tensor[n->in[1]];
        const tvis_blob_node *was = &tvis_nodes(p->m)[p->was[i]];
        const tvis_blob_tensor *before = &tvis_tensors(p->m)[tvis_ids(p->m)[was->ids + 1]];
        tvis_prune_layer l = { .name = tvis_string(p->m, was->name),
                               .weights = before->bytes / sizeof(float),
                               .channels = channels_of(n, before->dims),
                               .kept = channels_of(n, now->dims),
                               .snr_db = NAN };
        if (p->rank)
            note_rank(p->rank[i], before->dims, &l);
        else if (p->c->method == TVIS_PRUNE_MAGNITUDE)
            compare((const void *)(p->m->blob + before->offset), now->data, &l);
        else
            l.zeros = l.weights - now->bytes / sizeof(float);
        p->report.layers++;
        p->report.weights += l.weights;
        p->report.zeros += l.zeros;
        if (p->c->layer)
            p->c->layer(p->c->input_user, &l);
    }
}
