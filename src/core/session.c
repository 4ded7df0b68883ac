/* SPDX-License-Identifier: MIT */
#include "core/planner.h"
#include "core/port.h"
#include "core/session_state.h"

TVIS_STATIC_ASSERT(state,
                   sizeof(tvis_session) == 80 && sizeof(tvis_node_state) == 16 && sizeof(tvis_tensor_state) == 20);

static uint32_t state_bytes(const tvis_model *m)
{
    const tvis_blob_header *h = tvis_header(m);
    return tvis_align((uint32_t)(sizeof(tvis_session) + h->node_count * sizeof(tvis_node_state) +
                                 h->activation_count * sizeof(tvis_tensor_state)));
}

static tvis_status layout(const tvis_model *m, const tvis_session_config *c, tvis_layout_plan *l, tvis_session_bytes *b,
                          tvis_diag *d)
{
    b->total = 0; /* compilers do not know that a failure is never TVIS_OK */
    tvis_status s = tvis_check_config(m, c, d);
    if (!s)
        s = tvis_plan_layout(m, c, l, d);
    if (s)
        return s;
    b->state = state_bytes(m);
    b->activations = l->tensors < l->ceiling ? l->tensors : l->ceiling;
    b->scratch = l->ceiling - b->activations;
    if ((uint64_t)l->ceiling + b->state > 0xffffffffu)
        return tvis_fail(d, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "arena", "more than 4 GiB");
    b->total = b->state + l->ceiling;
    return TVIS_OK;
}

tvis_status tvis_session_size(const tvis_model *m, const tvis_session_config *c, size_t *bytes, tvis_diag *diag)
{
    tvis_layout_plan l;
    tvis_session_bytes b;
    if (!bytes)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "bytes", "is NULL");
    tvis_status s = layout(m, c, &l, &b, diag);
    if (!s)
        *bytes = b.total;
    return s;
}

typedef struct visit_context {
    const tvis_model *m;
    const tvis_registry *registry;
    tvis_node_visitor visit;
    void *user;
} visit_context;

static void visit_node(void *user, const tvis_placed *p)
{
    const visit_context *v = user;
    if (p->node == TVIS_NONE)
        return;
    const tvis_blob_node *n = p->plan.node + p->fusion.nodes - 1; /* a fusion goes by the name of its last node */
    const tvis_fusion *f = &p->fusion;
    const tvis_blob_tensor *out = &tvis_tensors(v->m)[p->id[0]];
    tvis_node_info info;
    memset(&info, 0, sizeof info);
    info.name = tvis_string(v->m, n->name);
    info.op = v->registry->ops[p->op]->name;
    info.entry = v->registry->ops[p->op]->dtype;
    info.activation = tvis_act_name(n->act);
    info.kernel = p->plan.kernel_name;
    info.in_dtype = p->plan.in[0] ? p->plan.in[0]->dtype : out->dtype;
    info.dtype = out->dtype;
    info.scale = out->scale;
    info.factors = out->factors;
    info.zero = out->zero;
    info.macs = p->plan.macs;
    info.scratch = p->plan.scratch;
    memcpy(info.in, p->plan.in_dims[0], sizeof info.in);
    memcpy(info.out, p->dims[0], sizeof info.out);
    for (uint32_t k = 0; k < TVIS_COUNT(info.weights); k++)
        info.weights[k] = TVIS_NONE;
    uint32_t weights = 0;
    for (uint32_t k = 0; k < f->in_count; k++) {
        if (!p->plan.in[k])
            continue;
        uint64_t elements = (uint64_t)tvis_elements(p->plan.in_dims[k]);
        if (!tvis_is_constant(v->m, f->in[k])) {
            info.bytes += elements * tvis_dtype_size((tvis_dtype)p->plan.in[k]->dtype);
            continue;
        }
        info.bytes += p->plan.in[k]->bytes;
        info.params += elements;
        if (weights < TVIS_COUNT(info.weights))
            info.weights[weights++] = f->in[k];
    }
    for (uint32_t k = 0; k < p->count; k++)
        info.bytes +=
            (uint64_t)tvis_elements(p->dims[k]) * tvis_dtype_size((tvis_dtype)tvis_tensors(v->m)[p->id[k]].dtype);
    v->visit(v->user, p->node, &info);
}

