/* SPDX-License-Identifier: MIT */
#include "quant/layer_rows_hosted.h"

static const int32_t *weights_of(const tvis_model *m, uint32_t node)
{
    return tvis_tensors(m)[tvis_ids(m)[tvis_nodes(m)[node].ids + 1]].dims;
}

tvis_layer_rows tvis_layer_rows_of(const tvis_model *m, uint32_t node)
{
    const tvis_blob_node *n = &tvis_nodes(m)[node];
    const int32_t *w = weights_of(m, node);
    return (tvis_layer_rows){ .groups = n->op == TVIS_OP_CONV2D ? n->p.conv.groups : 1, .k = w[1] * w[2] * w[3] };
}

void tvis_layer_rows_fit(tvis_layer_rows *r, const tvis_model *m, uint32_t node, const int32_t x_dims[4])
{
    const tvis_blob_node *n = &tvis_nodes(m)[node];
    r->direct = n->op != TVIS_OP_CONV2D;
    r->count = (int32_t)(tvis_elements(x_dims) / x_dims[3]);
    if (r->direct)
        return;
    r->shape = tvis_conv_geometry(&n->p.conv, x_dims, weights_of(m, node), sizeof(float));
    r->direct = tvis_conv_is_direct(&r->shape);
    r->count = x_dims[0] * r->shape.oh * r->shape.ow;
}

const float *tvis_layer_row(const tvis_layer_rows *r, const float *x, int32_t i, int32_t group, float *room)
{
    if (r->direct)
        return x + ((size_t)i * (size_t)r->groups + (size_t)group) * (size_t)r->k;
    tvis_conv_gather_rows(&r->shape, (const uint8_t *)x, i, 1, group, r->groups, 0, (uint8_t *)room);
    return room;
}
