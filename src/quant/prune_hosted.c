/* SPDX-License-Identifier: MIT */
#include "quant/prune.h"

#include <stdlib.h>

static tvis_status bad(tvis_diag *d, tvis_diag_code code, const char *what, const char *why)
{
    return tvis_fail(d, TVIS_EINVAL, code, what, why);
}

static tvis_status check(const tvis_prune_config *c, tvis_diag *d)
{
    if (c->method >= TVIS_PRUNE_COUNT_ || c->pattern >= TVIS_PATTERN_COUNT_ || c->scope >= TVIS_SCOPE_COUNT_ ||
        c->worth >= TVIS_WORTH_COUNT_)
        return bad(d, TVIS_DIAG_ENUM, "config", "has an unknown method, pattern, scope or worth");
    if (!(c->amount >= 0.0 && c->amount < 1.0))
        return bad(d, TVIS_DIAG_ARGUMENT, "amount", "is not from 0 to below 1");
    if (c->pattern == TVIS_PATTERN_2_4 && (c->amount < 0.5 || c->amount > 0.5))
        return bad(d, TVIS_DIAG_ARGUMENT, "amount", "is 0.5 with the pattern 2:4");
    if (c->method != TVIS_PRUNE_MAGNITUDE && c->pattern != TVIS_PATTERN_UNSTRUCTURED)
        return bad(d, TVIS_DIAG_ARGUMENT, "pattern", "goes with pruning by magnitude");
    if (!(c->energy >= 0.0 && c->energy <= 1.0))
        return bad(d, TVIS_DIAG_ARGUMENT, "energy", "is not from 0 to 1");
    if (c->energy > 0.0 && (c->method != TVIS_PRUNE_LOWRANK || c->amount > 0.0))
        return bad(d, TVIS_DIAG_ARGUMENT, "energy", "goes with low rank and takes the place of the amount");
    if (c->scope == TVIS_SCOPE_MEASURED && c->images == 0)
        return bad(d, TVIS_DIAG_ARGUMENT, "scope", "that is measured needs pictures");
    if (c->scope == TVIS_SCOPE_MEASURED &&
        (c->method == TVIS_PRUNE_LOWRANK || c->worth != TVIS_WORTH_SHARE || c->pattern != TVIS_PATTERN_UNSTRUCTURED))
        return bad(d, TVIS_DIAG_ARGUMENT, "scope", "that is measured goes with shares as worth, without a pattern");
    if (c->images && !c->input)
        return bad(d, TVIS_DIAG_ARGUMENT, "input", "is NULL, but there are pictures");
    return TVIS_OK;
}

static void refuse_smaller(tvis_pruner *p)
{
    if (p->g->sparse)
        tvis_prune_fail(p, TVIS_EINVAL, TVIS_DIAG_REFUSED, "model", "is pruned already: prune the plain one");
    for (uint32_t i = 0; i < p->g->tensor_count; i++)
        if (p->g->tensor[i].dtype != TVIS_F32)
            tvis_prune_fail(p, TVIS_EINVAL, TVIS_DIAG_REFUSED, p->g->tensor[i].name,
                            "the model is quantized already: prune first");
}

static void leave_out(tvis_pruner *p)
{
    if (p->c->method == TVIS_PRUNE_CHANNEL)
        tvis_prune_channels(p, &p->groups);
    else if (p->c->method == TVIS_PRUNE_LOWRANK)
        tvis_prune_lowrank(p);
    else if (p->c->scope == TVIS_SCOPE_MEASURED)
        tvis_prune_spread(p);
    else
        tvis_prune_magnitude(p);
}

static void prune(tvis_pruner *p)
{
    tvis_graph_read(p->g, p->m);
    if (!p->g->status)
        refuse_smaller(p);
    if (!p->g->status)
        tvis_prune_choose(p);
    if (!p->g->status)
        leave_out(p);
    if (!p->g->status && p->c->images && p->c->method != TVIS_PRUNE_LOWRANK)
        tvis_prune_recover(p);
    if (!p->g->status)
        tvis_prune_note(p);
}

tvis_status tvis_prune(const tvis_model *m, const tvis_prune_config *c, tvis_blob *blob, tvis_prune_report *report,
                       tvis_diag *diag)
{
    tvis_graph g;
    if (!m || !c || !blob || c->struct_size != sizeof *c)
        return bad(diag, TVIS_DIAG_ARGUMENT, "config", "is NULL or of another version (struct_size)");
    tvis_status s = check(c, diag);
    if (s)
        return s;
    tvis_graph_init(&g, diag);
    tvis_pruner p = { .m = m, .c = c, .cpu = c->portable ? 0 : tvis_cpu_detect(), .g = &g };
    prune(&p);
    s = g.status ? g.status : tvis_blob_write(&g, blob, diag);
    free(p.chosen);
    free(p.was);
    free(p.rank);
    free(p.drop);
    tvis_channel_groups_free(&p.groups);
    tvis_graph_free(&g);
    if (!s && report)
        *report = p.report;
    return s;
}
