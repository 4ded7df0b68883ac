/* SPDX-License-Identifier: MIT */
#include "quant/halve_hosted.h"
#include "core/half.h"

#include <math.h>

double tvis_decibel(tvis_energy e)
{
    return e.noise > 0.0 ? 10.0 * log10(e.signal / e.noise) : INFINITY;
}

uint32_t tvis_halve(tvis_graph *g, const tvis_gtensor *from, tvis_energy *e)
{
    const float *x = from->data;
    const size_t n = from->bytes / sizeof(float);
    const char *name = from->name;
    const uint32_t id = tvis_graph_constant(g, name, TVIS_F16, from->dims);
    *e = (tvis_energy){ 0.0, 0.0 };
    for (size_t i = 0; id != TVIS_NONE && i < n; i++) {
        uint16_t *y = (uint16_t *)g->tensor[id].data + i;
        float back;
        if (!(x[i] <= TVIS_HALF_MAX && x[i] >= -TVIS_HALF_MAX)) {
            g->status = tvis_fail(g->diag, TVIS_EMODEL, TVIS_DIAG_VALUE, name,
                                  "a weight is beyond the largest half, 65504, or not a number");
            return TVIS_NONE;
        }
        *y = tvis_half_from(x[i]);
        tvis_half_expand(y, 1, &back);
        e->signal += (double)x[i] * (double)x[i];
        e->noise += ((double)x[i] - (double)back) * ((double)x[i] - (double)back);
    }
    return id;
}
