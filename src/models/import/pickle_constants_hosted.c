/* SPDX-License-Identifier: MIT */
/* The operations that push a constant. */
#include <string.h>

#include "models/import/pickle_machine.h"

bool tvis_pickle_op_constant(tvis_pickle *p, uint8_t op)
{
    if (op == 'N')
        return tvis_pickle_push_new(p, TVIS_PICKLE_NULL);
    return tvis_pickle_push_integer(p, TVIS_PICKLE_BOOL, op == 0x88);
}

bool tvis_pickle_op_integer(tvis_pickle *p, uint8_t op)
{
    uint64_t n;
    if (!tvis_pickle_take_number(p, op == 'K' ? 1 : op == 'M' ? 2 : 4, &n))
        return false;
    return tvis_pickle_push_integer(p, TVIS_PICKLE_INT, op == 'J' ? (int64_t)(int32_t)(uint32_t)n : (int64_t)n);
}

bool tvis_pickle_parse_decimal(const uint8_t *text, size_t len, int64_t *n)
{
    bool negative = len && text[0] == '-';
    int64_t v = 0; /* counted downwards: INT64_MIN has no positive twin */
    for (size_t i = negative; i < len; i++) {
        int digit = text[i] - '0';
        if (digit < 0 || digit > 9 || v < (INT64_MIN + digit) / 10)
            return false;
        v = v * 10 - digit;
    }
    if (len == (size_t)negative || (!negative && v == INT64_MIN))
        return false;
    *n = negative ? v : -v;
    return true;
}

bool tvis_pickle_op_decimal(tvis_pickle *p, uint8_t op)
{
    const uint8_t *text;
    size_t len;
    int64_t n = 0;
    if (!tvis_pickle_take_line(p, &text, &len))
        return false;
    if (op == 'I' && len == 2 && text[0] == '0' && (text[1] == '0' || text[1] == '1'))
        return tvis_pickle_push_integer(p, TVIS_PICKLE_BOOL, text[1] == '1');
    if (len && text[len - 1] == 'L')
        len--;
    if (tvis_pickle_parse_decimal(text, len, &n))
        return tvis_pickle_push_integer(p, TVIS_PICKLE_INT, n);
    for (size_t i = len && text[0] == '-'; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "not an integer");
    return len ? tvis_pickle_push_text(p, TVIS_PICKLE_LONG, text, len)
               : tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "not an integer");
}

bool tvis_pickle_op_long(tvis_pickle *p, uint8_t op)
{
    uint64_t len, n = 0;
    const uint8_t *b;
    if (!tvis_pickle_take_number(p, op == 0x8a ? 1 : 4, &len) || !tvis_pickle_take(p, len, &b))
        return false;
    if (len > 8)
        return tvis_pickle_push_text(p, TVIS_PICKLE_LONG, b, (size_t)len);
    for (unsigned i = 0; i < 8; i++) /* sign bit of the last byte goes on to 64 bits */
        n |= (uint64_t)(i < len ? b[i] : len && b[len - 1] & 0x80 ? 0xff : 0) << (8 * i);
    return tvis_pickle_push_integer(p, TVIS_PICKLE_INT, (int64_t)n);
}

bool tvis_pickle_op_float(tvis_pickle *p, uint8_t op)
{
    const uint8_t *b;
    size_t len;
    if (op == 'F' ? !tvis_pickle_take_line(p, &b, &len) : !tvis_pickle_take(p, 8, &b))
        return false;
    return tvis_pickle_push_new(p, TVIS_PICKLE_FLOAT);
}

bool tvis_pickle_op_counted(tvis_pickle *p, uint8_t op)
{
    bool text = op == 'T' || op == 'U' || op == 'X' || op == 0x8c || op == 0x8d;
    unsigned width = op == 'U' || op == 'C' || op == 0x8c ? 1 : op == 0x8d || op == 0x8e || op == 0x96 ? 8 : 4;
    uint64_t len;
    const uint8_t *b;
    if (!tvis_pickle_take_number(p, width, &len) || !tvis_pickle_take(p, len, &b))
        return false;
    return tvis_pickle_push_text(p, text ? TVIS_PICKLE_TEXT : TVIS_PICKLE_BYTES, b, (size_t)len);
}

/* Text protocol: 'quoted' for S, bare for V. */
bool tvis_pickle_op_line_text(tvis_pickle *p, uint8_t op)
{
    const uint8_t *text;
    size_t len;
    if (!tvis_pickle_take_line(p, &text, &len))
        return false;
    if (memchr(text, '\\', len))
        return tvis_pickle_fail(p, TVIS_DIAG_REFUSED, "a text with escapes: save with pickle protocol 2");
    if (op == 'S') {
        if (len < 2 || (text[0] != '\'' && text[0] != '"') || text[len - 1] != text[0])
            return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a text without its quotes");
        text++;
        len -= 2;
    }
    return tvis_pickle_push_text(p, TVIS_PICKLE_TEXT, text, len);
}
