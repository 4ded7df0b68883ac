/* SPDX-License-Identifier: MIT */
/* Work in a process of its own, whose memory ends with it. */
#ifndef TINYVIS_TOOL_CHILD_H
#define TINYVIS_TOOL_CHILD_H

#include <stdint.h>

/* Runs fn(arg) in a child process and waits. Returns what fn does, an exit status, or TOOL_FAILED with a line on stderr
 * when there can be no child or it was killed. *peak_rss_kb, if given: the most memory that it had resident, as the
 * kernel counted; that starts with what this process has, so the caller should have little. On Linux the child dies
 * with this process. */
int child_run(int (*fn)(void *arg), void *arg, const char *what, uint64_t *peak_rss_kb);

#endif
