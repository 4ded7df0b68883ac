/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "fail.h"
#include "files.h"
#include "load_model.h"
#include "targets.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME      64
#define MAX_OPERATORS 256
#define WORDS_A_LINE  10

typedef struct request {
    const char *model, *output, *name;
    uint32_t target;
    bool has_target, int8_input;
} request;

/* Operators in use, each once, and what they run in: "2x2_dsp" … */
typedef struct operators {
    char symbol[MAX_OPERATORS][48];
    char kernel[MAX_OPERATORS][48]; /* the first one that planning chose */
    bool several[MAX_OPERATORS];    /* others too */
    uint32_t count;
    bool full;
} operators;

typedef struct text {
    char *data;
    size_t length, room;
    bool failed;
} text;

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

static bool is_identifier(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if (!is_word(s[i]))
            return false;
    return n > 0 && n <= MAX_NAME && is_letter(s[0]);
}

/* "dir/mobilenet-v2.1.tvis" gives mobilenet_v2_1. */
static void name_from_path(const char *path, char *name)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base), at = 0;
    if (!is_letter(base[0]))
        at = (size_t)snprintf(name, MAX_NAME, "model_");
    for (size_t i = 0; i < n && at < MAX_NAME; i++)
        name[at++] = is_word(base[i]) ? base[i] : '_';
    name[at] = '\0';
}

static void add_operator(void *user, uint32_t node, const tvis_node_info *info)
{
    operators *o = user;
    char symbol[sizeof o->symbol[0]];
    (void)node;
    (void)snprintf(symbol, sizeof symbol, "tvis_op_%.24s_%s", info->op,
                   info->entry == TVIS_DYNAMIC ? "dynamic" : tvis_dtype_name((tvis_dtype)info->entry));
    const char *kernel = info->kernel ? info->kernel : "c";
    for (uint32_t i = 0; i < o->count; i++)
        if (strcmp(o->symbol[i], symbol) == 0) {
            o->several[i] = o->several[i] || strcmp(o->kernel[i], kernel) != 0;
            return;
        }
    if (o->count == MAX_OPERATORS) {
        o->full = true;
        return;
    }
    memcpy(o->symbol[o->count], symbol, sizeof symbol);
    o->several[o->count] = false;
    (void)snprintf(o->kernel[o->count++], sizeof o->kernel[0], "%.47s", kernel);
}

/* Every layer's own, and the fusions of both plans: for the target, or for a processor without extensions and for this
 * one. */
static tvis_status collect(const request *r, loaded *l, operators *o, tvis_diag *d)
{
    const uint32_t cpu = target_cpu(r->target);
    tvis_status s = TVIS_OK;
    for (uint32_t i = 0; i < 8 && !s; i++) {
        l->config.plan = i & 1 ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST;
        l->config.cpu = i & 2 || r->has_target ? cpu : 0;
        l->config.no_fusion = i < 4;
        l->config.int8_input = r->int8_input;
        s = tvis_session_plan(&l->model, &l->config, &l->bytes, add_operator, o, d);
    }
    if (!s && o->full)
        s = tool_fail_value(d, TVIS_EUNSUP, TVIS_DIAG_LIMIT, l->path, "operators", MAX_OPERATORS, MAX_OPERATORS + 1);
    return s;
}

static void add(text *t, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(t->data + t->length, t->room - t->length, format, list);
    va_end(list);
    if (n < 0 || (size_t)n >= t->room - t->length)
        t->failed = true;
    else
        t->length += (size_t)n;
}

static void add_head(text *t, const char *name, const loaded *l)
{
    add(t, "/* Written by tinyvis %d.%d.%d: a %s model of %zu bytes and the operators it needs.\n", TVIS_VERSION_MAJOR,
        TVIS_VERSION_MINOR, TVIS_VERSION_PATCH, is_identifier(l->info.arch) ? l->info.arch : "vision", l->file.size);
    add(t, " * tvis_model_open(&model, %s_blob, %s_blob_size, &diag); config.registry = &%s_registry;%s\n", name, name,
        name, l->config.int8_input ? "\n * config.int8_input = true;" : "");
    add(t, " * The words are in the byte order of the target, which has to be little-endian. */\n");
    add(t, "#include <tinyvis/session.h>\n\n");
    add(t, "#ifndef TVIS_EMBED_ALIGN /* before a declaration: TVIS_ARENA_ALIGN = 64 bytes */\n");
    add(t, "#ifdef __GNUC__\n#define TVIS_EMBED_ALIGN __attribute__((aligned(64)))\n");
    add(t, "#else\n#error \"define TVIS_EMBED_ALIGN as what aligns an array to 64 bytes with this "
           "compiler\"\n#endif\n#endif\n\n");
    add(t,
        "extern const uint32_t %s_blob[%zu];\nextern const size_t %s_blob_size;\nextern const tvis_registry "
        "%s_registry;\n\n",
        name, (l->file.size + 3) / 4, name, name);
}

