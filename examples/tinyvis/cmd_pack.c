/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "files.h"
#include "json.h"
#include "load_model.h"
#include "targets.h"

#include <tinyvis/hosted.h>
#include <tinyvis/pack.h>

#include <inttypes.h>
#include <stdio.h>

typedef struct request {
    const char *input, *output;
    uint32_t target;
    bool json;
} request;

static int report(const request *r, size_t before, size_t after, uint32_t packed)
{
    const char *target = target_names[r->target];
    if (r->json) {
        json j = { 0 };
        json_object(&j, NULL, true);
        json_string(&j, "file", r->output);
        json_string(&j, "target", target);
        json_integer(&j, "packed_tensors", packed);
        json_integer(&j, "file_bytes_before", before);
        json_integer(&j, "file_bytes", after);
        json_end(&j);
        return json_print(&j);
    }
    print_text(r->output);
    printf(": %s (%s before), ", print_bytes((double)after), print_bytes((double)before));
    if (packed)
        printf("%" PRIu32 " tensors of weights packed for %s\n", packed, target);
    else
        printf("nothing to pack: kernels of %s read these weights as they are\n", target);
    return TOOL_OK;
}

static int pack(const request *r)
{
    tvis_diag d;
    loaded l;
    tvis_blob blob = { NULL, 0 };
    uint32_t packed = 0;
    int status = TOOL_OK;
    if (model_load(&l, r->input, 1, &d) || tvis_pack_blob(&l.model, target_cpu(r->target), &blob, &packed, &d))
        status = print_diag(r->input, &d);
    else if (tvis_file_write(r->output, blob.data, blob.size, &d))
        status = print_diag(r->output, &d);
    else
        status = report(r, l.file.size, blob.size, packed);
    tvis_blob_free(&blob);
    model_unload(&l);
    return status;
}

static int run(int argc, char **argv)
{
    request r = { .target = 0 };
    bool given = false;
    const arg_option options[] = {
        { .name = "target",
          .kind = ARG_CHOICE,
          .value = &r.target,
          .placeholder = "T",
          .choices = target_names,
          .given = &given,
          .help = "processor that will run it: native, generic, armv6, armv7,\naarch64, avx2, avx512, cortex-m" },
        OPTION_OUTPUT(&r.output, "the model to write"),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status = args_parse(&cmd_pack, options, argc, argv, &count, 1, 1);
    if (status != ARGS_GO_ON)
        return status;
    r.input = argv[0];
    if (!r.output || !given)
        return print_usage_error(cmd_pack.name, "option '%s' is missing", r.output ? "--target" : "-o");
    if (files_same(r.output, r.input))
        return print_failure(r.output, "would be written over its input");
    return pack(&r);
}

const command cmd_pack = { "pack", "M.tvis --target T -o OUT.tvis",
                           "the weights in the order of a processor's kernels: nothing is copied at start", run };
