/* SPDX-License-Identifier: MIT */
/* Where the planner puts tensors and scratch, against a simulation of its own: every byte that is alive is marked. */
#include "core/planner.h"

#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

#define MAX_BLOCKS 128

/* What must not be overwritten at the moment. */
typedef struct block {
    uint32_t id, offset, bytes, last_use;
} block;

typedef struct simulation {
    const tvis_model *m;
    const tvis_session_config *c;
    const tvis_layout_plan *l;
    block alive[MAX_BLOCKS];
    uint32_t count, next, in_place, fused;
    uint64_t peak; /* largest sum of what is alive, scratch included */
} simulation;

static uint32_t bytes_of(const simulation *s, uint32_t id, const int32_t *dims)
{
    return tvis_align(
        (uint32_t)(tvis_elements(dims) * (int64_t)tvis_dtype_size((tvis_dtype)tvis_tensors(s->m)[id].dtype)));
}

static void put(simulation *s, uint32_t id, uint32_t offset, uint32_t bytes, uint32_t last_use)
{
    assert_int_equal(offset % TVIS_ARENA_ALIGN, 0);
    assert_true((uint64_t)offset + bytes <= s->l->ceiling);
    for (uint32_t i = 0; i < s->count; i++) {
        const block *b = &s->alive[i];
        if (offset < (uint64_t)b->offset + b->bytes && b->offset < (uint64_t)offset + bytes)
            fail_msg("seed %u: tensor %u at %u (%u bytes) lies over tensor %u at %u (%u bytes)", tvt_seed, id, offset,
                     bytes, b->id, b->offset, b->bytes);
    }
    assert_true(s->count < MAX_BLOCKS);
    s->alive[s->count++] = (block){ id, offset, bytes, last_use };
}

static void drop(simulation *s, uint32_t i)
{
    s->alive[i] = s->alive[--s->count];
}

/* An output in an input's place: the input ends here, is read by this node once, and is what the operator allowed. */
static void take_over(simulation *s, const tvis_placed *p)
{
    const tvis_fusion *f = &p->fusion;
    for (uint32_t i = 0; i < s->count; i++) {
        const block *b = &s->alive[i];
        if (b->offset != p->offset[0] || b->last_use >= p->node + f->nodes)
            continue;
        uint32_t reads = 0;
        for (uint32_t k = 0; k < f->in_count; k++)
            reads += f->in[k] == b->id;
        assert_true(p->plan.in_place >= 0);
        assert_int_equal(f->in[p->plan.in_place], b->id);
        assert_int_equal(reads, 1);
        assert_true(bytes_of(s, p->id[0], p->dims[0]) <= b->bytes);
        s->in_place++;
        drop(s, i);
        return;
    }
}

static void simulate(void *user, const tvis_placed *p)
{
    simulation *s = user;
    if (p->node != TVIS_NONE) {
        assert_int_equal(p->node, s->next);
        s->next += p->fusion.nodes;
        s->fused += p->fusion.nodes > 1;
        take_over(s, p);
    }
    for (uint32_t k = 0; k < p->count; k++)
        put(s, p->id[k], p->offset[k], bytes_of(s, p->id[k], p->dims[k]), tvis_tensors(s->m)[p->id[k]].last_use);
    if (p->node == TVIS_NONE)
        return;
    const uint32_t scratch = tvis_align(p->plan.scratch) * s->c->threads;
    uint64_t sum = 0;
    if (scratch)
        put(s, TVIS_NONE, p->scratch_offset, scratch, 0);
    for (uint32_t i = 0; i < s->count; i++)
        sum += s->alive[i].bytes;
    s->peak = sum > s->peak ? sum : s->peak;
    for (uint32_t i = 0; i < s->count;)
        if (s->alive[i].last_use < s->next)
            drop(s, i);
        else
            i++;
}

typedef struct totals {
    uint32_t plans, exact, in_place, fused;
    double sum, worst; /* of what is over the bound */
} totals;

static void check_plan(const tvis_model *m, const tvis_session_config *c, totals *t)
{
    tvis_diag d;
    tvis_layout_plan l, again;
    tvt_ok(tvis_plan_layout(m, c, &l, &d), &d);
    tvt_ok(tvis_plan_layout(m, c, &again, &d), &d);
    assert_int_equal(l.rule, again.rule);
    assert_int_equal(l.ceiling, again.ceiling);
    assert_int_equal(l.ceiling % TVIS_ARENA_ALIGN, 0);
    assert_true(l.tensors <= l.bound && l.bound <= l.ceiling);
    simulation s = { .m = m, .c = c, .l = &l };
    tvt_ok(tvis_plan_walk(m, c, &l, simulate, &s, &d), &d);
    assert_int_equal(s.next, tvis_header(m)->node_count);
    assert_true(s.peak <= l.bound); /* equal unless an output took over a larger input */
    const double over = (double)l.ceiling / l.bound - 1;
    t->sum += over;
    t->worst = over > t->worst ? over : t->worst;
    t->exact += l.ceiling == l.bound;
    t->in_place += s.in_place;
    t->fused += s.fused;
    t->plans++;
}

/* ---- random graphs: a tensor may be read again much later, by several nodes, or never ---- */

#define WIDTH 8 /* tensors that the next node chooses from */

