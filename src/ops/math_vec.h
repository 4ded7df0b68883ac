/* SPDX-License-Identifier: MIT */
/* Exponential and error function for vectors of VEC floats, included after vec_*.h. What is not a number stays so. */
#ifndef TVIS_OPS_MATH_VEC_H
#define TVIS_OPS_MATH_VEC_H

#include "core/port.h"

/* e^x for x in [-87, 87]; below and above, the value at the end. Largest relative error 2e-7. x = n ln2 + r with
 * |r| <= ln2 / 2, ln2 in two parts so that n times the first is exact; (e^r - 1 - r) / r^2 is a minimax polynomial,
 * 3.1e-9 off. */
TVIS_INLINE vec vexp(vec x)
{
    x = vmin(vset1(87.0f), vmax(vset1(-87.0f), x));
    const vec n = vround(vmul(x, vset1(1.44269504f)));
    vec r = vfma(n, vset1(-0.693359375f), x);
    r = vfma(n, vset1(2.12194440e-4f), r);
    vec p = vset1(0.00138144672f);
    p = vfma(p, r, vset1(0.00836878084f));
    p = vfma(p, r, vset1(0.0416683927f));
    p = vfma(p, r, vset1(0.166665196f));
    p = vfma(p, r, vset1(0.49999994f));
    p = vadd(vfma(vmul(r, r), p, r), vset1(1.0f));
    return vmul(p, vpow2(n));
}

/* The error function, largest absolute error 4e-7: a minimax fit x P(x^2) / Q(x^2) up to 3.8, where erf is 1 - 8e-8. */
TVIS_INLINE vec verf(vec x)
{
    x = vmin(vset1(3.8f), vmax(vset1(-3.8f), x));
    const vec t = vmul(x, x);
    vec p = vset1(2.08986467e-06f), q = vset1(3.87526125e-05f);
    p = vfma(p, t, vset1(0.000289730029f));
    q = vfma(q, t, vset1(0.00118366291f));
    p = vfma(p, t, vset1(0.00382631877f));
    q = vfma(q, t, vset1(0.0150886066f));
    p = vfma(p, t, vset1(0.0529498085f));
    q = vfma(q, t, vset1(0.114575751f));
    p = vfma(p, t, vset1(0.191372782f));
    q = vfma(q, t, vset1(0.502931297f));
    p = vfma(p, t, vset1(1.12837899f));
    q = vfma(q, t, vset1(1.0f));
    const vec y = vdiv(vmul(x, p), q);
    return vmin(vset1(1.0f), vmax(vset1(-1.0f), y));
}

#endif
