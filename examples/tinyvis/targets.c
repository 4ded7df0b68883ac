/* SPDX-License-Identifier: MIT */
#include "targets.h"

#include <tinyvis/types.h>

/* ORDER TARGET */
const char *const target_names[] = { "native", "generic",  "armv6",     "armv7",     "aarch64", "avx2",
                                     "avx512", "cortex-m", "cortex-m4", "cortex-m7", NULL };

uint32_t target_cpu(uint32_t target)
{
    static const uint32_t cpu[] = {
        0,
        0,
        TVIS_CPU_ARMV6 | TVIS_CPU_VFP11, /* ARM1176 of the Raspberry Pi Zero and 1 */
        TVIS_CPU_ARMV6 | TVIS_CPU_NEON32,
        TVIS_CPU_NEON, /* Cortex-A53: no dot product */
        TVIS_CPU_AVX2,
        TVIS_CPU_AVX2 | TVIS_CPU_AVX512 | TVIS_CPU_VNNI | TVIS_CPU_VBMI, /* Ice Lake, Zen 4 and later */
        0,                                                               /* M0+, M3: no DSP extension */
        TVIS_CPU_DSP,                                                    /* and M33 with it */
        TVIS_CPU_DSP,
    };
    return target == 0 ? tvis_cpu_detect() : cpu[target];
}

const char *target_flag_name(uint32_t bit)
{
    static const char *const names[32] = {
        [0] = "avx2",    [1] = "avx512", [2] = "vnni",  [3] = "vbmi",     [8] = "armv6", [9] = "vfp11",
        [10] = "neon32", [11] = "dsp",   [16] = "neon", [17] = "dotprod", [18] = "i8mm", [19] = "fp16",
    };
    return bit < 32 ? names[bit] : NULL;
}