/* What MobileNets are made of, with a sum that a pass takes in. */
static uint32_t inverted_residual(tvt_net *n, uint32_t x)
{
    const int32_t channels = tvt_net_channels(n, x);
    tvt_conv c = tvt_conv_of(0, tvt_below(2) ? 3 : 5, 1);
    c.groups = 0;
    uint32_t y = tvt_net_conv(n, x, tvt_conv_of(channels * 6, 1, 1));
    return tvt_net_add(n, x, tvt_net_conv(n, tvt_net_conv(n, y, c), tvt_conv_of(channels, 1, 1)));
}

static uint32_t random_node(tvt_net *n, uint32_t x, const uint32_t *pool, uint32_t count)
{
    const int32_t out = 4 + (int32_t)tvt_below(28);
    tvt_conv c = tvt_conv_of(out, tvt_below(2) ? 1 : 3, 1);
    c.bias = tvt_below(2);
    switch (tvt_below(9)) {
    case 8:
        return inverted_residual(n, x);
    case 0:
        c.groups = 0;
        return tvt_net_conv(n, x, c);
    case 1:
        return tvt_net_activation(n, x, TVIS_ACT_RELU6);
    case 2:
        return tvt_net_batch_norm(n, x);
    case 3:
    case 4:
        for (uint32_t i = 0; i < count; i++)
            if (pool[i] != x && tvt_net_channels(n, pool[i]) == tvt_net_channels(n, x))
                return tvt_net_add(n, x, pool[i]);
        return tvt_net_unary(n, TVIS_OP_SOFTMAX, x);
    default:
        return tvt_net_conv(n, x, c);
    }
}

/* Residuals and diamonds come about where a tensor is chosen twice; what nobody chooses is dead. */
static void random_graph(tvt_net *n)
{
    uint32_t pool[WIDTH], nodes = 2 + tvt_below(40);
    const uint16_t h = (uint16_t)(3 + tvt_below(60)), w = (uint16_t)(3 + tvt_below(60));
    tvt_net_begin(n, h, w);
    pool[0] = tvt_net_input(n, (int32_t)(1 + tvt_below(8)));
    for (uint32_t i = 1; i < WIDTH; i++)
        pool[i] = pool[0];
    for (uint32_t i = 0; i < nodes; i++) {
        const uint32_t x = pool[tvt_below(3) ? i % WIDTH : tvt_below(WIDTH)];
        const uint32_t y = random_node(n, x, pool, WIDTH);
        pool[(i + 1) % WIDTH] = y;
        if (tvt_below(12) == 0 && n->g.output_count < 7)
            tvis_graph_output(&n->g, y);
    }
    tvis_graph_output(&n->g, pool[nodes % WIDTH]);
    if (tvt_below(2) && !n->g.status) {
        tvis_pass_fuse_activation(&n->g);
        tvis_pass_fuse_add(&n->g);
        tvis_pass_remove_dead(&n->g);
    }
}

static void random_graphs(void **state)
{
    const uint32_t rounds = tvt_quick() ? 30 : 600;
    totals t = { 0 };
    (void)state;
    for (uint32_t i = 0; i < rounds; i++) {
        tvt_net n;
        tvis_blob blob;
        tvis_model m;
        tvt_srand(1000 + i);
        random_graph(&n);
        tvt_ok(tvt_net_write(&n, &blob), &n.diag);
        tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n.diag), &n.diag);
        for (int k = 0; k < 3; k++) {
            tvis_session_config c;
            tvis_session_defaults(&c);
            c.n = (uint16_t)(1 + tvt_below(3));
            c.threads = (uint16_t)(1 + tvt_below(4));
            c.plan = (uint8_t)tvt_below(2);
            c.cpu = tvt_below(2) ? TVIS_CPU_AVX2 : 0;
            c.no_fusion = tvt_below(2);
            check_plan(&m, &c, &t);
        }
        tvis_blob_free(&blob);
    }
    print_message("# %u plans: %.2f %% over the bound on average, %.1f %% at most, %u at the bound; "
                  "%u outputs in place, %u fusions\n",
                  t.plans, 100 * t.sum / t.plans, 100 * t.worst, t.exact, t.in_place, t.fused);
    assert_true(t.sum / t.plans < 0.05);
    assert_true(t.in_place > t.plans / 10 && t.fused > t.plans / 10);
}

/* ---- the network that this is for ---- */

static void mobilenet_v2(void **state)
{
    static const uint16_t sides[] = { 96, 128, 160, 192, 224 };
    static const float widths[] = { 0.35f, 0.5f, 1.0f, 1.4f };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(widths); i++) {
        const tvis_convert_config cc = {
            .struct_size = sizeof cc, .arch = "mobilenet_v2", .seed = 1, .classes = 10, .width = widths[i]
        };
        tvis_blob blob;
        tvis_model m;
        if (tvt_quick() && i > 0)
            break;
        tvt_convert(&cc, &blob, &m);
        for (size_t k = 0; k < TVIS_COUNT(sides); k++)
            for (int way = 0; way < 16; way++) {
                totals t = { 0 };
                tvis_session_config c;
                tvis_session_defaults(&c);
                c.n = way & 1 ? 3 : 1;
                c.h = sides[k];
                c.w = (uint16_t)(way & 4 ? 96 : sides[k]);
                c.threads = way & 4 ? 4 : 1;
                c.plan = (uint8_t)(way & 2 ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST);
                c.cpu = TVIS_CPU_AVX2;
                c.no_fusion = way & 8;
                check_plan(&m, &c, &t);
                if (!t.exact)
                    fail_msg("width %g, %ux%u, way %d: %g %% over the bound", (double)widths[i], c.h, c.w, way,
                             100 * t.worst);
            }
        tvis_blob_free(&blob);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs),
        cmocka_unit_test(mobilenet_v2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
