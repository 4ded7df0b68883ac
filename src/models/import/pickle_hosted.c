/* SPDX-License-Identifier: MIT */
/* The operations of pickle. Their list and meaning: Python's Lib/pickletools.py. */
#include <string.h>

#include "models/import/pickle_machine.h"

/* ---- opcodes: containers ---- */

static bool op_empty(tvis_pickle *p, uint8_t op)
{
    return tvis_pickle_push_new(p, op == '}'   ? TVIS_PICKLE_DICT
                                   : op == ']' ? TVIS_PICKLE_LIST
                                   : op == ')' ? TVIS_PICKLE_TUPLE
                                               : TVIS_PICKLE_SET);
}

/* Makes stack[at …] a container of this type, as single items. */
static bool collect(tvis_pickle *p, tvis_pickle_type type, size_t at, uint32_t *index)
{
    if (!tvis_pickle_new_value(p, type, index))
        return false;
    for (size_t i = at; i < p->depth; i++)
        if (!tvis_pickle_append(p, *index, TVIS_PICKLE_NONE, p->stack[i]))
            return false;
    p->depth = at;
    return true;
}

/* The same as pairs of key and value. */
static bool collect_pairs(tvis_pickle *p, size_t at, uint32_t dict)
{
    if ((p->depth - at) % 2)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a key without a value");
    for (size_t i = at; i < p->depth; i += 2)
        if (!tvis_pickle_append(p, dict, p->stack[i], p->stack[i + 1]))
            return false;
    p->depth = at;
    return true;
}

static bool op_from_mark(tvis_pickle *p, uint8_t op)
{
    size_t at;
    uint32_t v;
    if (!tvis_pickle_find_mark(p, &at))
        return false;
    if (op == 'd') {
        if (!tvis_pickle_new_value(p, TVIS_PICKLE_DICT, &v) || !collect_pairs(p, at + 1, v))
            return false;
    } else if (op == 0x91) {
        if (!tvis_pickle_new_value(p, TVIS_PICKLE_SET, &v))
            return false;
    } else if (!collect(p, op == 'l' ? TVIS_PICKLE_LIST : TVIS_PICKLE_TUPLE, at + 1, &v)) {
        return false;
    }
    p->depth = at;
    return tvis_pickle_push(p, v);
}

static bool op_small_tuple(tvis_pickle *p, uint8_t op)
{
    size_t n = (size_t)(op - 0x84); /* TUPLE1 … TUPLE3 */
    uint32_t v;
    for (size_t i = 0; i < n; i++)
        if (p->depth < n || p->stack[p->depth - 1 - i] == TVIS_PICKLE_MARK)
            return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a value is missing on the stack");
    return collect(p, TVIS_PICKLE_TUPLE, p->depth - n, &v) && tvis_pickle_push(p, v);
}

/* The container below stack[at]. */
static bool container_below(tvis_pickle *p, size_t at, uint32_t *v)
{
    if (!at || p->stack[at - 1] == TVIS_PICKLE_MARK)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a value is missing on the stack");
    *v = p->stack[at - 1];
    return true;
}

static bool op_set_items(tvis_pickle *p, uint8_t op)
{
    size_t mark = 0, at;
    uint32_t v = 0;
    if (op == 'u' && !tvis_pickle_find_mark(p, &mark))
        return false;
    if (op == 's' &&
        (p->depth < 3 || p->stack[p->depth - 1] == TVIS_PICKLE_MARK || p->stack[p->depth - 2] == TVIS_PICKLE_MARK))
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a value is missing on the stack");
    at = op == 'u' ? mark : p->depth - 2;
    if (!container_below(p, at, &v))
        return false;
    if (p->values[v].type != TVIS_PICKLE_DICT && p->values[v].type != TVIS_PICKLE_CALL)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "items are set on what is not a dict");
    if (!collect_pairs(p, op == 'u' ? at + 1 : at, v))
        return false;
    p->depth = at;
    return true;
}

/* APPEND, APPENDS, ADDITEMS. Items of sets and of objects are dropped. */
static bool op_append(tvis_pickle *p, uint8_t op)
{
    size_t at = p->depth - 1, first;
    uint32_t v = 0;
    if (op == 'a' && (!p->depth || p->stack[at] == TVIS_PICKLE_MARK))
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a value is missing on the stack");
    if ((op != 'a' && !tvis_pickle_find_mark(p, &at)) || !container_below(p, at, &v))
        return false;
    uint8_t type = p->values[v].type;
    if (type != TVIS_PICKLE_LIST && type != TVIS_PICKLE_CALL && type != TVIS_PICKLE_SET)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "items are added to what is not a list or set");
    first = op == 'a' ? at : at + 1;
    for (size_t i = first; type == TVIS_PICKLE_LIST && i < p->depth; i++)
        if (!tvis_pickle_append(p, v, TVIS_PICKLE_NONE, p->stack[i]))
            return false;
    p->depth = at;
    return true;
}

