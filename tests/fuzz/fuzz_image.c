/* SPDX-License-Identifier: MIT */
/* The PGM and PPM reader (and JPEG and PNG where they are compiled in); what is read goes through pre-processing, and
 * comes back from our own writer. */
#define _POSIX_C_SOURCE 200809L
#include "examples/tinyvis/image_write.h"

#include <stdlib.h>
#include <string.h>

static void resize(const picture *p)
{
    static const tvis_preprocess preset = {
        .filter = TVIS_FILTER_BICUBIC, .fit = TVIS_FIT_CROP, .channels = 3, .crop = 0.875f, .std = { 1, 1, 1 }
    };
    const tvis_image view = picture_view(p);
    uint8_t out[9 * 8 * 3];
    size_t bytes;
    if (tvis_preprocess_size(&preset, &view, 9, 8, &bytes, NULL))
        abort();
    void *mem;
    if (posix_memalign(&mem, TVIS_ARENA_ALIGN, bytes) != 0)
        return;
    if (tvis_preprocess_u8(&preset, &view, 9, 8, out, mem, bytes, NULL))
        abort();
    free(mem);
}

static void write_and_read(const picture *p)
{
    uint8_t *data;
    size_t size;
    picture again;
    if (picture_encode(p->channels == 3 ? "x.ppm" : "x.pgm", p, &data, &size, NULL) ||
        picture_decode(data, size, "x", &again, NULL))
        abort();
    if (again.width != p->width || again.height != p->height || again.channels != p->channels ||
        memcmp(again.pixels, p->pixels, (size_t)p->width * (size_t)p->height * (size_t)p->channels) != 0)
        abort();
    free(data);
    picture_free(&again);
    if (picture_encode("x.png", p, &data, &size, NULL))
        abort();
    free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    picture p;
    tvis_diag d;
    if (picture_decode(data, size, "input", &p, &d) == TVIS_OK) {
        resize(&p);
        write_and_read(&p);
    }
    picture_free(&p);
    return 0;
}
