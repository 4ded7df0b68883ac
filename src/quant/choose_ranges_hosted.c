/* SPDX-License-Identifier: MIT */
/* Ranges of all activations: by the observer, and what goes into a table no wider than the table can tell apart. */
#include "quant/maker.h"
#include "ops/act.h"

#include <math.h>

static double apply(uint8_t act, double x)
{
    float v = (float)x;
    tvis_act_f32_c(&(tvis_act_f32_args){ &v, 1, 1, 1, act });
    return (double)v;
}

static double clip(double x, tvis_range r)
{
    return fmin(fmax(x, r.lo), r.hi);
}

/* Moves `end` towards 0 as long as all that is cut off gives the same output, to half a step. */
static double flat_until(uint8_t act, double end, tvis_range y)
{
    enum { STEPS = 512 };
    const double half = (y.hi - y.lo) / 510.0, last = clip(apply(act, end), y);
    int i = 1;
    while (i < STEPS && fabs(clip(apply(act, end * (STEPS - i) / STEPS), y) - last) <= half)
        i++;
    return end * (STEPS - i + 1) / STEPS;
}

tvis_range tvis_table_range(uint8_t act, tvis_range x, tvis_range y)
{
    return (tvis_range){ flat_until(act, x.lo, y), flat_until(act, x.hi, y) };
}

void tvis_bound_tables(const tvis_graph *from, tvis_range *range)
{
    for (uint32_t i = 0; i < from->node_count; i++) {
        const tvis_gnode *n = &from->node[i];
        if (n->op == TVIS_OP_ACTIVATION && !tvis_act_clamps(n->act) && tvis_graph_uses(from, n->in[0]) == 1)
            range[n->in[0]] = tvis_table_range(n->act, range[n->in[0]], range[n->out[0]]);
    }
}
