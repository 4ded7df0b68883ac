/* SPDX-License-Identifier: MIT */
/* Ranges of the parameters of each operator: products of what passes here fit the types that kernels use. */
#include "core/blob.h"
#include "core/port.h"

#define MAX_STEP 0xff /* strides, dilations, paddings */

static bool steps(const uint16_t *v, int n, uint16_t least)
{
    for (int i = 0; i < n; i++)
        if (v[i] < least || v[i] > MAX_STEP)
            return false;
    return true;
}

static bool conv(const tvis_conv_params *c)
{
    static const uint16_t none[4] = { 0 };
    return c->groups >= 1 && c->same <= 1 && steps(c->stride, 2, 1) && steps(c->dilation, 2, 1) &&
           steps(c->pad, 4, 0) && !(c->same && memcmp(c->pad, none, sizeof none) != 0);
}

static bool pool(const tvis_pool_params *p)
{
    bool ok = steps(p->kernel, 2, 1) && steps(p->stride, 2, 1) && steps(p->pad, 4, 0);
    for (int i = 0; i < 4; i++)
        ok = ok && p->pad[i] < p->kernel[i % 2];
    return ok;
}

static bool reshape(const tvis_reshape_params *r)
{
    bool ok = r->flatten <= 1;
    for (int i = 0; i < 4; i++)
        ok = ok && r->dims[i] >= 0 && r->dims[i] <= TVIS_MAX_DIM && !(r->flatten && r->dims[i]);
    return ok;
}

static bool tokens(const tvis_tokens_params *t)
{
    return t->grid[0] >= 1 && t->grid[0] <= TVIS_MAX_SIDE && t->grid[1] >= 1 && t->grid[1] <= TVIS_MAX_SIDE &&
           t->stretch < TVIS_STRETCH_COUNT_ && t->registers <= MAX_STEP;
}

/* Bytes of the union that an operator uses; the rest is 0. ORDER TVIS_OP */
static const uint8_t used[] = {
    [TVIS_OP_CONV2D] = sizeof(tvis_conv_params),
    [TVIS_OP_DEPTHWISE] = sizeof(tvis_conv_params),
    [TVIS_OP_LINEAR] = 0,
    [TVIS_OP_BATCH_NORM] = sizeof(float),
    [TVIS_OP_ACTIVATION] = 0,
    [TVIS_OP_ADD] = 0,
    [TVIS_OP_GLOBAL_AVG_POOL] = 0,
    [TVIS_OP_SOFTMAX] = 0,
    [TVIS_OP_RESHAPE] = sizeof(tvis_reshape_params),
    [TVIS_OP_SCALE] = 0,
    [TVIS_OP_MAX_POOL] = sizeof(tvis_pool_params),
    [TVIS_OP_SHORTCUT] = sizeof(tvis_shortcut_params),
    [TVIS_OP_LAYER_NORM] = sizeof(float),
    [TVIS_OP_ATTENTION] = sizeof(tvis_attention_params),
    [TVIS_OP_TOKENS] = sizeof(tvis_tokens_params),
    [TVIS_OP_SLICE] = sizeof(tvis_slice_params),
    [TVIS_OP_L2_NORM] = sizeof(float),
    [TVIS_OP_QUANTIZE] = 0,
    [TVIS_OP_DEQUANTIZE] = 0,
    [TVIS_OP_REQUANTIZE] = 0,
};
TVIS_STATIC_ASSERT(used, TVIS_COUNT(used) == TVIS_OP_COUNT_);

uint32_t tvis_params_bytes(uint8_t op)
{
    return used[op];
}

bool tvis_params_valid(uint8_t op, const tvis_params *p)
{
    const uint8_t *bytes = (const uint8_t *)p;
    for (size_t i = used[op]; i < sizeof *p; i++)
        if (bytes[i] != 0)
            return false;
    switch ((tvis_op_code)op) {
    case TVIS_OP_CONV2D:
    case TVIS_OP_DEPTHWISE:
        return conv(&p->conv);
    case TVIS_OP_BATCH_NORM:
    case TVIS_OP_LAYER_NORM:
    case TVIS_OP_L2_NORM:
        return p->eps >= 0.0f && p->eps < 1.0f;
    case TVIS_OP_RESHAPE:
        return reshape(&p->reshape);
    case TVIS_OP_MAX_POOL:
        return pool(&p->pool);
    case TVIS_OP_SHORTCUT:
        return steps(&p->shortcut.stride, 1, 1) && p->shortcut.reserved == 0;
    case TVIS_OP_ATTENTION:
        return p->attention.heads >= 1 && p->attention.maps <= 1;
    case TVIS_OP_TOKENS:
        return tokens(&p->tokens);
    case TVIS_OP_SLICE:
        return p->slice.begin >= 0 && p->slice.begin <= TVIS_MAX_DIM && p->slice.count >= 0 &&
               p->slice.count <= TVIS_MAX_DIM;
    default:
        return true;
    }
}

static bool multiplier(int32_t mul, uint8_t shift)
{
    return mul >= 0 && mul % 2 == 0 && shift <= 30;
}

bool tvis_quant_valid(const tvis_quant *q)
{
    return multiplier(q->mul, q->shift) && multiplier(q->add_mul, q->add_shift) &&
           tvis_quant_lo16(q) <= tvis_quant_hi16(q) && !q->reserved;
}
