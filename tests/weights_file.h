/* SPDX-License-Identifier: MIT */
/* Weight files for the tests: lists of tensors in memory, written as .safetensors. */
#ifndef TVT_WEIGHTS_FILE_H
#define TVT_WEIGHTS_FILE_H

#include "core/port.h"
#include "models/random_hosted.h"
#include "tests/tvt.h"

typedef struct tvt_weight {
    char name[96];
    uint32_t rank;
    int64_t dims[4];
    size_t count; /* elements */
    float *data;  /* from malloc */
} tvt_weight;

typedef struct tvt_weights {
    tvt_weight *t;
    size_t count, room;
} tvt_weights;

static inline tvt_weight *tvt_weight_add(tvt_weights *w, const char *name, const char *what, const int64_t *dims,
                                         uint32_t rank)
{
    if (w->count == w->room) {
        w->room = w->room ? 2 * w->room : 64;
        w->t = realloc(w->t, w->room * sizeof *w->t);
        assert_non_null(w->t);
    }
    tvt_weight *t = &w->t[w->count++];
    assert_true(snprintf(t->name, sizeof t->name, "%s.%s", name, what) < (int)sizeof t->name);
    t->rank = rank;
    t->count = 1;
    for (uint32_t i = 0; i < rank; i++) {
        t->dims[i] = dims[i];
        t->count *= (size_t)dims[i];
    }
    t->data = malloc(t->count * sizeof *t->data);
    assert_non_null(t->data);
    return t;
}

/* From the seed, as tests/golden/parity/seeded.py makes it. */
static inline tvt_weight *tvt_weight_random(tvt_weights *w, const char *name, const char *what, tvis_random_role role,
                                            const int64_t *dims, uint32_t rank, uint64_t seed)
{
    tvt_weight *t = tvt_weight_add(w, name, what, dims, rank);
    tvis_random_fill(seed, t->name, role, (int64_t)t->count / dims[0], t->data, (int64_t)t->count);
    return t;
}

static inline tvt_weight *tvt_weight_find(const tvt_weights *w, const char *name)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->t[i].name, name) == 0)
            return &w->t[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static inline void tvt_weights_free(tvt_weights *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->t[i].data);
    free(w->t);
    memset(w, 0, sizeof *w);
}

/* The directory: {"name":{"dtype":"F32","shape":[…],"data_offsets":[begin,end]},…}, filled up with spaces to 8 bytes.
 */
static inline char *tvt_weights_header(const tvt_weights *w, size_t *length)
{
    const size_t room = w->count * 240 + 16;
    char *text = malloc(room);
    size_t at = 0, offset = 0;
    assert_non_null(text);
    for (size_t i = 0; i < w->count; i++) {
        const tvt_weight *t = &w->t[i];
        at += (size_t)snprintf(text + at, room - at, "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[", i ? ',' : '{', t->name);
        for (uint32_t k = 0; k < t->rank; k++)
            at += (size_t)snprintf(text + at, room - at, "%s%lld", k ? "," : "", (long long)t->dims[k]);
        at += (size_t)snprintf(text + at, room - at, "],\"data_offsets\":[%zu,%zu]}", offset,
                               offset + t->count * sizeof(float));
        offset += t->count * sizeof(float);
    }
    text[at++] = '}';
    while (at % 8)
        text[at++] = ' ';
    *length = at;
    return text;
}

static inline void tvt_weights_write(const tvt_weights *w, const char *path)
{
    size_t length;
    char *header = tvt_weights_header(w, &length);
    uint8_t prefix[8];
    for (int i = 0; i < 8; i++)
        prefix[i] = (uint8_t)((uint64_t)length >> 8 * i);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(prefix, 1, 8, f), 8);
    assert_int_equal(fwrite(header, 1, length, f), length);
    for (size_t i = 0; i < w->count; i++)
        assert_int_equal(fwrite(w->t[i].data, sizeof(float), w->t[i].count, f), w->t[i].count);
    assert_int_equal(fclose(f), 0);
    free(header);
}

#endif
