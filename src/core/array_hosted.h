/* SPDX-License-Identifier: MIT */
#ifndef TVIS_ARRAY_HOSTED_H
#define TVIS_ARRAY_HOSTED_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Memory of zeros for so many elements, for free(). NULL where there is not as much, or where size_t has 32 bits and
 * the product has more. */
static inline void *tvis_array(uint64_t count, size_t size)
{
    return count > SIZE_MAX / size ? NULL : calloc((size_t)count, size);
}

#endif
