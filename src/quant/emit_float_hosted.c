/* SPDX-License-Identifier: MIT */
/* Nodes that stay in floats: weights as halves, activations fp32. */
#include "quant/halve_hosted.h"
#include "quant/maker.h"

/* Constants keep their numbers; weights get a copy in halves. */
static uint32_t constant(tvis_maker *q, const tvis_gnode *n, uint32_t k)
{
    const tvis_gtensor *t = &q->from->tensor[n->in[k]];
    tvis_energy e;
    if (k != 1 || !tvis_has_weights(q->from, n))
        return n->in[k];
    const uint32_t id = tvis_halve(q->to, t, &e);
    tvis_maker_note(q, n->name, e.signal, e.noise, t->bytes / sizeof(float));
    return id;
}

uint32_t tvis_emit_float(tvis_maker *q, uint32_t i)
{
    const tvis_gnode *n = &q->from->node[i], *act = tvis_maker_table_after(q, i);
    uint32_t in[TVIS_MAX_IN], out[TVIS_MAX_OUT];
    if (!tvis_has_weights(q->from, n) || (act && q->precision[i + 1].x != TVIS_FORM_F32))
        act = NULL;
    for (uint32_t k = 0; k < n->in_count; k++)
        in[k] = n->in[k] == TVIS_NONE                ? (uint32_t)TVIS_NONE
                : q->from->tensor[n->in[k]].constant ? constant(q, n, k)
                                                     : tvis_maker_in(q, n->in[k], TVIS_FORM_F32);
    for (uint32_t k = 0; k < n->out_count; k++)
        out[k] = tvis_maker_out(q, act ? act->out[0] : n->out[k], TVIS_FORM_F32);
    tvis_maker_node(q, n, in, n->in_count, out, &(tvis_quant){ 0 });
    if (!q->to->status)
        q->to->node[q->to->node_count - 1].act = act ? act->act : n->act;
    return act ? 2 : 1;
}