tvis_status tvis_session_plan(const tvis_model *m, const tvis_session_config *c, tvis_session_bytes *bytes,
                              tvis_node_visitor visit, void *user, tvis_diag *diag)
{
    tvis_layout_plan l;
    tvis_session_bytes b;
    tvis_status s = layout(m, c, &l, &b, diag);
    if (s)
        return s;
    if (bytes)
        *bytes = b;
    if (visit) {
        visit_context v = { m, c->registry, visit, user };
        s = tvis_plan_walk(m, c, &l, visit_node, &v, diag);
    }
    return s;
}

static void store(void *user, const tvis_placed *p)
{
    tvis_session *s = user;
    const tvis_model m = { s->blob.data, 0 };
    const tvis_pack_header *pack = s->pack.data;
    tvis_tensor_state *tensors = tvis_tensor_states(s, tvis_header(&m)->node_count);
    for (uint32_t k = 0; k < p->count; k++) {
        tensors[p->id[k]].offset = p->offset[k];
        memcpy(tensors[p->id[k]].dims, p->dims[k], sizeof p->dims[k]);
    }
    if (p->node == TVIS_NONE)
        return;
    tvis_node_state *n = &tvis_node_states(s)[p->node];
    for (uint32_t k = 0; k < p->fusion.nodes; k++, n++) {
        const tvis_choice *choice = &p->plan.choice[k];
        n->scratch = p->scratch_offset;
        n->scratch_bytes = tvis_align(p->plan.scratch);
        n->packed = tvis_plan_packed(&p->plan, k, choice->pack) ? pack->entry[p->node + k].offset : 0;
        n->kernel = choice->kernel;
        n->op = (uint16_t)p->op;
    }
}

tvis_status tvis_session_init(tvis_session **session, const tvis_model *m, const tvis_session_config *c, void *mem,
                              size_t bytes, tvis_diag *diag)
{
    tvis_layout_plan l;
    tvis_session_bytes b;
    if (!session || !mem)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "session memory", "is NULL");
    if ((uintptr_t)mem % TVIS_ARENA_ALIGN)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ALIGN, "session memory", NULL);
    tvis_status status = layout(m, c, &l, &b, diag);
    if (status)
        return status;
    if (bytes < b.total)
        return tvis_fail_value(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "session memory", NULL, (int64_t)b.total,
                               (int64_t)bytes);
    if (c->cpu & ~tvis_cpu_detect())
        return tvis_fail(diag, TVIS_EUNSUP, TVIS_DIAG_NO_KERNEL, "cpu",
                         "this processor lacks an instruction set that was asked for");
    tvis_session *s = mem;
    memset(s, 0, b.state);
    s->blob.data = m->blob;
    s->pack.data = c->pack;
    s->registry.data = c->registry;
    s->parallel_for.fn = (void (*)(void))c->parallel_for;
    s->pool.data = c->pool;
    s->observe.fn = (void (*)(void))c->observe;
    s->observe_user.data = c->observe_user;
    s->magic = TVIS_SESSION_MAGIC;
    s->arena = (uint32_t)b.state;
    s->bytes = (uint32_t)b.total;
    s->cpu = c->cpu;
    s->threads = c->threads;
    s->plan = c->plan;
    s->int8_input = c->int8_input;
    status = tvis_plan_walk(m, c, &l, store, s, diag);
    if (!status)
        *session = s;
    return status;
}

static tvis_status describe(const tvis_session *s, uint32_t id, tvis_tensor *t)
{
    const tvis_model m = { s->blob.data, 0 };
    tvis_session *w = (tvis_session *)(uintptr_t)s; /* the view is writable, as the caller's memory is */
    const tvis_tensor_state *state = &tvis_tensor_states(w, tvis_header(&m)->node_count)[id];
    t->data = (uint8_t *)w + s->arena + state->offset;
    memcpy(t->dims, state->dims, sizeof t->dims);
    t->dtype = tvis_tensors(&m)[id].dtype;
    t->layout = TVIS_NHWC;
    return TVIS_OK;
}

tvis_status tvis_session_input(const tvis_session *s, uint32_t i, tvis_tensor *t)
{
    const tvis_model m = { s->blob.data, 0 };
    if (i >= tvis_header(&m)->input_count)
        return TVIS_EINVAL;
    return describe(s, (uint32_t)tvis_input_id(&m, i, s->int8_input), t);
}

tvis_status tvis_session_output(const tvis_session *s, uint32_t i, tvis_tensor *t)
{
    const tvis_model m = { s->blob.data, 0 };
    const tvis_blob_header *h = tvis_header(&m);
    return i < h->output_count ? describe(s, tvis_ids(&m)[h->input_count + i], t) : TVIS_EINVAL;
}

