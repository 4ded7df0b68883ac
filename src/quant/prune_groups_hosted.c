/* SPDX-License-Identifier: MIT */
/* What it does to the network's outputs when units of one group go: layers that read them are fitted without them on
 * half of the calibration pictures, and the outputs are compared on the other half. */
#include "quant/curve_hosted.h"
#include "quant/prune_fit_hosted.h"
#include "quant/prune_order_hosted.h"

#include <stdlib.h>
#include <string.h>

enum {
    LEVELS = TVIS_CURVE_LEVELS,
    MOST_ORDERED = 2048 /* units of a group that are put in order: the time is that of their number's cube */
};

typedef struct measuring {
    tvis_pruner *p;
    const tvis_channel_groups *s;
    int32_t *place;      /* of each unit: how many of its group go before it */
    const size_t *first; /* of each root: its first unit */
    double *harm;        /* (tensors, TVIS_CURVE_GRID) */
    tvis_graph plain;
    tvis_flow fit, probe;
    tvis_probe *seen;
    float **fitted; /* of each chosen layer, until it was measured: weights (LEVELS, as they are stored), then biases */
} measuring;

static bool is_layer(const tvis_gnode *n)
{
    return n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_LINEAR;
}

static uint32_t root_read(const measuring *m, uint32_t layer)
{
    return m->s->root[m->p->g->node[m->p->chosen[layer]].in[0]];
}

static bool is_reader(const measuring *m, uint32_t layer)
{
    const uint32_t r = root_read(m, layer);
    return is_layer(&m->p->g->node[m->p->chosen[layer]]) && !m->s->fixed[r] && m->s->units[r] > 1;
}

static bool is_last_reader(const measuring *m, uint32_t layer)
{
    for (uint32_t i = layer + 1; i < m->p->count; i++)
        if (is_reader(m, i) && root_read(m, i) == root_read(m, layer))
            return false;
    return true;
}

/* Units that go at a level: more at each, as long as one stays. */
static int32_t gone_at(int32_t units, int32_t level)
{
    const int32_t gone = (int32_t)(tvis_curve_level[level] * units + 0.5);
    const int32_t least = level ? gone_at(units, level - 1) + 1 : 1;
    return gone < least ? (least < units ? least : units - 1) : gone;
}

/* Columns of units that go become 0. */
static void leave_out(const measuring *m, tvis_fitted *l, int32_t level)
{
    const uint32_t tensor = l->node->in[0], r = m->s->root[tensor];
    const int32_t channels = tvis_channels_of(m->s, tensor), gone = gone_at(m->s->units[r], level);
    memcpy(l->now, l->before, tvis_fitted_weights(l) * sizeof *l->now);
    for (size_t i = 0; i < tvis_fitted_weights(l); i++) {
        const int32_t channel = (int32_t)(i % (size_t)l->k) % channels;
        if (m->place[m->first[r] + (size_t)tvis_unit_of(m->s, tensor, channel)] < gone)
            l->now[i] = 0.0f;
    }
}

static size_t outs_of(const tvis_fitted *l)
{
    return (size_t)l->groups * (size_t)l->n;
}

/* The only reader of a group, which has a column of weights for each unit, and not too many of them. */
static bool reads_alone(const measuring *m, const tvis_fitted *l, uint32_t layer)
{
    const uint32_t r = root_read(m, layer);
    for (uint32_t i = 0; i < layer; i++)
        if (is_reader(m, i) && root_read(m, i) == r)
            return false;
    return l->groups == 1 && l->k == m->s->units[r] && l->k <= MOST_ORDERED && is_last_reader(m, layer);
}

static void fit_reader(measuring *m, uint32_t layer)
{
    tvis_graph *g = m->p->g;
    tvis_fitted l = { .p = m->p, .plain = &m->plain, .node = &g->node[m->p->chosen[layer]] };
    if (tvis_fitted_see(&l, &m->fit)) {
        const size_t weights = tvis_fitted_weights(&l), each = weights + outs_of(&l);
        m->fitted[layer] = malloc(LEVELS * each * sizeof(float));
        bool ok = m->fitted[layer] != NULL;
        if (reads_alone(m, &l, layer))
            ok = ok && tvis_prune_order(&l.lsq, l.before, m->place + m->first[root_read(m, layer)]);
        for (int32_t k = 0; k < LEVELS && ok; k++) {
            leave_out(m, &l, k);
            ok = tvis_lsq_try(&l.lsq, l.before, l.now, m->fitted[layer] + (size_t)k * each + weights);
            memcpy(m->fitted[layer] + (size_t)k * each, l.now, weights * sizeof(float));
        }
        if (!ok)
            tvis_graph_out_of_memory(g);
    }
    tvis_fitted_free(&l);
}

