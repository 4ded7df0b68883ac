/* SPDX-License-Identifier: MIT */
/* Valid blobs with any weights, scales, tables, sparse indices at all: opened and run, whatever they are.
 *
 * Input: which network, how it is run, where the first byte goes (3), then bytes that are repeated over the data of the
 * constants, or that follow each other there once. */
#include "core/blob.h"
#include "tests/exercise.h"
#include "tests/fuzz/networks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 5 };

static void fill(uint8_t *to, size_t room, const uint8_t *data, size_t size)
{
    const size_t at = ((size_t)data[2] | (size_t)data[3] << 8 | (size_t)data[4] << 16) % room;
    if (data[1] & 0x80)
        for (size_t i = 0; i < room; i++)
            to[i] = data[HEAD + i % (size - HEAD)];
    else
        memcpy(to + at, data + HEAD, size - HEAD < room - at ? size - HEAD : room - at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tvis_model m;
    tvis_session_config c;
    tvis_diag d;
    if (size <= HEAD)
        return 0;
    const tvis_blob *from = tvt_network(data[0] % TVT_NETWORKS);
    tvt_memory copy = tvt_exercise_memory(from->size);
    const tvis_blob_header *h = (const void *)copy.p;
    memcpy(copy.p, from->data, from->size);
    if (h->tables_end < from->size)
        fill(copy.p + h->tables_end, from->size - h->tables_end, data, size);
    if (tvis_model_open(&m, copy.p, from->size, &d))
        tvt_exercise_die("data of constants is not to matter to opening");
    (void)tvis_blob_verify(&m, &d);
    tvis_session_defaults(&c);
    c.threads = (uint16_t)(1 + data[1] % 4);
    c.plan = data[1] >> 2 & 1;
    c.no_fusion = data[1] >> 3 & 1;
    c.cpu = data[1] >> 4 & 1 ? 0 : tvis_cpu_detect();
    c.n = (uint16_t)(data[1] >> 5 & 3);
    c.int8_input = data[1] >> 7;
    (void)tvt_exercise(&m, c);
    tvt_exercise_free(&copy);
    return 0;
}
