/* SPDX-License-Identifier: MIT */
#include "quant/probe_hosted.h"
#include "core/array_hosted.h"
#include "core/op.h"

#include <stdlib.h>
#include <string.h>

struct tvis_probe {
    const tvis_flow *flow;
    uint32_t count;
    float *plain[TVIS_TAP_MOST]; /* (images * views, elements) */
    double energy[TVIS_TAP_MOST], change[TVIS_TAP_MOST];
};

static tvis_status keep(void *user, uint32_t picture, uint32_t view, const tvis_tensor *plain, const tvis_tensor *other)
{
    tvis_probe *p = user;
    const tvis_flow *f = p->flow;
    const size_t at = (size_t)picture * f->views + view;
    (void)other;
    for (uint32_t i = 0; i < p->count; i++) {
        const size_t n = (size_t)tvis_elements(plain[i].dims);
        const float *y = plain[i].data;
        if (!p->plain[i])
            p->plain[i] = tvis_array((uint64_t)f->images * f->views * n, sizeof(float));
        if (!p->plain[i])
            return tvis_fail(f->diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "calibration", "out of memory");
        memcpy(p->plain[i] + at * n, y, n * sizeof *y);
        for (size_t k = 0; k < n; k++)
            p->energy[i] += (double)y[k] * (double)y[k];
    }
    return TVIS_OK;
}

static tvis_status compare(void *user, uint32_t picture, uint32_t view, const tvis_tensor *now,
                           const tvis_tensor *other)
{
    tvis_probe *p = user;
    const size_t at = (size_t)picture * p->flow->views + view;
    (void)other;
    for (uint32_t i = 0; i < p->count; i++) {
        const size_t n = (size_t)tvis_elements(now[i].dims);
        const float *y = now[i].data, *plain = p->plain[i] + at * n;
        for (size_t k = 0; k < n; k++)
            p->change[i] += ((double)y[k] - (double)plain[k]) * ((double)y[k] - (double)plain[k]);
    }
    return TVIS_OK;
}

tvis_status tvis_probe_begin(tvis_probe **p, tvis_flow *f)
{
    *p = calloc(1, sizeof **p);
    if (!*p)
        return tvis_fail(f->diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "calibration", "out of memory");
    (*p)->flow = f;
    (*p)->count = f->g[0]->output_count < TVIS_TAP_MOST ? f->g[0]->output_count : TVIS_TAP_MOST;
    return tvis_flow_finish(f, f->g[0], keep, *p);
}

tvis_status tvis_probe_compare(tvis_probe *p, tvis_flow *f, const tvis_graph *g, double *harm)
{
    memset(p->change, 0, sizeof p->change);
    const tvis_status s = tvis_flow_finish(f, g, compare, p);
    *harm = 0.0;
    for (uint32_t i = 0; i < p->count; i++)
        *harm += p->energy[i] > 0.0 ? p->change[i] / p->energy[i] : 0.0;
    return s;
}

void tvis_probe_free(tvis_probe *p)
{
    for (uint32_t i = 0; p && i < p->count; i++)
        free(p->plain[i]);
    free(p);
}
