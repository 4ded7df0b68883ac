/* SPDX-License-Identifier: MIT */
/* What an opened blob says of itself. */
#include "core/blob.h"
#include "core/kernel.h"
#include "core/port.h"
#include "core/sparse.h"

void tvis_model_get_info(const tvis_model *m, tvis_model_info *info)
{
    const tvis_blob_header *h = tvis_header(m);
    info->arch = tvis_string(m, h->arch);
    info->classes = h->classes;
    info->h = h->h;
    info->w = h->w;
    info->c = h->c;
    info->min_side = h->min_side;
    info->max_side = h->max_side;
    info->multiple = h->multiple;
    info->nodes = h->node_count;
    info->tensors = h->tensor_count;
    info->inputs = h->input_count;
    info->outputs = h->output_count;
    info->file_bytes = h->file_bytes;
    info->params = 0;
    info->weight_bytes = 0;
    for (uint32_t i = h->activation_count; i < h->tensor_count; i++) {
        const tvis_blob_tensor *t = &tvis_tensors(m)[i];
        uint64_t n = 1;
        for (int k = 0; k < 4; k++)
            n *= (uint64_t)t->dims[k];
        info->params += n;
        info->weight_bytes += t->bytes;
    }
}

void tvis_model_preprocess(const tvis_model *m, tvis_preprocess *p)
{
    const tvis_blob_header *h = tvis_header(m);
    p->filter = h->filter;
    p->fit = h->fit;
    p->channels = h->channels;
    p->bgr = h->bgr;
    p->crop = h->crop;
    memcpy(p->mean, h->mean, sizeof p->mean);
    memcpy(p->std, h->std, sizeof p->std);
    const int32_t id = tvis_input_id(m, 0, true);
    p->scale = id < 0 ? 0.0f : tvis_tensors(m)[id].scale;
    p->zero = id < 0 ? 0 : tvis_tensors(m)[id].zero;
}

/* All nodes before n quantize something else. */
static bool only_others_before(const tvis_model *m, const tvis_blob_node *n)
{
    const uint16_t *ids = tvis_ids(m);
    for (const tvis_blob_node *other = tvis_nodes(m); other < n; other++)
        if (other->op != TVIS_OP_QUANTIZE || other->in_count != 1 || ids[other->ids] == ids[n->ids])
            return false;
    return true;
}

bool tvis_quantizes_input(const tvis_model *m, uint32_t i)
{
    const tvis_blob_node *n = &tvis_nodes(m)[i];
    const uint16_t *id = tvis_ids(m) + n->ids;
    if (n->op != TVIS_OP_QUANTIZE || n->in_count != 1 || n->out_count != 1 || n->act != TVIS_ACT_NONE ||
        i >= TVIS_MAX_LIVE || id[0] >= tvis_header(m)->input_count)
        return false;
    const tvis_blob_tensor *x = &tvis_tensors(m)[id[0]], *y = &tvis_tensors(m)[id[1]];
    return x->dtype == TVIS_F32 && y->dtype == TVIS_S8 && !y->factors && x->last_use == i && only_others_before(m, n);
}

int32_t tvis_input_id(const tvis_model *m, uint32_t k, bool int8)
{
    const uint32_t i = tvis_tensors(m)[k].last_use;
    if (!int8)
        return (int32_t)k;
    if (i >= tvis_header(m)->node_count || !tvis_quantizes_input(m, i) || tvis_ids(m)[tvis_nodes(m)[i].ids] != k)
        return -1;
    return tvis_ids(m)[tvis_nodes(m)[i].ids + 1];
}

const char *tvis_model_label(const tvis_model *m, uint32_t index)
{
    const tvis_blob_header *h = tvis_header(m);
    if (index >= h->label_count)
        return NULL;
    const char *s = tvis_string(m, h->labels);
    for (; index > 0; index--)
        while (*s++ != '\0')
            ;
    return s;
}

bool tvis_model_weight(const tvis_model *m, uint32_t i, tvis_weight_info *info)
{
    const tvis_blob_header *h = tvis_header(m);
    if (i >= h->tensor_count || !tvis_is_constant(m, i))
        return false;
    const tvis_blob_tensor *t = &tvis_tensors(m)[i];
    info->name = tvis_string(m, t->name);
    info->data = m->blob + t->offset;
    info->dtype = t->dtype;
    info->bytes = t->bytes;
    memcpy(info->dims, t->dims, sizeof info->dims);
    info->sparse = t->pack == TVIS_PACK_SPARSE;
    const size_t head = info->sparse ? tvis_sparse_head(t->dims[0], t->dims[1] * t->dims[2] * t->dims[3]) : 0;
    info->values = m->blob + t->offset + head;
    const size_t size = tvis_dtype_size((tvis_dtype)t->dtype);
    info->stored = size ? (uint32_t)((t->bytes - head) / size) : 0;
    info->panel = info->between = 0;
    if (tvis_is_packed(t->pack)) {
        const uint32_t group = TVIS_PACK_GROUP(t->pack), nr = TVIS_PACK_COLUMNS(t->pack);
        const uint32_t panels = ((uint32_t)t->dims[0] - 1) / nr + 1;
        info->between = group > 1 ? nr * (uint32_t)sizeof(int32_t) : 0;
        info->panel = info->stored / panels - info->between;
    }
    return true;
}
