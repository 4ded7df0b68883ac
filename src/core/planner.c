/* SPDX-License-Identifier: MIT */
/* Memory planning with a bounded stack: one walk over the nodes keeps a table of the tensors that are alive, with
 * their shapes and places. Several placing rules are tried and the smallest result is kept; a rule that fills the arena
 * from both ends reaches the lower bound on chains and residual blocks. */
#include "core/planner.h"
#include "core/port.h"

#define UNLIMITED 0xffffffc0u

typedef struct live {
    uint16_t id, last_use;
    uint32_t offset, size;
    int32_t dims[4];
} live;

/* ORDER rule_side */
enum { RULE_LOW, RULE_ALTERNATE, RULE_OPPOSITE, RULE_LIFETIME, RULE_COUNT };

typedef struct walk {
    const tvis_model *m;
    const tvis_session_config *c;
    tvis_diag *diag;
    uint8_t rule;
    bool full; /* a block found no room below the ceiling */
    uint32_t ceiling;
    uint32_t top;            /* end of the highest block */
    uint64_t sum;            /* of live sizes */
    uint64_t tensors, bound; /* largest sum without and with scratch */
    uint32_t placed;         /* blocks so far */
    uint32_t count;
    live table[TVIS_MAX_LIVE];
} walk;

int32_t tvis_find_op(const tvis_registry *r, uint8_t code, uint8_t dtype)
{
    for (int32_t i = 0; r->ops[i]; i++)
        if (!r->ops[i]->match && r->ops[i]->code == code && r->ops[i]->dtype == dtype)
            return i;
    return -1;
}

static live *find(walk *w, uint32_t id)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (w->table[i].id == id)
            return &w->table[i];
    return NULL;
}

static const live *overlap(const walk *w, uint64_t at, uint64_t size)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (at < (uint64_t)w->table[i].offset + w->table[i].size && w->table[i].offset < at + size)
            return &w->table[i];
    return NULL;
}

/* Lowest or highest place for a block below the ceiling. */
static bool gap(const walk *w, uint32_t size, bool high, uint32_t *offset)
{
    const live *hit;
    uint64_t at = high ? w->ceiling - (uint64_t)size : 0;
    if (size > w->ceiling)
        return false;
    while ((hit = overlap(w, at, size)) != NULL) {
        if (high && hit->offset < size)
            return false;
        at = high ? (uint64_t)hit->offset - size : (uint64_t)hit->offset + hit->size;
        if (!high && at + size > w->ceiling)
            return false;
    }
    *offset = (uint32_t)at;
    return true;
}

/* From which end a block is filled in. Only RULE_LOW works without a ceiling. */
static bool high_side(const walk *w, const live *source, bool short_lived)
{
    switch (w->rule) {
    case RULE_ALTERNATE:
        return w->placed % 2 == 1;
    case RULE_OPPOSITE:
        return source && source->offset + (uint64_t)source->size / 2 < w->ceiling / 2;
    case RULE_LIFETIME:
        return short_lived && !(source && source->offset + (uint64_t)source->size == w->ceiling);
    default:
        return false;
    }
}

static bool place(walk *w, uint32_t size, bool high, uint32_t *offset)
{
    if (size == 0) {
        *offset = 0;
        return true;
    }
    if (!gap(w, size, high, offset) && !gap(w, size, !high, offset)) {
        w->full = true;
        return false;
    }
    if (*offset + size > w->top)
        w->top = *offset + size;
    w->placed++;
    return true;
}

static void note_peak(walk *w, uint64_t scratch)
{
    if (w->sum > w->tensors)
        w->tensors = w->sum;
    if (w->sum + scratch > w->bound)
        w->bound = w->sum + scratch;
}

static tvis_status too_big(const walk *w, const char *what)
{
    return tvis_fail(w->diag, TVIS_EUNSUP, TVIS_DIAG_LIMIT, what, "more than 4 GiB, or too many tensors at once");
}

