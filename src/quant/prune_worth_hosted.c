/* SPDX-License-Identifier: MIT */
/* What each weight is worth: the variance that it gives its output channel, over what variance the channel has. */
#include "core/op.h"
#include "quant/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef tvis_moments moments;

static double variance(const moments *m, size_t channel)
{
    const double n = (double)m->pixels, mean = m->pixels ? m->sum[channel] / n : 0.0;
    return m->pixels ? fmax(m->square[channel] / n - mean * mean, 0.0) : 1.0;
}

/* The channel of the input that weight i of output channel o meets. */
static size_t channel_of(const tvis_pruner *p, const tvis_gnode *n, size_t o, size_t i)
{
    const int32_t *w = p->g->tensor[n->in[1]].dims;
    const size_t each = (size_t)w[3], groups = n->op == TVIS_OP_CONV2D ? n->p.conv.groups : 1;
    return n->op == TVIS_OP_DEPTHWISE ? o : o / ((size_t)w[0] / groups) * each + i % each;
}

/* What a channel of the output has, where that is less than `sum`, what it had if the inputs were independent. Not much
 * less: an activation may have hidden what there is. */
static double spread(const moments *out, size_t channel, double sum)
{
    return out->pixels ? fmin(fmax(variance(out, channel), 0.02 * sum), sum) : sum;
}

/* Fitting makes good most of what a weight did, but not where there are few rows to fit to. */
static double irreparable(const moments *in, size_t weights)
{
    return in->pixels ? sqrt(1.0 + (double)weights / (double)in->pixels) : 1.0;
}

/* Depthwise layers and those that read the input have few weights, and errors that all layers behind them see: they are
 * pruned late. */
static double preciousness(const tvis_pruner *p, const tvis_gnode *n)
{
    return n->op == TVIS_OP_DEPTHWISE || n->in[0] == p->g->input[0] ? 30.0 : 1.0;
}

/* Roots of shares: sums of them over several weights are compared too. */
static void fill(const tvis_pruner *p, const tvis_gnode *n, const moments *m, const moments *out, float *worth)
{
    const tvis_gtensor *t = &p->g->tensor[n->in[1]];
    const bool depthwise = n->op == TVIS_OP_DEPTHWISE;
    const size_t all = t->bytes / sizeof(float), outs = (size_t)t->dims[depthwise ? 3 : 0], each = all / outs;
    const float *w = t->data;
    for (size_t o = 0; o < outs; o++) {
        double sum = 0.0;
        for (size_t i = 0; i < each; i++) {
            const size_t at = depthwise ? i * outs + o : o * each + i;
            const double part = (double)w[at] * (double)w[at] * variance(m, channel_of(p, n, o, i));
            worth[at] = (float)part;
            sum += part;
        }
        const double all_of_it = spread(out, o, sum) * (double)outs / irreparable(m, each) / preciousness(p, n);
        for (size_t i = 0; i < each; i++) {
            const size_t at = depthwise ? i * outs + o : o * each + i;
            worth[at] = all_of_it > 0.0 ? (float)sqrt((double)worth[at] / all_of_it) : 0.0f;
        }
    }
}

float **tvis_prune_values(tvis_pruner *p)
{
    moments *seen = tvis_prune_survey(p);
    float **worth = calloc(p->count, sizeof *worth);
    if (!worth)
        tvis_graph_out_of_memory(p->g);
    for (uint32_t i = 0; i < p->count && !p->g->status; i++) {
        const tvis_gnode *n = &p->g->node[p->chosen[i]];
        worth[i] = malloc(p->g->tensor[n->in[1]].bytes);
        if (worth[i])
            fill(p, n, &seen[n->in[0]], &seen[n->out[0]], worth[i]);
        else
            tvis_graph_out_of_memory(p->g);
    }
    tvis_prune_survey_free(seen, p->g->tensor_count);
    return worth;
}
