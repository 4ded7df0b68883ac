/* SPDX-License-Identifier: MIT */
/* A32 instruction -> timing record ("uop") for the ARM1176JZF-S. */
#ifndef PZ_DECODE_H
#define PZ_DECODE_H
#include <stdint.h>
#include <string.h>

enum cls { C_ALU, C_MUL, C_DSP, C_LDST, C_LDM, C_VARITH, C_VLDST, C_VMOV, C_BRANCH, C_SYS, C_N };

/* scoreboard slots: 0-15 r0-r15, 16 NZCV, 17 FPSCR, 18 GE, 32-63 s0-s31 */
enum { R_FLAGS = 16, R_FPSCR = 17, R_GE = 18, R_S0 = 32, R_N = 64 };

enum {
    F_LOAD = 1,
    F_STORE = 2,
    F_COND = 4,
    F_BRANCH = 8,
    F_PLD = 16,
    F_ROI0 = 32,
    F_ROI1 = 64,
    F_VEC = 128,
    F_VMSR = 256,
    F_CALL = 512,
    F_RET = 1024,
    F_INDIR = 2048,
    F_DBL = 4096,
    F_MULTI = 8192,
    F_SERIAL = 16384,
    F_DS = 32768,
    F_FMAC = 65536,
    F_LAP = 131072
};

typedef struct {
    uint32_t insn, flags;
    uint8_t cls, issue, nsrc, ndst;
    uint8_t src[7];
    int8_t soff[7]; /* earliest issue = ready + soff */
    uint8_t dst[17];
    uint8_t dlat[17];          /* ready = issue + dlat */
    uint8_t pipe_busy;         /* cycles of the FMAC or DS pipe */
    uint8_t words;             /* transfer size in words (0: none) */
    uint8_t vfirst, vcount;    /* VFP multiple: S register range */
    uint8_t vd, vn, vm, vkind; /* single precision vector operands */
    uint8_t sz;                /* bytes of one access */
    int32_t bdisp;             /* B/BL displacement */
} uop;

static void u_src(uop *u, int r, int off)
{
    if (r == 15 || u->nsrc >= 7)
        return;
    u->src[u->nsrc] = (uint8_t)r;
    u->soff[u->nsrc++] = (int8_t)off;
}
static void u_dst(uop *u, int r, int lat)
{
    if (u->ndst >= 17)
        return;
    u->dst[u->ndst] = (uint8_t)r;
    u->dlat[u->ndst++] = (uint8_t)lat;
}
static int popc(uint32_t v)
{
    return __builtin_popcount(v);
}

static void dec_dp(uop *u, uint32_t w, int imm)
{
    int op = (w >> 21) & 15, s = (w >> 20) & 1, rn = (w >> 16) & 15, rd = (w >> 12) & 15, rm = w & 15;
    u->cls = C_ALU;
    if (op != 13 && op != 15)
        u_src(u, rn, 0);
    if (!imm) {
        if ((w >> 4) & 1) { /* shift by register: two cycles */
            u->issue = 2;
            u_src(u, rm, 0);
            u_src(u, (w >> 8) & 15, 0);
        } else {
            int sh = ((w >> 7) & 31) | ((w >> 5) & 3);
            u_src(u, rm, sh ? 1 : 0); /* shifted operand is an Early Reg */
            if (((w >> 5) & 3) == 3 && !((w >> 7) & 31))
                u_src(u, R_FLAGS, 1); /* RRX */
        }
    }
    if (op == 5 || op == 6 || op == 7)
        u_src(u, R_FLAGS, 0);
    if (op < 8 || op > 11) {
        if (rd == 15) {
            u->flags |= F_BRANCH | F_INDIR;
            if (op == 13 && rm == 14)
                u->flags |= F_RET;
        } else
            u_dst(u, rd, u->issue);
    }
    if (s || (op >= 8 && op <= 11))
        u_dst(u, R_FLAGS, u->issue);
}

static void dec_mul(uop *u, uint32_t w)
{
    int op = (w >> 21) & 7, s = (w >> 20) & 1, a = (w >> 16) & 15, b = (w >> 12) & 15;
    int rs = (w >> 8) & 15, rm = w & 15;
    u->cls = C_MUL;
    u_src(u, rm, 1);
    u_src(u, rs, 1);
    if (op == 0 || op == 1) {
        if (op == 1)
            u_src(u, b, -1);
        u->issue = s ? 5 : 2;
        u_dst(u, a, 4);
    } else {
        if (op == 2 || op == 5 || op == 7) {
            u_src(u, b, -1);
            u_src(u, a, 0);
        }
        u->issue = s ? 6 : 3;
        u_dst(u, b, 4);
        u_dst(u, a, 5);
    }
    if (s)
        u_dst(u, R_FLAGS, u->issue);
}

