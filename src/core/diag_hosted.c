/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <tinyvis/hosted.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/diag.h"
#include "core/port.h"

/* SHAPE gives both sides, ONE_SHAPE the one that exists. */
typedef enum value_style { NUMBER, HEX, DTYPE, SHAPE, ONE_SHAPE, SYSTEM } value_style;

/* How a code reads. With values: "noun E want, noun F got", whichever of the two are there; else the phrase. */
typedef struct sentence {
    const char *phrase, *noun, *want, *got;
    value_style style;
} sentence;

/* ORDER TVIS_DIAG */
static const sentence sentences[] = {
    [TVIS_DIAG_NONE] = { "no error", "", " expected", " found", NUMBER },
    [TVIS_DIAG_ARGUMENT] = { "not a valid argument", "", " expected", " found", NUMBER },
    [TVIS_DIAG_ALIGN] = { "memory is not aligned", "", " bytes of alignment expected", " past it", NUMBER },
    [TVIS_DIAG_MEMORY] = { "not enough memory", "", " bytes needed", " given", NUMBER },
    [TVIS_DIAG_TRUNCATED] = { "the file is cut off", "", " bytes expected", " found", NUMBER },
    [TVIS_DIAG_MAGIC] = { "not a file of this type", "", " expected", " found", HEX },
    [TVIS_DIAG_VERSION] = { "another version of the format", "version ", " expected", " found", NUMBER },
    [TVIS_DIAG_BOUNDS] = { "an offset or a count points outside its section", "", " expected", " found", NUMBER },
    [TVIS_DIAG_CRC] = { "the checksum is wrong", "checksum ", " expected", " found", HEX },
    [TVIS_DIAG_ENUM] = { "an unknown value", "value ", " expected", " unknown", NUMBER },
    [TVIS_DIAG_DTYPE] = { "another element type", "type ", " expected", " found", DTYPE },
    [TVIS_DIAG_SHAPE] = { "another shape", "shape ", " expected", " found", SHAPE },
    [TVIS_DIAG_GRAPH] = { "nodes and tensors do not fit together", "", " expected", " found", NUMBER },
    [TVIS_DIAG_LIMIT] = { "over the limit", "", " allowed", " found", NUMBER },
    [TVIS_DIAG_NO_KERNEL] = { "no kernel for this operator", "", " expected", " found", NUMBER },
    [TVIS_DIAG_MISSING] = { "not in the weights", "shape ", " expected", " found", ONE_SHAPE },
    [TVIS_DIAG_EXTRA] = { "in the weights, but not in the architecture", "shape ", " expected", " found", ONE_SHAPE },
    [TVIS_DIAG_SYNTAX] = { "breaks the rules of its format", "", " expected", " found", NUMBER },
    [TVIS_DIAG_REFUSED] = { "not accepted", "", " expected", " found", NUMBER },
    [TVIS_DIAG_VALUE] = { "a number without meaning here", "", " expected", " found", NUMBER },
    [TVIS_DIAG_NAME] = { "an unknown name", "", " expected", " found", NUMBER },
    [TVIS_DIAG_SYSTEM] = { "the operating system refused", "", "", "", SYSTEM },
};
TVIS_STATIC_ASSERT(sentences, TVIS_COUNT(sentences) == TVIS_DIAG_COUNT_);

typedef struct writer {
    char *text;
    size_t size, length; /* length: what all of it takes */
} writer;

/* Control characters, which a hostile file's names may hold, become '?'. */
static void put(writer *w, const char *s)
{
    for (; *s; s++, w->length++)
        if (w->length + 1 < w->size)
            w->text[w->length] = (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s;
}

static void put_number(writer *w, int64_t v)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, v);
    put(w, digits);
}

static void put_hex(writer *w, int64_t v)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%08" PRIx64, (uint64_t)v);
    put(w, digits);
}

static void put_error(writer *w, int code)
{
    char text[128];
    put(w, strerror_r(code, text, sizeof text) == 0 ? text : "unknown error");
}

static void put_shape(writer *w, const int64_t v[4])
{
    put(w, v[0] == -1 ? "()" : "");
    for (int i = 0; i < 4 && v[i] != -1; i++) {
        put(w, i ? "x" : "");
        put_number(w, v[i]);
    }
}

static void put_value(writer *w, value_style style, const int64_t v[4])
{
    if (style == HEX)
        put_hex(w, v[0]);
    else if (style == SHAPE || style == ONE_SHAPE)
        put_shape(w, v);
    else if (style == SYSTEM)
        put_error(w, (int)v[0]);
    else if (style == DTYPE)
        put(w, v[0] >= 0 && v[0] < TVIS_DTYPE_COUNT_ ? tvis_dtype_name((tvis_dtype)v[0]) : "?");
    else
        put_number(w, v[0]);
}

/* Whether there was anything to say. */
static bool put_values(writer *w, const tvis_diag *d, const sentence *s, const char *before)
{
    const bool shape = s->style == SHAPE && (d->expected[0] != -1 || d->found[0] != -1);
    const bool expected = shape || (s->style != SYSTEM && d->expected[0] != -1);
    const bool found = shape || d->found[0] != -1;
    if (expected || found) {
        put(w, before);
        put(w, s->noun);
    }
    if (expected) {
        put_value(w, s->style, d->expected);
        put(w, s->want);
        put(w, found ? ", " : "");
    }
    if (found) {
        put_value(w, s->style, d->found);
        put(w, s->got);
    }
    return expected || found;
}

static void put_subject(writer *w, const tvis_diag *d)
{
    const char *before = d->subject[0] ? " (" : "";
    const char *after = d->subject[0] ? ")" : "";
    put(w, d->subject);
    if (d->node != TVIS_NONE) {
        put(w, before);
        put(w, "node ");
        put_number(w, d->node);
    }
    if (d->tensor != TVIS_NONE) {
        put(w, d->node != TVIS_NONE ? ", " : before);
        put(w, "tensor ");
        put_number(w, d->tensor);
    }
    if (d->node != TVIS_NONE || d->tensor != TVIS_NONE)
        put(w, after);
    put(w, w->length ? ": " : "");
}

int tvis_diag_format(const tvis_diag *d, char *text, size_t size)
{
    writer w = { text, size, 0 };
    const sentence *s = &sentences[(unsigned)d->code < TVIS_DIAG_COUNT_ ? d->code : TVIS_DIAG_NONE];
    if (d->code != TVIS_DIAG_NONE) {
        put_subject(&w, d);
        put(&w, d->detail ? d->detail : "");
    }
    if (d->code == TVIS_DIAG_NONE || (!put_values(&w, d, s, d->detail ? ": " : "") && !d->detail))
        put(&w, s->phrase);
    if (size)
        text[w.length < size ? w.length : size - 1] = '\0';
    return (int)w.length; /* a subject, a static text and a dozen numbers: far below INT_MAX */
}

tvis_status tvis_fail_shape(tvis_diag *d, tvis_status s, const char *subject, const char *detail,
                            const int64_t *expected, uint32_t expected_rank, const int64_t *found, uint32_t found_rank)
{
    (void)tvis_fail(d, s, TVIS_DIAG_SHAPE, subject, detail);
    for (uint32_t i = 0; d && i < 4; i++) {
        d->expected[i] = i < expected_rank ? expected[i] : -1;
        d->found[i] = i < found_rank ? found[i] : -1;
    }
    return s;
}
