/* SPDX-License-Identifier: MIT */
/* The .tvis blob as it lies in a file, flash or memory: docs/blob.md describes every byte. Little-endian, used in
 * place. */
#ifndef TVIS_CORE_BLOB_H
#define TVIS_CORE_BLOB_H

#include <tinyvis/model.h>

#define TVIS_BLOB_MAGIC   0x53495654u /* "TVIS" */
#define TVIS_BLOB_VERSION 1u
#define TVIS_BLOB_ALIGN   64u /* of tensor data */

#define TVIS_MAX_TENSORS 0xfff0u
#define TVIS_MAX_NODES   0xfff0u
#define TVIS_MAX_IN      8u
#define TVIS_MAX_OUT     4u
#define TVIS_MAX_LIVE    64u       /* tensors that can be needed at the same time; inputs and outputs of a network */
#define TVIS_MAX_DIM     (1 << 24) /* of each dimension: four of them never overflow 128 bits, any two not 64 */
#define TVIS_MAX_SIDE    16384u    /* of the picture given to a network */
#define TVIS_MAX_KERNEL  32u       /* of convolutions */

/* ORDER TVIS_OP: values are stored in blobs and never change */
typedef enum tvis_op_code {
    TVIS_OP_CONV2D,
    TVIS_OP_DEPTHWISE,
    TVIS_OP_LINEAR,
    TVIS_OP_BATCH_NORM,
    TVIS_OP_ACTIVATION,
    TVIS_OP_ADD,
    TVIS_OP_GLOBAL_AVG_POOL,
    TVIS_OP_SOFTMAX,
    TVIS_OP_RESHAPE,
    TVIS_OP_SCALE, /* x (n, h, w, c) * s (n, 1, 1, c): squeeze-excite */
    TVIS_OP_MAX_POOL,
    TVIS_OP_SHORTCUT, /* every stride-th pixel, zero channels on both sides: ResNet's option A */
    TVIS_OP_LAYER_NORM,
    TVIS_OP_ATTENTION,
    TVIS_OP_TOKENS,     /* class token, registers, patches; position embedding added */
    TVIS_OP_SLICE,      /* a range of tokens */
    TVIS_OP_L2_NORM,    /* over channels */
    TVIS_OP_QUANTIZE,   /* F32 to S8, S16 */
    TVIS_OP_DEQUANTIZE, /* S8, S16 to F32 */
    TVIS_OP_REQUANTIZE, /* S8, S16 to S8, S16 */
    TVIS_OP_COUNT_
} tvis_op_code;

/* ORDER TVIS_ACT: values are stored in blobs and never change */
typedef enum tvis_act {
    TVIS_ACT_NONE,
    TVIS_ACT_RELU,
    TVIS_ACT_RELU6,
    TVIS_ACT_HARD_SWISH,
    TVIS_ACT_HARD_SIGMOID,
    TVIS_ACT_SIGMOID,
    TVIS_ACT_SILU,
    TVIS_ACT_GELU, /* with erf, not the tanh approximation */
    TVIS_ACT_COUNT_
} tvis_act;

/* Convolution and depthwise convolution. The kernel's height and width are those of the weights. */
typedef struct tvis_conv_params {
    uint16_t stride[2], dilation[2]; /* down, across; >= 1 */
    uint16_t pad[4];                 /* top, left, bottom, right */
    uint16_t groups;                 /* 1 for depthwise */
    uint16_t same;                   /* 1: TensorFlow's SAME padding, from the input size; pad is 0 */
} tvis_conv_params;

/* Reshape: (n, h, w, c) of the output, 0 where the input's dimension is kept; or flatten. */
typedef struct tvis_reshape_params {
    int32_t dims[4];
    uint32_t flatten; /* 1: to (n, 1, 1, c * h * w) with channels outermost, as PyTorch flattens; dims are 0 */
} tvis_reshape_params;

