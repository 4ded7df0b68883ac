/* SPDX-License-Identifier: MIT */
#include "quant/tap_hosted.h"
#include "core/op.h"

#include <stdlib.h>
#include <string.h>

/* A tensor that is the input takes no output; one that is there already is not listed twice. */
static void list(tvis_tap *t, tvis_graph *part, const uint32_t *tensors, uint32_t count)
{
    part->output_count = 0;
    t->count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = 0;
        t->is_input[i] = tensors[i] == part->input[0];
        while (k < part->output_count && part->output[k] != tensors[i])
            k++;
        t->output[i] = (uint8_t)k;
        if (!t->is_input[i] && k == part->output_count)
            part->output[part->output_count++] = tensors[i];
    }
}

static tvis_status write_part(tvis_tap *t, tvis_graph *part, uint32_t end, tvis_diag *diag)
{
    const size_t bytes = part->node_count * sizeof *part->node;
    tvis_gnode *node = malloc(bytes);
    if (!node)
        return tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "calibration", "out of memory");
    part->node = memcpy(node, part->node, bytes);
    part->node_count = end;
    const tvis_status s = tvis_blob_write(part, &t->blob, diag);
    free(node);
    return s;
}

tvis_status tvis_tap_open(tvis_tap *t, const tvis_graph *g, uint32_t end, const uint32_t *tensors, uint32_t count,
                          uint32_t cpu, tvis_diag *diag)
{
    tvis_graph part = *g;
    memset(t, 0, sizeof *t);
    t->input = (tvis_tensor){ NULL, { 1, g->h, g->w, g->tensor[g->input[0]].dims[3] }, TVIS_F32, TVIS_NHWC };
    part.sparse = false;
    part.labels = NULL;
    part.classes = 0;
    list(t, &part, tensors, count);
    if (part.output_count == 0)
        return TVIS_OK;
    tvis_status s = write_part(t, &part, end, diag);
    if (!s)
        s = tvis_model_open(&t->model, t->blob.data, t->blob.size, diag);
    return s ? s : tvis_runner_start(&t->runner, &t->model, cpu, NULL, NULL, diag);
}

tvis_status tvis_tap_run(tvis_tap *t, const float *picture, tvis_diag *diag)
{
    if (!t->runner.session)
        return TVIS_OK;
    tvis_tensor in = t->runner.input;
    memcpy(in.data, picture, (size_t)tvis_elements(in.dims) * sizeof(float));
    return tvis_session_run(t->runner.session, &in, NULL, diag);
}

tvis_tensor tvis_tap_view(const tvis_tap *t, uint32_t i, const float *picture)
{
    tvis_tensor v = t->input;
    if (t->is_input[i])
        v.data = (void *)(uintptr_t)picture;
    else
        (void)tvis_session_output(t->runner.session, t->output[i], &v);
    return v;
}

void tvis_tap_free(tvis_tap *t)
{
    tvis_runner_free(&t->runner);
    tvis_blob_free(&t->blob);
}
