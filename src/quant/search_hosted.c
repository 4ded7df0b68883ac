/* SPDX-License-Identifier: MIT */
#include "quant/search_hosted.h"
#include "quant/refit_hosted.h"

#include <math.h>
#include <string.h>

typedef struct way {
    uint8_t observer;
    float percentile;
} way;

static const way ways[] = {
    { TVIS_OBSERVER_PERCENTILE, 99.99f },  { TVIS_OBSERVER_MINMAX, 100.0f }, { TVIS_OBSERVER_AVERAGE, 100.0f },
    { TVIS_OBSERVER_PERCENTILE, 99.999f }, { TVIS_OBSERVER_MSE, 100.0f },    { TVIS_OBSERVER_ENTROPY, 100.0f },
    { TVIS_OBSERVER_PERCENTILE, 99.9f },
};
enum { WAYS = sizeof ways / sizeof *ways };

const char *tvis_search_name(const tvis_search *s, const char *name)
{
    for (uint32_t i = 0; i < tvis_header(s->original)->node_count; i++) {
        const char *known = tvis_string(s->original, tvis_nodes(s->original)[i].name);
        if (strcmp(known, name) == 0)
            return known;
    }
    return NULL;
}

tvis_status tvis_search_make(tvis_search *s, tvis_blob *blob)
{
    tvis_maker q = { .c = s->c, .from = s->from, .k = &s->k, .precision = s->precision, .range = s->range, .shift = s->shift, .refit = s->refit };
    memcpy(s->range, s->observed, s->from->tensor_count * sizeof *s->range);
    tvis_bound_tables(s->from, s->range);
    tvis_status status = tvis_forms_choose(s->from, s->grade, s->wide_sums, s->precision);
    if (status)
        return tvis_fail(s->diag, status, TVIS_DIAG_SYSTEM, "quantize", "out of memory");
    status = tvis_make(&q, blob, s->diag);
    const tvis_quantize_report before = s->report;
    s->report = q.report;
    s->report.observer = before.observer;
    s->report.percentile = before.percentile;
    s->report.equalized = before.equalized;
    s->report.drop = before.drop;
    s->report.worst = q.worst ? tvis_search_name(s, q.worst) : NULL;
    return status;
}

tvis_status tvis_search_try(tvis_search *s, uint32_t pictures, const tvis_score *best, tvis_score *score)
{
    tvis_blob blob;
    tvis_status status = tvis_search_make(s, &blob);
    if (status)
        return status;
    status = tvis_reference_score(&s->reference, &blob, pictures, best, score, s->diag);
    tvis_blob_free(&blob);
    return status;
}

static tvis_range range_by(const tvis_search *s, uint32_t tensor, way w)
{
    return tvis_statistics_range(&s->k.tensor[tensor].s, w.observer, (double)w.percentile);
}

static void set_way(tvis_search *s, way w)
{
    for (uint32_t i = 0; i < s->k.count; i++)
        s->observed[i] = range_by(s, i, w);
    s->report.observer = w.observer;
    s->report.percentile = w.percentile;
}

/* The best of the ways that the config leaves open, which is set afterwards. */
static tvis_status best_way(tvis_search *s, tvis_score *best)
{
    const way given = { s->c->observer, s->c->percentile };
    way found = given;
    best->badness = INFINITY;
    const uint32_t count = s->c->observer == TVIS_OBSERVER_BEST ? WAYS : 1;
    for (uint32_t i = 0; i < count; i++) {
        const way w = count == 1 ? given : ways[i];
        tvis_score score;
        if (s->c->progress)
            s->c->progress(s->c->input_user, "ways to take ranges", i, count);
        set_way(s, w);
        const tvis_status status = tvis_search_try(s, s->pictures, i ? best : NULL, &score);
        if (status)
            return status;
        if (score.badness < best->badness) {
            *best = score;
            found = w;
        }
    }
    set_way(s, found);
    return TVIS_OK;
}

/* A tensor without a range can be quantized, but something is wrong with the model or the pictures. */
static void name_constant(const tvis_search *s)
{
    for (uint32_t i = 0; s->c->kept && i < s->from->node_count; i++) {
        const tvis_gnode *n = &s->from->node[i];
        const tvis_statistics *t = &s->k.tensor[n->out[0]].s;
        const char *name = tvis_search_name(s, n->name);
        if (name && !(t->min < t->max))
            s->c->kept(s->c->input_user, name, "its output is one number, whatever the picture");
    }
}

static tvis_status calibrate(tvis_search *s, const tvis_quantize_config *c)
{
    tvis_calibration_free(&s->k);
    return tvis_calibrate(&s->k, s->m, c, s->diag);
}

/* Applies factors by channel; *any: there are some. */
static tvis_status apply_factors(tvis_search *s, tvis_equalization *e, bool *any)
{
    tvis_status status = tvis_equalization_choose(e, s->from, &s->k);
    if (status)
        return tvis_fail(s->diag, status, TVIS_DIAG_SYSTEM, "equalization", "out of memory");
    *any = e->layers > 0;
    if (*any)
        tvis_equalization_apply(e, s->from, false);
    return TVIS_OK;
}

