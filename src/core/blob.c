/* SPDX-License-Identifier: MIT */
/* Opening a blob: after this, nothing in its tables can lead a reader outside of it. */
#include "core/blob.h"
#include "core/diag.h"
#include "core/kernel.h"
#include "core/port.h"
#include "core/s4.h"
#include "core/sparse.h"

TVIS_STATIC_ASSERT(header,
                   sizeof(tvis_blob_header) == 128 && sizeof(tvis_blob_tensor) == 48 && sizeof(tvis_blob_node) == 48);

static tvis_status bad(tvis_diag *d, tvis_diag_code code, const char *subject, const char *detail)
{
    return tvis_fail(d, TVIS_EFORMAT, code, subject, detail);
}

static tvis_status bad_tensor(const tvis_model *m, uint32_t id, tvis_diag_code code, const char *detail, tvis_diag *d)
{
    bad(d, code, tvis_string(m, tvis_tensors(m)[id].name), detail);
    if (d)
        d->tensor = (uint16_t)id;
    return TVIS_EFORMAT;
}

static tvis_status bad_node(const tvis_model *m, uint32_t i, tvis_diag_code code, const char *detail, tvis_diag *d)
{
    bad(d, code, tvis_string(m, tvis_nodes(m)[i].name), detail);
    if (d)
        d->node = (uint16_t)i;
    return TVIS_EFORMAT;
}

static bool section(const tvis_blob_header *h, uint32_t offset, uint64_t count, uint32_t size, uint32_t align)
{
    return offset >= sizeof *h && offset % align == 0 && count * size <= h->tables_end &&
           offset <= h->tables_end - (uint32_t)(count * size);
}

static tvis_status check_frame(const tvis_model *m, tvis_diag *d)
{
    const tvis_blob_header *h = tvis_header(m);
    if (m->len < sizeof *h)
        return tvis_fail_value(d, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, "header", NULL, sizeof *h, (int64_t)m->len);
    if (h->magic != TVIS_BLOB_MAGIC)
        return bad(d, TVIS_DIAG_MAGIC, NULL, "not a .tvis blob");
    if (h->version != TVIS_BLOB_VERSION || h->header_bytes != sizeof *h)
        return tvis_fail_value(d, TVIS_EFORMAT, TVIS_DIAG_VERSION, NULL, NULL, TVIS_BLOB_VERSION, h->version);
    if (h->file_bytes > m->len)
        return tvis_fail_value(d, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, NULL, NULL, h->file_bytes, (int64_t)m->len);
    if (h->file_bytes != m->len)
        return tvis_fail_value(d, TVIS_EFORMAT, TVIS_DIAG_BOUNDS, "file_bytes", "bytes follow the blob", h->file_bytes,
                               (int64_t)m->len);
    if (h->tables_end < sizeof *h || h->tables_end > h->file_bytes)
        return bad(d, TVIS_DIAG_BOUNDS, "tables_end", NULL);
    uint32_t crc = tvis_blob_crc(m->blob);
    if (crc != h->crc)
        return tvis_fail_value(d, TVIS_EFORMAT, TVIS_DIAG_CRC, "header and tables", NULL, h->crc, crc);
    return TVIS_OK;
}

static tvis_status check_strings(const tvis_model *m, tvis_diag *d)
{
    const tvis_blob_header *h = tvis_header(m);
    if (!section(h, h->string_offset, h->string_bytes, 1, 1) || h->string_bytes == 0 ||
        m->blob[h->string_offset + h->string_bytes - 1] != '\0')
        return bad(d, TVIS_DIAG_BOUNDS, "strings", NULL);
    if (h->arch >= h->string_bytes)
        return bad(d, TVIS_DIAG_BOUNDS, "arch", NULL);
    if (h->label_count != 0 && h->label_count != h->classes)
        return tvis_fail_value(d, TVIS_EFORMAT, TVIS_DIAG_BOUNDS, "labels", "not one for each class", h->classes,
                               h->label_count);
    uint32_t at = h->labels;
    for (uint32_t i = 0; i < h->label_count; i++, at++) {
        while (at < h->string_bytes && tvis_string(m, at)[0] != '\0')
            at++;
        if (at >= h->string_bytes)
            return bad(d, TVIS_DIAG_BOUNDS, "labels", NULL);
    }
    return TVIS_OK;
}

/* Positive and finite, without <math.h>. */
static bool positive(float x)
{
    return x > 0.0f && x < 1e30f;
}