/* An operator's entry with fewer kernels, where these are enough. */
static const char *entry_of(const operators *o, uint32_t i)
{
    static const struct {
        const char *symbol, *kernel, *entry;
    } narrow[] = {
        { "tvis_op_depthwise_s8", "3x3_dsp", "tvis_op_depthwise_s8_3x3" },
        { "tvis_op_depthwise_s8", "3x3_armv6", "tvis_op_depthwise_s8_3x3" },
    };
    for (size_t k = 0; !o->several[i] && k < sizeof narrow / sizeof *narrow; k++)
        if (strcmp(o->symbol[i], narrow[k].symbol) == 0 && strcmp(o->kernel[i], narrow[k].kernel) == 0)
            return narrow[k].entry;
    return o->symbol[i];
}

static void add_registry(text *t, const request *r, const char *name, const operators *o)
{
    if (r->has_target)
        add(t, "/* For %s: cpu flags 0x%08" PRIx32 ", which tvis_cpu_detect() gives in a library built for it. */\n",
            target_names[r->target], target_cpu(r->target));
    add(t, "static const tvis_op *const ops[] = {\n");
    for (uint32_t i = 0; i < o->count; i++)
        if (r->has_target)
            add(t, "    &%s, /* %s%s */\n", entry_of(o, i), o->kernel[i], o->several[i] ? " …" : "");
        else
            add(t, "    &%s,\n", o->symbol[i]);
    add(t, "    NULL\n};\nconst tvis_registry %s_registry = { ops };\n", name);
}

static void add_words(text *t, const char *name, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    add(t, "\nconst size_t %s_blob_size = %zuu;\nTVIS_EMBED_ALIGN const uint32_t %s_blob[%zu] = {", name, size, name,
        (size + 3) / 4);
    for (size_t i = 0; i < size; i += 4) {
        char word[] = "0x00000000,";
        for (size_t k = 0; k < 4 && i + k < size; k++) {
            word[8 - 2 * k] = digits[data[i + k] >> 4];
            word[9 - 2 * k] = digits[data[i + k] & 15];
        }
        add(t, "%s%s", i / 4 % WORDS_A_LINE ? " " : "\n    ", word);
    }
    add(t, "\n};\n");
}

static tvis_status write_source(const request *r, const loaded *l, const operators *o, tvis_diag *d)
{
    char name[MAX_NAME + 1];
    text t = { 0 };
    if (r->name)
        (void)snprintf(name, sizeof name, "%s", r->name);
    else
        name_from_path(r->model, name);
    t.room =
        8192 + MAX_OPERATORS * 128 + l->file.size / 4 * 13; /* 11 characters a word, a separator, 4 more a line of 10 */
    t.data = l->file.size < SIZE_MAX / 4 ? malloc(t.room) : NULL;
    if (!t.data)
        return tool_fail_value(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, r->output, NULL, (int64_t)t.room, 0);
    add_head(&t, name, l);
    add_registry(&t, r, name, o);
    add_words(&t, name, l->file.data, l->file.size);
    tvis_status s = t.failed ? tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, r->output, NULL)
                             : tvis_file_write(r->output, t.data, t.length, d);
    free(t.data);
    return s;
}

static int check(const request *r)
{
    if (!r->output)
        return print_usage_error(cmd_embed.name, "option '-o' is missing");
    if (r->name && !is_identifier(r->name))
        return print_usage_error(cmd_embed.name, "option '--name': '%.100s' is no C name of at most %d characters",
                                 r->name, MAX_NAME);
    if (files_same(r->output, r->model))
        return print_failure(r->output, "would be written over its input");
    return ARGS_GO_ON;
}

static int run(int argc, char **argv)
{
    request r = { 0 };
    const arg_option options[] = {
        OPTION_OUTPUT(&r.output, "the C source to write"),
        { .name = "name",
          .kind = ARG_TEXT,
          .value = &r.name,
          .placeholder = "NAME",
          .help = "what the C names begin with (from the file's name)" },
        { .name = "target",
          .kind = ARG_CHOICE,
          .value = &r.target,
          .placeholder = "T",
          .choices = target_names,
          .given = &r.has_target,
          .help =
              "processor to list operators for: cortex-m, cortex-m4,\ncortex-m7, armv6 … as 'info' (without: any)" },
        OPTION_INT8_INPUT(&r.int8_input),
        { 0 },
    };
    int count, status = args_parse(&cmd_embed, options, argc, argv, &count, 1, 1);
    if (status != ARGS_GO_ON)
        return status;
    r.model = argv[0];
    status = check(&r);
    if (status != ARGS_GO_ON)
        return status;
    tvis_diag d;
    loaded l;
    operators o = { .count = 0 };
    status = TOOL_OK;
    if (model_load(&l, r.model, 1, &d) || collect(&r, &l, &o, &d))
        status = print_diag(r.model, &d);
    else if (write_source(&r, &l, &o, &d))
        status = print_diag(r.output, &d);
    model_unload(&l);
    return status;
}

const command cmd_embed = { "embed", "M.tvis -o model.c [--name NAME] [--target T] [--int8-input]",
                            "a C array for firmware, aligned, with its operator registry", run };
