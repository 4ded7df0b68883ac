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

static tvis_status write_part(tvis_tap *t, tvis_graph *part, const tvis_place *from, uint32_t end, tvis_diag *diag)
{
    const size_t bytes = (end - from->node) * sizeof *part->node;
    tvis_gnode *node = malloc(bytes);
    tvis_gtensor *tensor = malloc(part->tensor_count * sizeof *tensor);
    tvis_status s = TVIS_ENOMEM;
    if (node && tensor) {
        part->node = memcpy(node, part->node + from->node, bytes);
        part->tensor = memcpy(tensor, part->tensor, part->tensor_count * sizeof *tensor);
        part->node_count = end - from->node;
        memcpy(tensor[from->tensor].dims, from->dims, sizeof from->dims);
        s = tvis_blob_write(part, &t->blob, diag);
    } else {
        s = tvis_fail(diag, s, TVIS_DIAG_SYSTEM, "calibration", "out of memory");
    }
    free(node);
    free(tensor);
    return s;
}

tvis_status tvis_tap_open(tvis_tap *t, const tvis_graph *g, const tvis_place *from, uint32_t end,
                          const uint32_t *tensors, uint32_t count, uint32_t cpu, tvis_diag *diag)
{
    tvis_graph part = *g;
    memset(t, 0, sizeof *t);
    t->input = (tvis_tensor){ NULL, { 1, from->dims[1], from->dims[2], from->dims[3] }, TVIS_F32, TVIS_NHWC };
    part.input[0] = from->tensor;
    if (from->node) {
        part.h = (uint16_t)from->dims[1];
        part.w = (uint16_t)from->dims[2];
        part.multiple = part.min_side = 1;
        part.max_side = part.h > part.w ? part.h : part.w;
    }
    part.sparse = false;
    part.labels = NULL;
    part.classes = 0;
    list(t, &part, tensors, count);
    if (part.output_count == 0)
        return TVIS_OK;
    tvis_status s = write_part(t, &part, from, end, diag);
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
