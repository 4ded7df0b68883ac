/* SPDX-License-Identifier: MIT */
/* torch.save before 1.6: five pickles (magic number, protocol version, system information, the object, the keys of its
 * storages), then for each key in this order an int64 number of elements and the elements. */
#include <stdlib.h>
#include <string.h>

#include "models/import/torch.h"

#define PROTOCOL 1001

typedef struct place {
    tvis_torch_storage storage;
    const uint8_t *data; /* NULL: not met yet */
} place;

typedef struct places {
    place *items; /* by key */
    size_t count, capacity;
} places;

static tvis_status bad(const tvis_pickle *p, tvis_diag_code code, const char *detail)
{
    return tvis_fail_at(p->diag, code, p->source, p->pos, detail);
}

/* 0x1950a86a20f9469cfc6c, little-endian, and as the text protocols write it. */
static bool is_magic(const tvis_pickle_value *v)
{
    static const uint8_t binary[] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };
    static const char decimal[] = "119547037146038801333356";
    if (v->type != TVIS_PICKLE_LONG)
        return false;
    return (v->count == sizeof binary && memcmp(v->u.text, binary, sizeof binary) == 0) ||
           (v->count == sizeof decimal - 1 && memcmp(v->u.text, decimal, sizeof decimal - 1) == 0);
}

static bool is_big_endian(const tvis_pickle *p, uint32_t info)
{
    for (uint32_t i = p->values[info].first; i != TVIS_PICKLE_NONE; i = p->items[i].next)
        if (tvis_pickle_is_text(p, p->items[i].key, "little_endian"))
            return p->values[p->items[i].value].type == TVIS_PICKLE_BOOL && p->values[p->items[i].value].u.integer == 0;
    return false;
}

static tvis_status read_head(tvis_pickle *p)
{
    uint32_t magic, version, info;
    tvis_status s = tvis_pickle_load(p, &magic);
    if (s)
        return s;
    if (!is_magic(&p->values[magic]))
        return tvis_fail(p->diag, TVIS_EFORMAT, TVIS_DIAG_MAGIC, p->source,
                         "a pickle, but not one that torch.save wrote");
    s = tvis_pickle_load(p, &version);
    if (s)
        return s;
    if (p->values[version].type != TVIS_PICKLE_INT || p->values[version].u.integer != PROTOCOL)
        return bad(p, TVIS_DIAG_VERSION, "the stream is not of protocol 1001");
    s = tvis_pickle_load(p, &info);
    if (s)
        return s;
    if (p->values[info].type != TVIS_PICKLE_DICT)
        return bad(p, TVIS_DIAG_SYNTAX, "the system information is not a dict");
    return is_big_endian(p, info) ? bad(p, TVIS_DIAG_REFUSED, "not written on a little-endian machine") : TVIS_OK;
}

static int by_key(const void *a, const void *b)
{
    const tvis_torch_storage *x = &((const place *)a)->storage, *y = &((const place *)b)->storage;
    uint32_t common = x->key_size < y->key_size ? x->key_size : y->key_size;
    int order = memcmp(x->key, y->key, common);
    return order ? order : x->key_size < y->key_size ? -1 : x->key_size > y->key_size;
}

/* Drops repetitions: every tensor names its storage anew. */
static tvis_status unite(places *all, const tvis_pickle *p)
{
    size_t kept = 0;
    qsort(all->items, all->count, sizeof *all->items, by_key);
    for (size_t i = 0; i < all->count; i++) {
        const tvis_torch_storage *s = &all->items[i].storage;
        const tvis_torch_storage *last = kept ? &all->items[kept - 1].storage : NULL;
        if (!last || by_key(&all->items[kept - 1], &all->items[i]) != 0)
            all->items[kept++] = all->items[i];
        else if (last->elements != s->elements || last->element_size != s->element_size)
            return bad(p, TVIS_DIAG_SYNTAX, "two storages of the same key but not of the same size");
    }
    all->count = kept;
    return TVIS_OK;
}

