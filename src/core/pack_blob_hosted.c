/* SPDX-License-Identifier: MIT */
/* Blobs whose weights lie in the order that a processor's kernels read. */
#include "core/graph_hosted.h"
#include "core/planner.h"

#include <tinyvis/pack.h>
#include <tinyvis/session.h>

#include <stdlib.h>

typedef struct packing {
    const tvis_model *m;
    const tvis_registry *registry;
    tvis_graph g;
    uint32_t count;
} packing;

/* Orders that a blob may have. Transformed weights are larger, and are made at start. */
static bool is_stored(uint16_t pack)
{
    return tvis_is_packed(pack) && pack != TVIS_PACK_INDEX && !TVIS_PACK_IS_TAPS(pack) && !TVIS_PACK_IS_WINOGRAD(pack);
}

/* Whether the blob's check of sizes (core/blob.c) would take a packed copy of this node's weights. */
static bool is_dense(const tvis_blob_node *n, const tvis_blob_tensor *w)
{
    const bool layer = n->op == TVIS_OP_LINEAR || (n->op == TVIS_OP_CONV2D && n->p.conv.groups == 1);
    return layer && w->pack == TVIS_PACK_PLAIN && (w->dtype == TVIS_F32 || w->dtype == TVIS_S8);
}

static void pack_weights(packing *c, const tvis_placed *p, uint32_t k)
{
    const tvis_blob_node *n = &tvis_nodes(c->m)[p->node + k];
    const tvis_choice *choice = &p->plan.choice[k];
    const uint16_t id = n->in_count > 1 ? tvis_ids(c->m)[n->ids + 1] : TVIS_NONE;
    if (choice->pack_bytes == 0 || !is_stored(choice->pack) || id == TVIS_NONE || !tvis_is_constant(c->m, id) ||
        !is_dense(n, &tvis_tensors(c->m)[id]))
        return;
    tvis_gtensor *t = &c->g.tensor[id];
    void *data;
    if (tvis_graph_uses(&c->g, id) != 1)
        return;
    data = calloc(1, choice->pack_bytes);
    if (!data) {
        tvis_graph_out_of_memory(&c->g);
        return;
    }
    c->registry->ops[p->op]->pack(&p->plan, k, data);
    t->data = data; /* the blob's is borrowed */
    t->bytes = choice->pack_bytes;
    t->pack = choice->pack;
    t->borrowed = false;
    c->count++;
}

static void pack_node(void *user, const tvis_placed *p)
{
    packing *c = user;
    for (uint32_t k = 0; p->node != TVIS_NONE && !c->g.status && k < p->fusion.nodes; k++)
        pack_weights(c, p, k);
}

/* Of every node's weights, as tvis_pack_init() would plan it. */
static tvis_status pack_all(packing *c, uint32_t cpu, tvis_diag *d)
{
    tvis_session_config config;
    tvis_layout_plan l;
    tvis_session_defaults(&config);
    config.cpu = cpu;
    config.plan = TVIS_PLAN_FAST;
    c->registry = config.registry;
    tvis_status s = tvis_check_config(c->m, &config, d);
    config.pack = &tvis_pack_wanted;
    if (!s)
        s = tvis_plan_layout(c->m, &config, &l, d);
    if (!s)
        s = tvis_plan_walk(c->m, &config, &l, pack_node, c, d);
    return s ? s : c->g.status;
}

tvis_status tvis_pack_blob(const tvis_model *m, uint32_t cpu, tvis_blob *blob, uint32_t *packed, tvis_diag *diag)
{
    packing c = { .m = m };
    if (!m || !m->blob || !blob)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "model, blob", "is NULL");
    tvis_graph_init(&c.g, diag);
    tvis_graph_read(&c.g, m);
    tvis_status s = c.g.status;
    if (!s)
        s = pack_all(&c, cpu, diag);
    if (!s)
        s = tvis_blob_write(&c.g, blob, diag);
    if (!s && packed)
        *packed = c.count;
    tvis_graph_free(&c.g);
    return s;
}