static tvis_status check_meta(const tvis_model *m, tvis_diag *d)
{
    const tvis_blob_header *h = tvis_header(m);
    uint32_t mult = h->multiple;
    if (h->c == 0 || mult == 0 || h->min_side == 0 || h->max_side > TVIS_MAX_SIDE || h->min_side > h->max_side)
        return bad(d, TVIS_DIAG_BOUNDS, "input size", NULL);
    if (h->h < h->min_side || h->h > h->max_side || h->h % mult || h->w < h->min_side || h->w > h->max_side ||
        h->w % mult)
        return bad(d, TVIS_DIAG_BOUNDS, "default input size", NULL);
    if (h->filter >= TVIS_FILTER_COUNT_ || h->fit >= TVIS_FIT_COUNT_ || h->bgr > 1 ||
        (h->channels != 1 && h->channels != 3))
        return bad(d, TVIS_DIAG_ENUM, "preprocess", NULL);
    if (!positive(h->crop) || h->crop > 1.0f)
        return bad(d, TVIS_DIAG_VALUE, "preprocess.crop", NULL);
    for (int i = 0; i < 3; i++)
        if (!positive(h->std[i]) || !(h->mean[i] > -1e30f && h->mean[i] < 1e30f))
            return bad(d, TVIS_DIAG_VALUE, "preprocess.mean, std", NULL);
    if (h->reserved || h->reserved2[0] || h->reserved2[1] || h->reserved2[2])
        return bad(d, TVIS_DIAG_ENUM, "reserved", "must be 0");
    return TVIS_OK;
}

/* Elements of a packed matrix, core/kernel.h. */
static uint64_t packed_elements(const tvis_blob_tensor *t, uint64_t rows, uint64_t columns)
{
    const uint64_t group = TVIS_PACK_GROUP(t->pack), nr = TVIS_PACK_COLUMNS(t->pack);
    const uint64_t panels = (rows + nr - 1) / nr;
    if (group == 1)
        return panels * nr * columns;
    return panels * nr * ((columns + group - 1) / group * group + sizeof(int32_t));
}

/* Panels of any width; groups of int8 only. Depthwise weights are packed by sessions, not in blobs. */
static bool known_packing(const tvis_blob_tensor *t)
{
    const uint32_t group = TVIS_PACK_GROUP(t->pack), nr = TVIS_PACK_COLUMNS(t->pack);
    if (t->pack == TVIS_PACK_PLAIN)
        return true;
    if (t->pack == TVIS_PACK_SPARSE)
        return t->dtype == TVIS_F32 || t->dtype == TVIS_F16 || t->dtype == TVIS_S8;
    return nr > 0 && t->dtype != TVIS_S4 &&
           (group == 1 || (t->dtype == TVIS_S8 && (group == 2 || group == 4 || group == 8 || group == 16)));
}

/* Bytes of a constant's data; false where they do not fit 32 bits. */
static bool data_bytes(const tvis_blob_tensor *t, uint32_t *bytes)
{
    const uint64_t rows = (uint64_t)t->dims[0];
    uint64_t columns = 1, n;
    for (int i = 1; i < 4; i++) {
        columns *= (uint64_t)t->dims[i]; /* < 2^32 * 2^24 */
        if (columns > UINT32_MAX)
            return false;
    }
    if (t->dtype == TVIS_S4) {
        n = rows * tvis_s4_row_bytes(columns); /* < 2^25 * 2^33 */
    } else {
        n = t->pack == TVIS_PACK_PLAIN ? rows * columns : packed_elements(t, rows, columns); /* < 2^25 * 2^33 */
        if (n > UINT32_MAX)
            return false;
        n *= tvis_dtype_size((tvis_dtype)t->dtype);
    }
    *bytes = (uint32_t)n;
    return n <= UINT32_MAX;
}

/* Whether a sparse tensor has its bits and no more values than elements, in whole numbers. */
static bool check_sparse(const tvis_blob_tensor *t)
{
    const size_t size = tvis_dtype_size((tvis_dtype)t->dtype);
    uint64_t elements = 1;
    for (int i = 0; i < 4; i++) {
        elements *= (uint64_t)t->dims[i]; /* < 2^31 * 2^24 */
        if (elements > INT32_MAX)
            return false;
    }
    const size_t head = tvis_sparse_head(t->dims[0], (int32_t)elements / t->dims[0]);
    return t->bytes >= head && (t->bytes - head) % size == 0 && (t->bytes - head) / size <= elements;
}