typedef struct tvis_pool_params {
    uint16_t kernel[2], stride[2]; /* down, across; >= 1 */
    uint16_t pad[4];               /* top, left, bottom, right; less than the kernel */
} tvis_pool_params;

typedef struct tvis_shortcut_params {
    uint16_t stride, before, after; /* zero channels in front and behind */
    uint16_t reserved;
} tvis_shortcut_params;

typedef struct tvis_attention_params {
    uint16_t heads;
    uint16_t maps; /* 1: a second output holds the class token's attention to each token, (n, 1, heads, tokens) */
} tvis_attention_params;

/* How a position embedding for grid[0] x grid[1] patches is stretched to another size. */
typedef enum tvis_stretch {
    TVIS_STRETCH_OFFSET,    /* bicubic, scale (n + 0.1) / grid, no antialias: DINO, DINOv2 */
    TVIS_STRETCH_ANTIALIAS, /* bicubic to the size, antialias: DINOv2 with registers */
    TVIS_STRETCH_COUNT_
} tvis_stretch;

typedef struct tvis_tokens_params {
    uint16_t grid[2];   /* rows, columns of the stored embedding */
    uint16_t stretch;   /* tvis_stretch */
    uint16_t registers; /* tokens between the class token and the patches, without position */
} tvis_tokens_params;

typedef struct tvis_slice_params {
    int32_t begin, count; /* tokens; count 0: to the end */
} tvis_slice_params;

typedef union tvis_params {
    tvis_conv_params conv;
    tvis_reshape_params reshape;
    tvis_pool_params pool;
    tvis_shortcut_params shortcut;
    tvis_attention_params attention;
    tvis_tokens_params tokens;
    tvis_slice_params slice;
    float eps; /* batch norm, layer norm, L2 norm */
    uint32_t words[5];
} tvis_params;

typedef struct tvis_blob_header {
    uint32_t magic;
    uint16_t version, header_bytes;
    uint32_t file_bytes;
    uint32_t crc;        /* of the bytes [0, tables_end) with this field taken as 0 */
    uint32_t tables_end; /* header, tensors, nodes, ids, strings; tensor data follows */
    uint32_t tensor_offset, node_offset, id_offset, string_offset;
    uint32_t id_count, string_bytes;
    uint16_t tensor_count, node_count;
    uint16_t activation_count; /* tensors [0, activation_count) live in the arena, the rest in the blob */
    uint16_t input_count;      /* ids [0, input_count) */
    uint16_t output_count;     /* the ids after those */
    uint16_t multiple;         /* H and W are multiples of this */
    uint32_t arch, labels;     /* strings; label_count strings follow each other from `labels` */
    uint32_t label_count, classes;
    uint16_t h, w, c;                   /* default input */
    uint16_t min_side, max_side;        /* of H and W */
    uint8_t filter, fit, channels, bgr; /* tvis_preprocess */
    uint16_t reserved;
    float crop, mean[3], std[3];
    uint32_t reserved2[3];
} tvis_blob_header;

typedef struct tvis_blob_tensor {
    uint32_t name;
    uint8_t dtype;
    uint8_t factors; /* 1: of an integer activation: each channel is a factor of its own larger or smaller than the
                        float model's, which the weights around it take back */
    uint16_t pack;   /* TVIS_PACK_* */
    int32_t dims[4]; /* N H W C; an input's zeros stand for the session's N, H, W; 0 for other activations */
    uint32_t offset, bytes, crc; /* of the data; 0 for activations */
    uint16_t producer;           /* node that writes it; TVIS_NONE for inputs and constants */
    uint16_t last_use; /* last node that reads it, node_count for outputs, its producer if nobody does; TVIS_NONE for
                          constants */
    float scale;       /* of S8 and S16 activations: real = scale * (value - zero); else 0 */
    int32_t zero;      /* 0 for S16 */
} tvis_blob_tensor;

