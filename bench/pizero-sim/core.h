/* SPDX-License-Identifier: MIT */
/* The processor: when each instruction of a block that has run was issued. */
#ifndef PZ_CORE_H
#define PZ_CORE_H

#include "memory.h"

static uint64_t ready[R_N];
static uint8_t fromiss[R_N], frommul[R_N];
static uint64_t vlock[32];
static int veclen = 1, vecstride = 1;
static struct {
    uint32_t pc, target;
    uint8_t ctr;
} btac[128];
static uint32_t rstack[3];
static unsigned rsp, rsn;

static void roi_begin(void)
{
    if (!roi_seen) /* the profile is of the marked spans only */
        for (tb *b = all_tbs; b; b = b->next)
            b->execs = b->cycles = b->stall = 0;
    roi_seen = 1;
    roi_on = 1;
    S0 = S;
    S0.cycles = now;
}
static void roi_end(void)
{
    uint64_t *a = (uint64_t *)&R, *b = (uint64_t *)&S, *c = (uint64_t *)&S0;
    size_t i;
    if (!roi_on)
        return;
    roi_on = 0;
    S.cycles = now;
    for (i = 0; i < sizeof(stats) / 8; i++)
        a[i] += b[i] - c[i];
}

static void lap(void)
{
    if (lap_file)
        fprintf(lap_file, "%" PRIu64 "\n", now);
}

/* The registers of a short vector. */
static void vec_issue(const uop *u, uint64_t t)
{
    int i, b = u->vd & ~7, bn = u->vn & ~7, bm = u->vm & ~7;
    for (i = 0; i < veclen; i++) {
        int d = b | ((u->vd + i * vecstride) & 7);
        ready[R_S0 + d] = t + (uint64_t)i + 8;
        fromiss[R_S0 + d] = 0;
        vlock[d] = t + (uint64_t)i;
        if (u->vkind & 1)
            vlock[bn | ((u->vn + i * vecstride) & 7)] = t + (uint64_t)i;
        if (bm)
            vlock[bm | ((u->vm + i * vecstride) & 7)] = t + (uint64_t)i;
    }
}
static uint64_t vec_ready(const uop *u, uint64_t t, int *miss)
{
    int i, b = u->vd & ~7, bn = u->vn & ~7, bm = u->vm & ~7, r;
#define NEED(x)                                                                                                        \
    do {                                                                                                               \
        r = R_S0 + (x);                                                                                                \
        if (ready[r] > t + (uint64_t)i) {                                                                              \
            t = ready[r] - (uint64_t)i;                                                                                \
            *miss = fromiss[r];                                                                                        \
        }                                                                                                              \
    } while (0)
    for (i = 0; i < veclen; i++) {
        if (u->vkind & 2)
            NEED(b | ((u->vd + i * vecstride) & 7));
        if (u->vkind & 1)
            NEED(bn | ((u->vn + i * vecstride) & 7));
        NEED(bm ? bm | ((u->vm + i * vecstride) & 7) : u->vm);
    }
#undef NEED
    return t;
}

static void branch_cost(const tb *b, const uop *u, uint32_t next)
{
    uint32_t pc = b->end - 4;
    int taken = next != b->end, hit;
    unsigned k = (pc >> 2) & 127;
    uint64_t pen = 0;
    S.branches++;
    if (u->flags & F_INDIR) {
        int cond = (u->flags & F_COND) != 0;
        if (!taken)
            pen = 0;
        else if ((u->flags & F_RET) && !cond && rsn) {
            rsn--;
            rsp = (rsp + 2) % 3;
            if (rstack[rsp] == next)
                pen = 3;
            else {
                pen = 6;
                S.mispred++;
            }
        } else
            pen = (u->flags & F_RET) && !cond ? 4 : 6;
        if ((u->flags & F_LOAD) && taken)
            pen += 2;
        if ((u->flags & F_CALL) && taken) {
            rstack[rsp] = b->end;
            rsp = (rsp + 1) % 3;
            if (rsn < 3)
                rsn++;
        }
    } else {
        hit = btac[k].pc == pc;
        if (hit) {
            int p = btac[k].ctr >= 2;
            if (p == taken) {
                if (P_fold && !(u->flags & F_CALL)) {
                    now--;
                    S.issue[C_BRANCH]--;
                }
            } else {
                pen = (uint64_t)P_mispred;
                S.mispred++;
            }
            if (taken) {
                if (btac[k].ctr < 3)
                    btac[k].ctr++;
            } else if (btac[k].ctr)
                btac[k].ctr--;
        } else {
            int p = !(u->flags & F_COND) || u->bdisp < 0;
            if (p == taken)
                pen = taken ? 3 : 0;
            else {
                pen = (uint64_t)P_mispred;
                S.mispred++;
            }
            if (taken) {
                btac[k].pc = pc;
                btac[k].ctr = 2;
            }
        }
        if ((u->flags & F_CALL) && taken) {
            rstack[rsp] = b->end;
            rsp = (rsp + 1) % 3;
            if (rsn < 3)
                rsn++;
        }
    }
    now += pen;
    S.brstall += pen;
}

