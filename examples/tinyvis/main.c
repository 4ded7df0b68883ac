/* SPDX-License-Identifier: MIT */
/* tinyvis COMMAND: docs/tool.md, tinyvis(1). */
#include "commands.h"

#include <stdio.h>
#include <string.h>

static const command *const commands[] = { &cmd_models,   &cmd_convert, &cmd_info,      &cmd_run,
                                           &cmd_eval,     &cmd_compare, &cmd_quantize,  &cmd_prune,
                                           &cmd_optimize, &cmd_profile, &cmd_keypoints, &cmd_match,
                                           &cmd_features, &cmd_embed,   &cmd_pack,      &cmd_verify };

static int print_help(void)
{
    printf("usage: tinyvis COMMAND [options] ...\n\nRuns vision networks on small computers.\n\ncommands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
    printf("\n'tinyvis COMMAND --help' tells a command's options; 'tinyvis --version' the version.\n");
    return TOOL_OK;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2)
        return print_usage_error(NULL, "a command is missing");
    if (strcmp(argv[1], "--help") == 0)
        return print_help();
    if (strcmp(argv[1], "--version") == 0) {
        printf("tinyvis %d.%d.%d\n", TVIS_VERSION_MAJOR, TVIS_VERSION_MINOR, TVIS_VERSION_PATCH);
        return TOOL_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->run(argc - 2, argv + 2);
    return print_usage_error(NULL, "'%.100s' is not a command", argv[1]);
}

int main(int argc, char **argv)
{
    return print_finish(dispatch(argc, argv));
}
