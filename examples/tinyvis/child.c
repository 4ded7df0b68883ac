/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "child.h"

#include "print.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

static int run_and_die(int (*fn)(void *arg), void *arg, pid_t parent)
{
#ifdef __linux__
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        return TOOL_FAILED;
#else
    (void)parent;
#endif
    return print_finish(fn(arg));
}

int child_run(int (*fn)(void *arg), void *arg, const char *what, uint64_t *peak_rss_kb)
{
    struct rusage usage;
    int status;
    char why[80];
    const pid_t parent = getpid();
    (void)fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(run_and_die(fn, arg, parent));
    if (pid < 0)
        return print_failure(what, strerror(errno));
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return print_failure(what, strerror(errno));
    if (peak_rss_kb)
        *peak_rss_kb = (uint64_t)usage.ru_maxrss;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    (void)snprintf(why, sizeof why, "the process that worked on it was killed by signal %d", WTERMSIG(status));
    return print_failure(what, why);
}