/* The weights of a reader at a level, or as they were. */
static void set_reader(const measuring *m, uint32_t layer, int32_t level)
{
    const tvis_gnode *n = &m->p->g->node[m->p->chosen[layer]];
    const tvis_gtensor *w = &m->plain.tensor[n->in[1]];
    const bool biased = n->in_count > 2 && n->in[2] != TVIS_NONE;
    const size_t weights = w->bytes / sizeof(float), each = weights + (size_t)w->dims[0];
    float *to = tvis_prune_writable(m->p, n->in[1]), *bias = biased ? tvis_prune_writable(m->p, n->in[2]) : NULL;
    const float *from = level < 0 ? w->data : m->fitted[layer] + (size_t)level * each;
    if (to)
        memcpy(to, from, w->bytes);
    if (bias)
        memcpy(bias, level < 0 ? (const float *)m->plain.tensor[n->in[2]].data : from + weights,
               (size_t)w->dims[0] * sizeof *bias);
}

static void set_readers(const measuring *m, uint32_t root, int32_t level)
{
    for (uint32_t i = 0; i < m->p->count; i++)
        if (m->fitted[i] && root_read(m, i) == root)
            set_reader(m, i, level);
}

static void measure_group(measuring *m, uint32_t root)
{
    tvis_graph *g = m->p->g;
    double harm[LEVELS] = { 0 }, share[LEVELS];
    for (int32_t k = 0; k < LEVELS && !g->status; k++) {
        share[k] = (double)gone_at(m->s->units[root], k) / m->s->units[root];
        set_readers(m, root, k);
        if (!g->status)
            g->status = tvis_probe_compare(m->seen, &m->probe, g, &harm[k]);
    }
    if (g->status)
        return;
    set_readers(m, root, -1);
    tvis_curve_draw(share, harm, m->harm + (size_t)root * TVIS_CURVE_GRID);
    for (uint32_t i = 0; i < m->p->count; i++)
        if (m->fitted[i] && root_read(m, i) == root) {
            free(m->fitted[i]);
            m->fitted[i] = NULL;
        }
}

static void measure(measuring *m)
{
    tvis_pruner *p = m->p;
    for (uint32_t i = 0; i < p->count && !p->g->status; i++) {
        if (p->c->progress)
            p->c->progress(p->c->input_user, "measuring groups", i, p->count);
        if (!is_reader(m, i))
            continue;
        fit_reader(m, i);
        if (!p->g->status && is_last_reader(m, i))
            measure_group(m, root_read(m, i));
    }
}

double *tvis_prune_group_harm(tvis_pruner *p, const tvis_channel_groups *s, const size_t *first, int32_t *place)
{
    measuring m = { .p = p, .s = s, .place = place, .first = first };
    tvis_graph_init(&m.plain, p->g->diag);
    tvis_graph_read(&m.plain, p->m);
    m.harm = calloc((size_t)s->count * TVIS_CURVE_GRID + 1, sizeof *m.harm);
    m.fitted = calloc(p->count, sizeof *m.fitted);
    if (!m.harm || !m.fitted)
        tvis_graph_out_of_memory(p->g);
    p->g->status = m.plain.status ? m.plain.status : p->g->status;
    if (!p->g->status)
        p->g->status = tvis_prune_halves(p, &m.plain, &m.fit, &m.probe);
    if (!p->g->status)
        p->g->status = tvis_probe_begin(&m.seen, &m.probe);
    if (!p->g->status)
        measure(&m);
    for (uint32_t i = 0; m.fitted && i < p->count; i++)
        free(m.fitted[i]);
    free(m.fitted);
    tvis_probe_free(m.seen);
    tvis_flow_free(&m.fit);
    tvis_flow_free(&m.probe);
    tvis_graph_free(&m.plain);
    return m.harm;
}
