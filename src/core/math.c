/* SPDX-License-Identifier: MIT */
#include "core/math.h"
#include "core/port.h"

#include <float.h>
#include <stdint.h>

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* x = n ln2 + r with |r| <= ln2 / 2; e^r by its Taylor polynomial of degree 7, whose remainder is below 5e-9; ln2 is
 * split in two so that n * LN2_HI is exact (Cody and Waite, Software Manual for the Elementary Functions, 1980). */
float tvis_expf(float x)
{
    const float LOG2E = 1.44269504f, LN2_HI = 0.693359375f, LN2_LO = -2.12194440e-4f;
    if (x < -87.33f)
        return 0.0f;
    if (x > 88.72f)
        return FLT_MAX;
    if (x != x)
        return x;
    int32_t n = (int32_t)(x * LOG2E + (x < 0.0f ? -0.5f : 0.5f));
    float r = x - (float)n * LN2_HI;
    r -= (float)n * LN2_LO;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    /* two factors: 2^128 is no float */
    int32_t half = n / 2;
    return p * from_bits((uint32_t)(half + 127) << 23) * from_bits((uint32_t)(n - half + 127) << 23);
}

static float horner(const float *c, int n, float x)
{
    float y = c[n - 1];
    for (int i = n - 2; i >= 0; i--)
        y = y * x + c[i];
    return y;
}

/* Chebyshev fits: erf(x) / x in x^2 for |x| <= 1, and erfc(x) e^(x^2) in 1 / (1 + x / 2) from 1 to 4, where erf rounds
 * to 1. */
float tvis_erff(float x)
{
    static const float inner[] = { 1.12837923f,    -0.376126379f,   0.11283783f,     -0.0268654376f,
                                   0.00522105349f, -0.00084843964f, 0.000112682537f, -9.67359028e-6f };
    static const float outer[] = { -0.00012040251f, 0.284325778f,  0.264107674f,  0.328946292f, -0.0537934899f,
                                   0.479816228f,    -0.384645969f, 0.0685303807f, 0.0129329311f };
    float a = x < 0.0f ? -x : x;
    if (!(a > 1.0f))
        return x * horner(inner, (int)TVIS_COUNT(inner), x * x);
    float y =
        a > 4.0f ? 1.0f : 1.0f - tvis_expf(-a * a) * horner(outer, (int)TVIS_COUNT(outer), 1.0f / (1.0f + 0.5f * a));
    return x < 0.0f ? -y : y;
}

/* A first guess by halving the exponent, then Newton's iteration: the relative error is 0.035 at first and each step
 * squares it. */
double tvis_sqrt(double x)
{
    uint64_t u;
    double y;
    if (!(x > 0.0))
        return x != x ? x : 0.0;
    if (x > DBL_MAX)
        return x;
    memcpy(&u, &x, sizeof u);
    u = (u >> 1) + 0x1ff7a3bea91d9b1bu;
    memcpy(&y, &u, sizeof y);
    for (int i = 0; i < 5; i++)
        y = 0.5 * (y + x / y);
    return y;
}

float tvis_sqrtf(float x)
{
    return (float)tvis_sqrt((double)x);
}
