/* SPDX-License-Identifier: MIT */
/* Whole channels, hidden units and heads are left out, those first that are worth least for what they cost. */
#include "quant/channel_groups_hosted.h"
#include "quant/curve_hosted.h"
#include "quant/prune.h"

#include <math.h>
#include <stdlib.h>

typedef struct unit {
    uint32_t root;
    int32_t index;
    double worth, rank; /* rank: by what it is chosen, the least first */
} unit;

typedef struct cutter {
    tvis_pruner *p;
    tvis_channel_groups *s;
    double *macs;  /* of each node of the plain model */
    double *worth; /* of all units, those of root r from first[r] on */
    size_t *first;
    int32_t *left;  /* of each root: units that stay */
    int32_t *gone;  /* of each root, while places are counted */
    int32_t *place; /* of each unit: how many of its group go before it */
    unit *unit;
    size_t count;
} cutter;

static bool is_layer(const tvis_gnode *n)
{
    return n->op == TVIS_OP_CONV2D || n->op == TVIS_OP_LINEAR;
}

static double share_left(const cutter *k, uint32_t tensor)
{
    const uint32_t r = k->s->root[tensor];
    return k->s->units[r] ? (double)k->left[r] / (double)k->s->units[r] : 1.0;
}

/* Multiplications with what is left of each group. */
static double macs_now(const cutter *k)
{
    const tvis_graph *g = k->p->g;
    double sum = 0.0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const tvis_gnode *n = &g->node[i];
        sum += k->macs[i] * share_left(k, n->out[0]) * (is_layer(n) ? share_left(k, n->in[0]) : 1.0);
    }
    return sum;
}

/* Multiplications that a unit of a group takes part in, with what is left of others. */
static double macs_of_unit(const cutter *k, uint32_t root)
{
    const tvis_graph *g = k->p->g;
    double sum = 0.0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const tvis_gnode *n = &g->node[i];
        if (k->s->root[n->out[0]] == root)
            sum += k->macs[i] * (is_layer(n) ? share_left(k, n->in[0]) : 1.0);
        else if (is_layer(n) && k->s->root[n->in[0]] == root)
            sum += k->macs[i] * share_left(k, n->out[0]);
    }
    return sum / (double)k->s->units[root];
}

/* The layers that write a group are all among those that may be pruned. */
static bool is_chosen(const cutter *k, uint32_t root)
{
    const tvis_graph *g = k->p->g;
    bool written = false;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const tvis_gnode *n = &g->node[i];
        if (!is_layer(n) || k->s->root[n->out[0]] != root)
            continue;
        if (k->p->c->modules && !tvis_name_fits(k->p->c->modules, n->name))
            return false;
        written = true;
    }
    return written;
}

/* Shares of what the layers that read a group compute; or sums of magnitudes of the rows that write it. */
static void add_worth(cutter *k, const tvis_gnode *n, const float *share)
{
    const bool l1 = k->p->c->worth == TVIS_WORTH_L1;
    const tvis_gtensor *t = &k->p->g->tensor[n->in[1]];
    const uint32_t tensor = l1 ? n->out[0] : n->in[0], root = k->s->root[tensor];
    const size_t all = t->bytes / sizeof(float), row = all / (size_t)t->dims[0];
    const float *w = t->data;
    if (!is_layer(n) || k->s->fixed[root])
        return;
    for (size_t i = 0; i < all; i++) {
        const int32_t channel = (int32_t)(l1 ? i / row : i % (size_t)t->dims[3]);
        k->worth[k->first[root] + (size_t)tvis_unit_of(k->s, tensor, channel)] +=
            l1 ? fabs((double)w[i]) : (double)share[i] * (double)share[i];
    }
}

