/* SPDX-License-Identifier: MIT */
/* What a smaller model has to reach: "size=-30%,accuracy=-5,arena<=1MB". */
#ifndef TINYVIS_TOOL_GOALS_H
#define TINYVIS_TOOL_GOALS_H

#include <tinyvis/types.h>

/* ORDER GOAL */
typedef enum goal_measure {
    GOAL_SIZE,   /* bytes of the file */
    GOAL_PARAMS, /* that are not 0 */
    GOAL_MACS,
    GOAL_ARENA,      /* bytes */
    GOAL_RSS,        /* bytes */
    GOAL_LATENCY,    /* ms, the median */
    GOAL_P95,        /* ms */
    GOAL_CPU,        /* ms that processors worked, the median */
    GOAL_THROUGHPUT, /* pictures a second */
    GOAL_ACCURACY,   /* top-1, per cent */
    GOAL_TOP5,
    GOAL_AGREE, /* per cent of the pictures with the original's class */
    GOAL_SNR,   /* dB */
    GOAL_COUNT_
} goal_measure;

enum { GOALS_MOST = 16, GOAL_TEXT = 48 };

typedef struct goal {
    goal_measure measure;
    char text[GOAL_TEXT]; /* as given: "size=-30%" */
    bool relative;        /* limit is the change against the original: a share, or points of what is in per cent */
    double limit;
    /* Known after goals_judge(). */
    double target, value; /* in the measure's unit */
    bool pass;
} goal;

typedef struct goals {
    goal goal[GOALS_MOST];
    uint32_t count;
} goals;

/* GOAL,GOAL...; a goal is one of
 *   NAME=-30%  NAME=+10%      the change against the original, at most (throughput: at least)
 *   accuracy=-5  top5=-2      points lost at most
 *   NAME<=3MB  accuracy>=70   a limit; B, kB, MB, GB (10^3), KiB, MiB; us, ms, s; k, M, G; %
 * Errors: EINVAL with the goal as subject. */
tvis_status goals_parse(const char *text, goals *g, tvis_diag *d);
/* Whether some goal needs labels, or pictures. */
bool goals_need(const goals *g, goal_measure m);
/* values[]: of the measures, NaN: not measured. A goal that is not a number fails. */
void goals_judge(goals *g, const double *original, const double *final);

const char *goal_name(goal_measure m);
/* "bytes", "ms", "%" … */
const char *goal_unit(goal_measure m);
/* Whether more of it is better. */
bool goal_more(goal_measure m);

#endif
