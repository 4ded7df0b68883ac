/* SPDX-License-Identifier: MIT */
/* How many weights of each layer go: as many as do least harm at the network's outputs, which is measured. Of each
 * layer on its own some shares are left out, the rest is fitted on half of the pictures, and the outputs are compared
 * on the other half. Harm of several layers is taken to add up. */
#include "quant/curve_hosted.h"
#include "quant/prune_fit_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = TVIS_CURVE_LEVELS, GRID = TVIS_CURVE_GRID };

typedef struct spreading {
    tvis_pruner *p;
    tvis_graph plain;
    tvis_flow fit, probe;
    tvis_probe *seen;
    double *harm;    /* (p->count, GRID): with that many hundredths left out */
    size_t *weights; /* of each layer */
} spreading;

/* ---- measuring ---- */

static void try_share(spreading *s, tvis_fitted *l, double share, double *harm)
{
    tvis_graph *g = s->p->g;
    const size_t all = tvis_fitted_weights(l);
    float *bias = tvis_fitted_bias(l);
    if (g->status)
        return;
    memcpy(l->now, l->before, all * sizeof *l->now);
    if (!tvis_lsq_drop(&l->lsq, l->now, (size_t)(share * (double)all), 1) ||
        !tvis_lsq_try(&l->lsq, l->before, l->now, bias))
        tvis_graph_out_of_memory(g);
    else
        tvis_fitted_write(l, l->now);
    if (!g->status)
        g->status = tvis_probe_compare(s->seen, &s->probe, g, harm);
}

static void measure_layer(spreading *s, uint32_t i)
{
    tvis_graph *g = s->p->g;
    const uint32_t node = s->p->chosen[i];
    tvis_fitted l = { .p = s->p, .plain = &s->plain, .node = &g->node[node] };
    double harm[LEVELS] = { 0 };
    if (tvis_fitted_see(&l, &s->fit))
        g->status = tvis_flow_advance(&s->probe, node);
    float *bias = g->status ? NULL : tvis_fitted_bias(&l);
    s->weights[i] = g->status ? 0 : tvis_fitted_weights(&l);
    for (int32_t k = 0; k < LEVELS && !g->status; k++)
        try_share(s, &l, tvis_curve_level[k], &harm[k]);
    if (!g->status) {
        tvis_fitted_write(&l, l.before);
        if (bias)
            memcpy(bias, s->plain.tensor[l.node->in[2]].data, s->plain.tensor[l.node->in[2]].bytes);
        tvis_curve_draw(tvis_curve_level, harm, s->harm + (size_t)i * GRID);
    }
    tvis_fitted_free(&l);
}

/* ---- spreading ---- */

/* With a price of a weight that stays: hundredths of each layer that go. Returns weights that go. */
static double shop(const spreading *s, double price, int32_t *share)
{
    double gone = 0.0;
    for (uint32_t i = 0; i < s->p->count; i++) {
        const double *harm = s->harm + (size_t)i * GRID, each = price * (double)s->weights[i] / GRID;
        int32_t best = 0;
        for (int32_t k = 1; k < GRID; k++)
            if (harm[k] - each * k < harm[best] - each * best)
                best = k;
        share[i] = best;
        gone += floor((double)best * (double)s->weights[i] / GRID);
    }
    return gone;
}

/* To exactly `want`, from the first layers on of those where a little lower price made a difference, then of any. */
static void settle(const spreading *s, const int32_t *share, const int32_t *lower, size_t want)
{
    size_t *drop = s->p->drop, gone = 0;
    for (uint32_t i = 0; i < s->p->count; i++)
        gone += drop[i] = (size_t)share[i] * s->weights[i] / GRID;
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t i = s->p->count; i-- > 0;) {
            const size_t least = pass ? 0 : (size_t)lower[i] * s->weights[i] / GRID, most = s->weights[i] - 1;
            const size_t less = gone > want ? gone - want : 0, more = want > gone ? want - gone : 0;
            const size_t down = less < drop[i] - least ? less : drop[i] - least;
            const size_t up = more < most - drop[i] ? more : most - drop[i];
            drop[i] = drop[i] - down + up;
            gone = gone - down + up;
        }
}

static bool spread(spreading *s)
{
    tvis_pruner *p = s->p;
    int32_t *share = calloc((size_t)p->count * 2, sizeof *share), *lower = share ? share + p->count : NULL;
    double low = 1e-20, high = 1e6, all = 0.0;
    if (!share)
        return false;
    for (uint32_t i = 0; i < p->count; i++)
        all += (double)s->weights[i];
    const double want = floor(p->c->amount * all + 0.5);
    for (int32_t i = 0; i < 100; i++) {
        const double price = sqrt(low * high);
        if (shop(s, price, share) < want)
            low = price;
        else
            high = price;
    }
    (void)shop(s, high, share);
    (void)shop(s, low, lower);
    settle(s, share, lower, (size_t)want);
    free(share);
    return true;
}

static tvis_status begin(spreading *s)
{
    tvis_pruner *p = s->p;
    tvis_graph_read(&s->plain, p->m);
    s->harm = calloc((size_t)p->count * GRID, sizeof *s->harm);
    s->weights = calloc(p->count, sizeof *s->weights);
    p->drop = calloc(p->count, sizeof *p->drop);
    if (!s->harm || !s->weights || !p->drop)
        tvis_graph_out_of_memory(p->g);
    tvis_status status = s->plain.status ? s->plain.status : p->g->status;
    status = status ? status : tvis_prune_halves(p, &s->plain, &s->fit, &s->probe);
    return status ? status : tvis_probe_begin(&s->seen, &s->probe);
}

void tvis_prune_spread(tvis_pruner *p)
{
    spreading s = { .p = p };
    p->g->sparse = true;
    tvis_graph_init(&s.plain, p->g->diag);
    p->g->status = begin(&s);
    for (uint32_t i = 0; i < p->count && !p->g->status; i++) {
        if (p->c->progress)
            p->c->progress(p->c->input_user, "measuring layers", i, p->count);
        measure_layer(&s, i);
    }
    if (!p->g->status && !spread(&s))
        tvis_graph_out_of_memory(p->g);
    tvis_probe_free(s.seen);
    tvis_flow_free(&s.fit);
    tvis_flow_free(&s.probe);
    tvis_graph_free(&s.plain);
    free(s.harm);
    free(s.weights);
}
