/* SPDX-License-Identifier: MIT */
/* A plugin of QEMU's: a cycle model of the Raspberry Pi Zero (BCM2835: ARM1176JZF-S, VFP11, 16 KiB L1 caches, 128 KiB
 * L2) for qemu-arm. README.md has the model, its parameters and its limits. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "qplugin.h"

#define PZ_EXPORT __attribute__((visibility("default")))
PZ_EXPORT int qemu_plugin_version = 1;

/* env points at the CPU state of the translated code; on an x86-64 host the
 * generated code keeps it in rbp, and r0-r15 come first in it. 0: not known. */
__attribute__((used)) void pz_tb_exec(unsigned vcpu, void *ud, const uint32_t *env)
{
    tb *b = ud;
    static int env_ok = -1;
    if (vcpu)
        return;
    if (env_ok < 0) { /* the first block: pc is in place */
        env_ok = env && env[15] == b->va;
        if (!env_ok)
            fprintf(stderr, "pizero-sim: no view of the registers, PLD and short vectors not modelled\n");
    }
    if (!env_ok)
        env = NULL;
    {
        tb *p = cur;
        finish_cur(b->va);
        if (p && p->n && (p->u[p->n - 1].flags & F_VMSR) && env) {
            uint32_t v = env[(p->u[p->n - 1].insn >> 12) & 15];
            veclen = (int)((v >> 16) & 7) + 1;
            vecstride = ((v >> 20) & 3) == 3 ? 2 : 1;
        }
    }
    cur = b;
    nref = 0;
    if (b->npld && env) {
        unsigned i;
        for (i = 0; i < b->npld; i++)
            pldva[i] = env[b->pld[i].rn] + (uint32_t)b->pld[i].off +
                       (b->pld[i].rm < 16 ? env[b->pld[i].rm] << b->pld[i].sh : 0);
    }
}
#if defined(__x86_64__)
__asm__(".text\n.type pz_tramp,@function\npz_tramp:\n\tmovq %rbp, %rdx\n\tjmp pz_tb_exec\n.size pz_tramp,.-pz_tramp\n");
extern void pz_tramp(unsigned, void *) __attribute__((visibility("hidden")));
#else
static void pz_tramp(unsigned v, void *u)
{
    pz_tb_exec(v, u, NULL);
}
#endif

static void mem_cb(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t va, void *ud)
{
    (void)info;
    if (vcpu || nref >= 8192)
        return;
    touch((uint32_t)va);
    mref[nref].va = (uint32_t)va;
    mref[nref++].idx = (uint32_t)(uintptr_t)ud;
}

static void count_cb(unsigned vcpu, void *ud)
{
    tb *b = ud;
    if (vcpu)
        return;
    if (b->roi) {
        uint32_t i;
        for (i = 0; i < b->n; i++) {
            if (b->u[i].flags & F_ROI0)
                roi_begin();
            if (b->u[i].flags & F_ROI1)
                roi_end();
            S.insns++;
        }
    } else
        S.insns += b->n;
    if (roi_on || !roi_seen) {
        b->execs++;
        b->cycles += b->n;
    }
}

/* how far is register r moved, by constants only, between block start and insn i? */
static int track(const tb *b, uint32_t i, int r, int32_t *off)
{
    uint32_t j;
    *off = 0;
    for (j = 0; j < i; j++) {
        const uop *u = &b->u[j];
        uint32_t w = u->insn;
        int k, wr = 0;
        for (k = 0; k < u->ndst; k++)
            if (u->dst[k] == r)
                wr = 1;
        if (!wr)
            continue;
        if (u->flags & F_COND)
            return 0;
        if ((w & 0x0E000000u) == 0x02000000u && (int)((w >> 16) & 15) == r && ((w >> 21) & 15) == 4) {
            uint32_t im = w & 255, ro = ((w >> 8) & 15) * 2;
            *off += (int32_t)(ro ? (im >> ro | im << (32 - ro)) : im);
        } else if ((w & 0x0E000000u) == 0x02000000u && (int)((w >> 16) & 15) == r && ((w >> 21) & 15) == 2) {
            uint32_t im = w & 255, ro = ((w >> 8) & 15) * 2;
            *off -= (int32_t)(ro ? (im >> ro | im << (32 - ro)) : im);
        } else if ((u->flags & F_MULTI) && (int)((w >> 16) & 15) == r && u->cls == C_LDM && !((w >> r) & 1))
            *off += ((w >> 23) & 1 ? 4 : -4) * (int32_t)u->words;
        else if ((u->flags & F_MULTI) && (int)((w >> 16) & 15) == r && u->cls == C_VLDST)
            *off += ((w >> 23) & 1 ? 4 : -4) * (int32_t)(w & 255);
        else if (u->cls == C_LDST && (w & 0x0E000000u) == 0x04000000u && (int)((w >> 16) & 15) == r &&
                 (int)((w >> 12) & 15) != r)
            *off += ((w >> 23) & 1 ? 1 : -1) * (int32_t)(w & 0xfff);
        else if (u->cls == C_LDST && (w & 0x0E400000u) == 0x00400000u && (int)((w >> 16) & 15) == r &&
                 (int)((w >> 12) & 15) != r)
            *off += ((w >> 23) & 1 ? 1 : -1) * (int32_t)(((w >> 4) & 0xf0) | (w & 15));
        else
            return 0;
    }
    return 1;
}

