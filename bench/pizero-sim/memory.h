/* SPDX-License-Identifier: MIT */
/* Both levels of caches, the write buffer, the TLBs, and the clock that they move on. */
#ifndef PZ_MEMORY_H
#define PZ_MEMORY_H

#include "state.h"

typedef struct {
    uint32_t tag[4];
    uint64_t ready[4];
    uint8_t dirty[4];
} set4;
static set4 D[128], I[128];
static uint32_t *l2tag, l2sets, l2shift;
static uint8_t *l2age;
static uint32_t rnd = 0x2545F491u;
static uint64_t now, lsu_free, fmac_free, ds_free, bus_free, vfp_done;
static uint64_t fills[8];
static unsigned nfill;
static uint64_t wbq[16];
static uint32_t wbline = ~0u;
static uint64_t wb_last;
static uint32_t utlb[10];
static unsigned utlb_p;
static uint32_t tlb[32][2];
static uint8_t tlb_p[32];
static uint32_t last_page = ~0u, last_iline = ~0u;

static uint32_t xrnd(void)
{
    rnd ^= rnd << 13;
    rnd ^= rnd >> 17;
    rnd ^= rnd << 5;
    return rnd;
}

/* 1: hit. Least recently used within a set. */
static int l2_access(uint32_t addr)
{
    uint32_t line = addr >> l2shift, s = line & (l2sets - 1), w, v = 0;
    int hit = 0;
    uint32_t *t = l2tag + s * (uint32_t)P_l2ways;
    uint8_t *a = l2age + s * (uint32_t)P_l2ways;
    for (w = 0; w < (uint32_t)P_l2ways; w++) {
        if (t[w] == line + 1) {
            v = w;
            hit = 1;
            break;
        }
        if (a[w] > a[v])
            v = w;
    }
    for (w = 0; w < (uint32_t)P_l2ways; w++)
        if (a[w] < 255)
            a[w]++;
    a[v] = 0;
    t[v] = line + 1;
    return hit;
}

static uint64_t fetch_line(uint32_t addr, uint64_t t, uint64_t *l2m)
{
    int hit = l2_access(addr);
    uint64_t st = t > bus_free ? t : bus_free;
    if (!hit)
        (*l2m)++;
    bus_free = st + (uint64_t)(hit ? P_l2occ : P_dramocc);
    return st + (uint64_t)(hit ? P_l2lat : P_dram);
}

static void wb_push(uint32_t line, uint64_t *t)
{ /* one line-sized burst to the write buffer */
    unsigned i, free_i = 0;
    uint64_t best = ~0ull;
    int hit;
    for (i = 0; i < (unsigned)P_wbents; i++)
        if (wbq[i] < best) {
            best = wbq[i];
            free_i = i;
        }
    if (best > *t) {
        S.wbstall += best - *t;
        *t = best;
    }
    hit = l2_access(line << 5);
    if (wb_last < *t)
        wb_last = *t;
    wb_last += (uint64_t)(hit ? P_wbl2 : P_wbdram);
    wbq[free_i] = wb_last;
}

static uint64_t tlb_pen(uint32_t va)
{
    uint32_t pg = va >> 12, s;
    unsigned i;
    if (pg == last_page)
        return 0;
    for (i = 0; i < 10; i++)
        if (utlb[i] == pg + 1) {
            last_page = pg;
            return 0;
        }
    utlb[utlb_p] = pg + 1;
    utlb_p = (utlb_p + 1) % 10;
    last_page = pg;
    S.utlbmiss++;
    s = pg & 31;
    if (tlb[s][0] == pg + 1 || tlb[s][1] == pg + 1)
        return (uint64_t)P_utlb;
    tlb[s][tlb_p[s]] = pg + 1;
    tlb_p[s] ^= 1;
    S.tlbmiss++;
    return (uint64_t)(P_utlb + P_walk);
}

/* Data load issued at *t (may be moved on by stalls). Returns when the word is
 * there beyond the hit time: 0 for a hit, else the absolute cycle. */
static uint64_t d_load(uint32_t va, uint64_t *t, int pf)
{
    uint32_t line = va >> 5, w;
    set4 *s = &D[line & 127];
    uint64_t r, pen;
    S.dacc++;
    if (P_perfect)
        return 0;
    pen = tlb_pen(va);
    if (pf && pen > (uint64_t)P_utlb)
        return 0; /* PLD does not walk the tables */
    *t += pen;
    for (w = 0; w < 4; w++)
        if (s->tag[w] == line + 1)
            return s->ready[w] > *t ? s->ready[w] : 0;
    S.dmiss++;
    { /* a free slot among the outstanding misses */
        unsigned i, m = 0;
        for (i = 1; i < (unsigned)P_miss; i++)
            if (fills[i] < fills[m])
                m = i;
        if (fills[m] > *t)
            *t = fills[m];
        for (w = 0; w < 4; w++)
            if (!s->tag[w])
                break;
        if (w == 4)
            w = P_random ? xrnd() & 3 : (nfill++ & 3);
        if (s->tag[w] && s->dirty[w]) {
            S.evict++;
            wb_push(s->tag[w] - 1, t);
        }
        r = fetch_line(va, *t, &S.dl2miss);
        fills[m] = r;
        s->tag[w] = line + 1;
        s->dirty[w] = 0;
        s->ready[w] = r + (uint64_t)P_tail;
    }
    return r;
}

static void d_store(uint32_t va, uint64_t *t)
{
    uint32_t line = va >> 5, w;
    set4 *s = &D[line & 127];
    S.stacc++;
    if (P_perfect)
        return;
    *t += tlb_pen(va);
    for (w = 0; w < 4; w++)
        if (s->tag[w] == line + 1) {
            s->dirty[w] = 1;
            return;
        }
    if (line == wbline)
        return; /* merges in the write buffer */
    S.stmiss++;
    wbline = line;
    wb_push(line, t);
}

static void i_fetch(uint32_t line)
{
    set4 *s = &I[line & 127];
    uint32_t w;
    uint64_t r;
    S.iacc++;
    for (w = 0; w < 4; w++)
        if (s->tag[w] == line + 1)
            return;
    S.imiss++;
    for (w = 0; w < 4; w++)
        if (!s->tag[w])
            break;
    if (w == 4)
        w = xrnd() & 3;
    s->tag[w] = line + 1;
    r = fetch_line(line << 5, now, &S.il2miss);
    S.icstall += r - now;
    now = r;
}

#endif
