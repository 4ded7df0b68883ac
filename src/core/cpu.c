/* SPDX-License-Identifier: MIT */
#include <tinyvis/types.h>

#include "core/port.h"

#if TVIS_X86
#include <cpuid.h>

#define BIT(n)         (1u << (n))
#define STATE_AVX      0x06u /* XCR0: the operating system saves XMM and YMM */
#define STATE_AVX512   0xe6u /* and the mask registers and ZMM */
#define STATE_AMX      0x60000u
#define LEAF1_FMA      BIT(12)
#define LEAF1_OSXSAVE  BIT(27)
#define LEAF1_AVX      BIT(28)
#define LEAF7_AVX2     BIT(5)
#define LEAF7_AVX512   (BIT(16) | BIT(17) | BIT(30) | BIT(31)) /* F, DQ, BW, VL */
#define LEAF7_ECX_VBMI BIT(1)
#define LEAF7_ECX_VNNI BIT(11)
#define LEAF7_EDX_AMX  (BIT(24) | BIT(25)) /* TILE, INT8 */
#define LEAF7_EDX_BF16 BIT(22)             /* of AMX */
#define LEAF7_1_BF16   BIT(5)

/* XGETBV, which must only run where LEAF1_OSXSAVE is set. */
static uint32_t saved_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has(uint32_t flags, uint32_t all)
{
    return (flags & all) == all;
}

/* Linux gives tiles only to processes that asked for them: an instruction for tiles is illegal before. */
static bool may_use_tiles(void)
{
#if TVIS_AMX
    enum { ARCH_PRCTL = 158, REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((long)ARCH_PRCTL), "D"((long)REQUEST_PERMISSION), "S"((long)TILE_DATA)
                     : "rcx", "r11", "memory");
    return result == 0;
#else
    return false;
#endif
}

/* AVX512-BF16: in the second of the leaf's parts, if it has so many. */
static bool has_bf16(uint32_t parts)
{
    uint32_t a, b, c, d;
    return parts >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && has(a, LEAF7_1_BF16);
}

uint32_t tvis_cpu_detect(void)
{
    uint32_t a, b, c, d, cpu = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, LEAF1_FMA | LEAF1_OSXSAVE | LEAF1_AVX))
        return 0;
    const uint32_t state = saved_state();
    if (!has(state, STATE_AVX) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(b, LEAF7_AVX2))
        return 0;
    cpu = TVIS_CPU_AVX2;
    if (has(state, STATE_AVX512) && has(b, LEAF7_AVX512))
        cpu |= TVIS_CPU_AVX512 | (has(c, LEAF7_ECX_VNNI) ? TVIS_CPU_VNNI : 0) |
               (has(c, LEAF7_ECX_VBMI) ? TVIS_CPU_VBMI : 0);
    if ((cpu & TVIS_CPU_VNNI) && has(d, LEAF7_EDX_AMX) && has(state, STATE_AMX) && may_use_tiles())
        cpu |= TVIS_CPU_AMX | (has(d, LEAF7_EDX_BF16) && has_bf16(a) ? TVIS_CPU_AMX_BF16 : 0);
    return cpu;
}

#elif TVIS_AARCH64

#if defined(__linux__)
#define CALL_OPENAT 56
#define CALL_CLOSE  57
#define CALL_READ   63
#define AT_HWCAP2   26
#define HWCAP2_I8MM (1u << 13)
#define HERE        (-100) /* AT_FDCWD */

static long linux_call(long number, long first, const void *second, long third)
{
    register long call __asm__("x8") = number, a __asm__("x0") = first, c __asm__("x2") = third;
    register const void *b __asm__("x1") = second;
    __asm__ volatile("svc #0" : "+r"(a) : "r"(call), "r"(b), "r"(c) : "memory");
    return a;
}