static void dec_xldst(uop *u, uint32_t w)
{ /* halfword, signed byte, doubleword */
    int p = (w >> 24) & 1, i = (w >> 22) & 1, wb = (w >> 21) & 1, l = (w >> 20) & 1;
    int rn = (w >> 16) & 15, rd = (w >> 12) & 15, sh = (w >> 5) & 3, up = (w >> 23) & 1;
    int lat = 3;
    u->cls = C_LDST;
    u->words = 1;
    u->sz = (sh == 2 && l) ? 1 : 2;
    u_src(u, rn, 1);
    if (!i) {
        u_src(u, w & 15, 1);
        if (!up && p) {
            u->issue = 2;
            lat = 4;
        }
    }
    if (!l && sh >= 2) { /* LDRD (2), STRD (3) */
        u->words = 2;
        u->sz = 4;
        if (sh == 2) {
            u->flags |= F_LOAD;
            u_dst(u, rd, lat);
            u_dst(u, (rd + 1) & 15, lat);
        } else {
            u->flags |= F_STORE;
            u_src(u, rd, -1);
            u_src(u, (rd + 1) & 15, -1);
        }
    } else if (l) {
        u->flags |= F_LOAD;
        u_dst(u, rd, lat);
    } else {
        u->flags |= F_STORE;
        u_src(u, rd, -1);
    }
    if (!p || wb)
        u_dst(u, rn, u->issue);
}

static void dec_ldst(uop *u, uint32_t w, int reg)
{
    int p = (w >> 24) & 1, up = (w >> 23) & 1, b = (w >> 22) & 1, wb = (w >> 21) & 1, l = (w >> 20) & 1;
    int rn = (w >> 16) & 15, rd = (w >> 12) & 15, lat = 3;
    u->cls = C_LDST;
    u->words = 1;
    u->sz = b ? 1 : 4;
    u_src(u, rn, 1);
    if (reg) {
        int sh = (w >> 5) & 0x7f; /* imm5:type */
        u_src(u, w & 15, 1);
        if (p && (!up || (sh != 0 && sh != (2 << 2)))) {
            u->issue = 2;
            lat = 4;
        }
    }
    if (l) {
        u->flags |= F_LOAD;
        if (rd == 15) {
            u->flags |= F_BRANCH | F_INDIR;
            if (rn == 13)
                u->flags |= F_RET;
        } else
            u_dst(u, rd, lat);
    } else {
        u->flags |= F_STORE;
        u_src(u, rd, -1);
    }
    if (!p || wb)
        u_dst(u, rn, u->issue);
}

static void dec_ldm(uop *u, uint32_t w)
{
    int l = (w >> 20) & 1, wb = (w >> 21) & 1, rn = (w >> 16) & 15, n = 0, r;
    uint32_t list = w & 0xffff;
    u->cls = C_LDM;
    u->words = (uint8_t)popc(list);
    u->flags |= F_MULTI;
    u->sz = 4;
    u_src(u, rn, 1);
    if (l) {
        int pc = (list >> 15) & 1;
        u->flags |= F_LOAD;
        for (r = 0; r < 15; r++)
            if (list >> r & 1) {
                u_dst(u, r, 3 + n / 2 + pc);
                n++;
            }
        if (pc) {
            u->flags |= F_BRANCH | F_INDIR;
            if (rn == 13)
                u->flags |= F_RET;
        }
    } else { /* all registers must be available */
        u->flags |= F_STORE;
        for (r = 0; r < 15; r++)
            if (list >> r & 1) {
                if (u->nsrc < 7)
                    u_src(u, r, 0);
            }
    }
    if (wb)
        u_dst(u, rn, 1);
}