static void simulate(tb *b, uint32_t next)
{
    uint32_t i, l;
    unsigned ref = 0, pl = 0;
    uint64_t t_in = now, m_in = S.memstall;
    if (P_icache) {
        l = b->va >> 5;
        if (l != last_iline || b->nlines > 1)
            for (i = 0; i < b->nlines; i++)
                if (l + i != last_iline)
                    i_fetch(l + i);
        last_iline = (b->end - 1) >> 5;
    }
    for (i = 0; i < b->n; i++) {
        const uop *u = &b->u[i];
        uint64_t t = now, t1;
        int miss = 0, k;
        uint32_t f = u->flags;
        S.insns++;
        if (__builtin_expect(f & (F_ROI0 | F_ROI1 | F_LAP), 0)) {
            if (f & F_LAP)
                lap();
            else if (f & F_ROI0)
                roi_begin();
            else
                roi_end();
            continue;
        }
        for (k = 0; k < u->nsrc; k++) {
            int r = u->src[k];
            uint64_t need = ready[r] + (uint64_t)(int64_t)u->soff[k];
            if (u->soff[k] < 0 && u->cls <= C_DSP && !frommul[r])
                need++;
            if ((int64_t)need > (int64_t)t) {
                t = need;
                miss = fromiss[r];
            }
        }
        if (f & (F_FMAC | F_DS)) {
            int v = (f & F_VEC) && veclen > 1 && u->vd >= 8;
            if (v)
                t = vec_ready(u, t, &miss);
            if (f & F_FMAC) {
                if (fmac_free > t) {
                    t = fmac_free;
                    miss = 0;
                }
            } else if (ds_free > t) {
                t = ds_free;
                miss = 0;
            }
            for (k = 0; k < u->ndst; k++) /* write after read in a vector */
                if (u->dst[k] >= R_S0 && vlock[u->dst[k] - R_S0] >= t)
                    t = vlock[u->dst[k] - R_S0] + 1;
            S.cnt[u->cls]++;
            S.issue[u->cls]++;
            if (t > now) {
                if (miss)
                    S.memstall += t - now;
                else
                    S.interlock[u->cls] += t - now;
            }
            now = t + 1;
            if (u->ndst && t + (uint64_t)(v ? veclen - 1 : 0) + u->dlat[0] > vfp_done)
                vfp_done = t + (uint64_t)(v ? veclen - 1 : 0) + u->dlat[0];
            if (v) {
                vec_issue(u, t);
                if (f & F_FMAC)
                    fmac_free = t + (uint64_t)veclen;
                else
                    ds_free = t + 15u * (uint64_t)veclen;
            } else {
                if (f & F_FMAC)
                    fmac_free = t + u->pipe_busy;
                else
                    ds_free = t + u->pipe_busy;
                for (k = 0; k < u->ndst; k++) {
                    ready[u->dst[k]] = t + u->dlat[k];
                    fromiss[u->dst[k]] = 0;
                    frommul[u->dst[k]] = 0;
                }
            }
            continue;
        }
        if (f & (F_LOAD | F_STORE)) {
            unsigned cnt = 0, vfp = u->vcount;
            uint32_t va = 0;
            uint64_t tm, mem, extra = 0;
            if (lsu_free > t) {
                t = lsu_free;
            }
            if (vfp) {
                if (f & F_STORE)
                    for (k = 0; k < (int)vfp; k++) {
                        int r = R_S0 + u->vfirst + k;
                        uint64_t need = ready[r] + 1 - (uint64_t)(k / 2);
                        if ((int64_t)need > (int64_t)t) {
                            t = need;
                            miss = fromiss[r];
                        }
                    }
                else
                    for (k = 0; k < (int)vfp; k++) {
                        uint64_t lk = vlock[u->vfirst + k];
                        if (lk >= t + 1)
                            t = lk;
                    }
            }
            t1 = t; /* interlocks end, memory begins */
            tm = t;
            while (ref < nref && mref[ref].idx == i) {
                uint32_t a = mref[ref].va;
                if (!cnt)
                    va = a;
                if (f & F_STORE)
                    d_store(a, &tm);
                else {
                    uint64_t r = d_load(a, &tm, 0);
                    if (r > extra)
                        extra = r;
                    if (f & F_MULTI) {
                        unsigned per = u->sz == 8 ? 2 : 1, q;
                        for (q = 0; q < per; q++) {
                            unsigned j = cnt * per + q;
                            int rg = -1;
                            if (vfp) {
                                if (j < vfp)
                                    rg = R_S0 + u->vfirst + (int)j;
                            } else if (j < u->ndst)
                                rg = u->dst[j];
                            if (rg >= 0) {
                                uint64_t rd = tm + (vfp ? 4u : 3u) + (j + ((va >> 2) & 1)) / 2;
                                if (r && r + 2 > rd) {
                                    ready[rg] = r + 2;
                                    fromiss[rg] = 1;
                                } else {
                                    ready[rg] = rd;
                                    fromiss[rg] = 0;
                                }
                                frommul[rg] = 0;
                            }
                        }
                    }
                }
                cnt++;
                ref++;
            }
            S.cnt[u->cls]++;
            S.issue[u->cls] += u->issue;
            if (t1 > now) {
                if (miss)
                    S.memstall += t1 - now;
                else
                    S.interlock[u->cls] += t1 - now;
            }
            if (tm > t1)
                S.memstall += tm - t1;
            t = tm;
            now = t + u->issue;
            if (!cnt)
                continue; /* condition failed */
            mem = u->words ? (u->words + ((va >> 2) & 1) + 1u) / 2u : 1u;
            if (u->words == 1 && u->sz > 1 && (va & (u->sz - 1u)) && ((va & 7) + u->sz > 8))
                mem = 2;
            lsu_free = t + mem + (uint64_t)(u->issue - 1);
            if ((f & F_LOAD) && !(f & F_MULTI)) {
                for (k = 0; k < u->ndst; k++) {
                    int r = u->dst[k];
                    uint64_t rd = t + u->dlat[k];
                    frommul[r] = 0;
                    fromiss[r] = 0;
                    if (u->dlat[k] >= 3) {
                        if (extra && extra + 2 > rd) {
                            rd = extra + 2;
                            fromiss[r] = 1;
                        }
                        rd += mem > 1 && u->words == 1;
                    }
                    ready[r] = rd;
                }
            } else if (f & F_MULTI) { /* base register written back */
                unsigned base = vfp ? 0u : (f & F_LOAD) ? u->words : 0u;
                if ((f & F_LOAD) && !vfp && (u->insn & 0x8000u))
                    base--;
                for (k = (int)base; k < u->ndst; k++) {
                    ready[u->dst[k]] = t + 1;
                    fromiss[u->dst[k]] = 0;
                    frommul[u->dst[k]] = 0;
                }
            } else
                for (k = 0; k < u->ndst; k++) {
                    ready[u->dst[k]] = t + u->dlat[k];
                    fromiss[u->dst[k]] = 0;
                    frommul[u->dst[k]] = 0;
                }
            if ((f & F_BRANCH) && extra > now) {
                S.memstall += extra - now;
                now = extra;
            }
            continue;
        }
        if (f & F_PLD) {
            if (lsu_free > t)
                t = lsu_free;
            if (t > now) {
                if (miss)
                    S.memstall += t - now;
                else
                    S.interlock[u->cls] += t - now;
            }
            S.pld++;
            if (pl < b->npld && b->pld[pl].ok) {
                uint64_t tp = t;
                if (P_pld) {
                    S.dacc--;
                    d_load(pldva[pl], &tp, 1);
                    if (tp > t) {
                        S.memstall += tp - t;
                        t = tp;
                    }
                    S.dacc++;
                }
            } else
                S.pldbad++;
            pl++;
            S.cnt[u->cls]++;
            S.issue[u->cls]++;
            now = t + 1;
            lsu_free = t + 1;
            continue;
        }
        if (f & F_SERIAL) {
            if (vfp_done > t)
                t = vfp_done; /* FMRX, FMXR, FMSTAT serialize */
        }
        S.cnt[u->cls]++;
        S.issue[u->cls] += u->issue;
        if (t > now) {
            if (miss)
                S.memstall += t - now;
            else
                S.interlock[u->cls] += t - now;
        }
        for (k = 0; k < u->ndst; k++) {
            int r = u->dst[k];
            ready[r] = t + u->dlat[k];
            fromiss[r] = 0;
            frommul[r] = u->cls == C_MUL || u->cls == C_DSP;
        }
        now = t + u->issue;
    }
    if (b->n && (b->u[b->n - 1].flags & F_BRANCH))
        branch_cost(b, &b->u[b->n - 1], next);
    if (roi_on || !roi_seen) {
        b->execs++;
        b->cycles += now - t_in;
        b->stall += S.memstall - m_in;
    }
}

static void finish_cur(uint32_t next)
{
    if (!cur)
        return;
    if (P_outside || roi_on || cur->roi)
        simulate(cur, next);
    cur = NULL;
}

#endif
