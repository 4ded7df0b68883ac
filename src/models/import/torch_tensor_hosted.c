/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/port.h"
#include "models/import/torch_tensor.h"

/* Storage classes, their bytes an element, and the dtype that torch calls by the other name. */
static const struct {
    const char *storage, *name;
    tvis_dtype dtype;
    uint32_t size;
} kinds[] = {
    { "FloatStorage", "float32", TVIS_F32, 4 },
    { "HalfStorage", "float16", TVIS_F16, 2 },
    { "BFloat16Storage", "bfloat16", TVIS_BF16, 2 },
    { "DoubleStorage", "float64", TVIS_F64, 8 },
    { "CharStorage", "int8", TVIS_S8, 1 },
    { "ByteStorage", "uint8", TVIS_U8, 1 },
    { "ShortStorage", "int16", TVIS_S16, 2 },
    { "IntStorage", "int32", TVIS_S32, 4 },
    { "LongStorage", "int64", TVIS_S64, 8 },
    { "BoolStorage", "bool", TVIS_BOOL, 1 },
    { "UntypedStorage", "", TVIS_DTYPE_COUNT_, 1 },
    { "_UntypedStorage", "", TVIS_DTYPE_COUNT_, 1 },
    { "ComplexFloatStorage", "", TVIS_DTYPE_COUNT_, 8 },
    { "ComplexDoubleStorage", "", TVIS_DTYPE_COUNT_, 16 },
    { "QInt8Storage", "", TVIS_DTYPE_COUNT_, 1 },
    { "QUInt8Storage", "", TVIS_DTYPE_COUNT_, 1 },
    { "QInt32Storage", "", TVIS_DTYPE_COUNT_, 4 },
    { "QUInt4x2Storage", "", TVIS_DTYPE_COUNT_, 1 },
    { "QUInt2x4Storage", "", TVIS_DTYPE_COUNT_, 1 },
};

static bool get_integer(const tvis_pickle *p, uint32_t value, int64_t *n)
{
    if (value == TVIS_PICKLE_NONE || p->values[value].type != TVIS_PICKLE_INT)
        return false;
    *n = p->values[value].u.integer;
    return true;
}

static bool get_kind(const tvis_pickle *p, uint32_t value, tvis_torch_storage *s)
{
    static const char *const modules[] = { "torch", "torch.cuda", "torch.storage" };
    if (value == TVIS_PICKLE_NONE)
        return false;
    for (size_t i = 0; i < TVIS_COUNT(kinds); i++)
        for (size_t m = 0; m < TVIS_COUNT(modules); m++)
            if (tvis_pickle_is_global(p, value, modules[m], kinds[i].storage)) {
                s->dtype = kinds[i].dtype;
                s->element_size = kinds[i].size;
                return true;
            }
    return false;
}

/* (key, offset, elements): files before torch 0.4 may keep storages that are parts of others. */
static bool get_view(const tvis_pickle *p, uint32_t view, tvis_torch_storage *s)
{
    s->view_from = 0;
    s->view_elements = s->elements;
    if (view == TVIS_PICKLE_NONE || p->values[view].type == TVIS_PICKLE_NULL)
        return true;
    return get_integer(p, tvis_pickle_at(p, view, 1), &s->view_from) &&
           get_integer(p, tvis_pickle_at(p, view, 2), &s->view_elements) && s->view_from >= 0 &&
           s->view_from <= s->elements && s->view_elements >= 0 && s->view_elements <= s->elements - s->view_from;
}

bool tvis_torch_get_storage(const tvis_pickle *p, uint32_t value, tvis_torch_storage *s)
{
    if (value == TVIS_PICKLE_NONE || p->values[value].type != TVIS_PICKLE_PERSISTENT)
        return false;
    uint32_t id = p->values[value].u.call.args, key = tvis_pickle_at(p, id, 2);
    if (!tvis_pickle_is_text(p, tvis_pickle_at(p, id, 0), "storage") || !get_kind(p, tvis_pickle_at(p, id, 1), s) ||
        key == TVIS_PICKLE_NONE || p->values[key].type != TVIS_PICKLE_TEXT ||
        !get_integer(p, tvis_pickle_at(p, id, 4), &s->elements))
        return false;
    s->key = p->values[key].u.text;
    s->key_size = p->values[key].count;
    return s->elements >= 0 && s->elements <= INT64_MAX / s->element_size && get_view(p, tvis_pickle_at(p, id, 5), s);
}

static bool is_utils(const tvis_pickle *p, uint32_t value, const char *name)
{
    return tvis_pickle_is_global(p, value, "torch._utils", name);
}

/* _rebuild_parameter(tensor, …), and _rebuild_from_type_v2(function, type, args, state) of tensors with attributes. */
static bool unwrap(const tvis_pickle *p, uint32_t *callable, uint32_t *args)
{
    if (is_utils(p, *callable, "_rebuild_parameter") || is_utils(p, *callable, "_rebuild_parameter_with_state")) {
        uint32_t inner = tvis_pickle_at(p, *args, 0);
        if (inner == TVIS_PICKLE_NONE || p->values[inner].type != TVIS_PICKLE_CALL)
            return false;
        *callable = p->values[inner].u.call.callable;
        *args = p->values[inner].u.call.args;
        return true;
    }
    if (!tvis_pickle_is_global(p, *callable, "torch._tensor", "_rebuild_from_type_v2"))
        return false;
    *callable = tvis_pickle_at(p, *args, 0);
    *args = tvis_pickle_at(p, *args, 2);
    return *callable != TVIS_PICKLE_NONE && *args != TVIS_PICKLE_NONE;
}

