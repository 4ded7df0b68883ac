/* SPDX-License-Identifier: MIT */
/* A model that stays in memory and runs when it is told to, so that another program can let it take turns with others.
 */
#ifndef TVB_SERVE_H
#define TVB_SERVE_H

#include "bench/loaded.h"

/* Writes an object {startup_ms, est_ms, peak_rss_kb, arena_bytes, pack_bytes, file_bytes} after the first runs; then,
 * for each line "N WARM" on stdin, {wall_ns, cpu_ns}: a list each, of N runs that come after WARM others. Ends with
 * stdin. False when something failed, which is told on stderr. */
bool tvb_serve(const char *path, const tvb_setup *setup);

#endif
