/* SPDX-License-Identifier: MIT */
/* Multi-head self-attention: x (n, 1, t, 3c) holds q, k and v of all heads, as PyTorch's fused linear layer writes
 * them; y (n, 1, t, c); as a second output, if asked for, the first token's weights of all tokens (n, 1, heads, t). */
#include "core/math.h"
#include "core/op.h"
#include "core/port.h"
#include "ops/attention.h"

static tvis_status check(const tvis_node_plan *p)
{
    const tvis_attention_params *a = &p->node->p.attention;
    const int32_t *x = p->in_dims[0];
    if (p->node->in_count != 1 || !p->in[0] || p->node->out_count != 1 + a->maps)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_GRAPH, "wrong number of inputs or outputs");
    const uint16_t last = tvis_ids(p->model)[p->node->ids + a->maps + 1u]; /* output: the maps, if there are any */
    if (p->in[0]->dtype != TVIS_F32 || tvis_tensors(p->model)[last].dtype != TVIS_F32 || p->node->act != TVIS_ACT_NONE)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "float tensors and no activation are needed");
    if (x[1] != 1 || x[3] % 3 || x[3] / 3 % a->heads)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_SHAPE, "not tokens with q, k and v of every head");
    return TVIS_OK;
}

static tvis_status plan(tvis_node_plan *p)
{
    const int32_t *x = p->in_dims[0], c = x[3] / 3, heads = p->node->p.attention.heads;
    tvis_status s = check(p);
    if (s)
        return s;
    uint16_t *kernel = &p->choice[0].kernel;
    while (tvis_attention_f32[*kernel].k.cpu & ~p->config->cpu)
        ++*kernel;
    const tvis_attention_f32_variant *v = &tvis_attention_f32[*kernel];
    const uint64_t scratch = tvis_attention_f32_scratch(v, c / heads) * sizeof(float);
    if (scratch > INT32_MAX || (int64_t)x[0] * heads * x[2] > INT32_MAX)
        return tvis_plan_fail(p, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "heads of more than 2 GiB, or more than 2^31 queries");
    const int32_t y[4] = { x[0], 1, x[2], c }, maps[4] = { x[0], 1, heads, x[2] };
    memcpy(p->out_dims[0], y, sizeof y);
    memcpy(p->out_dims[1], maps, sizeof maps);
    p->scratch = (uint32_t)scratch;
    p->kernel_name = v->k.name;
    p->macs = 2 * (uint64_t)x[0] * (uint64_t)x[2] * (uint64_t)x[2] * (uint64_t)c;
    return TVIS_OK;
}

/* q of one token and head, with k and v at c and 2c from there. */
static const float *query(const tvis_node_run *r, int32_t n, int32_t head, int32_t token)
{
    const int32_t *x = r->in_dims[0];
    const size_t d = (size_t)(x[3] / 3 / r->node->p.attention.heads);
    return (const float *)r->x[0] + ((size_t)n * (size_t)x[2] + (size_t)token) * (size_t)x[3] + (size_t)head * d;
}

static void map(const tvis_node_run *r, int32_t n, int32_t head, float scale)
{
    const int32_t t = r->in_dims[0][2], ld = r->in_dims[0][3], heads = r->node->p.attention.heads;
    const float *q = query(r, n, head, 0), *k = q + ld / 3;
    float *y = (float *)r->y[1] + ((size_t)n * (size_t)heads + (size_t)head) * (size_t)t, max = 0.0f, sum = 0.0f;
    for (int32_t j = 0; j < t; j++, k += ld) {
        y[j] = 0.0f;
        for (int32_t i = 0; i < ld / 3 / heads; i++)
            y[j] += q[i] * k[i];
        y[j] *= scale;
        max = j == 0 || y[j] > max ? y[j] : max;
    }
    for (int32_t j = 0; j < t; j++)
        sum += y[j] = tvis_expf(y[j] - max);
    for (int32_t j = 0; j < t; j++)
        y[j] /= sum;
}

/* One block of queries of one head. */
static void run_block(const tvis_node_run *r, int32_t n, int32_t head, int32_t first, float *scratch)
{
    const tvis_attention_f32_variant *v = &tvis_attention_f32[r->kernel[0]];
    const int32_t *x = r->in_dims[0], c = x[3] / 3, t = x[2], d = c / r->node->p.attention.heads;
    const tvis_attention_f32_args a = {
        .q = query(r, n, head, first),
        .k = query(r, n, head, 0) + c,
        .v = query(r, n, head, 0) + 2 * c,
        .y = (float *)r->y[0] + ((size_t)n * (size_t)t + (size_t)first) * (size_t)c + (size_t)head * (size_t)d,
        .queries = t - first < v->k.mr ? t - first : v->k.mr,
        .keys = t,
        .d = d,
        .ld = x[3],
        .ldy = c,
        .scale = 1.0f / tvis_sqrtf((float)d),
        .scratch = scratch,
    };
    v->run(&a);
    if (r->node->p.attention.maps && first == 0)
        map(r, n, head, a.scale);
}

/* The work is cut by pictures, heads and blocks of queries. */
static void run_part(void *arg, uint32_t part)
{
    const tvis_node_run *r = arg;
    const int32_t heads = r->node->p.attention.heads, step = tvis_attention_f32[r->kernel[0]].k.mr;
    const int32_t blocks = (r->in_dims[0][2] + step - 1) / step, total = r->in_dims[0][0] * heads * blocks;
    float *scratch = (float *)(void *)(r->scratch + (size_t)part * r->scratch_bytes);
    for (int32_t i = tvis_part(total, part, r->parts, 1); i < tvis_part(total, part + 1, r->parts, 1); i++)
        run_block(r, i / blocks / heads, i / blocks % heads, i % blocks * step, scratch);
}

static void run(const tvis_node_run *r)
{
    tvis_run_parts(r, run_part, (void *)(uintptr_t)r);
}

const tvis_op tvis_op_attention_f32 = { TVIS_OP_ATTENTION, TVIS_F32, "attention", plan, NULL, run, NULL };