static tvis_status check_view(const tvis_tensor *want, const tvis_tensor *got, const char *what, tvis_diag *d)
{
    if (!got->data)
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, what, "data is NULL");
    if (got->dtype != want->dtype || got->layout > TVIS_NCHW)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_DTYPE, what, NULL, want->dtype, got->dtype);
    const size_t size = tvis_dtype_size((tvis_dtype)got->dtype);
    const size_t past = (uintptr_t)got->data & (size - 1);
    if (past)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ALIGN, what, NULL, (int64_t)size, (int64_t)past);
    if (got->layout == TVIS_NCHW && (got->dtype != TVIS_F32 || got->data == want->data))
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, what, "only NHWC is possible here");
    if (memcmp(want->dims, got->dims, sizeof want->dims) != 0)
        return tvis_fail_dims(d, TVIS_EINVAL, what, "N H W C", want->dims, got->dims);
    return TVIS_OK;
}

/* Between the arena's NHWC and a caller's view of the same shape, in either direction. */
static void copy_view(const tvis_tensor *from, const tvis_tensor *to)
{
    const int32_t n = to->dims[0], c = to->dims[3];
    const size_t hw = (size_t)to->dims[1] * (size_t)to->dims[2];
    if (from->layout == to->layout || hw == 1 || c == 1) {
        if (from->data != to->data)
            memmove(to->data, from->data, (size_t)tvis_elements(to->dims) * tvis_dtype_size((tvis_dtype)to->dtype));
        return;
    }
    const bool planar = to->layout == TVIS_NCHW;
    for (int32_t b = 0; b < n; b++) {
        const float *x = (const float *)from->data + (size_t)b * hw * (size_t)c;
        float *y = (float *)to->data + (size_t)b * hw * (size_t)c;
        for (size_t i = 0; i < hw; i++)
            for (size_t k = 0; k < (size_t)c; k++)
                if (planar)
                    y[k * hw + i] = x[i * (size_t)c + k];
                else
                    y[i * (size_t)c + k] = x[k * hw + i];
    }
}

/* The tensors of node i, or of the fusion that starts there. */
static void tensors_of(const tvis_op *op, const tvis_model *m, uint32_t i, tvis_fusion *f)
{
    const tvis_blob_node *n = &tvis_nodes(m)[i];
    const uint16_t *ids = tvis_ids(m) + n->ids;
    if (op->match) {
        op->match(m, i, f);
        return;
    }
    f->nodes = 1;
    f->in_count = n->in_count;
    memcpy(f->in, ids, n->in_count * sizeof *ids);
    f->out = ids[n->in_count];
}

static const tvis_op *op_of(tvis_session *s, uint32_t i)
{
    return ((const tvis_registry *)s->registry.data)->ops[tvis_node_states(s)[i].op];
}

/* A node's weights that the blob has in the order of its kernel, or NULL. */
static const void *packed_in_blob(const tvis_model *m, const tvis_blob_node *n)
{
    const uint16_t id = n->in_count > 1 ? tvis_ids(m)[n->ids + 1] : TVIS_NONE;
    const tvis_blob_tensor *w = &tvis_tensors(m)[id == TVIS_NONE ? 0 : id];
    return id != TVIS_NONE && tvis_is_packed(w->pack) ? m->blob + w->offset : NULL;
}

void tvis_run_inputs(const tvis_node_run *r, const uint16_t *id, uint32_t count, const tvis_blob_tensor **in,
                     const void **x, const int32_t **dims)
{
    tvis_session *s = (tvis_session *)(uintptr_t)r->session; /* is only read */
    const uint8_t *blob = r->model->blob, *arena = (const uint8_t *)s + s->arena;
    const tvis_tensor_state *states = tvis_tensor_states(s, tvis_header(r->model)->node_count);
    const tvis_blob_tensor *records = tvis_tensors(r->model);
    for (uint32_t k = 0; k < count; k++) {
        const bool given = id[k] != TVIS_NONE, constant = given && tvis_is_constant(r->model, id[k]);
        const tvis_blob_tensor *t = given ? records + id[k] : NULL;
        const tvis_tensor_state *state = states + id[k];
        in[k] = t;
        x[k] = constant ? blob + t->offset : given ? arena + state->offset : NULL;
        dims[k] = constant ? t->dims : given ? state->dims : tvis_no_dims;
    }
}

