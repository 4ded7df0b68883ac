/* SPDX-License-Identifier: MIT */
/* A safetensors file: refused, or every tensor readable. */
#include <stdlib.h>

#include "models/import/weights.h"

#define READ_MAX (1 << 16) /* views may repeat elements: reading all of a large one only takes time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tvis_weights *w;
    tvis_diag d;
    static float values[READ_MAX];
    if (tvis_weights_parse(&w, data, size, "fuzz", &d) != TVIS_OK)
        return 0;
    for (size_t i = 0; i < tvis_weights_count(w); i++) {
        const tvis_weight *t = tvis_weights_at(w, i);
        if (tvis_weights_find(w, t->name) != t)
            abort();
        if (tvis_weight_elements(t) <= READ_MAX)
            tvis_weight_read_f32(t, values);
    }
    tvis_weights_close(w);
    return 0;
}
