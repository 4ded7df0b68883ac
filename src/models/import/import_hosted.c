/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/import/import.h"

#define REPEATED_MAX (INT64_C(1) << 24) /* elements of a view that repeats those of its storage */

void *tvis_grow(void *array, size_t *capacity, size_t need, size_t element_size)
{
    if (array && need <= *capacity)
        return array;
    size_t most = SIZE_MAX / 2 / element_size;
    size_t wanted = *capacity < most / 2 ? *capacity * 2 : most;
    if (wanted < need)
        wanted = need;
    if (wanted < 16)
        wanted = 16;
    if (wanted > most)
        return NULL;
    void *grown = realloc(array, wanted * element_size);
    if (grown)
        *capacity = wanted;
    return grown;
}

const char *tvis_subject_of(tvis_subject *s, const uint8_t *name, size_t len)
{
    static const char unnamed[] = "(no name)";
    if (!len) {
        name = (const uint8_t *)unnamed;
        len = sizeof unnamed - 1;
    }
    if (len > sizeof s->text - 1)
        len = sizeof s->text - 1;
    for (size_t i = 0; i < len; i++)
        s->text[i] = (char)(name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i]);
    s->text[len] = '\0';
    return s->text;
}

tvis_status tvis_fail_at(tvis_diag *diag, tvis_diag_code code, const char *source, uint64_t offset, const char *detail)
{
    tvis_subject s;
    (void)snprintf(s.text, sizeof s.text, "byte %" PRIu64 " of %s", offset, source);
    return tvis_fail(diag, TVIS_EFORMAT, code, s.text, detail);
}

/* Bytes of the UTF-8 sequence at p, 0 where there is none (overlong forms and surrogates are none). */
static size_t utf8_length(const uint8_t *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
               (p[0] == 0xf4 && p[1] > 0x8f);
    return bad ? 0 : len;
}

static bool is_name(const uint8_t *name, size_t len)
{
    size_t n;
    for (size_t i = 0; i < len; i += n) {
        n = utf8_length(name + i, len - i);
        if (!n || name[i] < 0x20 || name[i] == 0x7f)
            return false;
    }
    return len > 0;
}

tvis_status tvis_weights_add(tvis_weights *w, const uint8_t *name, size_t len, const tvis_weight *t, tvis_diag *diag)
{
    tvis_subject subject;
    if (!is_name(name, len))
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_REFUSED, tvis_subject_of(&subject, name, len),
                         "a tensor name that is empty, not UTF-8, or has control characters");
    tvis_weight *items = tvis_grow(w->items, &w->capacity, w->count + 1, sizeof *items);
    if (items)
        w->items = items;
    char *names = items ? tvis_grow(w->names, &w->names_capacity, w->names_size + len + 1, 1) : NULL;
    if (!names)
        return tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, w->source, "no memory for the list of tensors");
    w->names = names;
    memcpy(names + w->names_size, name, len);
    names[w->names_size + len] = '\0';
    w->names_size += len + 1;
    w->items[w->count++] = *t;
    return TVIS_OK;
}

/* False where the product of the dimensions, those of 0 left out, is over `most`. */
static bool dims_fit(const tvis_weight *t, int64_t most)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++) {
        if (t->dims[i] > most / n)
            return false;
        n *= t->dims[i] ? t->dims[i] : 1;
    }
    return true;
}

/* Index of the element furthest from the first one, at most `room`; -1 where it is further. */
static int64_t furthest(tvis_weight *t, int64_t room)
{
    int64_t last = 0;
    for (uint32_t i = 0; i < t->rank; i++) {
        if (t->dims[i] == 1)
            t->strides[i] = 0;
        if (t->strides[i] < 0 || (t->strides[i] > 0 && t->dims[i] - 1 > (room - last) / t->strides[i]))
            return -1;
        last += (t->dims[i] - 1) * t->strides[i];
    }
    return last;
}

tvis_status tvis_weight_place(tvis_weight *t, const uint8_t *base, uint64_t numel, int64_t offset, const char *name,
                              tvis_diag *diag)
{
    for (uint32_t i = 0; i < t->rank; i++)
        if (t->dims[i] < 0)
            return tvis_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_BOUNDS, name, "a negative dimension", -1, t->dims[i]);
    int64_t most = numel > (uint64_t)REPEATED_MAX ? (int64_t)numel : REPEATED_MAX;
    if ((uint64_t)most > PTRDIFF_MAX / sizeof(float))
        most = PTRDIFF_MAX / (int64_t)sizeof(float);
    if (!dims_fit(t, most))
        return tvis_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_LIMIT, name,
                               "more elements than its storage and the limit", most, -1);
    t->data = base;
    if (!tvis_weight_elements(t)) {
        memset(t->strides, 0, sizeof t->strides);
        return TVIS_OK;
    }
    if (offset < 0 || (uint64_t)offset >= numel || furthest(t, (int64_t)numel - 1 - offset) < 0)
        return tvis_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_BOUNDS, name, "offset and strides leave its storage",
                               (int64_t)numel, offset);
    t->data = base + (size_t)offset * tvis_dtype_size(t->dtype);
    return TVIS_OK;
}

int64_t tvis_weight_elements(const tvis_weight *t)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++)
        n *= t->dims[i];
    return n;
}