static void run_node(tvis_session *s, const tvis_model *m, uint32_t i, const tvis_fusion *f)
{
    const tvis_blob_header *h = tvis_header(m);
    const tvis_blob_node *n = &tvis_nodes(m)[i];
    const tvis_node_state *state = &tvis_node_states(s)[i];
    const tvis_tensor_state *tensors = tvis_tensor_states(s, h->node_count);
    const tvis_blob_tensor *in[TVIS_MAX_IN] = { NULL }, *out[TVIS_MAX_OUT] = { NULL };
    const void *x[TVIS_MAX_IN] = { NULL };
    void *y[TVIS_MAX_OUT] = { NULL };
    const int32_t *in_dims[TVIS_MAX_IN] = { NULL };
    int32_t out_dims[TVIS_MAX_OUT][4];
    uint8_t *arena = (uint8_t *)s + s->arena;
    for (uint32_t k = 0; k < (f->nodes > 1 ? 1u : n->out_count); k++) {
        const uint16_t id = k == 0 ? f->out : tvis_ids(m)[n->ids + n->in_count + k];
        const tvis_tensor_state *t = &tensors[id];
        out[k] = &tvis_tensors(m)[id];
        y[k] = arena + t->offset;
        memcpy(out_dims[k], t->dims, sizeof out_dims[k]);
    }
    tvis_node_run r = {
        .node = n,
        .in = in,
        .out = out,
        .x = x,
        .y = y,
        .in_dims = in_dims,
        .out_dims = (const int32_t(*)[4])out_dims,
        .fusion = f,
        .model = m,
        .session = s,
        .registry = s->registry.data,
        .scratch = arena + state->scratch,
        .scratch_bytes = state->scratch_bytes,
        .parts = s->threads,
        .plan = s->plan,
        .cpu = s->cpu,
        .parallel_for = (tvis_parallel_for)s->parallel_for.fn,
        .pool = (void *)(uintptr_t)s->pool.data,
    };
    tvis_run_inputs(&r, tvis_ids(m) + n->ids, n->in_count, in, x, in_dims);
    for (uint32_t k = 0; k < f->nodes; k++) {
        r.kernel[k] = state[k].kernel;
        r.packed[k] = state[k].packed ? (const uint8_t *)s->pack.data + state[k].packed
                                      : packed_in_blob(m, tvis_nodes(m) + i + k);
    }
    op_of(s, i)->run(&r);
}

static void observe(tvis_session *s, const tvis_model *m, uint32_t i, const tvis_fusion *f, bool after)
{
    const tvis_blob_node *n = &tvis_nodes(m)[i];
    const uint32_t count = f->nodes > 1 ? 1 : n->out_count;
    tvis_tensor out[TVIS_MAX_OUT];
    if (!s->observe.fn)
        return;
    for (uint32_t k = 0; after && k < count; k++)
        describe(s, k == 0 ? f->out : tvis_ids(m)[n->ids + n->in_count + k], &out[k]);
    ((tvis_observer)s->observe.fn)((void *)(uintptr_t)s->observe_user.data, i, after ? out : NULL, count);
}

/* Checks every view, or copies every view. */
static tvis_status each_view(tvis_session *s, const tvis_tensor *views, bool input, bool copy, tvis_diag *d)
{
    tvis_tensor own;
    for (uint32_t i = 0; (input ? tvis_session_input(s, i, &own) : tvis_session_output(s, i, &own)) == TVIS_OK; i++) {
        if (copy) {
            copy_view(input ? &views[i] : &own, input ? &own : &views[i]);
            continue;
        }
        tvis_status status = check_view(&own, &views[i], input ? "input" : "output", d);
        if (status)
            return status;
    }
    return TVIS_OK;
}

tvis_status tvis_session_run(tvis_session *s, const tvis_tensor *in, const tvis_tensor *out, tvis_diag *diag)
{
    if (!s || s->magic != TVIS_SESSION_MAGIC || !in)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, s && in ? "session" : "session, input",
                         "is NULL or not initialised");
    const tvis_model m = { s->blob.data, 0 };
    tvis_status status = each_view(s, in, true, false, diag);
    if (!status && out)
        status = each_view(s, out, false, false, diag);
    if (status)
        return status;
    each_view(s, in, true, true, NULL);
    tvis_fusion f;
    for (uint32_t i = 0; i < tvis_header(&m)->node_count; i += f.nodes) {
        f.nodes = 1;
        if (s->int8_input && tvis_quantizes_input(&m, i))
            continue;
        tensors_of(op_of(s, i), &m, i, &f);
        observe(s, &m, i, &f, false);
        run_node(s, &m, i, &f);
        observe(s, &m, i, &f, true);
    }
    if (out)
        each_view(s, out, false, true, NULL);
    return TVIS_OK;
}
