/* SPDX-License-Identifier: MIT */
#include "precision.h"

#include <stdio.h>
#include <string.h>

const char *precision_of(const tvis_model *m, const tvis_node_info *n)
{
    tvis_weight_info w;
    if (n->in_dtype != TVIS_F32 || n->dtype != TVIS_F32)
        return tvis_dtype_name((tvis_dtype)(n->in_dtype != TVIS_F32 ? n->in_dtype : n->dtype));
    if (n->weights[0] == TVIS_NONE || !tvis_model_weight(m, n->weights[0], &w))
        return "f32";
    return w.dtype == TVIS_S8 ? "dynamic" : w.dtype == TVIS_S4 ? "int4" : tvis_dtype_name((tvis_dtype)w.dtype);
}

void precision_count(precision_macs *p, const tvis_model *m, const tvis_node_info *n)
{
    const char *name = precision_of(m, n);
    uint32_t i = 0;
    while (i < p->count && strcmp(p->name[i], name) != 0)
        i++;
    if (n->macs == 0 || i == PRECISIONS_MOST)
        return;
    if (i == p->count)
        p->name[p->count++] = name;
    p->macs[i] += n->macs;
    p->total += n->macs;
}

static double share(const precision_macs *p, uint32_t i)
{
    return p->total ? (double)p->macs[i] / (double)p->total : 0;
}

void precision_json(json *j, const char *key, const precision_macs *p)
{
    json_object(j, key, false);
    for (uint32_t i = 0; i < p->count; i++)
        json_number(j, p->name[i], share(p, i));
    json_end(j);
}

void precision_print(const precision_macs *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        printf("%s%s %.1f %%", i ? ", " : "", p->name[i], 100 * share(p, i));
}