static void dec_media(uop *u, uint32_t w)
{
    int op = (w >> 20) & 31, op2 = (w >> 5) & 7, a = (w >> 16) & 15, b = (w >> 12) & 15;
    int c = (w >> 8) & 15, d = w & 15;
    u->cls = C_ALU;
    if (op < 8) { /* parallel add and subtract */
        int kind = op & 3;
        u_src(u, a, 0);
        u_src(u, d, 0);
        u_dst(u, b, kind == 1 ? 1 : 2);
        if (kind == 1)
            u_dst(u, R_GE, 1);
        return;
    }
    if (op >= 16) {
        u->cls = C_DSP;
        u_src(u, d, 1);
        u_src(u, c, 1);
        switch (op) {
        case 16:
            if (b != 15)
                u_src(u, b, -1);
            u_dst(u, a, 3);
            break; /* SMUAD.. SMLSD */
        case 20:
            u->issue = 2;
            u_src(u, b, 0);
            u_src(u, a, -1);
            u_dst(u, b, 3);
            u_dst(u, a, 4);
            break;
        case 21:
            u->cls = C_MUL;
            u->issue = 2;
            if (b != 15)
                u_src(u, b, -1);
            u_dst(u, a, 4);
            break;
        default:
            if (b != 15)
                u_src(u, b, -1);
            u_dst(u, a, 3);
            break; /* USAD8, USADA8 */
        }
        return;
    }
    if (op2 == 3 && (op & 3) != 1 && op >= 8) { /* SXTB16 .. UXTAH */
        if (a != 15)
            u_src(u, a, 0);
        u_src(u, d, 1);
        u_dst(u, b, 1);
        return;
    }
    if (op2 == 3) {
        if (a != 15)
            u_src(u, a, 0);
        u_src(u, d, 1);
        u_dst(u, b, 1);
        return;
    }
    if (op == 8 && op2 == 5) {
        u_src(u, a, 0);
        u_src(u, d, 0);
        u_src(u, R_GE, 0);
        u_dst(u, b, 1);
        return;
    }
    if (op == 8) {
        u_src(u, a, 0);
        u_src(u, d, 1);
        u_dst(u, b, 1);
        return;
    } /* PKH */
    if (op2 == 1 && (op == 11 || op == 15)) {
        u_src(u, d, 1);
        u_dst(u, b, 1);
        return;
    } /* REV */
    if (op2 == 5 && (op == 11 || op == 15)) {
        u_src(u, d, 1);
        u_dst(u, b, 1);
        return;
    }
    u_src(u, d, 1);
    u_dst(u, b, 2); /* SSAT, USAT */
}

static int sreg(uint32_t hi, uint32_t lo)
{
    return (int)(hi * 2 + lo);
}

