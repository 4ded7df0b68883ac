/* SPDX-License-Identifier: MIT */
/* APPNOTE.TXT 6.3: end record (4.3.16), zip64 end record and locator (4.3.14, 4.3.15), directory (4.3.12), local header
 * (4.3.7). */
#include <stdlib.h>
#include <string.h>

#include "core/blob.h"
#include "models/import/import.h"
#include "models/import/zip.h"

#define END_SIZE       22u
#define END64_SIZE     56u
#define LOCATOR_SIZE   20u
#define ENTRY_SIZE     46u
#define LOCAL_SIZE     30u
#define COMMENT_MAX    65535u
#define FLAG_ENCRYPTED 1u
#define ZIP64_TAG      1u

static bool signature(const uint8_t *p, char a, char b)
{
    return p[0] == 'P' && p[1] == 'K' && p[2] == (uint8_t)a && p[3] == (uint8_t)b;
}

static tvis_status bad(const tvis_zip *z, tvis_diag_code code, uint64_t at, const char *detail, tvis_diag *diag)
{
    return tvis_fail_at(diag, code, z->source, at, detail);
}

/* The end record is the last thing in the file but for its comment. */
static bool find_end(const tvis_zip *z, size_t *at)
{
    for (size_t comment = 0; comment <= COMMENT_MAX && comment + END_SIZE <= z->size; comment++) {
        const uint8_t *end = z->data + z->size - END_SIZE - comment;
        if (signature(end, 5, 6) && tvis_le16(end + 20) == comment) {
            *at = (size_t)(end - z->data);
            return true;
        }
    }
    return false;
}

/* Place and number of entries of the directory. */
typedef struct extent {
    uint64_t at, size, count, limit; /* limit: the record that follows */
} extent;

static tvis_status read_end64(const tvis_zip *z, size_t end, extent *e, tvis_diag *diag)
{
    if (end < LOCATOR_SIZE || !signature(z->data + end - LOCATOR_SIZE, 6, 7))
        return TVIS_OK;
    uint64_t at = tvis_le64(z->data + end - LOCATOR_SIZE + 8), limit = end - LOCATOR_SIZE;
    if (limit < END64_SIZE || at > limit - END64_SIZE || !signature(z->data + at, 6, 6))
        return bad(z, TVIS_DIAG_BOUNDS, limit, "the zip64 record is not where its locator says", diag);
    const uint8_t *p = z->data + at;
    *e = (extent){ tvis_le64(p + 48), tvis_le64(p + 40), tvis_le64(p + 32), at };
    return TVIS_OK;
}

static tvis_status read_end(const tvis_zip *z, extent *e, tvis_diag *diag)
{
    size_t at;
    if (!find_end(z, &at))
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_TRUNCATED, z->source,
                         "the zip archive has no end record: it is cut off");
    const uint8_t *p = z->data + at;
    *e = (extent){ tvis_le32(p + 16), tvis_le32(p + 12), tvis_le16(p + 10), at };
    tvis_status s = read_end64(z, at, e, diag);
    if (s)
        return s;
    if (e->at > e->limit || e->size > e->limit - e->at)
        return bad(z, TVIS_DIAG_BOUNDS, at, "the directory of the archive leaves the file", diag);
    return TVIS_OK;
}

/* The 64-bit values for fields of a directory entry that are full, in this order, as far as they are. */
static bool read_extra64(const uint8_t *extra, size_t len, tvis_zip_entry *e)
{
    uint64_t *fields[] = { &e->size, &e->packed_size, &e->header };
    while (len >= 4) {
        size_t tag = tvis_le16(extra), n = tvis_le16(extra + 2), used = 0;
        if (n > len - 4)
            return false;
        for (int i = 0; tag == ZIP64_TAG && i < 3; i++) {
            if (*fields[i] != UINT32_MAX)
                continue;
            if (n - used < 8)
                return false;
            *fields[i] = tvis_le64(extra + 4 + used);
            used += 8;
        }
        extra += 4 + n;
        len -= 4 + n;
    }
    return true;
}

/* One entry of the directory at `at`, which moves behind it. */
static tvis_status read_entry(tvis_zip *z, const extent *x, uint64_t *at, tvis_diag *diag)
{
    uint64_t left = x->at + x->size - *at;
    const uint8_t *p = z->data + *at;
    if (left < ENTRY_SIZE || !signature(p, 1, 2))
        return bad(z, TVIS_DIAG_SYNTAX, *at, "no entry of the archive's directory where one should be", diag);
    size_t name = tvis_le16(p + 28), extra = tvis_le16(p + 30), total = ENTRY_SIZE + name + extra + tvis_le16(p + 32);
    tvis_zip_entry e = { p + ENTRY_SIZE,    (uint32_t)name,    tvis_le16(p + 10),
                         tvis_le16(p + 8),  tvis_le32(p + 16), tvis_le32(p + 42),
                         tvis_le32(p + 24), tvis_le32(p + 20), false };
    if (total > left || !read_extra64(p + ENTRY_SIZE + name, extra, &e))
        return bad(z, TVIS_DIAG_BOUNDS, *at, "an entry leaves the archive's directory", diag);
    tvis_zip_entry *entries = tvis_grow(z->entries, &z->capacity, z->count + 1, sizeof *entries);
    if (!entries)
        return tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, z->source, "no memory for the archive's directory");
    z->entries = entries;
    entries[z->count++] = e;
    *at += total;
    return TVIS_OK;
}

