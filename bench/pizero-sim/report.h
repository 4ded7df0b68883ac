/* SPDX-License-Identifier: MIT */
/* What is printed at the end. */
#ifndef PZ_REPORT_H
#define PZ_REPORT_H

#include "core.h"
#include "qplugin.h"

static int by_cycles(const void *a, const void *b)
{
    const tb *x = *(tb *const *)a, *y = *(tb *const *)b;
    return x->cycles < y->cycles ? 1 : x->cycles > y->cycles ? -1 : 0;
}

static uint32_t pages_touched(void)
{
    uint32_t n = 0;
    for (size_t i = 0; i < sizeof touched; i++)
        n += (uint32_t)popc(touched[i]);
    return n;
}

/* Per block: address, instructions, times, cycles (instructions in all when only counting), cycles of them that waited for data. */
static void write_profile(void)
{
    size_t n = 0, k = 0;
    FILE *f = P_prof ? fopen(P_prof, "w") : NULL;
    if (!f)
        return;
    for (tb *b = all_tbs; b; b = b->next)
        n += b->execs != 0;
    tb **v = malloc((n + 1) * sizeof *v);
    for (tb *b = all_tbs; b && v; b = b->next)
        if (b->execs)
            v[k++] = b;
    if (v)
        qsort(v, n, sizeof *v, by_cycles);
    for (k = 0; v && k < n; k++)
        fprintf(f, "%08x %u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", v[k]->va, v[k]->n, v[k]->execs, v[k]->cycles,
                v[k]->stall);
    free(v);
    fclose(f);
}

static void report(qemu_plugin_id_t id, void *p)
{
    static const char *names[C_N] = { "int ALU",   "multiply",       "SMLAD/SMLAxy", "load/store", "LDM/STM",
                                      "VFP arith", "VFP load/store", "VFP move",     "branch",     "system" };
    FILE *f = stderr;
    stats *s = &S;
    uint64_t il = 0;
    int i;
    double c;
    (void)id;
    (void)p;
    if (!P_count)
        finish_cur(0);
    if (roi_on)
        roi_end();
    S.cycles = now;
    if (lap_file)
        fclose(lap_file);
    if (roi_seen)
        s = &R;
    if (P_out && !(f = fopen(P_out, "a")))
        f = stderr;
    if (P_count) {
        fprintf(f, "pizero-sim: instructions %" PRIu64 "%s\n", s->insns, roi_seen ? " (region)" : "");
        if (f != stderr)
            fclose(f);
        write_profile();
        return;
    }
    c = (double)s->cycles;
    if (c < 1)
        c = 1;
    fprintf(f, "pizero-sim: %s\n", roi_seen ? "region of interest" : "whole program");
    fprintf(f,
            "  instructions %14" PRIu64 "\n  cycles       %14" PRIu64
            "  (CPI %.2f)\n  time         %14.2f ms at %d MHz\n",
            s->insns, s->cycles, c / (double)(s->insns ? s->insns : 1), c / ((double)P_mhz * 1e3), (int)P_mhz);
    fprintf(f, "  %-16s %14s %14s %14s %7s\n", "class", "executed", "issue cycles", "interlocks", "share");
    for (i = 0; i < C_N; i++) {
        il += s->interlock[i];
        fprintf(f, "  %-16s %14" PRIu64 " %14" PRIu64 " %14" PRIu64 " %6.1f%%\n", names[i], s->cnt[i], s->issue[i],
                s->interlock[i], 100.0 * (double)(s->issue[i] + s->interlock[i]) / c);
    }
    fprintf(f, "  %-16s %14s %14" PRIu64 " %14s %6.1f%%\n", "branch penalty", "", s->brstall, "",
            100.0 * (double)s->brstall / c);
    fprintf(f, "  %-16s %14s %14" PRIu64 " %14s %6.1f%%\n", "data stall", "", s->memstall, "",
            100.0 * (double)s->memstall / c);
    fprintf(f, "  %-16s %14s %14" PRIu64 " %14s %6.1f%%\n", "fetch stall", "", s->icstall, "",
            100.0 * (double)s->icstall / c);
    fprintf(f,
            "  D-cache: %" PRIu64 " word loads, %" PRIu64 " line misses (%" PRIu64 " to DRAM), %" PRIu64
            " dirty evictions\n",
            s->dacc, s->dmiss, s->dl2miss, s->evict);
    fprintf(f, "  stores:  %" PRIu64 " words, %" PRIu64 " bursts past L1, %" PRIu64 " cycles on a full write buffer\n",
            s->stacc, s->stmiss, s->wbstall);
    fprintf(f, "  I-cache: %" PRIu64 " line fetches, %" PRIu64 " misses (%" PRIu64 " to DRAM)\n", s->iacc, s->imiss,
            s->il2miss);
    fprintf(f,
            "  TLB:     %" PRIu64 " micro misses, %" PRIu64 " table walks;  branches %" PRIu64 ", mispredicted %" PRIu64
            "\n",
            s->utlbmiss, s->tlbmiss, s->branches, s->mispred);
    fprintf(f, "  pages:   %" PRIu32 " of 4 KiB touched by the whole program\n", pages_touched());
    if (s->pld)
        fprintf(f, "  PLD:     %" PRIu64 ", of which %" PRIu64 " with an address the model could not follow\n", s->pld,
                s->pldbad);
    (void)il;
    if (f != stderr)
        fclose(f);
    write_profile();
}

#endif