static void dec_vfp(uop *u, uint32_t w)
{
    int dbl = (w >> 8) & 1, rt = (w >> 12) & 15, rn = (w >> 16) & 15;
    if (((w >> 25) & 7) == 6) {
        int l = (w >> 20) & 1;
        if (((w >> 21) & 15) == 2) { /* FMDRR, FMSRR and back */
            int m = dbl ? (int)(w & 15) * 2 : sreg(w & 15, (w >> 5) & 1);
            u->cls = C_VMOV;
            if (l) {
                u_src(u, R_S0 + m, 1);
                u_src(u, R_S0 + ((m + 1) & 31), 1);
                u_dst(u, rt, 2);
                u_dst(u, rn, 2);
            } else {
                u_src(u, rt, 0);
                u_src(u, rn, 0);
                u_dst(u, R_S0 + m, 4);
                u_dst(u, R_S0 + ((m + 1) & 31), 4);
            }
            return;
        }
        int p = (w >> 24) & 1, wb = (w >> 21) & 1, imm = w & 255;
        int d = dbl ? rt * 2 : sreg((uint32_t)rt, (w >> 22) & 1);
        int cnt = (p && !wb) ? (dbl ? 2 : 1) : (dbl ? imm & ~1 : imm);
        u->cls = C_VLDST;
        u->sz = dbl ? 8 : 4;
        u->words = (uint8_t)cnt;
        if (d + cnt > 32)
            cnt = 32 - d;
        u->vfirst = (uint8_t)d;
        u->vcount = (uint8_t)cnt;
        u->flags |= F_MULTI | (l ? F_LOAD : F_STORE);
        u_src(u, rn, 1);
        if (wb)
            u_dst(u, rn, 1);
        return;
    }
    if (!((w >> 4) & 1)) { /* CDP: arithmetic */
        int op = (((w >> 23) & 1) << 3) | (((w >> 21) & 1) << 2) | (((w >> 20) & 1) << 1) | ((w >> 6) & 1);
        int d, n, m, lat = 8, acc = op < 4, ext = -1, busy = 1, i, k;
        u->cls = C_VARITH;
        u->flags |= F_FMAC;
        d = dbl ? rt * 2 : sreg((uint32_t)rt, (w >> 22) & 1);
        n = dbl ? rn * 2 : sreg((uint32_t)rn, (w >> 7) & 1);
        m = dbl ? (int)(w & 15) * 2 : sreg(w & 15, (w >> 5) & 1);
        if (op == 15)
            ext = rn * 2 + ((w >> 7) & 1);
        if (dbl && op < 6) {
            busy = 2;
            lat = 9;
        }
        if (op == 8 || ext == 3) {
            busy = dbl ? 29 : 15;
            lat = dbl ? 33 : 19;
            u->flags = (u->flags & ~(uint32_t)F_FMAC) | F_DS;
        }
        if (ext >= 0 && ext <= 2)
            lat = 4;
        u->pipe_busy = (uint8_t)busy;
        k = dbl ? 2 : 1;
        if (ext >= 8 && ext <= 11) { /* compare */
            for (i = 0; i < k; i++) {
                u_src(u, R_S0 + d + i, 0);
                if (ext < 10)
                    u_src(u, R_S0 + m + i, 0);
            }
            u_dst(u, R_FPSCR, 4);
            return;
        }
        if (ext >= 15) { /* conversions: operand sizes may differ */
            int sd = dbl, dd = dbl;
            if (ext == 15)
                dd = !dbl;
            else if (ext == 16 || ext == 17)
                sd = 0;
            else
                dd = 0;
            m = sd ? (int)(w & 15) * 2 : sreg(w & 15, (w >> 5) & 1);
            d = dd ? rt * 2 : sreg((uint32_t)rt, (w >> 22) & 1);
            for (i = 0; i <= sd; i++)
                u_src(u, R_S0 + ((m + i) & 31), 0);
            for (i = 0; i <= dd; i++)
                u_dst(u, R_S0 + ((d + i) & 31), lat);
            return;
        }
        for (i = 0; i < k; i++) {
            if (op != 15)
                u_src(u, R_S0 + ((n + i) & 31), 0);
            u_src(u, R_S0 + ((m + i) & 31), 0);
            if (acc)
                u_src(u, R_S0 + ((d + i) & 31), 0);
            u_dst(u, R_S0 + ((d + i) & 31), lat);
        }
        if (!dbl) { /* may be a short vector */
            u->flags |= F_VEC;
            u->vd = (uint8_t)d;
            u->vn = (uint8_t)n;
            u->vm = (uint8_t)m;
            u->vkind = (uint8_t)((op != 15 ? 1 : 0) | (acc ? 2 : 0));
        } else
            u->flags |= F_DBL;
        return;
    }
    { /* MCR, MRC: moves */
        int l = (w >> 20) & 1, opc = (w >> 21) & 7;
        u->cls = C_VMOV;
        if (opc == 7 && !dbl) {
            if (l) { /* FMRX, FMSTAT */
                u->flags |= F_SERIAL;
                u_src(u, R_FPSCR, 1);
                u_dst(u, rt == 15 ? R_FLAGS : rt, 2);
            } else {
                u->flags |= F_SERIAL | (rn == 1 ? F_VMSR : 0);
                u_src(u, rt, 0);
                u_dst(u, R_FPSCR, 4);
            }
            return;
        }
        int n = dbl ? rn * 2 + (opc & 1) : sreg((uint32_t)rn, (w >> 7) & 1);
        if (l) {
            u_src(u, R_S0 + n, 1);
            u_dst(u, rt, 2);
        } else {
            u_src(u, rt, 0);
            u_dst(u, R_S0 + n, 4);
        }
    }
}

