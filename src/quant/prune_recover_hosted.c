/* SPDX-License-Identifier: MIT */
/* Layer by layer, in the order in which they run: the remaining weights and the bias are fitted so that the layer
 * computes from what the pruned layers before it give what the plain model's layer computes, with the sum that it adds,
 * if it does. (Least squares on layers'
 * inputs is Frantar & Alistarh 2022, 2023: arXiv 2208.11580, 2301.00774; here inputs and targets belong to two
 * networks, so that errors of the layers before are made up for too.) */
#include "quant/prune_fit_hosted.h"

#include <stdlib.h>

/* drop: weights that are to be left out, of a layer that is still whole; else 0 */
static bool solve(tvis_fitted *l, size_t drop)
{
    enum { PASSES = 4 };
    float *bias = tvis_fitted_bias(l);
    if (l->p->g->status || !tvis_lsq_drop(&l->lsq, l->now, drop, PASSES))
        return false;
    for (size_t i = 0; drop && i < tvis_fitted_weights(l); i++)
        l->now[i] = l->now[i] < 0.0f || l->now[i] > 0.0f ? l->before[i] : 0.0f;
    return tvis_lsq_solve(&l->lsq, l->now, bias);
}

static void fit_layer(tvis_fitted *l, tvis_flow *f, size_t drop)
{
    if (tvis_fitted_see(l, f) && !solve(l, drop))
        tvis_graph_out_of_memory(l->p->g);
    if (!l->p->g->status)
        tvis_fitted_write(l, l->now);
    tvis_fitted_free(l);
}

static void fit_layers(tvis_pruner *p, const tvis_graph *plain, tvis_flow *f)
{
    for (uint32_t i = 0; i < p->count && !p->g->status; i++) {
        tvis_fitted l = { .p = p, .plain = plain, .node = &p->g->node[p->chosen[i]] };
        if (p->c->progress)
            p->c->progress(p->c->input_user, "fitting layers", i, p->count);
        fit_layer(&l, f, p->drop ? p->drop[i] : 0);
    }
}

/* Twice as many for single weights, whose logits then come 0.5 dB nearer to the plain ones for pictures that were not
 * seen; for channels that is 0.05 dB. */
static uint32_t views(const tvis_prune_config *c)
{
    return c->method == TVIS_PRUNE_MAGNITUDE ? TVIS_FLOW_VIEWS : TVIS_FLOW_VIEWS / 2;
}

tvis_flow tvis_prune_flow(const tvis_pruner *p, const tvis_graph *plain, const tvis_graph *pruned)
{
    return (tvis_flow){ .g = { plain, pruned },
                        .step = 1,
                        .images = p->c->images,
                        .views = views(p->c),
                        .input = p->c->input,
                        .user = p->c->input_user,
                        .cpu = p->cpu,
                        .diag = p->g->diag };
}

tvis_status tvis_prune_halves(const tvis_pruner *p, const tvis_graph *plain, tvis_flow *fit, tvis_flow *probe)
{
    enum { PROBES = 10 };
    const uint32_t images = p->c->images, others = images / 2;
    *fit = *probe = tvis_prune_flow(p, plain, NULL);
    fit->step = images > 1 ? 2 : 1;
    fit->images = (images + 1) / 2;
    fit->views = 2;
    probe->first = images > 1 ? 1 : 0;
    probe->step = others > PROBES ? others / PROBES * 2 : fit->step;
    probe->images = others < 1 ? 1 : others < PROBES ? others : PROBES;
    probe->views = 1;
    const tvis_status s = tvis_flow_begin(fit);
    return s ? s : tvis_flow_begin(probe);
}

void tvis_prune_recover(tvis_pruner *p)
{
    tvis_graph plain;
    tvis_graph_init(&plain, p->g->diag);
    tvis_graph_read(&plain, p->m);
    tvis_flow f = tvis_prune_flow(p, &plain, p->g);
    p->g->status = plain.status ? plain.status : tvis_flow_begin(&f);
    if (!p->g->status)
        fit_layers(p, &plain, &f);
    tvis_flow_free(&f);
    tvis_graph_free(&plain);
}
