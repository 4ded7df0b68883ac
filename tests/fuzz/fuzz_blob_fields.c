/* SPDX-License-Identifier: MIT */
/* Valid blobs whose fields are changed, one by one, to values that the input names or that are next to a limit. Reaches
 * what random bytes do not: planning and kernels with shapes, types and references nearly right.
 *
 * Input: which network, then any number of { table, record (2), field, kind of value, value (2) }. */
#include "core/blob.h"
#include "tests/exercise.h"
#include "tests/fuzz/networks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGE_BYTES = 7, MOST_CHANGES = 16 };

/* Fields of two and four bytes of the tables, as they follow each other. */
typedef struct table {
    uint32_t offset, count, bytes;
} table;

static uint32_t interesting(uint8_t kind, uint32_t value, uint32_t old, uint32_t file)
{
    static const uint32_t limits[] = { 0, 1, 0x7f, 0xff, 0xfff0, 0xffff, 1u << 24, 0x7fffffff, 0x80000000, 0xffffffff };
    switch (kind % 8) {
    case 0:
        return old + 1;
    case 1:
        return old - 1;
    case 2:
        return limits[value % (sizeof limits / sizeof *limits)];
    case 3:
        return value << 16;
    case 4:
        return old * 2;
    case 5:
        return old ^ (1u << value % 32);
    case 6:
        return file - value % 256;
    default:
        return value;
    }
}

static void change(uint8_t *blob, const uint8_t *how)
{
    const tvis_blob_header *h = (const void *)blob;
    const uint32_t file = h->file_bytes, record = how[1] | (uint32_t)how[2] << 8,
                   value = how[5] | (uint32_t)how[6] << 8;
    const table tables[] = {
        { 0, 1, sizeof *h },
        { h->tensor_offset, h->tensor_count, sizeof(tvis_blob_tensor) },
        { h->node_offset, h->node_count, sizeof(tvis_blob_node) },
        { h->id_offset, h->id_count, sizeof(uint16_t) },
    };
    const table *t = &tables[how[0] % 4];
    const bool small = how[0] & 4 || t->bytes < 4, byte = how[0] & 8;
    const uint32_t width = byte ? 1 : small ? 2 : 4;
    if (t->count == 0)
        return;
    const uint64_t at = t->offset + (uint64_t)(record % t->count) * t->bytes + how[3] % (t->bytes / width) * width;
    uint32_t old = 0;
    if (at + width > file)
        return;
    memcpy(&old, blob + at, width);
    old = interesting(how[4], value, old, file);
    memcpy(blob + at, &old, width);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tvis_model m;
    tvis_session_config c;
    if (size < 2)
        return 0;
    const tvis_blob *from = tvt_network(data[0] % TVT_NETWORKS);
    tvt_memory copy = tvt_exercise_memory(from->size);
    tvis_blob_header *h = (void *)copy.p;
    memcpy(copy.p, from->data, from->size);
    for (size_t i = 0; i < MOST_CHANGES && 2 + (i + 1) * CHANGE_BYTES <= size; i++) {
        change(copy.p, data + 2 + i * CHANGE_BYTES);
        h->file_bytes = (uint32_t)from->size; /* later changes rely on it */
    }
    if (h->tables_end >= sizeof *h && h->tables_end <= from->size)
        h->crc = tvis_blob_crc(copy.p);
    if (tvis_model_open(&m, copy.p, from->size, NULL) == TVIS_OK) {
        tvis_session_defaults(&c);
        c.threads = (uint16_t)(1 + data[1] % 4);
        c.plan = data[1] >> 2 & 1;
        c.no_fusion = data[1] >> 3 & 1;
        c.cpu = data[1] >> 4 & 1 ? 0 : tvis_cpu_detect();
        c.n = (uint16_t)(data[1] >> 5 & 3);
        c.int8_input = data[1] >> 7;
        tvt_exercise(&m, c);
    }
    tvt_exercise_free(&copy);
    return 0;
}
