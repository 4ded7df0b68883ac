/* SPDX-License-Identifier: MIT */
#include "bench/board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK "/sys/devices/system/cpu/cpu0/cpufreq/"

/* The first line of a small file, without its end; empty where it can't be read. */
static const char *line_of(const char *path, char *text, int size)
{
    FILE *f = fopen(path, "r");
    if (!f || !fgets(text, size, f))
        text[0] = '\0';
    if (f)
        (void)fclose(f);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

void tvb_print_board(const char *when)
{
    char clock[32], governor[32], heat[32];
    line_of(CLOCK "scaling_cur_freq", clock, sizeof clock);              /* kHz */
    line_of(CLOCK "scaling_governor", governor, sizeof governor);        /* a word */
    line_of("/sys/class/thermal/thermal_zone0/temp", heat, sizeof heat); /* thousandths of a degree */
    if (!*clock && !*governor && !*heat)
        return;
    fprintf(stderr, "%s:", when);
    if (*clock)
        fprintf(stderr, " %.0f MHz", strtod(clock, NULL) / 1e3);
    if (*governor)
        fprintf(stderr, "%s governor %s", *clock ? "," : "", governor);
    if (*heat)
        fprintf(stderr, "%s %.1f C", *clock || *governor ? "," : "", strtod(heat, NULL) / 1e3);
    fputc('\n', stderr);
}