static bool has_bytes(const tvis_blob_tensor *t)
{
    uint32_t bytes;
    return t->pack == TVIS_PACK_SPARSE ? check_sparse(t) : data_bytes(t, &bytes) && bytes == t->bytes;
}

static bool unscaled(const tvis_blob_tensor *t)
{
    return t->scale - t->scale == 0.0f && !(t->scale < 0.0f || t->scale > 0.0f) && t->zero == 0;
}

static bool scaled(const tvis_blob_tensor *t)
{
    return positive(t->scale) && t->zero >= INT8_MIN && t->zero <= INT8_MAX && (t->dtype == TVIS_S8 || t->zero == 0);
}

/* *left: bytes of data that the tensors before have not taken. Were they shared, a small blob could take hours to
 * verify. */
static tvis_status check_constant(const tvis_model *m, uint32_t id, uint32_t *left, tvis_diag *d)
{
    const tvis_blob_header *h = tvis_header(m);
    const tvis_blob_tensor *t = &tvis_tensors(m)[id];
    if (!known_packing(t))
        return bad_tensor(m, id, TVIS_DIAG_ENUM, "unknown packing", d);
    for (int i = 0; i < 4; i++)
        if (t->dims[i] < 1 || t->dims[i] > TVIS_MAX_DIM)
            return bad_tensor(m, id, TVIS_DIAG_BOUNDS, "a dimension is out of range", d);
    if (!has_bytes(t))
        return bad_tensor(m, id, TVIS_DIAG_BOUNDS, "size and shape do not agree", d);
    if (t->offset % TVIS_BLOB_ALIGN || t->offset < h->tables_end || t->bytes > *left ||
        t->offset > h->file_bytes - t->bytes)
        return bad_tensor(m, id, TVIS_DIAG_BOUNDS, "data lies outside of the blob, or is shared", d);
    *left -= t->bytes;
    if (t->producer != TVIS_NONE || t->last_use != TVIS_NONE)
        return bad_tensor(m, id, TVIS_DIAG_GRAPH, "a constant has a producer", d);
    if (!unscaled(t))
        return bad_tensor(m, id, TVIS_DIAG_VALUE, "a constant has a scale", d);
    return TVIS_OK;
}

static tvis_status check_activation(const tvis_model *m, uint32_t id, tvis_diag *d)
{
    const tvis_blob_header *h = tvis_header(m);
    const tvis_blob_tensor *t = &tvis_tensors(m)[id];
    bool input = id < h->input_count; /* inputs are the first tensors */
    if (id == 0 && t->dims[3] != h->c)
        return bad_tensor(m, id, TVIS_DIAG_BOUNDS, "the header tells another number of channels", d);
    if (t->offset || t->bytes || t->crc || t->pack)
        return bad_tensor(m, id, TVIS_DIAG_BOUNDS, "an activation has data", d);
    for (int i = 0; i < 4; i++)
        if (t->dims[i] < 0 || t->dims[i] > TVIS_MAX_DIM || (!input && t->dims[i] != 0) ||
            (input && i == 3 && t->dims[i] == 0))
            return bad_tensor(m, id, TVIS_DIAG_BOUNDS, "a dimension is out of range", d);
    const bool integer = t->dtype == TVIS_S8 || t->dtype == TVIS_S16;
    if (integer ? !scaled(t) : !unscaled(t) || t->factors)
        return bad_tensor(m, id, TVIS_DIAG_VALUE, "scale or zero point", d);
    if (input ? t->producer != TVIS_NONE : t->producer >= h->node_count)
        return bad_tensor(m, id, TVIS_DIAG_GRAPH, "no such producer", d);
    uint32_t first = input ? 0 : t->producer;
    if (t->last_use > h->node_count || t->last_use < first)
        return bad_tensor(m, id, TVIS_DIAG_GRAPH, "last use is out of range", d);
    return TVIS_OK;
}