/* Integer arithmetic of a node, as src/ops/requant.h defines it; 0 where a node computes in floats. Zero points are
 * those of the tensors; multipliers by channel are a constant input. Limits have 16 bits where what they limit has. */
typedef struct tvis_quant {
    int32_t mul, add_mul; /* for the only or the first input, and for one that is added */
    uint8_t shift, add_shift;
    int8_t lo, hi;  /* limits of the output, an activation's too; of 16 bits, their upper bytes */
    int8_t zero;    /* what is added to the scaled sum: the output's zero point, or that of what goes through a table */
    uint8_t low[2]; /* lower bytes of lo and hi of 16 bits; else 0 */
    uint8_t reserved;
} tvis_quant;

static inline int32_t tvis_quant_lo16(const tvis_quant *q)
{
    return q->lo * 256 + q->low[0];
}

static inline int32_t tvis_quant_hi16(const tvis_quant *q)
{
    return q->hi * 256 + q->low[1];
}

/* lo, hi: -32768 … 32767 */
static inline void tvis_quant_set16(tvis_quant *q, int32_t lo, int32_t hi)
{
    q->low[0] = (uint8_t)(lo & 0xff);
    q->low[1] = (uint8_t)(hi & 0xff);
    q->lo = (int8_t)((lo - q->low[0]) / 256);
    q->hi = (int8_t)((hi - q->low[1]) / 256);
}

typedef struct tvis_blob_node {
    uint32_t name;
    uint8_t op, act, in_count, out_count;
    uint32_t ids; /* index of in_count + out_count tensor ids; an optional input may be TVIS_NONE */
    tvis_params p;
    tvis_quant q;
} tvis_blob_node;

static inline const tvis_blob_header *tvis_header(const tvis_model *m)
{
    return (const tvis_blob_header *)(const void *)m->blob;
}

static inline const tvis_blob_tensor *tvis_tensors(const tvis_model *m)
{
    return (const tvis_blob_tensor *)(const void *)(m->blob + tvis_header(m)->tensor_offset);
}

static inline const tvis_blob_node *tvis_nodes(const tvis_model *m)
{
    return (const tvis_blob_node *)(const void *)(m->blob + tvis_header(m)->node_offset);
}

static inline const uint16_t *tvis_ids(const tvis_model *m)
{
    return (const uint16_t *)(const void *)(m->blob + tvis_header(m)->id_offset);
}

static inline const char *tvis_string(const tvis_model *m, uint32_t at)
{
    return (const char *)(m->blob + tvis_header(m)->string_offset + at);
}

static inline bool tvis_is_constant(const tvis_model *m, uint32_t id)
{
    return id >= tvis_header(m)->activation_count;
}

/* Whether node i, among the first ones, makes int8 of an input of the network that nobody else reads: where a session
 * takes int8, it does not run. */
bool tvis_quantizes_input(const tvis_model *m, uint32_t i);
/* The tensor that a session takes as input k: the input itself, or what is made of it; -1: not in int8. */
int32_t tvis_input_id(const tvis_model *m, uint32_t k, bool int8);

/* CRC-32 of ISO 3309 (as zip and PNG), continued from `crc`; start with 0. */
uint32_t tvis_crc32(uint32_t crc, const void *data, size_t n);
/* The header's checksum, of a blob whose tables_end is inside it. */
uint32_t tvis_blob_crc(const uint8_t *blob);
/* How many bytes of the parameters an operator uses. */
uint32_t tvis_params_bytes(uint8_t op);
/* Whether a node's parameters are in their ranges; unused words are 0. */
bool tvis_params_valid(uint8_t op, const tvis_params *p);
bool tvis_quant_valid(const tvis_quant *q);
/* Whether an input or output of a node is S16: then the registry's entry for S16 runs it, whatever the output is. */
bool tvis_node_is_s16(const tvis_model *m, const tvis_blob_node *n);
/* "relu6" … */
const char *tvis_act_name(uint8_t act);

#endif