/* What the kernel told the process of the processor; 0 where it can't be read. */
static uint64_t hwcap2(void)
{
    uint64_t pairs[2 * 64] = { 0 }, found = 0;
    const long file = linux_call(CALL_OPENAT, HERE, "/proc/self/auxv", 0);
    if (file < 0)
        return 0;
    const long bytes = linux_call(CALL_READ, file, pairs, sizeof pairs);
    (void)linux_call(CALL_CLOSE, file, NULL, 0);
    for (long i = 0; i + 1 < bytes / 8; i += 2)
        if (pairs[i] == AT_HWCAP2)
            found = pairs[i + 1];
    return found;
}

/* Linux (4.11 and later) answers reads of the identification registers from programs; elsewhere they may trap. QEMU's
 * answers leave SMMLA out before its version 8. */
static uint32_t optional(void)
{
    uint64_t isar0, isar1;
    __asm__("mrs %0, ID_AA64ISAR0_EL1" : "=r"(isar0));
    __asm__("mrs %0, ID_AA64ISAR1_EL1" : "=r"(isar1));
    return ((isar0 >> 44 & 15u) ? TVIS_CPU_DOTPROD : 0) |
           ((isar1 >> 52 & 15u) || (hwcap2() & HWCAP2_I8MM) ? TVIS_CPU_I8MM : 0);
}
#else
static uint32_t optional(void)
{
    uint32_t cpu = 0;
#if defined(__ARM_FEATURE_DOTPROD)
    cpu |= TVIS_CPU_DOTPROD;
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
    cpu |= TVIS_CPU_I8MM;
#endif
    return cpu;
}
#endif

uint32_t tvis_cpu_detect(void)
{
    return TVIS_CPU_NEON | optional(); /* NEON is part of every AArch64 processor with an operating system */
}

#elif defined(__arm__) && !defined(__linux__)

/* Bare metal: what the compiler was told. */
uint32_t tvis_cpu_detect(void)
{
    return TVIS_ARM ? TVIS_CPU_DSP : 0;
}

#elif TVIS_ARM

#define CALL_READ  3
#define CALL_OPEN  5
#define CALL_CLOSE 6
#define AT_HWCAP   16
#define HWCAP_VFP  (1u << 6)
#define HWCAP_LATE (1u << 12 | 1u << 13 | 1u << 14 | 1u << 16) /* NEON, VFPv3, VFPv3-D16, VFPv4 */

int32_t tvis_linux_call_armv6(uint32_t number, uint32_t a, uint32_t b, uint32_t c);

static uint32_t address(const void *p)
{
    return (uint32_t)(uintptr_t)p;
}

/* What the kernel told the process of the processor; 0 where it can't be read. */
static uint32_t hwcap(void)
{
    uint32_t pairs[2 * 64] = { 0 }, found = 0;
    const int32_t file = tvis_linux_call_armv6(CALL_OPEN, address("/proc/self/auxv"), 0, 0);
    if (file < 0)
        return 0;
    const int32_t bytes = tvis_linux_call_armv6(CALL_READ, (uint32_t)file, address(pairs), sizeof pairs);
    (void)tvis_linux_call_armv6(CALL_CLOSE, (uint32_t)file, 0, 0);
    for (int32_t i = 0; i + 1 < bytes / 4; i += 2)
        if (pairs[i] == AT_HWCAP)
            found = pairs[i + 1];
    return found;
}

/* VFPv2 has short vectors by its architecture (ARM DDI 0100I, C2.4); with ARMv6, which this build needs, it is the
 * VFP11 of an ARM11. Later ones, which have VFPv3 or more, may treat FPSCR.LEN as undefined; FPSID, which would tell as
 * well, can't be read there. */
static uint32_t optional(void)
{
    const uint32_t caps = hwcap();
    return (caps & HWCAP_VFP) && !(caps & HWCAP_LATE) ? TVIS_CPU_VFP11 : 0;
}

uint32_t tvis_cpu_detect(void)
{
    return TVIS_CPU_ARMV6 | TVIS_CPU_DSP | optional();
}

#else

uint32_t tvis_cpu_detect(void)
{
    return 0;
}

#endif
