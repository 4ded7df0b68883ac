/* SPDX-License-Identifier: MIT */
/* Which layers deserve more than 8 bits: each is tried alone, and those that bring the answers nearest to the float
 * model's for their share of the multiplications are taken, one after the other, until that is enough. */
#include "quant/search_hosted.h"

#include <stdlib.h>

typedef struct candidate {
    uint32_t node;
    double macs; /* share */
    double gain; /* of badness, alone */
} candidate;

typedef struct mixing {
    tvis_search *s;
    candidate *list;
    uint32_t count;
    double used; /* share of the multiplications outside of int8 */
    tvis_score now;
} mixing;

static void show(const mixing *x, const char *what, uint32_t done, uint32_t total)
{
    if (x->s->c->progress)
        x->s->c->progress(x->s->c->input_user, what, done, total);
}

/* The most gain for its multiplications first; what costs none goes before all others. */
static int compare(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    const double l = x->gain * (y->macs + 1e-9), r = y->gain * (x->macs + 1e-9);
    return l > r ? -1 : l < r ? 1 : x->node < y->node ? -1 : 1;
}

static tvis_status judge(mixing *x, uint8_t grade)
{
    tvis_search *s = x->s;
    tvis_score base, alone;
    tvis_status status = tvis_search_try(s, s->pictures, NULL, &base);
    x->count = 0;
    for (uint32_t i = 0; !status && i < s->from->node_count; i++) {
        const uint8_t old = s->grade[i];
        show(x, grade == TVIS_GRADE_S16 ? "layers, 16 bits" : "layers, floats", i, s->from->node_count);
        if (!tvis_has_weights(s->from, &s->from->node[i]) || old >= grade)
            continue;
        s->grade[i] = grade;
        status = tvis_search_try(s, s->pictures, NULL, &alone);
        s->grade[i] = old;
        if (!status && alone.badness < base.badness)
            x->list[x->count++] = (candidate){ i, x->s->share[i], base.badness - alone.badness };
    }
    qsort(x->list, x->count, sizeof *x->list, compare);
    return status;
}

static void tell(const mixing *x, uint32_t node, const tvis_score *before)
{
    static const uint8_t dtypes[] = { TVIS_S8, TVIS_S16, TVIS_F32 }; /* ORDER tvis_form */
    const tvis_search *s = x->s;
    const tvis_decision d = { tvis_search_name(s, s->from->node[node].name), dtypes[s->precision[node].x], dtypes[s->precision[node].y],
                              before->badness,          x->now.badness,               x->s->share[node] };
    if (s->c->decided)
        s->c->decided(s->c->input_user, &d);
}

static bool enough(const mixing *x)
{
    return x->now.drop <= (double)x->s->c->max_drop;
}

/* Takes the candidates in their order, and leaves out those that do not help after all. */
static tvis_status take(mixing *x, uint8_t grade, bool *taken)
{
    tvis_search *s = x->s;
    tvis_status status = TVIS_OK;
    for (uint32_t i = 0; !status && i < x->count && !enough(x); i++) {
        const candidate *c = &x->list[i];
        const uint8_t old = s->grade[c->node];
        const double more = old == TVIS_GRADE_S8 ? c->macs : 0.0;
        const tvis_score before = x->now;
        show(x, "taking layers", i, x->count);
        if (x->used + more > (double)s->c->most_macs + 1e-9)
            continue;
        s->grade[c->node] = grade;
        status = tvis_search_try(s, 0, NULL, &x->now);
        if (status || x->now.badness >= before.badness) {
            s->grade[c->node] = old;
            x->now = before;
            continue;
        }
        x->used += more;
        *taken = true;
        tell(x, c->node, &before);
    }
    return status;
}

/* Residual sums in 16 bits slow no product down. */
static tvis_status widen_sums(mixing *x)
{
    const tvis_score before = x->now;
    x->s->wide_sums = true;
    const tvis_status status = tvis_search_try(x->s, 0, NULL, &x->now);
    if (!status && x->now.badness < before.badness)
        return TVIS_OK;
    x->s->wide_sums = false;
    x->now = before;
    return status;
}

/* What a layer is worth changes with those that were taken before. */
static tvis_status rounds(mixing *x, uint8_t grade)
{
    enum { MOST = 4 };
    tvis_status status = TVIS_OK;
    bool taken = true;
    for (int i = 0; i < MOST && taken && !status && !enough(x); i++) {
        taken = false;
        status = judge(x, grade);
        if (!status)
            status = take(x, grade, &taken);
    }
    return status;
}

static tvis_status mix(mixing *x)
{
    tvis_status status = tvis_search_try(x->s, 0, NULL, &x->now);
    if (!status && !enough(x) && !x->s->wide_sums)
        status = widen_sums(x);
    for (uint8_t grade = TVIS_GRADE_S16; !status && !enough(x) && grade <= TVIS_GRADE_F32; grade++)
        status = rounds(x, grade);
    x->s->report.drop = x->now.drop;
    return status;
}

tvis_status tvis_search_grades(tvis_search *s)
{
    mixing x = { .s = s, .list = calloc(s->from->node_count + 1, sizeof *x.list) };
    const tvis_status status =
        x.list ? mix(&x) : tvis_fail(s->diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "quantize", "out of memory");
    free(x.list);
    return status;
}
