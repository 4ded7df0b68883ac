/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* posix_memalign */
#include "quant/runner_hosted.h"
#include "core/diag.h"

#include <stdlib.h>

/* Models that are larger run with their weights as they are. */
#define MOST_PACKED ((size_t)16 << 20)

static tvis_status reserve(void **memory, size_t bytes, tvis_diag *d)
{
    return posix_memalign(memory, TVIS_ARENA_ALIGN, bytes) == 0
               ? TVIS_OK
               : tvis_fail(d, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "session", "out of memory");
}

static tvis_status pack(tvis_runner *r, const tvis_model *m, tvis_session_config *c, tvis_diag *d)
{
    size_t bytes;
    tvis_status s = tvis_pack_size(m, c, &bytes, d);
    if (s || bytes == 0 || bytes > MOST_PACKED)
        return s;
    s = reserve(&r->pack, bytes, d);
    if (!s)
        s = tvis_pack_init(m, c, r->pack, bytes, d);
    c->pack = r->pack;
    return s;
}

tvis_status tvis_runner_start(tvis_runner *r, const tvis_model *m, uint32_t cpu, tvis_observer watch, void *user,
                              tvis_diag *diag)
{
    tvis_session_config c;
    size_t bytes;
    *r = (tvis_runner){ .session = NULL };
    tvis_session_defaults(&c);
    c.cpu = cpu;
    c.no_fusion = watch != NULL;
    c.observe = watch;
    c.observe_user = user;
    tvis_status s = watch ? TVIS_OK : pack(r, m, &c, diag);
    if (!s)
        s = tvis_session_size(m, &c, &bytes, diag);
    if (!s)
        s = reserve(&r->arena, bytes, diag);
    if (!s)
        s = tvis_session_init(&r->session, m, &c, r->arena, bytes, diag);
    if (!s)
        s = tvis_session_input(r->session, 0, &r->input);
    return s;
}

void tvis_runner_free(tvis_runner *r)
{
    free(r->arena);
    free(r->pack);
    *r = (tvis_runner){ .session = NULL };
}