static tvis_status add_live(walk *w, uint32_t id, const int32_t *dims, const live *source, uint32_t *offset)
{
    const tvis_blob_tensor *t = &tvis_tensors(w->m)[id];
    uint64_t bytes = tvis_dtype_size((tvis_dtype)t->dtype);
    for (int i = 0; i < 4; i++) {
        if (dims[i] < 1 || dims[i] > TVIS_MAX_DIM || bytes > UNLIMITED)
            return too_big(w, tvis_string(w->m, t->name));
        bytes *= (uint64_t)dims[i];
    }
    if (bytes > UNLIMITED || w->count == TVIS_MAX_LIVE)
        return too_big(w, tvis_string(w->m, t->name));
    uint32_t size = tvis_align((uint32_t)bytes);
    bool short_lived = t->producer == TVIS_NONE || t->last_use <= t->producer + 1u;
    if (!place(w, size, high_side(w, source, short_lived), offset))
        return too_big(w, tvis_string(w->m, t->name));
    live *l = &w->table[w->count++];
    l->id = (uint16_t)id;
    l->last_use = t->last_use;
    l->offset = *offset;
    l->size = size;
    memcpy(l->dims, dims, sizeof l->dims);
    w->sum += size;
    return TVIS_OK;
}

/* To what the tensor takes that has taken over a larger one's place; that one was read until now. */
static void shrink(walk *w, live *l)
{
    const uint32_t bytes =
        (uint32_t)tvis_elements(l->dims) * (uint32_t)tvis_dtype_size((tvis_dtype)tvis_tensors(w->m)[l->id].dtype);
    w->sum -= l->size - tvis_align(bytes);
    l->size = tvis_align(bytes);
}

static void retire(walk *w, uint32_t node)
{
    for (uint32_t i = 0; i < w->count;)
        if (w->table[i].last_use <= node) {
            w->sum -= w->table[i].size;
            w->table[i] = w->table[--w->count];
        } else {
            i++;
        }
}

/* Shapes and records of a node's inputs. */
static void describe(walk *w, uint32_t i, const uint16_t *ids, uint32_t count, tvis_node_plan *p)
{
    memset(p, 0, sizeof *p);
    p->model = w->m;
    p->config = w->c;
    p->node = &tvis_nodes(w->m)[i];
    p->diag = w->diag;
    p->in_place = -1;
    for (uint32_t k = 0; k < TVIS_MAX_FUSED_IN; k++) {
        const uint32_t id = k < count ? ids[k] : TVIS_NONE;
        const live *l = find(w, id);
        if (id != TVIS_NONE)
            p->in[k] = &tvis_tensors(w->m)[id];
        p->in_dims[k] = l ? l->dims : p->in[k] && tvis_is_constant(w->m, id) ? p->in[k]->dims : tvis_no_dims;
    }
    memcpy(p->x_dims, p->in_dims[0], sizeof p->x_dims);
    p->in_dims[0] = p->x_dims;
}

/* A fusion that starts here and that its operator wants to run. */
static tvis_status plan_fusion(walk *w, uint32_t i, tvis_placed *out)
{
    const tvis_op *const *ops = w->c->registry->ops;
    for (uint32_t k = 0; ops[k]; k++) {
        if (!ops[k]->match || !ops[k]->match(w->m, i, &out->fusion))
            continue;
        describe(w, i, out->fusion.in, out->fusion.in_count, &out->plan);
        out->plan.fusion = &out->fusion;
        out->op = k;
        tvis_status s = ops[k]->plan(&out->plan);
        if (s || !out->plan.declined)
            return s;
    }
    out->fusion.nodes = 0;
    return TVIS_OK;
}

static bool is_dynamic(const tvis_model *m, const tvis_blob_node *n)
{
    const uint16_t *id = tvis_ids(m) + n->ids;
    return n->in_count > 1 && id[1] != TVIS_NONE && tvis_is_constant(m, id[1]) &&
           tvis_tensors(m)[id[1]].dtype == TVIS_S8 && tvis_tensors(m)[id[n->in_count]].dtype == TVIS_F32;
}

/* Nodes with 16-bit integers have entries of their own; an entry for the output's type may take them too. So have
 * layers that multiply in integers between floats. */
static int32_t entry(const tvis_registry *r, const tvis_model *m, const tvis_blob_node *n)
{
    if (is_dynamic(m, n))
        return tvis_find_op(r, n->op, TVIS_DYNAMIC);
    const int32_t s16 = tvis_node_is_s16(m, n) ? tvis_find_op(r, n->op, TVIS_S16) : -1;
    return s16 >= 0 ? s16 : tvis_find_op(r, n->op, tvis_tensors(m)[tvis_ids(m)[n->ids + n->in_count]].dtype);
}

const tvis_op *tvis_node_op(const tvis_registry *r, const tvis_model *m, const tvis_blob_node *n)
{
    const int32_t i = entry(r, m, n);
    return i < 0 ? NULL : r->ops[i];
}

