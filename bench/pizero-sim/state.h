/* SPDX-License-Identifier: MIT */
/* The parameters of the model, its counters, and what is known of a translated block. */
#ifndef PZ_STATE_H
#define PZ_STATE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "decode.h"

/* ---- parameters ---- */

static int64_t P_l2lat = 105, P_dram = 260, P_l2occ = 20, P_dramocc = 60, P_tail = 16;
static int64_t P_l2size = 128, P_l2ways = 8, P_l2line = 32, P_miss = 3;
static int64_t P_utlb = 8, P_walk = 200, P_wbents = 4, P_wbl2 = 12, P_wbdram = 20;
static int64_t P_fold = 0, P_mispred = 6, P_random = 1, P_pld = 1, P_mhz = 1000;
static int64_t P_count = 0, P_outside = 1, P_icache = 1, P_perfect = 0;
static const char *P_out, *P_prof;

static const struct {
    const char *n;
    int64_t *v;
} params[] = {
    { "l2lat", &P_l2lat },     { "dram", &P_dram },     { "l2occ", &P_l2occ },     { "dramocc", &P_dramocc },
    { "tail", &P_tail },       { "l2size", &P_l2size }, { "l2ways", &P_l2ways },   { "l2line", &P_l2line },
    { "misses", &P_miss },     { "utlb", &P_utlb },     { "walk", &P_walk },       { "wbents", &P_wbents },
    { "wbl2", &P_wbl2 },       { "wbdram", &P_wbdram }, { "fold", &P_fold },       { "mispred", &P_mispred },
    { "random", &P_random },   { "pld", &P_pld },       { "mhz", &P_mhz },         { "count", &P_count },
    { "outside", &P_outside }, { "icache", &P_icache }, { "perfect", &P_perfect },
};

/* ---- translated blocks and counters ---- */

typedef struct tb {
    uint32_t va, end, n, nlines;
    uint8_t has_pld, has_vec, unk, roi;
    uint8_t npld;
    struct {
        uint8_t rn, rm, ok;
        uint8_t sh;
        int32_t off;
    } pld[16];
    uint64_t execs, cycles, stall;
    struct tb *next;
    uop u[];
} tb;

typedef struct {
    uint64_t insns, cycles, issue[C_N], cnt[C_N], interlock[C_N], memstall, icstall, brstall, lsu, sysc;
    uint64_t dacc, dmiss, dl2miss, iacc, imiss, il2miss, stacc, stmiss, tlbmiss, utlbmiss, wbstall, evict;
    uint64_t pld, pldbad, mispred, branches;
} stats;

static tb *all_tbs, *cur;
static stats S, S0, R;
static int roi_seen, roi_on;
static int is_a32;
static FILE *lap_file;
static uint8_t touched[1 << 17]; /* a bit for each page of 4 KiB */

/* memory references of the block being executed */
static struct {
    uint32_t va, idx;
} mref[8192];
static unsigned nref;
static uint32_t pldva[16];

static inline void touch(uint32_t va)
{
    touched[va >> 15] |= (uint8_t)(1u << (va >> 12 & 7));
}

#endif