static void decode_a32(uop *u, uint32_t w)
{
    uint32_t cond = w >> 28, op = (w >> 25) & 7;
    memset(u, 0, sizeof *u);
    u->insn = w;
    u->issue = 1;
    u->cls = C_ALU;
    if (w == 0xE18BB00Bu) {
        u->flags = F_ROI0;
        return;
    }
    if (w == 0xE18CC00Cu) {
        u->flags = F_ROI1;
        return;
    }
    if (w == 0xE18AA00Au) {
        u->flags = F_LAP;
        return;
    }
    if (cond == 15) {
        if ((w & 0x0D70F000u) == 0x0550F000u) { /* PLD */
            u->cls = C_LDST;
            u->flags |= F_PLD;
            u->words = 1;
            u_src(u, (w >> 16) & 15, 1);
            if (w & 0x02000000u)
                u_src(u, w & 15, 1);
        } else if (op == 5) {
            u->cls = C_BRANCH;
            u->flags |= F_BRANCH | F_CALL;
            u_dst(u, 14, 1);
        } else
            u->cls = C_SYS;
        return;
    }
    if (cond != 14) {
        u->flags |= F_COND;
        u_src(u, R_FLAGS, 0);
    }
    switch (op) {
    case 0:
        if ((w & 0x90) == 0x90) {
            if (((w >> 5) & 3) == 0) {
                if (((w >> 24) & 15) == 0)
                    dec_mul(u, w);
                else { /* SWP, LDREX, STREX */
                    int l = (w >> 20) & 1;
                    u->cls = C_LDST;
                    u->words = 1;
                    u->sz = 4;
                    u->issue = 2;
                    u_src(u, (w >> 16) & 15, 1);
                    u->flags |= l ? F_LOAD : F_STORE;
                    if (!l)
                        u_src(u, w & 15, -1);
                    u_dst(u, (w >> 12) & 15, 3);
                }
            } else
                dec_xldst(u, w);
        } else if ((w & 0x01900000u) == 0x01000000u) {
            int lo = (w >> 4) & 15, k = (w >> 21) & 3;
            if ((lo & 9) == 8) { /* SMLAxy, SMULxy, SMLAWy, SMLALxy */
                int a = (w >> 16) & 15, b = (w >> 12) & 15;
                u->cls = C_DSP;
                u_src(u, w & 15, 1);
                u_src(u, (w >> 8) & 15, 1);
                if (k == 2) {
                    u->issue = 2;
                    u_src(u, b, 0);
                    u_src(u, a, -1);
                    u_dst(u, b, 3);
                    u_dst(u, a, 4);
                } else {
                    if (k == 0 || (k == 1 && !((w >> 5) & 1)))
                        u_src(u, b, -1);
                    u_dst(u, a, 3);
                }
            } else if ((w & 0x0FFFFFD0u) == 0x012FFF10u) { /* BX, BLX */
                u->cls = C_BRANCH;
                u->flags |= F_BRANCH | F_INDIR;
                u_src(u, w & 15, 0);
                if ((w >> 5) & 1) {
                    u->flags |= F_CALL;
                    u_dst(u, 14, 1);
                } else if ((w & 15) == 14)
                    u->flags |= F_RET;
            } else if (lo == 1 && k == 3) {
                u_src(u, w & 15, 1);
                u_dst(u, (w >> 12) & 15, 1);
            }                   /* CLZ */
            else if (lo == 5) { /* QADD, QDADD, .. */
                u_src(u, w & 15, 0);
                u_src(u, (w >> 16) & 15, (k & 2) ? 1 : 0);
                u_dst(u, (w >> 12) & 15, 2);
            } else if (lo == 0) { /* MRS, MSR */
                u->cls = C_SYS;
                if (k & 1) {
                    u->issue = 2;
                    u_src(u, w & 15, 0);
                    u_dst(u, R_FLAGS, 2);
                } else {
                    u_src(u, R_FLAGS, 0);
                    u_dst(u, (w >> 12) & 15, 2);
                }
            } else
                u->cls = C_SYS;
        } else
            dec_dp(u, w, 0);
        break;
    case 1:
        if ((w & 0x01900000u) == 0x01000000u) {
            u->cls = C_SYS;
            if ((w >> 21) & 1)
                u_dst(u, R_FLAGS, 1);
        } else
            dec_dp(u, w, 1);
        break;
    case 2:
        dec_ldst(u, w, 0);
        break;
    case 3:
        if ((w >> 4) & 1)
            dec_media(u, w);
        else
            dec_ldst(u, w, 1);
        break;
    case 4:
        dec_ldm(u, w);
        break;
    case 5:
        u->cls = C_BRANCH;
        u->flags |= F_BRANCH;
        u->bdisp = ((int32_t)(w << 8) >> 6) + 8;
        if ((w >> 24) & 1) {
            u->flags |= F_CALL;
            u_dst(u, 14, 1);
        }
        break;
    default:
        if (op == 7 && ((w >> 24) & 1)) {
            u->cls = C_SYS;
            u->issue = 8;
        } /* SVC */
        else if (((w >> 9) & 7) == 5)
            dec_vfp(u, w);
        else {
            u->cls = C_SYS;
            if (op == 7 && (w & 0x00100010u) == 0x00100010u && ((w >> 12) & 15) != 15)
                u_dst(u, (w >> 12) & 15, 3);
        }
    }
    if (u->flags & F_BRANCH)
        u->cls = u->cls == C_ALU ? C_BRANCH : u->cls;
}
#endif