/* ---- opcodes: stack and memo ---- */

static bool op_mark(tvis_pickle *p, uint8_t op)
{
    (void)op;
    return tvis_pickle_push(p, TVIS_PICKLE_MARK);
}

static bool op_pop(tvis_pickle *p, uint8_t op)
{
    size_t at;
    if (op == '1') {
        if (!tvis_pickle_find_mark(p, &at))
            return false;
        p->depth = at;
        return true;
    }
    if (!p->depth)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a value is missing on the stack");
    p->depth--;
    return true;
}

static bool op_dup(tvis_pickle *p, uint8_t op)
{
    uint32_t v;
    (void)op;
    return tvis_pickle_pop(p, &v) && tvis_pickle_push(p, v) && tvis_pickle_push(p, v);
}

static bool memo_index(tvis_pickle *p, uint8_t op, uint64_t *index)
{
    const uint8_t *text;
    size_t len;
    int64_t n;
    if (op == 'q' || op == 'h')
        return tvis_pickle_take_number(p, 1, index);
    if (op == 'r' || op == 'j')
        return tvis_pickle_take_number(p, 4, index);
    if (!tvis_pickle_take_line(p, &text, &len))
        return false;
    if (!tvis_pickle_parse_decimal(text, len, &n) || n < 0)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "not an index of the memo");
    *index = (uint64_t)n;
    return true;
}

static bool op_put(tvis_pickle *p, uint8_t op)
{
    uint64_t index = p->memo_used;
    if (op != 0x94 && !memo_index(p, op, &index))
        return false;
    if (!p->depth || p->stack[p->depth - 1] == TVIS_PICKLE_MARK)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a value is missing on the stack");
    if (index >= TVIS_PICKLE_COUNT_MAX ||
        index > p->pos) /* writers count up from 0 or 1 and each entry takes a byte or more */
        return tvis_pickle_fail(p, TVIS_DIAG_LIMIT, "an index of the memo that is too large");
    uint32_t *memo = tvis_grow(p->memo, &p->memo_capacity, (size_t)index + 1, sizeof *memo);
    if (!memo)
        return tvis_pickle_no_memory(p);
    p->memo = memo;
    while (p->memo_size <= index)
        memo[p->memo_size++] = TVIS_PICKLE_NONE;
    p->memo_used += memo[index] == TVIS_PICKLE_NONE;
    memo[index] = p->stack[p->depth - 1];
    return true;
}

static bool op_get(tvis_pickle *p, uint8_t op)
{
    uint64_t index;
    if (!memo_index(p, op, &index))
        return false;
    if (index >= p->memo_size || p->memo[index] == TVIS_PICKLE_NONE)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "the memo has no such entry");
    return tvis_pickle_push(p, p->memo[index]);
}

/* ---- opcodes: objects ---- */

static bool push_global(tvis_pickle *p)
{
    const uint8_t *module, *name;
    size_t module_len, name_len;
    uint32_t m, n;
    return tvis_pickle_take_line(p, &module, &module_len) && tvis_pickle_take_line(p, &name, &name_len) &&
           tvis_pickle_push_text(p, TVIS_PICKLE_TEXT, module, module_len) &&
           tvis_pickle_push_text(p, TVIS_PICKLE_TEXT, name, name_len) && tvis_pickle_pop(p, &n) &&
           tvis_pickle_pop(p, &m) && tvis_pickle_push_pair(p, TVIS_PICKLE_GLOBAL, m, n);
}

static bool op_global(tvis_pickle *p, uint8_t op)
{
    uint32_t module, name;
    if (op == 'c')
        return push_global(p);
    if (!tvis_pickle_pop(p, &name) || !tvis_pickle_pop(p, &module))
        return false;
    if (p->values[name].type != TVIS_PICKLE_TEXT || p->values[module].type != TVIS_PICKLE_TEXT)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a global without a name");
    return tvis_pickle_push_pair(p, TVIS_PICKLE_GLOBAL, module, name);
}

/* REDUCE, NEWOBJ, NEWOBJ_EX. */
static bool op_call(tvis_pickle *p, uint8_t op)
{
    uint32_t keywords, args, callable;
    if (op == 0x92 && !tvis_pickle_pop(p, &keywords))
        return false;
    return tvis_pickle_pop(p, &args) && tvis_pickle_pop(p, &callable) &&
           tvis_pickle_push_pair(p, TVIS_PICKLE_CALL, callable, args);
}

/* INST names its class, OBJ has it first after the mark; the arguments follow the mark. */
static bool op_instance(tvis_pickle *p, uint8_t op)
{
    uint32_t callable, args;
    size_t at;
    if (op == 'i' && (!push_global(p) || !tvis_pickle_pop(p, &callable)))
        return false;
    if (!tvis_pickle_find_mark(p, &at))
        return false;
    if (op == 'o' && at + 1 == p->depth)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "an object without its class");
    if (op == 'o')
        callable = p->stack[at + 1];
    if (!collect(p, TVIS_PICKLE_TUPLE, op == 'o' ? at + 2 : at + 1, &args))
        return false;
    p->depth = at;
    return tvis_pickle_push_pair(p, TVIS_PICKLE_CALL, callable, args);
}