static int by_rank(const void *a, const void *b)
{
    const unit *x = a, *y = b;
    if (x->rank < y->rank || x->rank > y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->root != y->root)
        return x->root < y->root ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static bool allocate(cutter *k)
{
    const tvis_graph *g = k->p->g;
    size_t units = 0;
    k->macs = tvis_prune_macs(k->p);
    k->first = calloc((size_t)g->tensor_count + 1, sizeof *k->first);
    k->left = calloc((size_t)g->tensor_count + 1, sizeof *k->left);
    if (!k->macs || !k->first || !k->left)
        return false;
    for (uint32_t r = 0; r < g->tensor_count; r++) {
        k->first[r] = units;
        k->left[r] = k->s->units[r];
        if (k->s->root[r] == r && !k->s->fixed[r] && !is_chosen(k, r))
            k->s->fixed[r] = true;
        if (k->s->root[r] == r && !k->s->fixed[r])
            units += (size_t)k->s->units[r];
    }
    k->worth = calloc(units + 1, sizeof *k->worth);
    k->unit = calloc(units + 1, sizeof *k->unit);
    k->place = calloc(units + 1, sizeof *k->place);
    k->gone = calloc((size_t)g->tensor_count + 1, sizeof *k->gone);
    return k->worth && k->unit && k->place && k->gone;
}

static void rank(cutter *k)
{
    const tvis_channel_groups *s = k->s;
    for (uint32_t r = 0; r < s->count; r++) {
        if (s->root[r] != r || s->fixed[r] || s->units[r] == 0)
            continue;
        const double cost = macs_of_unit(k, r), *worth = k->worth + k->first[r];
        double sum = 0.0;
        for (int32_t i = 0; i < s->units[r]; i++)
            sum += worth[i];
        for (int32_t i = 0; i < s->units[r]; i++) {
            const double rank = k->p->c->worth == TVIS_WORTH_L1 ? worth[i] / fmax(sum, 1e-30) : worth[i];
            k->unit[k->count++] = (unit){ r, i, worth[i], rank / fmax(cost, 1.0) };
        }
    }
    qsort(k->unit, k->count, sizeof *k->unit, by_rank);
}

static bool drop(cutter *k, const unit *u, int32_t least)
{
    tvis_channel_groups *s = k->s;
    if (k->left[u->root] <= least)
        return true;
    if (!s->keep[u->root]) {
        s->keep[u->root] = malloc((size_t)s->units[u->root] * sizeof(bool));
        for (int32_t i = 0; s->keep[u->root] && i < s->units[u->root]; i++)
            s->keep[u->root][i] = true;
    }
    if (!s->keep[u->root])
        return false;
    s->keep[u->root][u->index] = false;
    k->left[u->root]--;
    return true;
}

/* The same share of each group. */
static bool drop_evenly(cutter *k)
{
    bool ok = true;
    for (size_t i = 0; i < k->count && ok; i++) {
        const int32_t units = k->s->units[k->unit[i].root];
        const int32_t least = units - (int32_t)floor(k->p->c->amount * (double)units);
        ok = drop(k, &k->unit[i], least < 1 ? 1 : least);
    }
    return ok;
}

static void check_budget(cutter *k, double all)
{
    const double now = macs_now(k);
    if (now > all * (1.0 - k->p->c->amount))
        k->p->g->status =
            tvis_fail_value(k->p->g->diag, TVIS_EINVAL, TVIS_DIAG_LIMIT, "amount",
                            "more per cent of the multiplications than can be left out",
                            (int64_t)floor(100.0 * (all - now) / all), (int64_t)floor(100.0 * k->p->c->amount + 0.5));
}

/* Until so many multiplications are saved; an eighth of each group stays. */
static bool drop_to_budget(cutter *k)
{
    const double all = macs_now(k), target = all * (1.0 - k->p->c->amount);
    bool ok = true;
    double now = all;
    for (size_t i = 0; i < k->count && ok && now > target; i++) {
        const int32_t least = k->s->units[k->unit[i].root] / 8;
        ok = drop(k, &k->unit[i], least < 1 ? 1 : least);
        now = macs_now(k);
    }
    if (ok)
        check_budget(k, all);
    return ok;
}

static int32_t gone_of(const cutter *k, uint32_t root)
{
    return k->s->units[root] - k->left[root];
}

static double harm_of(const cutter *k, const double *harm, uint32_t root, int32_t gone)
{
    const double at = (double)gone * TVIS_CURVE_GRID / (double)k->s->units[root];
    const int32_t low = (int32_t)at < TVIS_CURVE_GRID - 2 ? (int32_t)at : TVIS_CURVE_GRID - 2;
    const double *curve = harm + (size_t)root * TVIS_CURVE_GRID + low;
    return curve[0] + (curve[1] - curve[0]) * (at - low);
}

/* The least harm for a multiplication saved that units of a group do which go next; *to: how many are gone then. */
static double price_of(const cutter *k, uint32_t root, const double *harm, int32_t *to)
{
    const int32_t units = k->s->units[root], gone = gone_of(k, root), least = units / 8 > 1 ? units / 8 : 1;
    const double cost = fmax(macs_of_unit(k, root), 1.0), now = harm_of(k, harm, root, gone);
    double best = INFINITY;
    for (int32_t i = gone + 1; i <= units - least; i++) {
        const double price = (harm_of(k, harm, root, i) - now) / (cost * (double)(i - gone));
        if (price < best) {
            best = price;
            *to = i;
        }
    }
    return best;
}

static bool drop_next(cutter *k, uint32_t root)
{
    const int32_t gone = gone_of(k, root);
    for (int32_t i = 0; i < k->s->units[root]; i++)
        if (k->place[k->first[root] + (size_t)i] == gone)
            return drop(k, &(unit){ .root = root, .index = i }, 0);
    return true;
}

/* Units of the group whose next ones do the least harm for what they save, again and again. */
static bool drop_by_harm(cutter *k, const double *harm)
{
    const double all = macs_now(k), target = all * (1.0 - k->p->c->amount);
    bool ok = true;
    while (ok && macs_now(k) > target) {
        uint32_t found = TVIS_NONE;
        int32_t to = 0, next = 0;
        double least = INFINITY;
        for (uint32_t r = 0; r < k->s->count; r++) {
            const bool able = k->s->root[r] == r && !k->s->fixed[r] && k->s->units[r] > 1;
            const double price = able ? price_of(k, r, harm, &next) : INFINITY;
            if (price < least) {
                least = price;
                found = r;
                to = next;
            }
        }
        if (found == TVIS_NONE)
            break;
        while (ok && gone_of(k, found) < to && macs_now(k) > target)
            ok = drop_next(k, found);
    }
    if (ok)
        check_budget(k, all);
    return ok;
}

/* Each unit's place in its group, of units that are sorted. */
static void place_units(cutter *k)
{
    int32_t *count = k->gone;
    for (size_t i = 0; i < k->count; i++)
        k->place[k->first[k->unit[i].root] + (size_t)k->unit[i].index] = count[k->unit[i].root]++;
}

static bool drop_measured(cutter *k)
{
    place_units(k);
    double *harm = tvis_prune_group_harm(k->p, k->s, k->first, k->place);
    const bool ok = k->p->g->status || drop_by_harm(k, harm);
    free(harm);
    return ok;
}

static void choose(cutter *k)
{
    tvis_pruner *p = k->p;
    float **share = p->c->worth == TVIS_WORTH_SHARE ? tvis_prune_values(p) : NULL;
    for (uint32_t i = 0; i < p->count && !p->g->status; i++)
        add_worth(k, &p->g->node[p->chosen[i]], share ? share[i] : NULL);
    for (uint32_t i = 0; share && i < p->count; i++)
        free(share[i]);
    free(share);
    if (p->g->status)
        return;
    rank(k);
    if (k->count == 0)
        tvis_prune_fail(p, TVIS_EINVAL, TVIS_DIAG_NAME, p->c->modules ? p->c->modules : "model",
                        "has no channels that can be left out");
    else if (!(p->c->scope == TVIS_SCOPE_LAYER      ? drop_evenly(k)
               : p->c->scope == TVIS_SCOPE_MEASURED ? drop_measured(k)
                                                    : drop_to_budget(k)))
        tvis_graph_out_of_memory(p->g);
}

void tvis_prune_channels(tvis_pruner *p, tvis_channel_groups *s)
{
    cutter k = { .p = p, .s = s };
    if (tvis_channel_groups_find(s, p->g) || !allocate(&k))
        tvis_graph_out_of_memory(p->g); /* unless something failed before */
    if (!p->g->status)
        choose(&k);
    if (!p->g->status)
        tvis_channel_groups_cut(s, p->g);
    free(k.macs);
    free(k.worth);
    free(k.first);
    free(k.left);
    free(k.gone);
    free(k.place);
    free(k.unit);
}
