/* SPDX-License-Identifier: MIT */
/* One float at a time: the words that the *_vec.h files of kernels are written in, in plain C. */
#ifndef TVIS_OPS_VEC_C_H
#define TVIS_OPS_VEC_C_H

#include <stdint.h>

#define VEC 1
typedef float vec;

#define vload(p)              (*(p))
#define vstore(p, v)          ((void)(*(p) = (v)))
#define vset1(x)              (x)
#define vadd(a, b)            ((a) + (b))
#define vsub(a, b)            ((a) - (b))
#define vmul(a, b)            ((a) * (b))
#define vfma(a, b, c)         ((a) * (b) + (c))
#define vmax(limit, v)        ((v) < (limit) ? (limit) : (v))
#define vmin(limit, v)        ((v) > (limit) ? (limit) : (v))
#define vload_first(p, n)     (*(p))
#define vstore_first(p, n, v) ((void)(*(p) = (v)))

#endif
