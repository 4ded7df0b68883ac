/* SPDX-License-Identifier: MIT */
#include "core/op.h"
#include "core/planner.h"
#include "core/port.h"

const int32_t tvis_no_dims[4] = { 0 };

int64_t tvis_elements(const int32_t *dims)
{
    return (int64_t)dims[0] * dims[1] * dims[2] * dims[3];
}

/* blocks * i / parts, for i <= parts, without a division of 64 bits. */
int32_t tvis_part(int32_t total, uint32_t i, uint32_t parts, int32_t step)
{
    const uint32_t blocks = (uint32_t)(total / step + (total % step != 0));
    const uint64_t at = (uint64_t)(blocks / parts * i + blocks % parts * i / parts) * (uint32_t)step;
    return at < (uint32_t)total ? (int32_t)at : total;
}

void tvis_run_parts(const tvis_node_run *r, void (*fn)(void *arg, uint32_t i), void *arg)
{
    if (r->parallel_for && r->parts > 1)
        r->parallel_for(r->pool, fn, arg, r->parts);
    else
        for (uint32_t i = 0; i < r->parts; i++)
            fn(arg, i);
}

/* ORDER TVIS_ACT */
static const char *const act_names[] = {
    [TVIS_ACT_NONE] = "none",
    [TVIS_ACT_RELU] = "relu",
    [TVIS_ACT_RELU6] = "relu6",
    [TVIS_ACT_HARD_SWISH] = "hard_swish",
    [TVIS_ACT_HARD_SIGMOID] = "hard_sigmoid",
    [TVIS_ACT_SIGMOID] = "sigmoid",
    [TVIS_ACT_SILU] = "silu",
    [TVIS_ACT_GELU] = "gelu",
};
TVIS_STATIC_ASSERT(act_names, TVIS_COUNT(act_names) == TVIS_ACT_COUNT_);

const char *tvis_act_name(uint8_t act)
{
    return act_names[act];
}

const uint64_t tvis_pack_wanted = 0;

bool tvis_plan_packed(const tvis_node_plan *p, uint32_t node, uint16_t pack)
{
    const tvis_pack_header *h = p->config->pack;
    const tvis_pack_entry *e =
        h && p->config->pack != &tvis_pack_wanted ? &h->entry[p->node + node - tvis_nodes(p->model)] : NULL;
    return e && e->offset != 0 && e->pack == pack;
}

static tvis_status located(const tvis_node_plan *p, tvis_status s)
{
    if (p->diag)
        p->diag->node = (uint16_t)(p->node - tvis_nodes(p->model));
    return s;
}

tvis_status tvis_plan_fail(const tvis_node_plan *p, tvis_status s, tvis_diag_code code, const char *detail)
{
    return located(p, tvis_fail(p->diag, s, code, tvis_string(p->model, p->node->name), detail));
}

tvis_status tvis_plan_fail_shape(const tvis_node_plan *p, const char *detail, const int32_t *expected,
                                 const int32_t *found)
{
    const char *name = tvis_string(p->model, p->node->name);
    return located(p, tvis_fail_dims(p->diag, TVIS_EFORMAT, name, detail, expected, found));
}

tvis_status tvis_plan_arity(const tvis_node_plan *p, uint32_t min, uint32_t max)
{
    const tvis_blob_node *n = p->node;
    bool ok = n->in_count >= min && n->in_count <= max && n->out_count == 1;
    for (uint32_t i = 0; ok && i < min; i++)
        ok = p->in[i] != NULL;
    return ok ? TVIS_OK : tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_GRAPH, "wrong number of inputs or outputs");
}

tvis_status tvis_plan_vector(const tvis_node_plan *p, uint32_t i, uint8_t dtype, int32_t count)
{
    const tvis_blob_tensor *t = p->in[i];
    const int32_t want[4] = { 1, 1, 1, count };
    if (!t)
        return TVIS_OK;
    if (t->dtype != dtype || t->producer != TVIS_NONE || t->last_use != TVIS_NONE || t->pack != TVIS_PACK_PLAIN)
        return tvis_plan_fail(p, TVIS_EFORMAT, TVIS_DIAG_DTYPE, "a vector of constants is needed");
    for (int k = 0; k < 4; k++)
        if (t->dims[k] != want[k])
            return tvis_plan_fail_shape(p, "bias or channel vector", want, t->dims);
    return TVIS_OK;
}

bool tvis_plan_float_weights(const tvis_node_plan *p, uint32_t i)
{
    const tvis_blob_tensor *t = p->in[i];
    bool constant = t->producer == TVIS_NONE && t->last_use == TVIS_NONE;
    const bool matrix = p->node->op != TVIS_OP_DEPTHWISE;
    return constant && (t->dtype == TVIS_F32 || t->dtype == TVIS_F16 || (t->dtype == TVIS_S4 && matrix));
}

tvis_status tvis_plan_elementwise(tvis_node_plan *p)
{
    memcpy(p->out_dims[0], p->in_dims[0], sizeof p->out_dims[0]);
    p->in_place = 0;
    p->kernel_name = "c";
    return TVIS_OK;
}
