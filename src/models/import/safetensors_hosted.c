/* SPDX-License-Identifier: MIT */
/* safetensors: u64 length of a JSON object, the object, then the bytes of the tensors, one after the other, without
 * gaps:
 * {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {"key": "value"}} */
#include <stdlib.h>
#include <string.h>

#include "core/port.h"
#include "models/import/import.h"
#include "models/import/json.h"

#define HEADER_MAX 100000000u /* of the format's own reader */

typedef struct span {
    int64_t begin, end;
    size_t item;
} span;

typedef struct reader {
    tvis_weights *weights;
    tvis_json json;
    const uint8_t *tensors; /* after the header */
    size_t tensors_size;
    uint8_t *name; /* of the tensor being read, as long as the header at most */
    size_t name_size;
    span *spans; /* of each tensor */
    size_t capacity;
    tvis_diag *diag;
} reader;

typedef struct entry {
    tvis_weight t;
    int64_t begin, end;
    bool has_dtype, has_shape, has_offsets;
} entry;

static tvis_status bad(const reader *r, const char *detail)
{
    return tvis_fail_at(r->diag, TVIS_DIAG_SYNTAX, r->weights->source, sizeof(uint64_t) + r->json.pos, detail);
}

static tvis_status bad_tensor(const reader *r, tvis_diag_code code, const char *detail, int64_t expected, int64_t found)
{
    tvis_subject s;
    return tvis_fail_value(r->diag, TVIS_EFORMAT, code, tvis_subject_of(&s, r->name, r->name_size), detail, expected,
                           found);
}

/* ORDER TVIS_DTYPE, but for the last: files of others do not have it */
static const char *const dtype_names[] = { "F32", "F16", "BF16", "F64", "I8", "U8", "I16", "I32", "I64", "BOOL" };
TVIS_STATIC_ASSERT(dtype_names, TVIS_COUNT(dtype_names) == TVIS_S4 && TVIS_S4 + 1 == TVIS_DTYPE_COUNT_);

static tvis_status read_dtype(reader *r, entry *e)
{
    if (!tvis_json_string(&r->json))
        return bad(r, "the dtype is not a string");
    for (size_t i = 0; i < TVIS_COUNT(dtype_names); i++)
        if (tvis_json_is(&r->json, dtype_names[i])) {
            e->t.dtype = (tvis_dtype)i;
            e->has_dtype = true;
            return TVIS_OK;
        }
    return bad_tensor(r, TVIS_DIAG_DTYPE, "an element type that is not supported", -1, -1);
}

/* Up to `most` integers between brackets. */
static tvis_status read_integers(reader *r, int64_t *values, uint32_t most, uint32_t *count)
{
    bool more = true;
    *count = 0;
    if (!tvis_json_take(&r->json, '['))
        return bad(r, "an array of integers is expected");
    if (tvis_json_take(&r->json, ']'))
        return TVIS_OK;
    while (more) {
        if (*count == most)
            return bad_tensor(r, TVIS_DIAG_LIMIT, "too many dimensions or offsets", most, -1);
        if (!tvis_json_integer(&r->json, &values[*count]) || !tvis_json_next(&r->json, ']', &more))
            return bad(r, "not an array of non-negative integers");
        ++*count;
    }
    return TVIS_OK;
}

static tvis_status read_offsets(reader *r, entry *e)
{
    int64_t offsets[2];
    uint32_t count;
    tvis_status s = read_integers(r, offsets, 2, &count);
    if (s)
        return s;
    if (count != 2)
        return bad(r, "data_offsets are two numbers");
    e->begin = offsets[0];
    e->end = offsets[1];
    e->has_offsets = true;
    return TVIS_OK;
}

static tvis_status read_field(reader *r, entry *e)
{
    if (!tvis_json_string(&r->json) || !tvis_json_take(&r->json, ':'))
        return bad(r, "a key and a colon are expected");
    if (tvis_json_is(&r->json, "dtype") && !e->has_dtype)
        return read_dtype(r, e);
    if (tvis_json_is(&r->json, "data_offsets") && !e->has_offsets)
        return read_offsets(r, e);
    if (!tvis_json_is(&r->json, "shape") || e->has_shape)
        return bad(r, "a key of a tensor that is unknown or there twice");
    e->has_shape = true;
    return read_integers(r, e->t.dims, TVIS_WEIGHT_RANK, &e->t.rank);
}