/* The operator's answer for node i, or for the fusion that starts there. */
static tvis_status plan_node(walk *w, uint32_t i, tvis_placed *out)
{
    const tvis_blob_node *n = &tvis_nodes(w->m)[i];
    const uint16_t *ids = tvis_ids(w->m) + n->ids;
    tvis_fusion *f = &out->fusion;
    tvis_status s = plan_fusion(w, i, out);
    if (s || f->nodes)
        return s;
    f->nodes = 1;
    f->in_count = n->in_count;
    memcpy(f->in, ids, n->in_count * sizeof *ids);
    describe(w, i, ids, n->in_count, &out->plan);
    int32_t op = entry(w->c->registry, w->m, n);
    if (op < 0)
        return tvis_plan_fail(&out->plan, TVIS_EUNSUP, TVIS_DIAG_NO_KERNEL, "the registry has no such operator");
    out->op = (uint32_t)op;
    return w->c->registry->ops[op]->plan(&out->plan);
}

/* The input whose memory the output takes over, or NULL. */
static live *taken_over(walk *w, const tvis_placed *out)
{
    const tvis_fusion *f = &out->fusion;
    const tvis_blob_tensor *t = &tvis_tensors(w->m)[out->id[0]];
    int32_t k = out->plan.in_place;
    if (k < 0 || !out->plan.in[k] || tvis_is_constant(w->m, f->in[k]))
        return NULL;
    for (int32_t j = 0; j < f->in_count; j++)
        if (j != k && f->in[j] == f->in[k])
            return NULL;
    live *l = find(w, f->in[k]);
    uint64_t bytes = (uint64_t)tvis_elements(out->plan.out_dims[0]) * tvis_dtype_size((tvis_dtype)t->dtype);
    return l->last_use < out->node + f->nodes && bytes <= l->size ? l : NULL;
}

static void name_outputs(const walk *w, tvis_placed *out)
{
    const tvis_blob_node *n = out->plan.node;
    const uint16_t *ids = tvis_ids(w->m) + n->ids + n->in_count;
    out->count = out->plan.fusion ? 1 : n->out_count;
    for (uint32_t k = 0; k < out->count; k++) {
        out->id[k] = out->plan.fusion ? out->fusion.out : ids[k];
        memcpy(out->dims[k], out->plan.out_dims[k], sizeof out->dims[k]);
    }
}

static tvis_status place_outputs(walk *w, tvis_placed *out)
{
    name_outputs(w, out);
    live *over = taken_over(w, out);
    for (uint32_t k = 0; k < out->count; k++) {
        if (k == 0 && over) {
            over->id = out->id[k];
            over->last_use = tvis_tensors(w->m)[out->id[k]].last_use;
            memcpy(over->dims, out->dims[k], sizeof over->dims);
            out->offset[k] = over->offset;
            continue;
        }
        const live *source = tvis_is_constant(w->m, out->fusion.in[0]) ? NULL : find(w, out->fusion.in[0]);
        tvis_status s = add_live(w, out->id[k], out->dims[k], source, &out->offset[k]);
        if (s)
            return s;
    }
    const char *name = tvis_string(w->m, out->plan.node->name);
    uint64_t scratch = (uint64_t)tvis_align(out->plan.scratch) * w->c->threads;
    note_peak(w, scratch);
    if (scratch > UNLIMITED || !place(w, (uint32_t)scratch, false, &out->scratch_offset))
        return too_big(w, name);
    if (over)
        shrink(w, over);
    return TVIS_OK;
}

static tvis_status place_inputs(walk *w, tvis_placed_fn fn, void *user, tvis_placed *out)
{
    const tvis_blob_header *h = tvis_header(w->m);
    const tvis_session_config *c = w->c;
    const int32_t given[3] = { c->n ? c->n : 1, c->h ? c->h : h->h, c->w ? c->w : h->w };
    out->node = TVIS_NONE;
    for (uint32_t k = 0; k < h->input_count; k++) {
        const tvis_blob_tensor *t = &tvis_tensors(w->m)[k];
        const int32_t id = tvis_input_id(w->m, k, c->int8_input);
        if (id < 0)
            return tvis_fail(w->diag, TVIS_EUNSUP, TVIS_DIAG_DTYPE, tvis_string(w->m, t->name),
                             "the model does not begin with making int8 of it");
        for (int i = 0; i < 4; i++)
            out->dims[0][i] = t->dims[i] == 0 && i < 3 ? given[i] : t->dims[i];
        out->id[0] = (uint16_t)id;
        out->count = 1;
        tvis_status s = add_live(w, (uint32_t)id, out->dims[0], NULL, &out->offset[0]);
        if (s)
            return s;
        if (fn)
            fn(user, out);
    }
    note_peak(w, 0);
    return TVIS_OK;
}