static void trans_cb(qemu_plugin_id_t id, struct qemu_plugin_tb *q)
{
    size_t n = qemu_plugin_tb_n_insns(q), i;
    tb *b;
    (void)id;
    b = calloc(1, sizeof *b + n * sizeof(uop));
    if (!b)
        return;
    b->va = (uint32_t)qemu_plugin_tb_vaddr(q);
    b->n = (uint32_t)n;
    b->next = all_tbs;
    all_tbs = b;
    b->end = b->va;
    for (i = 0; i < n; i++) {
        struct qemu_plugin_insn *qi = qemu_plugin_tb_get_insn(q, i);
        uint32_t w = 0;
        size_t sz = qemu_plugin_insn_size(qi);
        memcpy(&w, qemu_plugin_insn_data(qi), sz > 4 ? 4 : sz);
        b->end += (uint32_t)sz;
        if (!is_a32) {
            memset(&b->u[i], 0, sizeof(uop));
            if (w == 0xAA0B016Bu)
                b->u[i].flags = F_ROI0;
            if (w == 0xAA0C018Cu)
                b->u[i].flags = F_ROI1;
        } else if (sz == 4 && !(b->va & 1))
            decode_a32(&b->u[i], w);
        else {
            memset(&b->u[i], 0, sizeof(uop));
            b->u[i].issue = 1;
        }
        if (b->u[i].flags & (F_ROI0 | F_ROI1))
            b->roi = 1;
        if (b->u[i].flags & F_PLD && b->npld < 16) {
            int32_t off, off2;
            int rn = (w >> 16) & 15, ok;
            ok = rn != 15 && track(b, (uint32_t)i, rn, &off);
            b->pld[b->npld].rm = 16;
            if (ok && (w & 0x02000000u)) {
                ok = ((w >> 23) & 1) && !((w >> 5) & 3) && track(b, (uint32_t)i, w & 15, &off2);
                if (ok) {
                    b->pld[b->npld].rm = w & 15;
                    b->pld[b->npld].sh = (w >> 7) & 31;
                    off += off2 * (1 << ((w >> 7) & 31));
                }
            } else if (ok)
                off += ((w >> 23) & 1 ? 1 : -1) * (int32_t)(w & 0xfff);
            b->pld[b->npld].ok = (uint8_t)ok;
            b->pld[b->npld].rn = (uint8_t)rn;
            b->pld[b->npld].off = ok ? off : 0;
            b->npld++;
        }
        if (!P_count && (b->u[i].flags & (F_LOAD | F_STORE)))
            qemu_plugin_register_vcpu_mem_cb(qi, mem_cb, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
                                             (void *)(uintptr_t)i);
    }
    touch(b->va);
    touch(b->end - 1);
    b->nlines = ((b->end - 1) >> 5) - (b->va >> 5) + 1;
    qemu_plugin_register_vcpu_tb_exec_cb(q, P_count ? count_cb : (qp_udata_cb)pz_tramp, QEMU_PLUGIN_CB_R_REGS, b);
}

PZ_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    int i;
    size_t k;
    is_a32 = strcmp(info->target_name, "arm") == 0;
    for (i = 0; i < argc; i++) {
        char *e = strchr(argv[i], '=');
        if (!e) {
            fprintf(stderr, "pizero-sim: want name=value, got %s\n", argv[i]);
            return -1;
        }
        *e = 0;
        if (!strcmp(argv[i], "out")) {
            P_out = strdup(e + 1);
            continue;
        }
        if (!strcmp(argv[i], "profile")) {
            P_prof = strdup(e + 1);
            continue;
        }
        if (!strcmp(argv[i], "laps")) {
            if (!(lap_file = fopen(e + 1, "w"))) {
                fprintf(stderr, "pizero-sim: %s: cannot be written\n", e + 1);
                return -1;
            }
            continue;
        }
        for (k = 0; k < sizeof params / sizeof *params; k++)
            if (!strcmp(argv[i], params[k].n)) {
                *params[k].v = strtoll(e + 1, NULL, 0);
                break;
            }
        if (k == sizeof params / sizeof *params) {
            fprintf(stderr, "pizero-sim: unknown parameter %s\n", argv[i]);
            return -1;
        }
    }
    if (!is_a32)
        P_count = 1;
    if (P_miss < 1)
        P_miss = 1;
    if (P_miss > 8)
        P_miss = 8;
    if (P_wbents < 1)
        P_wbents = 1;
    if (P_wbents > 16)
        P_wbents = 16;
    for (l2shift = 5; (1 << l2shift) < P_l2line; l2shift++)
        ;
    l2sets = (uint32_t)(P_l2size * 1024 / (P_l2ways << l2shift));
    if (!l2sets)
        l2sets = 1;
    while (l2sets & (l2sets - 1))
        l2sets &= l2sets - 1;
    l2tag = calloc(l2sets * (size_t)P_l2ways, 4);
    l2age = calloc(l2sets * (size_t)P_l2ways, 1);
    if (!l2tag || !l2age)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, trans_cb);
    qemu_plugin_register_atexit_cb(id, report, NULL);
    return 0;
}