bool tvis_torch_is_tensor(const tvis_pickle *p, uint32_t value, tvis_torch_tensor *tensor)
{
    if (p->values[value].type != TVIS_PICKLE_CALL)
        return false;
    uint32_t callable = p->values[value].u.call.callable, args = p->values[value].u.call.args;
    for (int wrappers = 0; wrappers < 3; wrappers++) {
        tensor->args = args;
        tensor->typed_by_argument = is_utils(p, callable, "_rebuild_tensor_v3");
        if (tensor->typed_by_argument || is_utils(p, callable, "_rebuild_tensor_v2") ||
            is_utils(p, callable, "_rebuild_tensor"))
            return true;
        if (!unwrap(p, &callable, &args))
            return false;
    }
    return false;
}

/* A tuple, or torch.Size(tuple). */
static uint32_t sizes_of(const tvis_pickle *p, uint32_t value)
{
    if (value == TVIS_PICKLE_NONE || p->values[value].type != TVIS_PICKLE_CALL ||
        !tvis_pickle_is_global(p, p->values[value].u.call.callable, "torch", "Size"))
        return value;
    return tvis_pickle_at(p, p->values[value].u.call.args, 0);
}

static bool get_integers(const tvis_pickle *p, uint32_t tuple, int64_t *n)
{
    for (uint32_t i = 0; i < p->values[tuple].count; i++)
        if (!get_integer(p, tvis_pickle_at(p, tuple, i), &n[i]))
            return false;
    return true;
}

/* Rank, dims and strides; false where they are not what they should be, *too_many where only the rank is too large. */
static bool get_shape(const tvis_pickle *p, uint32_t args, tvis_weight *t, bool *too_many)
{
    uint32_t size = sizes_of(p, tvis_pickle_at(p, args, 2)), stride = tvis_pickle_at(p, args, 3);
    *too_many = false;
    if (size == TVIS_PICKLE_NONE || stride == TVIS_PICKLE_NONE || p->values[size].type != TVIS_PICKLE_TUPLE ||
        p->values[stride].type != TVIS_PICKLE_TUPLE || p->values[size].count != p->values[stride].count)
        return false;
    *too_many = p->values[size].count > TVIS_WEIGHT_RANK;
    t->rank = p->values[size].count;
    return !*too_many && get_integers(p, size, t->dims) && get_integers(p, stride, t->strides);
}

/* The dtype of _rebuild_tensor_v3, which looks at its storage as bytes. */
static void retype(const tvis_pickle *p, uint32_t dtype, tvis_torch_storage *s)
{
    s->dtype = TVIS_DTYPE_COUNT_;
    for (size_t i = 0; i < TVIS_COUNT(kinds) && dtype != TVIS_PICKLE_NONE; i++)
        if (kinds[i].name[0] && tvis_pickle_is_global(p, dtype, "torch", kinds[i].name)) {
            s->dtype = kinds[i].dtype;
            s->view_from = s->view_from * s->element_size / kinds[i].size;
            s->view_elements = s->view_elements * s->element_size / kinds[i].size;
        }
}

static tvis_status place(tvis_weight *t, const tvis_torch_storage *s, int64_t offset, tvis_torch_find find, void *file,
                         const char *name, tvis_diag *diag)
{
    const uint8_t *data;
    tvis_status status = find(file, s, name, &data, diag);
    if (status)
        return status;
    t->dtype = s->dtype;
    return tvis_weight_place(t, data + (size_t)s->view_from * tvis_dtype_size(s->dtype), (uint64_t)s->view_elements,
                             offset, name, diag);
}

tvis_status tvis_torch_add_tensor(tvis_weights *w, const tvis_pickle *p, uint32_t key, const tvis_torch_tensor *tensor,
                                  tvis_torch_find find, void *file, tvis_diag *diag)
{
    tvis_subject subject;
    tvis_torch_storage storage;
    tvis_weight t;
    int64_t offset;
    bool too_many = false;
    const char *name = tvis_subject_of(&subject, p->values[key].u.text, p->values[key].count);
    memset(&t, 0, sizeof t);
    if (!tvis_torch_get_storage(p, tvis_pickle_at(p, tensor->args, 0), &storage))
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, name, "the tensor has no storage of a known kind");
    if (!get_integer(p, tvis_pickle_at(p, tensor->args, 1), &offset) || !get_shape(p, tensor->args, &t, &too_many)) {
        if (too_many)
            return tvis_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_LIMIT, name, "too many dimensions", TVIS_WEIGHT_RANK,
                                   t.rank);
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, name, "offset, size or strides are not integers");
    }
    if (tensor->typed_by_argument)
        retype(p, tvis_pickle_at(p, tensor->args, 6), &storage);
    if (storage.dtype == TVIS_DTYPE_COUNT_)
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_DTYPE, name, "an element type that is not supported");
    tvis_status s = place(&t, &storage, offset, find, file, name, diag);
    return s ? s : tvis_weights_add(w, p->values[key].u.text, p->values[key].count, &t, diag);
}