static tvis_status run_walk(walk *w, tvis_placed_fn fn, void *user)
{
    tvis_placed placed;
    tvis_status s = place_inputs(w, fn, user, &placed);
    if (s)
        return s;
    for (uint32_t i = 0; i < tvis_header(w->m)->node_count; i += placed.fusion.nodes) {
        placed.node = i;
        placed.fusion.nodes = 1;
        if (w->c->int8_input && tvis_quantizes_input(w->m, i))
            continue;
        s = plan_node(w, i, &placed);
        if (!s)
            s = place_outputs(w, &placed);
        if (s)
            return s;
        if (fn)
            fn(user, &placed);
        retire(w, i + placed.fusion.nodes - 1);
    }
    return TVIS_OK;
}

static void start(walk *w, const tvis_model *m, const tvis_session_config *c, uint8_t rule, uint32_t ceiling,
                  tvis_diag *d)
{
    w->m = m;
    w->c = c;
    w->diag = d;
    w->rule = rule;
    w->ceiling = ceiling;
    w->full = false;
    w->top = w->placed = w->count = 0;
    w->sum = w->tensors = w->bound = 0;
}

tvis_status tvis_plan_layout(const tvis_model *m, const tvis_session_config *c, tvis_layout_plan *best, tvis_diag *d)
{
    walk w;
    start(&w, m, c, RULE_LOW, UNLIMITED, d);
    tvis_status s = run_walk(&w, NULL, NULL);
    if (s)
        return s;
    best->rule = RULE_LOW;
    best->ceiling = w.top;
    best->tensors = (uint32_t)w.tensors;
    best->bound = (uint32_t)w.bound; /* <= top */
    for (uint32_t rule = RULE_ALTERNATE; rule < RULE_COUNT; rule++)
        /* raised by 1/64 until the rule fits or loses */
        for (uint64_t ceiling = best->bound; ceiling < best->ceiling;
             ceiling += tvis_align((uint32_t)(ceiling / 64 + 1))) {
            start(&w, m, c, (uint8_t)rule, (uint32_t)ceiling, NULL);
            s = run_walk(&w, NULL, NULL);
            if (s && !w.full)
                return s;
            if (!s) {
                best->rule = (uint8_t)rule;
                best->ceiling = (uint32_t)ceiling;
                break;
            }
        }
    return TVIS_OK;
}

tvis_status tvis_plan_walk(const tvis_model *m, const tvis_session_config *c, const tvis_layout_plan *l,
                           tvis_placed_fn fn, void *user, tvis_diag *d)
{
    walk w;
    start(&w, m, c, l->rule, l->ceiling, d);
    return run_walk(&w, fn, user);
}

tvis_status tvis_check_config(const tvis_model *m, const tvis_session_config *c, tvis_diag *d)
{
    if (!m || !c || c->struct_size != sizeof *c)
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "config", "is NULL or of another version (struct_size)");
    const tvis_blob_header *h = tvis_header(m);
    const uint16_t sides[2] = { c->h ? c->h : h->h, c->w ? c->w : h->w };
    for (int i = 0; i < 2; i++) {
        if (sides[i] < h->min_side || sides[i] > h->max_side)
            return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, i ? "width" : "height",
                                   "outside of the model's limits", sides[i] < h->min_side ? h->min_side : h->max_side,
                                   sides[i]);
        if (sides[i] % h->multiple)
            return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, i ? "width" : "height",
                                   "not a multiple of the model's step", h->multiple, sides[i]);
    }
    if (c->threads < 1 || c->threads > TVIS_MAX_THREADS)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "threads", NULL, TVIS_MAX_THREADS, c->threads);
    if (c->plan > TVIS_PLAN_SMALL)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ENUM, "plan", NULL, -1, c->plan);
    if (!c->registry || !c->registry->ops)
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "registry", "is NULL");
    const tvis_pack_header *p = c->pack;
    if ((uintptr_t)p % TVIS_ARENA_ALIGN)
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_ALIGN, "pack", NULL);
    if (p && (p->magic != TVIS_PACK_MAGIC || p->model != h->crc || p->node_count != h->node_count))
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "pack", "is not the pack memory of this model");
    return TVIS_OK;
}
