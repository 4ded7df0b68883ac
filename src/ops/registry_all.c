/* SPDX-License-Identifier: MIT */
#include "core/op.h"

static const tvis_op *const all[] = {
    &tvis_op_conv2d_f32,
    &tvis_op_depthwise_f32,
    &tvis_op_linear_f32,
    &tvis_op_batch_norm_f32,
    &tvis_op_activation_f32,
    &tvis_op_add_f32,
    &tvis_op_global_avg_pool_f32,
    &tvis_op_softmax_f32,
    &tvis_op_reshape_f32,
    &tvis_op_max_pool_f32,
    &tvis_op_rows_f32,
    &tvis_op_scale_f32,
    &tvis_op_shortcut_f32,
    &tvis_op_l2_norm_f32,
    &tvis_op_layer_norm_f32,
    &tvis_op_attention_f32,
    &tvis_op_tokens_f32,
    &tvis_op_slice_f32,
    NULL,
};
const tvis_registry tvis_registry_all = { all };
