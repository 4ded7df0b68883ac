/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "print.h"

#include <tinyvis/hosted.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static void error_line(const char *line)
{
    char text[1200];
    size_t n = 0;
    for (; line[n] && n + 1 < sizeof text; n++)
        text[n] = is_control(line[n]) ? '?' : line[n];
    text[n] = '\0';
    (void)fprintf(stderr, "tinyvis: %s\n", text);
}

int print_failure(const char *what, const char *why)
{
    char line[1200];
    (void)snprintf(line, sizeof line, "%.600s: %s", what, why);
    error_line(line);
    return TOOL_FAILED;
}

int print_diag(const char *what, const tvis_diag *d)
{
    char why[512];
    size_t subject = strlen(d->subject);
    (void)tvis_diag_format(d, why, sizeof why);
    bool cut = subject + 1 == sizeof d->subject;
    bool same = subject > 0 && (cut ? strncmp(what, d->subject, subject) == 0 : strcmp(what, d->subject) == 0);
    if (!same || strncmp(why, d->subject, subject) != 0)
        return print_failure(what, why);
    if (!cut) {
        error_line(why);
        return TOOL_FAILED;
    }
    const char *rest = why + subject; /* the whole name in place of the cut one */
    return print_failure(what, strncmp(rest, ": ", 2) == 0 ? rest + 2 : rest);
}

int print_usage_error(const char *command, const char *format, ...)
{
    char why[512], line[700];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(why, sizeof why, format, list);
    va_end(list);
    if (command)
        (void)snprintf(line, sizeof line, "%s: %s; see 'tinyvis %s --help'", command, why, command);
    else
        (void)snprintf(line, sizeof line, "usage: %s; see 'tinyvis --help'", why);
    error_line(line);
    return TOOL_USAGE;
}

int print_finish(int status)
{
    errno = 0;
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) != 0)
        failed = true;
    if (!failed || status != TOOL_OK)
        return status;
    return print_failure("standard output", errno ? strerror(errno) : "could not be written");
}

void print_progress(const char *what, size_t done, size_t total)
{
    enum { CELLS = 30, LINE = 79 };
    char bar[CELLS + 1] = "";
    if (!isatty(STDERR_FILENO))
        return;
    for (size_t i = 0; i < CELLS; i++)
        bar[i] = i < done * CELLS / (total ? total : 1) ? '#' : '.';
    if (done < total)
        (void)fprintf(stderr, "\r%.*s [%s] %zu of %zu", LINE - CELLS - 20, what, bar, done, total);
    else
        (void)fprintf(stderr, "\r%*s\r", LINE, "");
    (void)fflush(stderr);
}

void print_text(const char *s)
{
    for (; *s; s++)
        (void)putchar(is_control(*s) ? '?' : *s);
}

int print_pad(const char *s, int width)
{
    for (; *s && width > 0; s++)
        width -= ((unsigned char)*s & 0xc0) != 0x80;
    return width;
}

static char *next_text(size_t *size)
{
    static char texts[4][32];
    static unsigned next;
    *size = sizeof texts[0];
    return texts[next++ % 4];
}

const char *print_count(double n)
{
    static const char units[] = " kMGT";
    size_t size, unit = 0;
    char *text = next_text(&size);
    for (; n >= 999.95 && unit + 2 < sizeof units; unit++)
        n /= 1000;
    if (unit == 0)
        (void)snprintf(text, size, "%.0f", n);
    else
        (void)snprintf(text, size, "%.*f %c", n < 10 ? 2 : 1, n, units[unit]);
    return text;
}

const char *print_bytes(double n)
{
    size_t size;
    char *text = next_text(&size);
    if (n < 1e5)
        (void)snprintf(text, size, "%.0f bytes", n);
    else
        (void)snprintf(text, size, "%.2f MB", n / 1e6);
    return text;
}
