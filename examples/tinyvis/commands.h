/* SPDX-License-Identifier: MIT */
/* The commands, and the options that several of them share. */
#ifndef TINYVIS_TOOL_COMMANDS_H
#define TINYVIS_TOOL_COMMANDS_H

#include "args.h"
#include "print.h"

#include <tinyvis/session.h>

extern const command cmd_models, cmd_convert, cmd_info, cmd_run, cmd_eval, cmd_compare, cmd_quantize, cmd_prune,
    cmd_optimize, cmd_profile, cmd_keypoints, cmd_match, cmd_features, cmd_embed, cmd_pack, cmd_verify;

/* ORDER TVIS_PLAN */
#define PLAN_NAMES ((const char *const[]){ "fast", "small", NULL })

/* Rows of an option table. */
#define OPTION_JSON(flag)                                                                                              \
    {                                                                                                                  \
        .name = "json", .kind = ARG_FLAG, .value = (flag), .help = "print JSON (keys: tinyvis(1))"                     \
    }
#define OPTION_THREADS(number)                                                                                         \
    {                                                                                                                  \
        .name = "threads", .kind = ARG_NUMBER, .value = (number), .placeholder = "N", .min = 1,                        \
        .max = TVIS_MAX_THREADS, .help = "threads to use (1)"                                                          \
    }
#define OPTION_SIZE(size)                                                                                              \
    {                                                                                                                  \
        .name = "size", .kind = ARG_SIZE, .value = (size), .placeholder = "HxW", .min = 1, .max = UINT16_MAX,          \
        .help = "height and width of the network's input, or one\nnumber for both (the model's default)"               \
    }
#define OPTION_PLAN(index)                                                                                             \
    {                                                                                                                  \
        .name = "plan", .kind = ARG_CHOICE, .value = (index), .placeholder = "PLAN", .choices = PLAN_NAMES,            \
        .help = "fast (default), or small: the least memory"                                                           \
    }
#define OPTION_STRICT(flag)                                                                                            \
    {                                                                                                                  \
        .name = "strict", .kind = ARG_FLAG, .value = (flag),                                                           \
        .help = "sums of convolutions as they are defined, without\nWinograd: fp32 is slower, its errors are smaller"  \
    }
#define OPTION_INT8_INPUT(flag)                                                                                        \
    {                                                                                                                  \
        .name = "int8-input", .kind = ARG_FLAG, .value = (flag),                                                       \
        .help = "the program gives pictures as int8, not as floats:\ntvis_session_config.int8_input"                   \
    }
#define OPTION_BF16(flag)                                                                                              \
    {                                                                                                                  \
        .name = "bf16", .kind = ARG_FLAG, .value = (flag),                                                             \
        .help = "factors of fp32 layers may be rounded to bfloat16\nwhere that is faster (AMX-BF16)"                   \
    }
#define OPTION_IMAGES(folder)                                                                                          \
    {                                                                                                                  \
        .name = "images", .kind = ARG_TEXT, .value = (folder), .placeholder = "DIR", .help = "folder of the pictures"  \
    }
#define OPTION_OUTPUT(path, text)                                                                                      \
    {                                                                                                                  \
        .name = "output", .letter = 'o', .kind = ARG_TEXT, .value = (path), .placeholder = "FILE", .help = (text)      \
    }

#endif
