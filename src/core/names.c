/* SPDX-License-Identifier: MIT */
#include <tinyvis/types.h>

#include "core/port.h"

typedef struct dtype_row {
    const char *name;
    size_t      size;
} dtype_row;

/* ORDER TVIS_DTYPE */
static const dtype_row dtypes[] = {
    [TVIS_F32] = { "f32", 4 }, [TVIS_F16] = { "f16", 2 },   [TVIS_BF16] = { "bf16", 2 }, [TVIS_F64] = { "f64", 8 },
    [TVIS_S8] = { "s8", 1 },   [TVIS_U8] = { "u8", 1 },     [TVIS_S16] = { "s16", 2 },   [TVIS_S32] = { "s32", 4 },
    [TVIS_S64] = { "s64", 8 }, [TVIS_BOOL] = { "bool", 1 }, [TVIS_S4] = { "s4", 0 },
};
TVIS_STATIC_ASSERT(dtypes, TVIS_COUNT(dtypes) == TVIS_DTYPE_COUNT_);

static const char *const statuses[] = {
    [-TVIS_OK] = "TVIS_OK",           [-TVIS_EINVAL] = "TVIS_EINVAL", [-TVIS_ENOMEM] = "TVIS_ENOMEM",
    [-TVIS_EFORMAT] = "TVIS_EFORMAT", [-TVIS_EUNSUP] = "TVIS_EUNSUP", [-TVIS_EIO] = "TVIS_EIO",
    [-TVIS_EMODEL] = "TVIS_EMODEL",
};
TVIS_STATIC_ASSERT(statuses, TVIS_COUNT(statuses) == 1 - TVIS_EMODEL);

const char *tvis_status_name(tvis_status s)
{
    return s <= 0 && s >= TVIS_EMODEL ? statuses[-s] : "?";
}

const char *tvis_dtype_name(tvis_dtype t)
{
    return (unsigned)t < TVIS_DTYPE_COUNT_ ? dtypes[t].name : "?";
}

size_t tvis_dtype_size(tvis_dtype t)
{
    return (unsigned)t < TVIS_DTYPE_COUNT_ ? dtypes[t].size : 0;
}