static tvis_status add_tensor(reader *r, entry *e)
{
    tvis_subject subject;
    int64_t size = (int64_t)tvis_dtype_size(e->t.dtype), stride = 1;
    if (e->begin > e->end || (uint64_t)e->end > r->tensors_size)
        return bad_tensor(r, TVIS_DIAG_BOUNDS, "data_offsets leave the file", (int64_t)r->tensors_size, e->end);
    for (uint32_t i = e->t.rank; i-- > 0;) {
        e->t.strides[i] = stride;
        stride = e->t.dims[i] && stride > INT64_MAX / e->t.dims[i] ? INT64_MAX : stride * e->t.dims[i];
    }
    int64_t elements = stride, bytes = e->end - e->begin;
    if (elements != bytes / size || bytes % size)
        return bad_tensor(r, TVIS_DIAG_BOUNDS, "data_offsets and shape disagree: elements, bytes", elements, bytes);
    tvis_status s = tvis_weight_place(&e->t, r->tensors + (size_t)e->begin, (uint64_t)elements, 0,
                                      tvis_subject_of(&subject, r->name, r->name_size), r->diag);
    if (s)
        return s;
    size_t item = r->weights->count;
    span *spans = tvis_grow(r->spans, &r->capacity, item + 1, sizeof *spans);
    if (!spans)
        return tvis_fail(r->diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, r->weights->source, "no memory to read the header");
    r->spans = spans;
    spans[item] = (span){ e->begin, e->end, item };
    return tvis_weights_add(r->weights, r->name, r->name_size, &e->t, r->diag);
}

static tvis_status read_tensor(reader *r)
{
    entry e;
    bool more = true;
    memset(&e, 0, sizeof e);
    memcpy(r->name, r->json.text, r->json.text_size);
    r->name_size = r->json.text_size;
    if (!tvis_json_take(&r->json, ':') || !tvis_json_take(&r->json, '{'))
        return bad(r, "a colon and an object are expected");
    while (more) {
        tvis_status s = read_field(r, &e);
        if (s)
            return s;
        if (!tvis_json_next(&r->json, '}', &more))
            return bad(r, "a comma or the end of the object is expected");
    }
    if (!e.has_dtype || !e.has_shape || !e.has_offsets)
        return bad_tensor(r, TVIS_DIAG_SYNTAX, "dtype, shape or data_offsets are missing", -1, -1);
    return add_tensor(r, &e);
}

static tvis_status skip_metadata(reader *r)
{
    bool more = true;
    if (!tvis_json_take(&r->json, ':') || !tvis_json_take(&r->json, '{'))
        return bad(r, "the metadata are not an object");
    if (tvis_json_take(&r->json, '}'))
        return TVIS_OK;
    while (more)
        if (!tvis_json_string(&r->json) || !tvis_json_take(&r->json, ':') || !tvis_json_string(&r->json) ||
            !tvis_json_next(&r->json, '}', &more))
            return bad(r, "the metadata are not strings");
    return TVIS_OK;
}

static tvis_status read_header(reader *r)
{
    bool more = tvis_json_take(&r->json, '{') && !tvis_json_take(&r->json, '}');
    while (more) {
        if (!tvis_json_string(&r->json))
            return bad(r, "the name of a tensor is expected");
        tvis_status s = tvis_json_is(&r->json, "__metadata__") ? skip_metadata(r) : read_tensor(r);
        if (s)
            return s;
        if (!tvis_json_next(&r->json, '}', &more))
            return bad(r, "a comma or the end of the object is expected");
    }
    return tvis_json_end(&r->json) ? TVIS_OK : bad(r, "text after the end of the header");
}

static int by_begin(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Every byte belongs to one tensor. */
static tvis_status check_spans(reader *r)
{
    size_t count = r->weights->count;
    int64_t end = 0;
    if (count)
        qsort(r->spans, count, sizeof *r->spans, by_begin);
    for (size_t i = 0; i < count; i++) {
        if (r->spans[i].begin != end)
            return tvis_fail_value(r->diag, TVIS_EFORMAT, TVIS_DIAG_BOUNDS, r->weights->source,
                                   "tensors overlap or leave a gap", end, r->spans[i].begin);
        end = r->spans[i].end;
    }
    if ((uint64_t)end != r->tensors_size)
        return tvis_fail_value(r->diag, TVIS_EFORMAT, TVIS_DIAG_BOUNDS, r->weights->source,
                               "the tensors end before the file does", end, (int64_t)r->tensors_size);
    return TVIS_OK;
}

tvis_status tvis_safetensors_read(tvis_weights *w, const uint8_t *data, size_t size, tvis_diag *diag)
{
    uint64_t header = tvis_le64(data);
    size_t room = size - sizeof header;
    if (header > HEADER_MAX)
        return tvis_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_LIMIT, w->source, "the header is too long", HEADER_MAX,
                               header > INT64_MAX ? INT64_MAX : (int64_t)header);
    if (header > room)
        return tvis_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, w->source, "the file ends in its header",
                               (int64_t)(header + sizeof header), (int64_t)size);
    const uint8_t *text = data + sizeof header;
    reader r = { .weights = w, .diag = diag, .tensors = text + (size_t)header, .tensors_size = room - (size_t)header };
    uint8_t *scratch = malloc(2 * ((size_t)header + 1));
    if (!scratch)
        return tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, w->source, "no memory to read the header");
    r.json = (tvis_json){ text, (size_t)header, 0, scratch, 0 };
    r.name = scratch + header + 1;
    tvis_status s = read_header(&r);
    if (!s)
        s = check_spans(&r);
    free(r.spans);
    free(scratch);
    return s;
}