tvis_status tvis_zip_open(tvis_zip *z, const uint8_t *data, size_t size, const char *source, tvis_diag *diag)
{
    extent x = { 0, 0, 0, 0 };
    z->data = data;
    z->size = size;
    z->source = source;
    tvis_status s = read_end(z, &x, diag);
    if (s)
        return s;
    uint64_t at = z->directory = x.at;
    for (uint64_t i = 0; i < x.count && !s; i++)
        s = read_entry(z, &x, &at, diag);
    return s;
}

void tvis_zip_free(tvis_zip *z)
{
    free(z->entries);
}

static int by_name(const void *a, const void *b)
{
    const tvis_zip_entry *x = a, *y = b;
    size_t common = x->name_size < y->name_size ? x->name_size : y->name_size;
    int order = memcmp(x->name, y->name, common);
    return order ? order : x->name_size < y->name_size ? -1 : x->name_size > y->name_size;
}

tvis_status tvis_zip_enter(tvis_zip *z, const uint8_t *folder, uint32_t len, tvis_diag *diag)
{
    tvis_subject subject;
    size_t kept = 0;
    for (size_t i = 0; i < z->count; i++) {
        tvis_zip_entry e = z->entries[i];
        if (e.name_size < len || memcmp(e.name, folder, len) != 0)
            continue;
        e.name += len;
        e.name_size -= len;
        z->entries[kept++] = e;
    }
    z->count = kept;
    if (kept)
        qsort(z->entries, kept, sizeof *z->entries, by_name);
    for (size_t i = 1; i < kept; i++)
        if (by_name(&z->entries[i - 1], &z->entries[i]) == 0)
            return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_REFUSED,
                             tvis_subject_of(&subject, z->entries[i].name, z->entries[i].name_size),
                             "two records of this name in the archive");
    return TVIS_OK;
}

tvis_zip_entry *tvis_zip_find(const tvis_zip *z, const char *name)
{
    tvis_zip_entry key = { .name = (const uint8_t *)name, .name_size = (uint32_t)strlen(name) };
    return z->count ? bsearch(&key, z->entries, z->count, sizeof key, by_name) : NULL;
}

/* The local header repeats the name; its extra field may differ: torch pads it so that the data are aligned. */
static bool find_data(const tvis_zip *z, const tvis_zip_entry *e, uint64_t *at)
{
    if (z->directory < LOCAL_SIZE || e->header > z->directory - LOCAL_SIZE)
        return false;
    const uint8_t *p = z->data + e->header;
    *at = e->header + LOCAL_SIZE + tvis_le16(p + 26) + tvis_le16(p + 28);
    return signature(p, 3, 4) && *at <= z->directory && e->packed_size <= z->directory - *at;
}

/* Each entry once. Together they are no longer than the file unless they overlap, which could make this take forever.
 */
static tvis_status verify(tvis_zip *z, tvis_zip_entry *e, const uint8_t *data, const char *name, tvis_diag *diag)
{
    if (e->size > z->directory - z->verified)
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_BOUNDS, name, "the record overlaps others");
    z->verified += e->size;
    e->verified = true;
    uint32_t crc = e->crc ? tvis_crc32(0, data, (size_t)e->size) : 0;
    if (crc != e->crc)
        return tvis_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_CRC, name, "the record is damaged", e->crc, crc);
    return TVIS_OK;
}

tvis_status tvis_zip_data(tvis_zip *z, tvis_zip_entry *e, const uint8_t **data, tvis_diag *diag)
{
    tvis_subject subject;
    uint64_t at;
    const char *name = tvis_subject_of(&subject, e->name, e->name_size);
    if (e->flags & FLAG_ENCRYPTED)
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_REFUSED, name, "the record is encrypted");
    if (e->method != 0 || e->size != e->packed_size)
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_REFUSED, name,
                         "the record is compressed: load the file in PyTorch and save it again");
    if (!find_data(z, e, &at))
        return tvis_fail_value(diag, TVIS_EFORMAT, TVIS_DIAG_BOUNDS, name, "the record leaves the archive",
                               (int64_t)z->directory, e->header > INT64_MAX ? INT64_MAX : (int64_t)e->header);
    *data = z->data + at;
    return e->verified ? TVIS_OK : verify(z, e, *data, name, diag);
}
