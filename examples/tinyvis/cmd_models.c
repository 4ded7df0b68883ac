/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "json.h"

#include <tinyvis/convert.h>

#include <inttypes.h>
#include <stdio.h>

static int print_json(void)
{
    json j = { 0 };
    tvis_arch_info a;
    json_list(&j, NULL, true);
    for (uint32_t i = 0; tvis_arch(i, &a); i++) {
        json_object(&j, NULL, false);
        json_string(&j, "name", a.name);
        json_string(&j, "summary", a.summary);
        json_list(&j, "input", false);
        json_integer(&j, NULL, 1);
        json_integer(&j, NULL, a.h);
        json_integer(&j, NULL, a.w);
        json_integer(&j, NULL, a.c);
        json_end(&j);
        json_integer(&j, "classes", a.classes);
        json_integer(&j, "params", a.params);
        json_integer(&j, "macs", a.macs);
        json_end(&j);
    }
    json_end(&j);
    return json_print(&j);
}

static int run(int argc, char **argv)
{
    bool as_json = false;
    const arg_option options[] = { OPTION_JSON(&as_json), { 0 } };
    int count, status = args_parse(&cmd_models, options, argc, argv, &count, 0, 0);
    tvis_arch_info a;
    if (status != ARGS_GO_ON)
        return status;
    if (as_json)
        return print_json();
    printf("%-24s %-12s %7s %12s %12s  %s\n", "name", "input", "classes", "parameters", "MACs", "");
    for (uint32_t i = 0; tvis_arch(i, &a); i++) {
        char input[24];
        (void)snprintf(input, sizeof input, "%ux%ux%u", a.h, a.w, a.c);
        printf("%-24s %-12s %7" PRIu32 " %12" PRIu64 " %12" PRIu64 "  %s\n", a.name, input, a.classes, a.params, a.macs,
               a.summary);
    }
    return TOOL_OK;
}

const command cmd_models = { "models", "[--json]", "architectures with default input, parameters and MACs", run };
