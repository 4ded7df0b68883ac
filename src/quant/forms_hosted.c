/* SPDX-License-Identifier: MIT */
#include "quant/forms_hosted.h"

#include <stdlib.h>

typedef struct forms {
    const tvis_graph *g;
    const uint8_t *grade;
    bool wide_sums;
    bool *wide; /* of each tensor: 16 bits */
    tvis_precision *precision;
} forms;

static bool is_norm(uint8_t op)
{
    return op == TVIS_OP_LAYER_NORM || op == TVIS_OP_L2_NORM || op == TVIS_OP_SOFTMAX;
}

/* Values go through as they are, and so does the form. */
static bool is_move(uint8_t op)
{
    return op == TVIS_OP_SLICE || op == TVIS_OP_RESHAPE || op == TVIS_OP_SHORTCUT || op == TVIS_OP_MAX_POOL;
}

static void widen(const forms *f, uint32_t id)
{
    if (id != TVIS_NONE && !f->g->tensor[id].constant)
        f->wide[id] = true;
}

/* Readers come before writers. */
static void visit_readers(forms *f, uint32_t i)
{
    const tvis_gnode *n = &f->g->node[i];
    const bool layer = tvis_has_weights(f->g, n), wide = f->wide[n->out[0]];
    const bool sums = n->op == TVIS_OP_ADD || (layer && n->in_count > 3 && n->in[3] != TVIS_NONE);
    if (is_norm(n->op) || f->grade[i] == TVIS_GRADE_S16 || (wide && is_move(n->op)))
        widen(f, n->in[0]);
    if (sums && f->wide_sums)
        f->wide[n->out[0]] = true;
    if (!f->wide[n->out[0]])
        return;
    if (n->op == TVIS_OP_ADD || n->op == TVIS_OP_TOKENS || n->op == TVIS_OP_ACTIVATION || n->op == TVIS_OP_SCALE)
        widen(f, n->in[0]);
    if (n->op == TVIS_OP_ADD)
        widen(f, n->in[1]);
    if (layer && sums)
        widen(f, n->in[3]);
}

static void settle(forms *f, uint32_t i)
{
    const tvis_gnode *n = &f->g->node[i];
    const bool layer = tvis_has_weights(f->g, n), wide = f->wide[n->out[0]];
    const bool reads_wide = layer ? f->grade[i] == TVIS_GRADE_S16 : f->wide[n->in[0]];
    f->precision[i].x = (uint8_t)(reads_wide ? TVIS_FORM_S16 : TVIS_FORM_S8);
    f->precision[i].y = (uint8_t)(wide ? TVIS_FORM_S16 : TVIS_FORM_S8);
    if (n->op == TVIS_OP_ATTENTION && !layer)
        f->precision[i].x = TVIS_FORM_S8;
    if (f->grade[i] == TVIS_GRADE_F32)
        f->precision[i] = (tvis_precision){ TVIS_FORM_F32, TVIS_FORM_F32 };
}

tvis_status tvis_forms_choose(const tvis_graph *from, const uint8_t *grade, bool wide_sums, tvis_precision *precision)
{
    forms f = { from, grade, wide_sums, calloc(from->tensor_count + 1, sizeof(bool)), precision };
    if (!f.wide)
        return TVIS_ENOMEM;
    for (uint32_t k = 0; k < from->output_count; k++)
        widen(&f, from->output[k]);
    for (uint32_t i = from->node_count; i-- > 0;)
        visit_readers(&f, i);
    for (uint32_t i = 0; i < from->node_count; i++)
        settle(&f, i);
    free(f.wide);
    return TVIS_OK;
}
