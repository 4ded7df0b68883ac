/* SPDX-License-Identifier: MIT */
/* What each weight is worth: the variance that it gives its output channel, over what variance the channel has. */
#include "core/op.h"
#include "quant/prune.h"
#include "quant/runner_hosted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a tensor's channels, over all pictures. */
typedef struct moments {
    double *sum, *square;
    uint64_t pixels;
} moments;

typedef struct survey {
    tvis_pruner *p;
    moments *tensor;
    tvis_status status;
} survey;

static void observe(survey *s, uint32_t id, const tvis_tensor *t)
{
    moments *m = &s->tensor[id];
    const size_t c = (size_t)t->dims[3], pixels = (size_t)tvis_elements(t->dims) / c;
    const float *x = t->data;
    if (!m->sum) {
        m->sum = calloc(c, sizeof *m->sum);
        m->square = calloc(c, sizeof *m->square);
    }
    if (!m->sum || !m->square) {
        s->status = TVIS_ENOMEM;
        return;
    }
    for (size_t i = 0; i < pixels; i++)
        for (size_t k = 0; k < c; k++, x++) {
            m->sum[k] += (double)*x;
            m->square[k] += (double)*x * (double)*x;
        }
    m->pixels += pixels;
}

/* Whether a chosen layer reads or writes a tensor. */
static bool is_wanted(const tvis_pruner *p, uint32_t id)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->g->node[p->chosen[i]].in[0] == id || p->g->node[p->chosen[i]].out[0] == id)
            return true;
    return false;
}

static void after_node(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    survey *s = user;
    const tvis_gnode *n = &s->p->g->node[node];
    for (uint32_t k = 0; outputs && k < count && !s->status; k++)
        if (is_wanted(s->p, n->out[k]))
            observe(s, n->out[k], &outputs[k]);
}

static tvis_status run_pictures(survey *s)
{
    const tvis_prune_config *c = s->p->c;
    tvis_diag *d = s->p->g->diag;
    tvis_runner r = { .session = NULL };
    tvis_status status = tvis_runner_start(&r, s->p->m, c->portable ? 0 : tvis_cpu_detect(), after_node, s, d);
    for (uint32_t i = 0; !status && i < c->images; i++) {
        tvis_tensor in = r.input;
        if (c->progress)
            c->progress(c->input_user, "variances", i, c->images);
        status = c->input(c->input_user, i, &in, d);
        if (!status && is_wanted(s->p, s->p->g->input[0]))
            observe(s, s->p->g->input[0], &in);
        if (!status)
            status = tvis_session_run(r.session, &in, NULL, d);
        if (!status && s->status)
            status = tvis_fail(d, s->status, TVIS_DIAG_SYSTEM, "calibration", "out of memory");
    }
    tvis_runner_free(&r);
    return status;
}

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
        const double all_of_it = spread(out, o, sum) * (double)outs / irreparable(m, each);
        for (size_t i = 0; i < each; i++) {
            const size_t at = depthwise ? i * outs + o : o * each + i;
            worth[at] = all_of_it > 0.0 ? (float)sqrt((double)worth[at] / all_of_it) : 0.0f;
        }
    }
}

float **tvis_prune_values(tvis_pruner *p)
{
    survey s = { .p = p, .tensor = calloc(p->g->tensor_count, sizeof *s.tensor) };
    float **worth = calloc(p->count, sizeof *worth);
    if (!s.tensor || !worth)
        tvis_graph_out_of_memory(p->g);
    else if (p->c->images)
        p->g->status = run_pictures(&s);
    for (uint32_t i = 0; i < p->count && !p->g->status; i++) {
        const tvis_gnode *n = &p->g->node[p->chosen[i]];
        worth[i] = malloc(p->g->tensor[n->in[1]].bytes);
        if (worth[i])
            fill(p, n, &s.tensor[n->in[0]], &s.tensor[n->out[0]], worth[i]);
        else
            tvis_graph_out_of_memory(p->g);
    }
    for (uint32_t i = 0; s.tensor && i < p->g->tensor_count; i++) {
        free(s.tensor[i].sum);
        free(s.tensor[i].square);
    }
    free(s.tensor);
    return worth;
}
