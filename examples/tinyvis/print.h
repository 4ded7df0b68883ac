/* SPDX-License-Identifier: MIT */
/* What the tool says to people: errors, progress, readable numbers. */
#ifndef TINYVIS_TOOL_PRINT_H
#define TINYVIS_TOOL_PRINT_H

#include <tinyvis/types.h>

enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 }; /* exit status */

/* One line on stderr, "tinyvis: WHAT: WHY", without control characters. `what` is the file or the thing concerned; it
 * is not repeated when the diagnostic starts with it. Returns TOOL_FAILED. */
int print_diag(const char *what, const tvis_diag *d);
int print_failure(const char *what, const char *why);
/* One line on stderr that ends with a hint to --help. `command` may be NULL. Returns TOOL_USAGE. */
int print_usage_error(const char *command, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
/* Flushes stdout. Returns `status`, or TOOL_FAILED, with a line on stderr, when something could not be written. */
int print_finish(int status);

/* "WHAT [###...] 12 of 500" over itself on stderr, when that is a terminal; the last one (done == total) is wiped out.
 */
void print_progress(const char *what, size_t done, size_t total);

/* Text from a file: control characters become '?'. */
void print_text(const char *s);
/* Columns to add after a text so that it takes `width` of them; UTF-8 is taken for one column a character. */
int print_pad(const char *s, int width);

/* "300.8 M" with three or four figures; static memory, four at a time. */
const char *print_count(double n);
/* "14.2 MB", 10^6 bytes; below 100 kB "1234 bytes". Static memory, shared with the above. */
const char *print_bytes(double n);

#endif
