/* SPDX-License-Identifier: MIT */
/* A blob: refused, or every call on it works. The checksum of the tables is repaired, or nothing but it would be
 * tested. */
#include "core/blob.h"
#include "tests/exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const tvis_model *m)
{
    tvis_model_info info;
    tvis_weight_info w;
    tvis_preprocess p;
    size_t letters = 0;
    tvis_model_get_info(m, &info);
    tvis_model_preprocess(m, &p);
    letters += strlen(info.arch);
    for (uint32_t i = 0; i < info.tensors; i++)
        if (tvis_model_weight(m, i, &w))
            letters += strlen(w.name) + ((const uint8_t *)w.data)[w.bytes - 1];
    const char *label = tvis_model_label(m, info.classes - 1);
    letters += label ? strlen(label) : 0;
    if (letters == SIZE_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tvis_model m;
    tvis_session_config c;
    tvis_diag d;
    tvt_memory copy = tvt_exercise_memory(size);
    tvis_blob_header *h = (void *)copy.p;
    memcpy(copy.p, data, size);
    if (size >= sizeof *h && h->tables_end >= sizeof *h && h->tables_end <= size)
        h->crc = tvis_blob_crc(copy.p);
    if (tvis_model_open(&m, copy.p, size, &d) == TVIS_OK) {
        look(&m);
        tvis_blob_verify(&m, &d);
        tvis_session_defaults(&c);
        for (uint8_t way = 0; way < 5; way++) {
            c.threads = way & 1 ? 3 : 1;
            c.plan = way & 2 ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
            c.no_fusion = way == 1;
            c.int8_input = way == 4;
            c.cpu = way == 3 ? 0 : tvis_cpu_detect();
            if (!tvt_exercise(&m, c))
                break;
        }
    }
    tvt_exercise_free(&copy);
    return 0;
}
