/* SPDX-License-Identifier: MIT */
/* Status codes, diagnostics, tensor views and CPU flags: what every other header needs. */
#ifndef TINYVIS_TYPES_H
#define TINYVIS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && defined(TVIS_SHARED)
#define TVIS_API __attribute__((visibility("default")))
#else
#define TVIS_API
#endif

#define TVIS_VERSION_MAJOR 0
#define TVIS_VERSION_MINOR 1
#define TVIS_VERSION_PATCH 0

#define TVIS_ARENA_ALIGN 64    /* alignment of blobs, pack memory and session memory, in bytes */
#define TVIS_NONE        0xffffu /* no node, no tensor */

typedef enum tvis_status {
    TVIS_OK      = 0,
    TVIS_EINVAL  = -1, /* an argument is outside its documented range */
    TVIS_ENOMEM  = -2, /* memory smaller than the size call said, or an allocation failed */
    TVIS_EFORMAT = -3, /* a blob, weight file or picture is damaged */
    TVIS_EUNSUP  = -4, /* valid, but this build or registry has no kernel for it */
    TVIS_EIO     = -5, /* a file could not be opened, read, written or renamed (hosted) */
    TVIS_EMODEL  = -6  /* weights do not fit the architecture (hosted) */
} tvis_status;

/* What went wrong, in a form that can be compared. ORDER TVIS_DIAG */
typedef enum tvis_diag_code {
    TVIS_DIAG_NONE,
    TVIS_DIAG_ARGUMENT,   /* an argument is out of range */
    TVIS_DIAG_ALIGN,      /* memory is not aligned to TVIS_ARENA_ALIGN */
    TVIS_DIAG_MEMORY,     /* expected[0] bytes are needed, found[0] were given */
    TVIS_DIAG_TRUNCATED,  /* the file ends at found[0], expected[0] bytes are needed */
    TVIS_DIAG_MAGIC,      /* not a file of this type */
    TVIS_DIAG_VERSION,    /* written for version expected[0], found found[0] */
    TVIS_DIAG_BOUNDS,     /* an offset or a count points outside its section */
    TVIS_DIAG_CRC,        /* checksum expected[0], found found[0] */
    TVIS_DIAG_ENUM,       /* an unknown value of an enumeration, found[0] */
    TVIS_DIAG_DTYPE,      /* a tensor has another element type */
    TVIS_DIAG_SHAPE,      /* a tensor has another shape: expected[], found[] */
    TVIS_DIAG_GRAPH,      /* nodes or tensors refer to each other in a wrong way */
    TVIS_DIAG_LIMIT,      /* found[0] is over the limit expected[0] */
    TVIS_DIAG_NO_KERNEL,  /* the registry or the CPU flags leave no kernel for this node */
    TVIS_DIAG_MISSING,    /* a tensor that the architecture needs is not in the weights; expected[] is its shape */
    TVIS_DIAG_EXTRA,      /* the weights hold a tensor that the architecture does not know; found[] is its shape */
    TVIS_DIAG_SYNTAX,     /* text or a stream breaks the rules of its format */
    TVIS_DIAG_REFUSED,    /* something valid that is not accepted here, for safety or by design */
    TVIS_DIAG_VALUE,      /* a NaN, an infinity or a number without meaning here */
    TVIS_DIAG_NAME,       /* an unknown name of an architecture, target, option */
    TVIS_DIAG_SYSTEM,     /* the operating system refused: found[0] is errno */
    TVIS_DIAG_COUNT_
} tvis_diag_code;

/* Explains a failure. Owned by the caller, filled on failure only; every function that takes one accepts NULL. */
typedef struct tvis_diag {
    tvis_status    status;
    tvis_diag_code code;
    uint16_t       node, tensor; /* indices in the model, TVIS_NONE where there is none */
    int64_t        expected[4], found[4]; /* by code; unused ones are -1 */
    const char    *detail;       /* static text that says more, or NULL */
    char           subject[112]; /* the file, tensor, node or argument concerned, cut to fit; may be empty */
} tvis_diag;

