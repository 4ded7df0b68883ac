/* SPDX-License-Identifier: MIT */
/* Packed weights: a second copy in the order that the kernels read, made once and shared by sessions. */
#include "core/planner.h"
#include "core/port.h"

typedef struct pack_context {
    const tvis_registry *registry;
    uint8_t *mem; /* NULL: only the size is wanted */
    uint64_t bytes;
} pack_context;

static uint32_t directory_bytes(const tvis_model *m)
{
    return tvis_align(
        (uint32_t)(offsetof(tvis_pack_header, entry) + tvis_header(m)->node_count * sizeof(tvis_pack_entry)));
}

static void pack_node(void *user, const tvis_placed *p)
{
    pack_context *c = user;
    for (uint32_t k = 0; p->node != TVIS_NONE && k < p->fusion.nodes; k++) {
        const tvis_choice *choice = &p->plan.choice[k];
        if (choice->pack_bytes == 0)
            continue;
        if (c->mem) {
            tvis_pack_entry *e = &((tvis_pack_header *)(void *)c->mem)->entry[p->node + k];
            e->offset = (uint32_t)c->bytes;
            e->pack = choice->pack;
            c->registry->ops[p->op]->pack(&p->plan, k, c->mem + c->bytes);
        }
        c->bytes += tvis_align(choice->pack_bytes);
    }
}

static tvis_status pack_walk(const tvis_model *m, const tvis_session_config *c, uint8_t *mem, size_t *bytes,
                             tvis_diag *d)
{
    tvis_layout_plan l;
    tvis_status s = tvis_check_config(m, c, d);
    *bytes = 0;
    if (s || c->plan == TVIS_PLAN_SMALL)
        return s;
    tvis_session_config plain = *c;
    plain.pack = &tvis_pack_wanted;
    s = tvis_plan_layout(m, &plain, &l, d);
    if (s)
        return s;
    pack_context p = { c->registry, mem, directory_bytes(m) };
    s = tvis_plan_walk(m, &plain, &l, pack_node, &p, d);
    if (!s && p.bytes > 0xffffffffu)
        return tvis_fail(d, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "pack memory", "more than 4 GiB");
    *bytes = p.bytes > directory_bytes(m) ? (size_t)p.bytes : 0;
    return s;
}

tvis_status tvis_pack_size(const tvis_model *m, const tvis_session_config *c, size_t *bytes, tvis_diag *diag)
{
    if (!bytes)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "bytes", "is NULL");
    return pack_walk(m, c, NULL, bytes, diag);
}

tvis_status tvis_pack_init(const tvis_model *m, const tvis_session_config *c, void *mem, size_t bytes, tvis_diag *diag)
{
    size_t need;
    if (!mem || (uintptr_t)mem % TVIS_ARENA_ALIGN)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ALIGN, "pack memory", NULL);
    tvis_status s = tvis_pack_size(m, c, &need, diag);
    if (s)
        return s;
    if (need == 0)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_REFUSED, "pack memory", "this model has nothing to pack here");
    if (bytes < need)
        return tvis_fail_value(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "pack memory", NULL, (int64_t)need, (int64_t)bytes);
    memset(mem, 0, directory_bytes(m));
    tvis_pack_header *h = mem;
    h->magic = TVIS_PACK_MAGIC;
    h->model = tvis_header(m)->crc;
    h->bytes = (uint32_t)need;
    h->node_count = tvis_header(m)->node_count;
    return pack_walk(m, c, mem, &need, diag);
}