/* Ranges of the even pictures: the best way without factors and, on trial, with them. */
static tvis_status decide(tvis_search *s, bool *equalized, way *found)
{
    tvis_equalization e;
    tvis_score plain = { .badness = INFINITY }, factors;
    bool any = false;
    tvis_status status = calibrate(s, &s->even.c);
    if (!status && s->c->equalize != TVIS_EQUALIZE_ON)
        status = best_way(s, &plain);
    *found = (way){ s->report.observer, s->report.percentile };
    *equalized = false;
    if (status || s->c->equalize == TVIS_EQUALIZE_OFF)
        return status;
    status = apply_factors(s, &e, &any);
    if (!status)
        status = calibrate(s, &s->even.c);
    if (!status)
        status = best_way(s, &factors);
    if (!status && factors.badness < plain.badness) {
        *found = (way){ s->report.observer, s->report.percentile };
        *equalized = any;
    }
    if (any)
        tvis_equalization_apply(&e, s->from, true);
    tvis_equalization_free(&e);
    return status;
}

/* The same for good, with all pictures. */
static tvis_status settle(tvis_search *s, bool equalized, way w)
{
    tvis_equalization e;
    bool any = false;
    tvis_status status = calibrate(s, s->c);
    if (!status)
        name_constant(s);
    if (!status && equalized) {
        status = apply_factors(s, &e, &any);
        if (!status && any)
            status = calibrate(s, s->c);
        tvis_equalization_free(&e);
    }
    s->report.equalized = any;
    if (!status)
        set_way(s, w);
    return status;
}

static bool alike(tvis_range a, tvis_range b)
{
    return fabs(a.lo - b.lo) + fabs(a.hi - b.hi) <= 0.04 * (a.hi - a.lo);
}

/* Every other way for one tensor, the rest as it is: what answers better stays. */
static tvis_status refine_tensor(tvis_search *s, uint32_t tensor, uint32_t pictures, tvis_score *best)
{
    tvis_range tried[WAYS + 1] = { s->observed[tensor] };
    uint32_t count = 1;
    for (uint32_t i = 0; i < WAYS; i++) {
        const tvis_range kept = s->observed[tensor], r = range_by(s, tensor, ways[i]);
        bool new = true;
        for (uint32_t k = 0; k < count; k++)
            new = new && !alike(tried[k], r);
        if (!new)
            continue;
        tvis_score score;
        tried[count++] = s->observed[tensor] = r;
        const tvis_status status = tvis_search_try(s, pictures, best, &score);
        if (status)
            return status;
        if (score.badness < best->badness)
            *best = score;
        else
            s->observed[tensor] = kept;
    }
    return TVIS_OK;
}

/* Which tensors are worth more bits at the ends of their ranges, and which in the middle, only the answers can tell. Large
 * networks have fewer pictures for that, or none. */
tvis_status tvis_search_refine(tvis_search *s)
{
    const double fit = 3e10 / (double)(s->macs + 1);
    const uint32_t pictures = fit < s->pictures ? (uint32_t)fit : s->pictures;
    tvis_score best;
    if (pictures < 8)
        return TVIS_OK;
    tvis_status status = tvis_search_try(s, pictures, NULL, &best);
    for (uint32_t i = 0; !status && i < s->k.count; i++) {
        if (s->c->progress)
            s->c->progress(s->c->input_user, "ranges, one by one", i, s->k.count);
        status = refine_tensor(s, i, pictures, &best);
    }
    return status;
}

/* Residual sums in 16 bits slow no product down, but they take memory. */
static tvis_status widen_sums(tvis_search *s)
{
    tvis_score narrow, wide;
    tvis_status status = tvis_search_try(s, s->pictures, NULL, &narrow);
    s->wide_sums = true;
    if (!status)
        status = tvis_search_try(s, s->pictures, NULL, &wide);
    if (!status)
        s->wide_sums = s->reference.classes ? wide.badness < 0.9 * narrow.badness : wide.badness < narrow.badness - 0.45;
    return status;
}

tvis_status tvis_search_ranges(tvis_search *s)
{
    const bool best = s->c->observer == TVIS_OBSERVER_BEST, open = best || s->c->equalize == TVIS_EQUALIZE_BEST;
    bool equalized = s->c->equalize == TVIS_EQUALIZE_ON;
    way found = { s->c->observer, s->c->percentile };
    tvis_status status = open ? decide(s, &equalized, &found) : TVIS_OK;
    if (!status)
        status = settle(s, equalized, found);
    if (!status && best && !s->c->mixed)
        status = tvis_search_refit(s);
    if (!status && best)
        status = widen_sums(s);
    if (!status && best)
        status = tvis_search_refine(s);
    return status;
}

/* ---- halves ---- */

static tvis_status half_input(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *diag)
{
    const tvis_half *h = user;
    return h->all->input(h->all->input_user, 2 * i + h->first, in, diag);
}

static int32_t half_label(void *user, uint32_t i)
{
    const tvis_half *h = user;
    return h->all->label(h->all->input_user, 2 * i + h->first);
}

static void half_progress(void *user, const char *what, uint32_t done, uint32_t total)
{
    const tvis_half *h = user;
    h->all->progress(h->all->input_user, what, done, total);
}

void tvis_half_make(tvis_half *h, const tvis_quantize_config *c, uint32_t first)
{
    enum { FEW = 8 };
    h->all = c;
    h->first = first;
    h->c = *c;
    if (c->images < FEW)
        return;
    h->c.images = (c->images + 1 - first) / 2;
    h->c.input = half_input;
    h->c.input_user = h;
    h->c.label = c->label ? half_label : NULL;
    h->c.progress = c->progress ? half_progress : NULL;
    h->c.decided = NULL;
    h->c.kept = NULL;
}
