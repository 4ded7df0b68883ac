/* SPDX-License-Identifier: MIT */
/* A PyTorch file, zip or legacy, or (first byte 0) the object's pickle and what follows it in a legacy one. */
#include <stdlib.h>
#include <string.h>

#include "models/import/weights.h"

#define READ_MAX (1 << 16) /* views may repeat elements: reading all of a large one only takes time */

/* Magic number, protocol version, system information (an empty dict). */
static const uint8_t head[] = { 0x80, 2,   0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50,
                                0x19, '.', 0x80, 2,  'M',  0xe9, 3,    '.',  0x80, 2,    '}',  '.' };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const tvis_weights *w)
{
    static float values[READ_MAX];
    for (size_t i = 0; i < tvis_weights_count(w); i++) {
        const tvis_weight *t = tvis_weights_at(w, i);
        if (tvis_weights_find(w, t->name) != t)
            abort();
        if (tvis_weight_elements(t) <= READ_MAX)
            tvis_weight_read_f32(t, values);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tvis_weights *w;
    tvis_diag d;
    uint8_t *file = NULL;
    if (size && data[0] == 0) {
        file = malloc(sizeof head + size - 1);
        if (!file)
            return 0;
        memcpy(file, head, sizeof head);
        memcpy(file + sizeof head, data + 1, size - 1);
        data = file;
        size += sizeof head - 1;
    }
    if (tvis_weights_parse(&w, data, size, "fuzz", &d) == TVIS_OK) {
        read_all(w);
        tvis_weights_close(w);
    }
    free(file);
    return 0;
}