/* ORDER TVIS_DTYPE */
typedef enum tvis_dtype {
    TVIS_F32,
    TVIS_F16,
    TVIS_BF16, /* weight files only */
    TVIS_F64,  /* weight files only */
    TVIS_S8,
    TVIS_U8,
    TVIS_S16,
    TVIS_S32,
    TVIS_S64,  /* weight files only */
    TVIS_BOOL, /* weight files only */
    TVIS_S4,   /* weights in models only: groups of 32 with a scale, docs/blob.md */
    TVIS_DTYPE_COUNT_
} tvis_dtype;

typedef enum tvis_layout { TVIS_NHWC, TVIS_NCHW } tvis_layout;

/* A view of somebody's memory. dims are always N, H, W, C, whatever the layout in memory is;
 * tokens are N, 1, T, C and logits N, 1, 1, C. Elements are dense and naturally aligned. */
typedef struct tvis_tensor {
    void   *data;
    int32_t dims[4];
    uint8_t dtype;  /* tvis_dtype */
    uint8_t layout; /* tvis_layout */
} tvis_tensor;

/* Instruction sets that kernels may use. A set of flags is an argument everywhere: detected, or a subset
 * of it, or another machine's to plan for that machine. Flags of different processors never overlap. */
#define TVIS_CPU_AVX2     (1u << 0) /* x86: AVX2 and FMA */
#define TVIS_CPU_AVX512   (1u << 1) /* x86: F, BW, DQ, VL */
#define TVIS_CPU_VNNI     (1u << 2) /* x86: AVX512-VNNI */
#define TVIS_CPU_VBMI     (1u << 3) /* x86: AVX512-VBMI */
#define TVIS_CPU_AMX      (1u << 4) /* x86: AMX-TILE and AMX-INT8 */
#define TVIS_CPU_AMX_BF16 (1u << 5) /* x86: AMX-BF16 and AVX512-BF16 */
#define TVIS_CPU_ARMV6    (1u << 8) /* 32-bit ARM: the SIMD instructions of ARMv6 (SMLAD …) */
#define TVIS_CPU_VFP11    (1u << 9) /* ARM11 only: VFP short vectors */
#define TVIS_CPU_NEON32   (1u << 10) /* ARMv7 NEON */
#define TVIS_CPU_DSP      (1u << 11) /* Cortex-M4, M7 …: the instructions of ARMV6, in kernels that need less memory */
#define TVIS_CPU_NEON     (1u << 16) /* AArch64 Advanced SIMD */
#define TVIS_CPU_DOTPROD  (1u << 17) /* AArch64: SDOT, UDOT */
#define TVIS_CPU_I8MM     (1u << 18) /* AArch64: SMMLA */
#define TVIS_CPU_FP16     (1u << 19) /* AArch64: half-precision arithmetic */

/* The flags of the processor this runs on, of those that this build has kernels for. Asks the processor, not
 * the operating system's files; cheap, any thread. Where the processor has AMX, it asks Linux for the permission to use
 * it, once for all threads of the process: signal stacks (sigaltstack) that are set later must have the room for it
 * that sysconf(_SC_MINSIGSTKSZ) says, and with one that is smaller already there is no permission and no flag. */
TVIS_API uint32_t tvis_cpu_detect(void);
/* "TVIS_EINVAL" … for a status; "?" for no status. Static text. */
TVIS_API const char *tvis_status_name(tvis_status s);
/* "f32" … for a dtype; "?" for none. Static text. */
TVIS_API const char *tvis_dtype_name(tvis_dtype t);
/* Bytes of one element; 0 for no dtype, and for S4, whose elements are smaller than that. */
TVIS_API size_t tvis_dtype_size(tvis_dtype t);

#ifdef __cplusplus
}
#endif
#endif