static tvis_status check_tensors(const tvis_model *m, tvis_diag *d)
{
    const tvis_blob_header *h = tvis_header(m);
    if (h->tensor_count > TVIS_MAX_TENSORS || h->activation_count > h->tensor_count ||
        h->input_count > h->activation_count ||
        !section(h, h->tensor_offset, h->tensor_count, sizeof(tvis_blob_tensor), 4))
        return bad(d, TVIS_DIAG_BOUNDS, "tensors", NULL);
    uint32_t left = h->file_bytes - h->tables_end;
    for (uint32_t id = 0; id < h->tensor_count; id++) {
        const tvis_blob_tensor *t = &tvis_tensors(m)[id];
        if (t->name >= h->string_bytes)
            return bad(d, TVIS_DIAG_BOUNDS, "tensors", "a name is out of range");
        const bool s4 = tvis_is_constant(m, id) && t->dtype == TVIS_S4;
        if ((tvis_dtype_size((tvis_dtype)t->dtype) == 0 && !s4) || t->factors > 1)
            return bad_tensor(m, id, TVIS_DIAG_ENUM, "unknown dtype", d);
        tvis_status s = tvis_is_constant(m, id) ? check_constant(m, id, &left, d) : check_activation(m, id, d);
        if (s)
            return s;
    }
    return TVIS_OK;
}

static bool reads(const tvis_model *m, uint32_t node, uint32_t id)
{
    const tvis_blob_node *n = &tvis_nodes(m)[node];
    for (uint32_t k = 0; k < n->in_count; k++)
        if (tvis_ids(m)[n->ids + k] == id)
            return true;
    return false;
}

static bool is_output(const tvis_model *m, uint32_t id)
{
    const tvis_blob_header *h = tvis_header(m);
    for (uint32_t k = 0; k < h->output_count; k++)
        if (tvis_ids(m)[h->input_count + k] == id)
            return true;
    return false;
}

bool tvis_node_is_s16(const tvis_model *m, const tvis_blob_node *n)
{
    const uint16_t *id = tvis_ids(m) + n->ids;
    for (uint32_t k = 0; k < (uint32_t)n->in_count + n->out_count; k++)
        if (id[k] != TVIS_NONE && tvis_tensors(m)[id[k]].dtype == TVIS_S16)
            return true;
    return false;
}

static tvis_status check_node(const tvis_model *m, uint32_t i, tvis_diag *d)
{
    const tvis_blob_header *h = tvis_header(m);
    const tvis_blob_node *n = &tvis_nodes(m)[i];
    if (n->name >= h->string_bytes)
        return bad(d, TVIS_DIAG_BOUNDS, "nodes", "a name is out of range");
    if (n->op >= TVIS_OP_COUNT_ || n->act >= TVIS_ACT_COUNT_)
        return bad_node(m, i, TVIS_DIAG_ENUM, "unknown operator or activation", d);
    uint32_t ids = (uint32_t)n->in_count + n->out_count;
    if (n->in_count < 1 || n->in_count > TVIS_MAX_IN || n->out_count < 1 || n->out_count > TVIS_MAX_OUT ||
        ids > h->id_count || n->ids > h->id_count - ids)
        return bad_node(m, i, TVIS_DIAG_BOUNDS, "its tensors lie outside of the table", d);
    const uint16_t *id = tvis_ids(m) + n->ids;
    for (uint32_t k = 0; k < n->in_count; k++) {
        if (id[k] == TVIS_NONE && k > 0)
            continue;
        if (id[k] >= h->tensor_count)
            return bad_node(m, i, TVIS_DIAG_GRAPH, "an input is no tensor", d);
        const tvis_blob_tensor *t = &tvis_tensors(m)[id[k]];
        if (!tvis_is_constant(m, id[k]) && ((t->producer != TVIS_NONE && t->producer >= i) || t->last_use < i))
            return bad_node(m, i, TVIS_DIAG_GRAPH, "an input is not there when the node runs", d);
        if (t->pack == TVIS_PACK_SPARSE && (k != 1 || (n->op != TVIS_OP_CONV2D && n->op != TVIS_OP_LINEAR)))
            return bad_node(m, i, TVIS_DIAG_GRAPH, "only weights of conv2d and linear may be sparse", d);
    }
    for (uint32_t k = n->in_count; k < ids; k++) {
        if (id[k] >= h->activation_count || tvis_tensors(m)[id[k]].producer != i)
            return bad_node(m, i, TVIS_DIAG_GRAPH, "an output is not this node's", d);
        for (uint32_t j = n->in_count; j < k; j++)
            if (id[j] == id[k])
                return bad_node(m, i, TVIS_DIAG_GRAPH, "an output is there twice", d);
    }
    return tvis_params_valid(n->op, &n->p) && tvis_quant_valid(&n->q) &&
                   (tvis_node_is_s16(m, n) || (!n->q.low[0] && !n->q.low[1]))
               ? TVIS_OK
               : bad_node(m, i, TVIS_DIAG_BOUNDS, "a parameter is out of range", d);
}

