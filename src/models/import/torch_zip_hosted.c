/* SPDX-License-Identifier: MIT */
/* torch.save since 1.6: a zip archive of FOLDER/data.pkl, FOLDER/byteorder and one record FOLDER/data/KEY for each
 * storage. */
#include <stdio.h>
#include <string.h>

#include "models/import/torch.h"
#include "models/import/zip.h"

#define KEY_MAX 64u

static tvis_status find_storage(void *file, const tvis_torch_storage *s, const char *name, const uint8_t **data,
                                tvis_diag *diag)
{
    char path[KEY_MAX + 8];
    tvis_zip *z = file;
    tvis_zip_entry *e = NULL;
    if (s->key_size <= KEY_MAX && !memchr(s->key, 0, s->key_size)) {
        (void)snprintf(path, sizeof path, "data/%.*s", (int)s->key_size, (const char *)s->key);
        e = tvis_zip_find(z, path);
    }
    if (!e)
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_MISSING, name,
                         "the record of its storage is not in the archive");
    tvis_status status = tvis_zip_data(z, e, data, diag);
    if (status)
        return status;
    uint64_t bytes = (uint64_t)s->elements * s->element_size;
    if (bytes > e->size)
        return tvis_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, name, "the record of its storage is too short",
                               (int64_t)bytes, (int64_t)e->size);
    return TVIS_OK;
}

/* The folder is that of the record FOLDER/data.pkl, whatever its name. */
static tvis_status enter_folder(tvis_zip *z, tvis_diag *diag)
{
    static const char record[] = "data.pkl";
    const uint32_t len = sizeof record - 1;
    for (size_t i = 0; i < z->count; i++) {
        const tvis_zip_entry *e = &z->entries[i];
        const uint8_t *slash = e->name_size ? memchr(e->name, '/', e->name_size) : NULL;
        uint32_t folder = slash ? (uint32_t)(slash - e->name) + 1 : 0;
        if (e->name_size == folder + len && memcmp(e->name + folder, record, len) == 0)
            return tvis_zip_enter(z, e->name, folder, diag);
    }
    return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_MAGIC, z->source,
                     "a zip archive without data.pkl: not from torch.save");
}

static tvis_status check_records(tvis_zip *z, tvis_diag *diag)
{
    const uint8_t *order;
    if (tvis_zip_find(z, "constants.pkl"))
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_REFUSED, z->source,
                         "a TorchScript archive: save the module's state_dict() with torch.save");
    tvis_zip_entry *e = tvis_zip_find(z, "byteorder");
    tvis_status s = e ? tvis_zip_data(z, e, &order, diag) : TVIS_OK;
    if (s || !e || (e->size == 6 && memcmp(order, "little", 6) == 0))
        return s;
    return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_REFUSED, "byteorder", "not written on a little-endian machine");
}

static tvis_status read_pickle(tvis_weights *w, tvis_zip *z, tvis_diag *diag)
{
    tvis_pickle p = { .source = "data.pkl", .diag = diag };
    uint32_t root;
    tvis_zip_entry *e = tvis_zip_find(z, p.source);
    tvis_status s = tvis_zip_data(z, e, &p.data, diag);
    if (s)
        return s;
    p.size = (size_t)e->size;
    s = tvis_pickle_load(&p, &root);
    if (!s)
        s = tvis_torch_state_dict(w, &p, root, find_storage, z, diag);
    tvis_pickle_free(&p);
    return s;
}

tvis_status tvis_torch_zip_read(tvis_weights *w, const uint8_t *data, size_t size, tvis_diag *diag)
{
    tvis_zip z = { .entries = NULL };
    tvis_status s = tvis_zip_open(&z, data, size, w->source, diag);
    if (!s)
        s = enter_folder(&z, diag);
    if (!s)
        s = check_records(&z, diag);
    if (!s)
        s = read_pickle(w, &z, diag);
    tvis_zip_free(&z);
    return s;
}
