/* SPDX-License-Identifier: MIT */
/* Means and mean squares of what the chosen layers read and write, over the calibration pictures. */
#include "core/op.h"
#include "quant/prune.h"
#include "quant/runner_hosted.h"

#include <stdlib.h>

typedef tvis_moments moments;

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
    tvis_status status = tvis_runner_start(&r, s->p->m, s->p->cpu, after_node, s, d);
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

tvis_moments *tvis_prune_survey(tvis_pruner *p)
{
    survey s = { .p = p, .tensor = calloc(p->g->tensor_count, sizeof *s.tensor) };
    if (!s.tensor)
        tvis_graph_out_of_memory(p->g);
    else if (p->c->images)
        p->g->status = run_pictures(&s);
    return s.tensor;
}

void tvis_prune_survey_free(tvis_moments *m, uint32_t count)
{
    for (uint32_t i = 0; m && i < count; i++) {
        free(m[i].sum);
        free(m[i].square);
    }
    free(m);
}
