/* SPDX-License-Identifier: MIT */
/* What the first program of a user looks like: it links the library through pkg-config and opens a model. */
#include <tinyvis/hosted.h>
#include <tinyvis/tinyvis.h>

#include <stdio.h>
#include <string.h>

static union {
    uint8_t bytes[256];
    double  align[32];
} garbage;

int main(void)
{
    uint8_t *blob = garbage.bytes + (TVIS_ARENA_ALIGN - (uintptr_t)garbage.bytes % TVIS_ARENA_ALIGN) % TVIS_ARENA_ALIGN;
    char text[200];
    tvis_model m;
    tvis_diag d;
    memset(blob, 0x5a, 128);
    const tvis_status s = tvis_model_open(&m, blob, 128, &d);
    if (s != TVIS_EFORMAT || tvis_diag_format(&d, text, sizeof text) < 10)
        return 1;
    printf("# tinyvis %d.%d.%d, cpu %#x, %s: %s\n", TVIS_VERSION_MAJOR, TVIS_VERSION_MINOR, TVIS_VERSION_PATCH,
           (unsigned)tvis_cpu_detect(), tvis_status_name(s), text);
    tvis_pool *p = tvis_pool_create(2);
    tvis_session_config c;
    tvis_session_defaults(&c);
    c.pool = p;
    c.parallel_for = tvis_pool_parallel_for;
    tvis_pool_destroy(p);
    return p && c.registry == &tvis_registry_all ? 0 : 1;
}
