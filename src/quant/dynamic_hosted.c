/* SPDX-License-Identifier: MIT */
#include "quant/dynamic_hosted.h"

#include <math.h>

typedef struct rounded {
    int8_t *w;
    float scale;
    int32_t sum;
} rounded;

static bool round_channel(const float *w, int32_t k, rounded *r, tvis_energy *e)
{
    double largest = 0.0;
    for (int32_t i = 0; i < k; i++) {
        if (!isfinite(w[i]))
            return false;
        largest = fmax(largest, fabs((double)w[i]));
    }
    r->scale = (float)fmax(largest / 127.0, 1e-37); /* not denormal */
    r->sum = 0;
    for (int32_t i = 0; i < k; i++) {
        const double q = fmin(fmax(floor((double)w[i] / (double)r->scale + 0.5), -127.0), 127.0);
        const double lost = (double)w[i] - q * (double)r->scale;
        r->w[i] = (int8_t)q;
        r->sum += r->w[i];
        e->signal += (double)w[i] * (double)w[i];
        e->noise += lost * lost;
    }
    return true;
}

uint32_t tvis_to_dynamic(tvis_graph *g, const tvis_gtensor *from, uint32_t *scales, uint32_t *sums, tvis_energy *e)
{
    const int32_t n = from->dims[0], k = from->dims[1] * from->dims[2] * from->dims[3], vector[4] = { 1, 1, 1, n };
    const uint32_t id = tvis_graph_constant(g, from->name, TVIS_S8, from->dims);
    *scales = tvis_graph_constant(g, from->name, TVIS_F32, vector);
    *sums = tvis_graph_constant(g, from->name, TVIS_S32, vector);
    *e = (tvis_energy){ 0.0, 0.0 };
    for (int32_t j = 0; j < n && !g->status; j++) {
        rounded r = { .w = (int8_t *)g->tensor[id].data + (ptrdiff_t)j * k };
        if (!round_channel((const float *)from->data + (ptrdiff_t)j * k, k, &r, e))
            g->status = tvis_fail(g->diag, TVIS_EMODEL, TVIS_DIAG_VALUE, from->name, "a weight is not a finite number");
        ((float *)g->tensor[*scales].data)[j] = r.scale;
        ((int32_t *)g->tensor[*sums].data)[j] = r.sum;
    }
    return g->status ? TVIS_NONE : id;
}
