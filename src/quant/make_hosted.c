/* SPDX-License-Identifier: MIT */
#include "quant/maker.h"

#include <math.h>
#include <stdlib.h>

static void prepare(tvis_maker *q)
{
    for (uint32_t i = 0; i < q->from->tensor_count; i++) {
        q->made[i].range = q->range[i];
        for (uint32_t f = 0; f < TVIS_FORM_COUNT_; f++)
            q->made[i].as[f] = TVIS_NONE;
    }
    tvis_maker_out(q, q->from->input[0], TVIS_FORM_F32);
}

/* The network's outputs are floats. */
static void make_nodes(tvis_maker *q)
{
    prepare(q);
    for (uint32_t i = 0; i < q->from->node_count && !q->to->status;) {
        const tvis_emit emit = tvis_emitter(q, i);
        if (!emit)
            tvis_maker_fail(q, TVIS_EUNSUP, TVIS_DIAG_NO_KERNEL, q->from->node[i].name,
                            "this operator has no integer kernel");
        else
            i += emit(q, i);
    }
    for (uint32_t k = 0; k < q->to->output_count && !q->to->status; k++)
        q->to->output[k] = tvis_maker_in(q, q->from->output[k], TVIS_FORM_F32);
}

tvis_status tvis_make(tvis_maker *q, tvis_blob *blob, tvis_diag *diag)
{
    tvis_graph to;
    q->to = &to;
    q->signal = q->noise = 0.0;
    q->worst = NULL;
    q->report = (tvis_quantize_report){ .snr_db = INFINITY, .worst_db = INFINITY };
    q->made = calloc(q->from->tensor_count, sizeof *q->made);
    tvis_graph_init(&to, diag);
    if (!q->made)
        tvis_graph_out_of_memory(&to);
    tvis_copy_tensors(&to, q->from);
    if (!to.status)
        make_nodes(q);
    const tvis_status s = to.status ? to.status : tvis_blob_write(&to, blob, diag);
    tvis_graph_free(&to);
    free(q->made);
    q->to = NULL;
    q->made = NULL;
    return s;
}