/* The state of an object is dropped. */
static bool op_build(tvis_pickle *p, uint8_t op)
{
    uint32_t state, object;
    (void)op;
    return tvis_pickle_pop(p, &state) && tvis_pickle_pop(p, &object) && tvis_pickle_push(p, object);
}

static bool op_persistent(tvis_pickle *p, uint8_t op)
{
    uint32_t id;
    (void)op;
    return tvis_pickle_pop(p, &id) && tvis_pickle_push_pair(p, TVIS_PICKLE_PERSISTENT, TVIS_PICKLE_NONE, id);
}

static bool op_protocol(tvis_pickle *p, uint8_t op)
{
    uint64_t n;
    (void)op;
    if (!tvis_pickle_take_number(p, 1, &n))
        return false;
    return n <= 5 || tvis_pickle_fail(p, TVIS_DIAG_VERSION, "a pickle protocol after 5");
}

static bool op_frame(tvis_pickle *p, uint8_t op)
{
    uint64_t n;
    (void)op;
    if (!tvis_pickle_take_number(p, 8, &n))
        return false;
    return n <= p->size - p->pos || tvis_pickle_fail(p, TVIS_DIAG_TRUNCATED, "a frame longer than the file");
}

static bool op_refused(tvis_pickle *p, uint8_t op)
{
    (void)op;
    return tvis_pickle_fail(p, TVIS_DIAG_REFUSED, "a pickle operation that weight files do not use");
}

/* clang-format off */
static bool (*const operations[256])(tvis_pickle *p, uint8_t op) = {
    ['N'] = tvis_pickle_op_constant, [0x88] = tvis_pickle_op_constant, [0x89] = tvis_pickle_op_constant,
    ['J'] = tvis_pickle_op_integer, ['K'] = tvis_pickle_op_integer, ['M'] = tvis_pickle_op_integer,
    ['I'] = tvis_pickle_op_decimal, ['L'] = tvis_pickle_op_decimal, [0x8a] = tvis_pickle_op_long,
    [0x8b] = tvis_pickle_op_long, ['F'] = tvis_pickle_op_float, ['G'] = tvis_pickle_op_float,
    ['T'] = tvis_pickle_op_counted, ['U'] = tvis_pickle_op_counted, ['X'] = tvis_pickle_op_counted,
    [0x8c] = tvis_pickle_op_counted, [0x8d] = tvis_pickle_op_counted, ['B'] = tvis_pickle_op_counted,
    ['C'] = tvis_pickle_op_counted, [0x8e] = tvis_pickle_op_counted, [0x96] = tvis_pickle_op_counted,
    ['S'] = tvis_pickle_op_line_text, ['V'] = tvis_pickle_op_line_text, ['}'] = op_empty, [']'] = op_empty,
    [')'] = op_empty, [0x8f] = op_empty, ['d'] = op_from_mark, ['l'] = op_from_mark, ['t'] = op_from_mark,
    [0x91] = op_from_mark, [0x85] = op_small_tuple, [0x86] = op_small_tuple, [0x87] = op_small_tuple,
    ['s'] = op_set_items, ['u'] = op_set_items, ['a'] = op_append, ['e'] = op_append, [0x90] = op_append,
    ['('] = op_mark, ['0'] = op_pop, ['1'] = op_pop, ['2'] = op_dup, ['p'] = op_put, ['q'] = op_put, ['r'] = op_put,
    [0x94] = op_put, ['g'] = op_get, ['h'] = op_get, ['j'] = op_get, ['c'] = op_global, [0x93] = op_global,
    ['R'] = op_call, [0x81] = op_call, [0x92] = op_call, ['i'] = op_instance, ['o'] = op_instance, ['b'] = op_build,
    ['Q'] = op_persistent, [0x80] = op_protocol, [0x95] = op_frame, ['P'] = op_refused, [0x82] = op_refused,
    [0x83] = op_refused, [0x84] = op_refused, [0x97] = op_refused, [0x98] = op_refused,
};
/* clang-format on */

tvis_status tvis_pickle_load(tvis_pickle *p, uint32_t *root)
{
    const uint8_t *op;
    p->depth = p->memo_size = p->memo_used = 0;
    p->status = TVIS_OK;
    while (tvis_pickle_take(p, 1, &op)) {
        if (*op == '.') {
            (void)tvis_pickle_pop(p, root);
            break;
        }
        if (!operations[*op])
            (void)tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "not a pickle operation");
        if (p->status || !operations[*op](p, *op))
            break;
    }
    return p->status;
}
