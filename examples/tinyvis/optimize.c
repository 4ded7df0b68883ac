/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "optimize.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const stage *optimize_last(const optimize *o)
{
    return &o->stage[o->stages - 1];
}

double stage_sparsity(const stage *s)
{
    return s->elements ? (double)s->zeros / (double)s->elements : 0;
}

static double share(const optimize *o, size_t pictures, bool known)
{
    return known && o->answered ? 100 * (double)pictures / (double)o->answered : (double)NAN;
}

double stage_top1(const optimize *o, const stage *s)
{
    return share(o, s->top1, o->label_file != NULL);
}

double stage_top5(const optimize *o, const stage *s)
{
    return share(o, s->top5, o->label_file != NULL);
}

double stage_agree(const optimize *o, const stage *s)
{
    return share(o, s->agree, o->classifier);
}

double stage_snr(const optimize *o, const stage *s)
{
    double least = (double)INFINITY;
    (void)o;
    for (uint32_t i = 0; i < s->model.info.outputs; i++) {
        const double db = difference_snr_db(&s->output[i]);
        least = db < least ? db : least;
    }
    return least;
}

double stage_throughput(const stage *s)
{
    return s->time.p50 > 0 ? 1000 / s->time.p50 : 0;
}

/* "model name : …" of Linux, by whatever name the architecture has for it. */
static bool name_of_line(const char *line, char *text, size_t size)
{
    static const char *const keys[] = { "model name", "Model", "Hardware", "cpu model" };
    const char *colon = strchr(line, ':');
    for (size_t i = 0; colon && i < sizeof keys / sizeof *keys; i++)
        if (strncmp(line, keys[i], strlen(keys[i])) == 0) {
            const char *value = colon + 1 + strspn(colon + 1, " \t");
            (void)snprintf(text, size, "%.*s", (int)strcspn(value, "\n"), value);
            return *text != '\0';
        }
    return false;
}

const char *machine_name(char *text, size_t size)
{
    char line[256];
    bool found = false;
    FILE *f = fopen("/proc/cpuinfo", "r");
    (void)snprintf(text, size, "unknown");
    while (f && !found && fgets(line, sizeof line, f))
        found = name_of_line(line, text, size);
    if (f)
        (void)fclose(f); /* only read from */
    return text;
}

const char *machine_date(char *text, size_t size)
{
    const time_t now = time(NULL);
    struct tm t;
    if (!gmtime_r(&now, &t) || strftime(text, size, "%Y-%m-%d %H:%M UTC", &t) == 0)
        (void)snprintf(text, size, "unknown");
    return text;
}

void optimize_free(optimize *o)
{
    for (uint32_t i = 0; i < o->stages; i++) {
        stage *s = &o->stage[i];
        model_unload(&s->model);
        free(s->path);
        free(s->ms);
        free(s->cpu);
        free(s->output);
    }
    recipe_free(&o->recipe);
    labels_free_csv(&o->labels);
    files_free(&o->pictures);
    profile_free(&o->profile[0]);
    profile_free(&o->profile[1]);
    free(o->layer);
    free(o->span);
    if (o->lock >= 0)
        (void)close(o->lock); /* nothing was written through it */
    *o = (optimize){ .lock = -1 };
}