static bool writes(const tvis_model *m, uint32_t node, uint32_t id)
{
    const tvis_blob_node *n = &tvis_nodes(m)[node];
    for (uint32_t k = n->in_count; k < (uint32_t)n->in_count + n->out_count; k++)
        if (tvis_ids(m)[n->ids + k] == id)
            return true;
    return false;
}

/* What activations say of their producer and last reader is what the nodes say. */
static tvis_status check_lifetimes(const tvis_model *m, tvis_diag *d)
{
    const tvis_blob_header *h = tvis_header(m);
    for (uint32_t id = 0; id < h->activation_count; id++) {
        const tvis_blob_tensor *t = &tvis_tensors(m)[id];
        if (t->producer != TVIS_NONE && !writes(m, t->producer, id))
            return bad_tensor(m, id, TVIS_DIAG_GRAPH, "its producer does not write it", d);
        bool unread = t->last_use == (t->producer == TVIS_NONE ? 0 : t->producer);
        if (t->last_use < h->node_count ? !unread && !reads(m, t->last_use, id) : !is_output(m, id))
            return bad_tensor(m, id, TVIS_DIAG_GRAPH, "its last reader does not read it", d);
    }
    return TVIS_OK;
}

static tvis_status check_graph(const tvis_model *m, tvis_diag *d)
{
    const tvis_blob_header *h = tvis_header(m);
    if (h->node_count < 1 || h->node_count > TVIS_MAX_NODES ||
        !section(h, h->node_offset, h->node_count, sizeof(tvis_blob_node), 4) ||
        !section(h, h->id_offset, h->id_count, sizeof(uint16_t), 2))
        return bad(d, TVIS_DIAG_BOUNDS, "nodes", NULL);
    if (h->input_count < 1 || h->input_count > TVIS_MAX_LIVE || h->output_count < 1 ||
        h->output_count > TVIS_MAX_LIVE || (uint32_t)h->input_count + h->output_count > h->id_count)
        return bad(d, TVIS_DIAG_BOUNDS, "inputs, outputs", NULL);
    for (uint32_t i = 0; i < h->node_count; i++) {
        tvis_status s = check_node(m, i, d);
        if (s)
            return s;
    }
    for (uint32_t k = 0; k < (uint32_t)h->input_count + h->output_count; k++) {
        uint32_t id = tvis_ids(m)[k];
        if (k < h->input_count ? id != k : id >= h->activation_count || tvis_tensors(m)[id].last_use != h->node_count)
            return bad(d, TVIS_DIAG_GRAPH, "inputs, outputs", NULL);
    }
    return check_lifetimes(m, d);
}

tvis_status tvis_model_open(tvis_model *m, const void *blob, size_t len, tvis_diag *diag)
{
    static const uint16_t one = 1;
    if (!m || !blob)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, m ? "blob" : "model", "is NULL");
    if ((uintptr_t)blob % TVIS_ARENA_ALIGN)
        return tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ALIGN, "blob", NULL);
    if (*(const uint8_t *)&one != 1)
        return tvis_fail(diag, TVIS_EUNSUP, TVIS_DIAG_REFUSED, "blob", "this processor is big-endian, blobs are not");
    tvis_model opened = { blob, len };
    tvis_status s = check_frame(&opened, diag);
    if (!s)
        s = check_strings(&opened, diag);
    if (!s)
        s = check_meta(&opened, diag);
    if (!s)
        s = check_tensors(&opened, diag);
    if (!s)
        s = check_graph(&opened, diag);
    if (!s)
        *m = opened;
    return s;
}

tvis_status tvis_blob_verify(const tvis_model *m, tvis_diag *diag)
{
    const tvis_blob_header *h = tvis_header(m);
    for (uint32_t id = h->activation_count; id < h->tensor_count; id++) {
        const tvis_blob_tensor *t = &tvis_tensors(m)[id];
        uint32_t crc = tvis_crc32(0, m->blob + t->offset, t->bytes);
        if (crc != t->crc) {
            tvis_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_CRC, tvis_string(m, t->name), NULL, t->crc, crc);
            if (diag)
                diag->tensor = (uint16_t)id;
            return TVIS_EFORMAT;
        }
    }
    return TVIS_OK;
}
