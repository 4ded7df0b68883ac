/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/port.h"
#include "models/import/import.h"

#define SAFETENSORS_HEADER 8 /* length of the JSON that follows; the JSON begins with { */
#define TAR_MAGIC_AT       257

static bool starts(const uint8_t *data, size_t size, size_t at, const char *text)
{
    size_t len = strlen(text);
    return size >= at + len && memcmp(data + at, text, len) == 0;
}

/* Protocols 2 to 5 begin with their number, the text protocols with the magic number that torch.save writes first. */
static bool is_pickle(const uint8_t *data, size_t size)
{
    return (size >= 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5) || starts(data, size, 0, "L119547037146");
}

static tvis_status read_any(tvis_weights *w, const uint8_t *data, size_t size, tvis_diag *diag)
{
    if (starts(data, size, SAFETENSORS_HEADER, "{"))
        return tvis_safetensors_read(w, data, size, diag);
    if (starts(data, size, 0, "PK\003\004"))
        return tvis_torch_zip_read(w, data, size, diag);
    if (is_pickle(data, size))
        return tvis_torch_legacy_read(w, data, size, diag);
    if (starts(data, size, TAR_MAGIC_AT, "ustar"))
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_REFUSED, w->source,
                         "a tar archive of the first PyTorch versions: load it there and save it again");
    return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_MAGIC, w->source,
                     "neither a safetensors file nor one that torch.save wrote");
}

static void name_items(tvis_weights *w)
{
    const char *name = w->names;
    for (size_t i = 0; i < w->count; i++) {
        w->items[i].name = name;
        name += strlen(name) + 1;
    }
}

static bool strip_prefix(tvis_weights *w, const char *prefix)
{
    size_t len = strlen(prefix);
    for (size_t i = 0; i < w->count; i++)
        if (strncmp(w->items[i].name, prefix, len) != 0 || w->items[i].name[len] == '\0')
            return false;
    for (size_t i = 0; i < w->count; i++)
        w->items[i].name += len;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const tvis_weight *const *)a)->name, (*(const tvis_weight *const *)b)->name);
}

static tvis_status sort_items(tvis_weights *w, tvis_diag *diag)
{
    w->sorted = malloc(w->count * sizeof *w->sorted); /* smaller than items, so the product fits */
    if (!w->sorted)
        return tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, w->source, "no memory for the index of names");
    for (size_t i = 0; i < w->count; i++)
        w->sorted[i] = &w->items[i];
    qsort(w->sorted, w->count, sizeof *w->sorted, by_name);
    for (size_t i = 1; i < w->count; i++)
        if (strcmp(w->sorted[i - 1]->name, w->sorted[i]->name) == 0)
            return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_REFUSED, w->sorted[i]->name, "two tensors of this name");
    return TVIS_OK;
}

static tvis_status load(tvis_weights *w, const uint8_t *data, size_t size, const char *name, tvis_diag *diag)
{
    static const uint16_t one = 1;
    if (*(const uint8_t *)&one != 1)
        return tvis_fail(diag, TVIS_EUNSUP, TVIS_DIAG_REFUSED, name, "this processor is big-endian, weights are not");
    w->source = name;
    tvis_status s = read_any(w, data, size, diag);
    if (s)
        return s;
    if (!w->count)
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_MISSING, name, "there is no tensor in this file");
    name_items(w);
    while (strip_prefix(w, "module.") || strip_prefix(w, "_orig_mod."))
        ;
    s = sort_items(w, diag);
    w->source = NULL;
    return s;
}

tvis_status tvis_weights_open(tvis_weights **w, const char *path, tvis_diag *diag)
{
    *w = NULL;
    tvis_weights *n = calloc(1, sizeof *n);
    if (!n)
        return tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, path, "no memory to read this file");
    tvis_status s = tvis_file_open(&n->file, path, diag);
    if (s) {
        free(n);
        return s;
    }
    s = load(n, n->file.data, n->file.size, path, diag);
    if (s)
        tvis_weights_close(n);
    else
        *w = n;
    return s;
}

tvis_status tvis_weights_parse(tvis_weights **w, const uint8_t *data, size_t size, const char *name, tvis_diag *diag)
{
    *w = NULL;
    tvis_weights *n = calloc(1, sizeof *n);
    if (!n)
        return tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, name, "no memory to read this file");
    tvis_status s = load(n, data, size, name, diag);
    if (s)
        tvis_weights_close(n);
    else
        *w = n;
    return s;
}

void tvis_weights_close(tvis_weights *w)
{
    if (!w)
        return;
    if (w->file.data)
        tvis_file_close(&w->file);
    free(w->items);
    free(w->names);
    free(w->sorted);
    free(w);
}

size_t tvis_weights_count(const tvis_weights *w)
{
    return w->count;
}

const tvis_weight *tvis_weights_at(const tvis_weights *w, size_t i)
{
    return &w->items[i];
}

const tvis_weight *tvis_weights_find(const tvis_weights *w, const char *name)
{
    tvis_weight key = { .name = name };
    const tvis_weight *wanted = &key;
    const tvis_weight **found = bsearch(&wanted, w->sorted, w->count, sizeof *w->sorted, by_name);
    return found ? *found : NULL;
}
