/* SPDX-License-Identifier: MIT */
#include "points.h"

#include "fail.h"
#include "files.h"
#include "stats.h"

#include <tinyvis/keypoints.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int points_check(const command *c, const points_options *o)
{
    return o->full && o->size.h ? print_usage_error(c->name, "options '--size' and '--full' exclude each other")
                                : ARGS_GO_ON;
}

int points_operands(const command *c, int count, char **operand, int pictures, const char **model)
{
    *model = count > pictures ? operand[0] : NULL;
    for (int i = count - pictures; i < count; i++)
        if (files_ends_with(operand[i], ".tvis"))
            return print_usage_error(c->name, "something is missing: tinyvis %s %s", c->name, c->usage);
    return ARGS_GO_ON;
}

tvis_status points_model(loaded *l, const char *path, const points_options *o, tvis_diag *d)
{
    tvis_status s = model_load(l, path, (uint32_t)o->threads, d);
    if (s)
        return s;
    l->config.plan = (uint8_t)o->plan;
    l->config.strict = o->strict;
    if (l->info.outputs != 2 || l->info.classes || l->preprocess.fit != TVIS_FIT_STRETCH)
        return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_GRAPH, l->path, "is no model for keypoints: scores and descriptors");
    return TVIS_OK;
}

/* A side of the network's input: a multiple of the model's step within its limits. */
static uint16_t side(const tvis_model_info *m, double wanted)
{
    const double steps = floor(wanted / m->multiple + 0.5), most = floor((double)m->max_side / m->multiple);
    const double least = ceil((double)m->min_side / m->multiple);
    return (uint16_t)((steps < least ? least : steps > most ? most : steps) * m->multiple);
}

static arg_size input_size(const loaded *l, const picture *p, const points_options *o)
{
    const double pixels = (double)p->width * p->height, usual = (double)l->info.h * l->info.w;
    const double by = o->full || pixels <= usual ? 1 : sqrt(usual / pixels);
    if (o->size.h)
        return o->size;
    return (arg_size){ side(&l->info, p->height * by), side(&l->info, p->width * by) };
}

static tvis_status no_memory(const char *what, size_t bytes, tvis_diag *d)
{
    return tool_fail_value(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, what, NULL, (int64_t)bytes, 0);
}

/* An output where it lies in the arena, pixel by pixel, which is read faster than planes; or its copy. */
static tvis_tensor output_of(const loaded *l, uint32_t i)
{
    tvis_tensor t;
    return tvis_session_output(l->session, i, &t) == TVIS_OK && t.dtype == TVIS_F32 ? t : l->outputs[i];
}

static tvis_status pick(points *p, const loaded *l, const points_options *o, const tvis_tensor *seen, tvis_diag *d)
{
    const tvis_tensor scores = output_of(l, 0), descriptors = output_of(l, 1);
    tvis_keypoints_config c;
    size_t bytes;
    tvis_keypoints_defaults(&c);
    c.max_points = (uint32_t)o->top;
    c.threshold = (float)o->threshold;
    c.radius = (uint16_t)o->radius;
    c.border = (uint16_t)o->border;
    c.refine = (uint16_t)o->refine;
    c.corner = (uint16_t)o->corner;
    c.picture = seen;
    c.nms = (uint8_t)o->nms;
    c.style = (uint8_t)o->style;
    tvis_status s = tvis_keypoints_size(&c, &scores, &bytes, d);
    if (s)
        return s;
    void *work = memory_aligned(bytes);
    p->dim = descriptors.dims[3];
    p->at = malloc(c.max_points * sizeof *p->at);
    p->vector = malloc((size_t)c.max_points * (size_t)p->dim * sizeof *p->vector);
    if (!work || !p->at || !p->vector)
        s = no_memory("keypoints", bytes, d);
    else
        s = tvis_keypoints_run(&c, &scores, &descriptors, work, bytes, p->at, p->vector, &p->count, d);
    free(work);
    return s;
}

/* A copy of the network's input: the arena, where it lies, is used for other things while the network runs. */
static tvis_status keep(const tvis_tensor *in, tvis_tensor *seen, tvis_diag *d)
{
    const size_t bytes = (size_t)in->dims[1] * (size_t)in->dims[2] * sizeof(float);
    *seen = *in;
    seen->data = malloc(bytes);
    if (!seen->data)
        return no_memory("picture", bytes, d);
    memcpy(seen->data, in->data, bytes);
    return TVIS_OK;
}

tvis_status points_find(points *p, loaded *l, const char *path, const points_options *o, tvis_diag *d)
{
    tvis_tensor in, seen = { 0 };
    tvis_status s = source_read(&p->file, path, d);
    if (!s && p->file.is_npy)
        s = tool_fail(d, TVIS_EINVAL, TVIS_DIAG_REFUSED, path, "is an array; a picture is needed");
    if (!s)
        s = source_prepare(&p->file, l, input_size(l, &p->file.image, o), &in, d);
    if (!s && o->corner)
        s = keep(&in, &seen, d);
    if (!s)
        s = model_run(l, &in, &p->network_ms, d);
    const double start = stats_now_ms();
    if (!s) {
        p->input_h = in.dims[1];
        p->input_w = in.dims[2];
        s = pick(p, l, o, &seen, d);
    }
    free(seen.data);
    p->select_ms = stats_now_ms() - start;
    if (!s)
        tvis_keypoints_scale(p->at, p->count, p->input_w, p->input_h, p->file.image.width, p->file.image.height);
    return s;
}

void points_free(points *p)
{
    source_free(&p->file);
    free(p->at);
    free(p->vector);
    *p = (points){ 0 };
}
