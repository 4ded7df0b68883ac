/* SPDX-License-Identifier: MIT */
/* A .safetensors file of MobileNetV2 as torchvision names its weights, made from a seed. Tests change one thing of it.
 */
#ifndef TVT_WEIGHT_FILE_H
#define TVT_WEIGHT_FILE_H

#include "core/port.h"
#include "models/random_hosted.h"
#include "tests/network.h"

#define WIDTH   0.35f
#define CLASSES 10
#define SEED    5
#define MOST    400

typedef struct entry {
    char name[64];
    int64_t dims[4];
    uint32_t rank;
    tvis_random_role role;
    float *values; /* what is written; NULL: left out */
} entry;

static entry entries[MOST];
static uint32_t count;
static const char *path; /* of the file */

static inline int64_t elements(const entry *e)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < e->rank; i++)
        n *= e->dims[i];
    return n;
}

static inline void put(const char *layer, const char *what, tvis_random_role role, uint32_t rank, const int64_t *dims)
{
    assert_true(count < MOST);
    entry *e = &entries[count++];
    snprintf(e->name, sizeof e->name, "%s.%s", layer, what);
    e->rank = rank;
    e->role = role;
    int64_t fan_in = 1;
    for (uint32_t i = 0; i < rank; i++) {
        e->dims[i] = dims[i];
        fan_in *= i ? dims[i] : 1;
    }
    e->values = calloc((size_t)elements(e), sizeof(float));
    assert_non_null(e->values);
    tvis_random_fill(SEED, e->name, role, fan_in, e->values, elements(e));
}

/* A convolution without bias, and its batch norm. */
static inline void conv_bn(const char *conv, const char *bn, int64_t out, int64_t in, int64_t kernel)
{
    const int64_t dims[4] = { out, in, kernel, kernel };
    put(conv, "weight", TVIS_RANDOM_WEIGHT, 4, dims);
    put(bn, "weight", TVIS_RANDOM_BN_WEIGHT, 1, &out);
    put(bn, "bias", TVIS_RANDOM_BN_BIAS, 1, &out);
    put(bn, "running_mean", TVIS_RANDOM_BN_MEAN, 1, &out);
    put(bn, "running_var", TVIS_RANDOM_BN_VAR, 1, &out);
}

static inline void block_part(int block, int part, bool with_relu, int64_t out, int64_t in, int64_t kernel)
{
    char conv[32], bn[32];
    snprintf(conv, sizeof conv, with_relu ? "features.%d.conv.%d.0" : "features.%d.conv.%d", block, part);
    snprintf(bn, sizeof bn, with_relu ? "features.%d.conv.%d.1" : "features.%d.conv.%d", block,
             with_relu ? part : part + 1);
    conv_bn(conv, bn, out, in, kernel);
}

/* Sandler et al. 2018, table 2, at width 0.35. */
static inline int make_weights(void **state)
{
    static const struct {
        int expand, repeats;
        int64_t channels; /* rounded as the paper's code does */
    } rows[] = { { 1, 1, 8 }, { 6, 2, 8 }, { 6, 3, 16 }, { 6, 4, 24 }, { 6, 3, 32 }, { 6, 3, 56 }, { 6, 1, 112 } };
    int64_t in = 16;
    int block = 1;
    (void)state;
    path = strdup(tvt_temp("weights.safetensors"));
    assert_non_null(path);
    conv_bn("features.0.0", "features.0.1", in, 3, 3);
    for (size_t r = 0; r < TVIS_COUNT(rows); r++)
        for (int i = 0; i < rows[r].repeats; i++, block++) {
            const int64_t hidden = in * rows[r].expand;
            int part = 0;
            if (rows[r].expand > 1)
                block_part(block, part++, true, hidden, in, 1);
            block_part(block, part++, true, hidden, 1, 3);
            block_part(block, part, false, rows[r].channels, hidden, 1);
            in = rows[r].channels;
        }
    conv_bn("features.18.0", "features.18.1", 1280, in, 1);
    const int64_t dims[2] = { CLASSES, 1280 };
    put("classifier.1", "weight", TVIS_RANDOM_WEIGHT, 2, dims);
    put("classifier.1", "bias", TVIS_RANDOM_BIAS, 1, dims);
    return 0;
}

static inline int free_weights(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < count; i++)
        free(entries[i].values);
    remove(path);
    free((void *)(uintptr_t)path);
    return 0;
}

/* Entries [0, n) as .safetensors. */
static inline void write_entries(uint32_t n)
{
    static char header[MOST * 160];
    size_t at = (size_t)snprintf(header, sizeof header, "{"), offset = 0;
    for (uint32_t i = 0; i < n; i++) {
        const entry *e = &entries[i];
        const size_t bytes = (size_t)elements(e) * sizeof(float);
        if (!e->values)
            continue;
        at += (size_t)snprintf(header + at, sizeof header - at, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[",
                               at > 1 ? "," : "", e->name);
        for (uint32_t k = 0; k < e->rank; k++)
            at += (size_t)snprintf(header + at, sizeof header - at, "%s%d", k ? "," : "", (int)e->dims[k]);
        at +=
            (size_t)snprintf(header + at, sizeof header - at, "],\"data_offsets\":[%zu,%zu]}", offset, offset + bytes);
        offset += bytes;
    }
    at += (size_t)snprintf(header + at, sizeof header - at, "}");
    const uint8_t length[8] = { (uint8_t)at, (uint8_t)(at >> 8), (uint8_t)(at >> 16) };
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(length, 1, 8, f), 8);
    assert_int_equal(fwrite(header, 1, at, f), at);
    for (uint32_t i = 0; i < n; i++)
        if (entries[i].values)
            assert_int_equal(fwrite(entries[i].values, sizeof(float), (size_t)elements(&entries[i]), f),
                             elements(&entries[i]));
    assert_int_equal(fclose(f), 0);
}

#endif