static tvis_status collect(places *all, const tvis_pickle *p, size_t first)
{
    tvis_torch_storage s;
    for (size_t v = first; v < p->value_count; v++) {
        if (p->values[v].type != TVIS_PICKLE_PERSISTENT || !tvis_torch_get_storage(p, (uint32_t)v, &s))
            continue;
        place *items = tvis_grow(all->items, &all->capacity, all->count + 1, sizeof *items);
        if (!items)
            return tvis_fail(p->diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, p->source, "no memory for the list of storages");
        all->items = items;
        items[all->count++] = (place){ s, NULL };
    }
    return all->count ? unite(all, p) : TVIS_OK;
}

static place *find_place(const places *all, const uint8_t *key, uint32_t size)
{
    place wanted = { .storage = { .key = key, .key_size = size } };
    return all->count ? bsearch(&wanted, all->items, all->count, sizeof wanted, by_key) : NULL;
}

/* One storage at p->pos. */
static tvis_status locate(places *all, tvis_pickle *p, uint32_t key)
{
    tvis_subject subject;
    const tvis_pickle_value *v = &p->values[key];
    size_t left = p->size - p->pos;
    if (v->type != TVIS_PICKLE_TEXT)
        return bad(p, TVIS_DIAG_SYNTAX, "the key of a storage is not a text");
    const char *name = tvis_subject_of(&subject, v->u.text, v->count);
    place *at = find_place(all, v->u.text, v->count);
    if (!at || at->data)
        return tvis_fail(p->diag, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, name,
                         "a storage that is there twice, or of no tensor or no known kind");
    uint64_t bytes = (uint64_t)at->storage.elements * at->storage.element_size;
    if (left < 8 || bytes > left - 8)
        return tvis_fail_value(p->diag, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, name, "the file ends in this storage",
                               (int64_t)(p->pos + 8 + bytes), (int64_t)p->size);
    uint64_t elements = tvis_le64(p->data + p->pos);
    if (elements != (uint64_t)at->storage.elements)
        return tvis_fail_value(p->diag, TVIS_EFORMAT, TVIS_DIAG_BOUNDS, name,
                               "the storage has another number of elements", at->storage.elements,
                               elements > INT64_MAX ? INT64_MAX : (int64_t)elements);
    at->data = p->data + p->pos + 8;
    p->pos += 8 + (size_t)bytes;
    return TVIS_OK;
}

static tvis_status find_storage(void *file, const tvis_torch_storage *s, const char *name, const uint8_t **data,
                                tvis_diag *diag)
{
    const place *at = find_place(file, s->key, s->key_size);
    if (!at || !at->data)
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_MISSING, name, "its storage is not in the file");
    *data = at->data;
    return TVIS_OK;
}

static tvis_status read_object(tvis_weights *w, tvis_pickle *p, places *all)
{
    uint32_t root, keys;
    size_t first = p->value_count;
    tvis_status s = tvis_pickle_load(p, &root);
    if (!s)
        s = collect(all, p, first);
    if (!s)
        s = tvis_pickle_load(p, &keys);
    if (s)
        return s;
    if (p->values[keys].type != TVIS_PICKLE_LIST)
        return bad(p, TVIS_DIAG_SYNTAX, "the keys of the storages are not a list");
    for (uint32_t i = p->values[keys].first; i != TVIS_PICKLE_NONE && !s; i = p->items[i].next)
        s = locate(all, p, p->items[i].value);
    return s ? s : tvis_torch_state_dict(w, p, root, find_storage, all, p->diag);
}

tvis_status tvis_torch_legacy_read(tvis_weights *w, const uint8_t *data, size_t size, tvis_diag *diag)
{
    tvis_pickle p = { .data = data, .size = size, .source = w->source, .diag = diag };
    places all = { NULL, 0, 0 };
    tvis_status s = read_head(&p);
    if (!s)
        s = read_object(w, &p, &all);
    free(all.items);
    tvis_pickle_free(&p);
    return s;
}
