/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "models/import/pickle_machine.h"

bool tvis_pickle_fail(tvis_pickle *p, tvis_diag_code code, const char *detail)
{
    p->status = tvis_fail_at(p->diag, code, p->source, p->pos, detail);
    return false;
}

bool tvis_pickle_no_memory(tvis_pickle *p)
{
    p->status = tvis_fail(p->diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, p->source, "no memory to read the pickle");
    return false;
}

/* ---- bytes ---- */

bool tvis_pickle_take(tvis_pickle *p, uint64_t n, const uint8_t **bytes)
{
    if (n > p->size - p->pos)
        return tvis_pickle_fail(p, TVIS_DIAG_TRUNCATED, "the pickle ends here, in the middle of a value");
    *bytes = p->data + p->pos;
    p->pos += (size_t)n;
    return true;
}

bool tvis_pickle_take_number(tvis_pickle *p, unsigned bytes, uint64_t *n)
{
    const uint8_t *b;
    *n = 0;
    if (!tvis_pickle_take(p, bytes, &b))
        return false;
    while (bytes-- > 0)
        *n = *n << 8 | b[bytes];
    return true;
}

bool tvis_pickle_take_line(tvis_pickle *p, const uint8_t **text, size_t *len)
{
    const uint8_t *end = p->pos < p->size ? memchr(p->data + p->pos, '\n', p->size - p->pos) : NULL;
    if (!end)
        return tvis_pickle_fail(p, TVIS_DIAG_TRUNCATED, "a line without an end");
    *text = p->data + p->pos;
    *len = (size_t)(end - *text);
    p->pos += *len + 1;
    return true;
}

/* ---- stack and values ---- */

bool tvis_pickle_push(tvis_pickle *p, uint32_t value)
{
    if (p->depth >= TVIS_PICKLE_COUNT_MAX)
        return tvis_pickle_fail(p, TVIS_DIAG_LIMIT, "the stack is too deep");
    uint32_t *stack = tvis_grow(p->stack, &p->stack_capacity, p->depth + 1, sizeof *stack);
    if (!stack)
        return tvis_pickle_no_memory(p);
    p->stack = stack;
    stack[p->depth++] = value;
    return true;
}

bool tvis_pickle_pop(tvis_pickle *p, uint32_t *value)
{
    if (!p->depth || p->stack[p->depth - 1] == TVIS_PICKLE_MARK)
        return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a value is missing on the stack");
    *value = p->stack[--p->depth];
    return true;
}

bool tvis_pickle_find_mark(tvis_pickle *p, size_t *at)
{
    for (size_t i = p->depth; i-- > 0;)
        if (p->stack[i] == TVIS_PICKLE_MARK) {
            *at = i;
            return true;
        }
    return tvis_pickle_fail(p, TVIS_DIAG_SYNTAX, "a mark is missing on the stack");
}

bool tvis_pickle_new_value(tvis_pickle *p, tvis_pickle_type type, uint32_t *index)
{
    if (p->value_count >= TVIS_PICKLE_COUNT_MAX)
        return tvis_pickle_fail(p, TVIS_DIAG_LIMIT, "too many values");
    tvis_pickle_value *values = tvis_grow(p->values, &p->value_capacity, p->value_count + 1, sizeof *values);
    if (!values)
        return tvis_pickle_no_memory(p);
    p->values = values;
    *index = (uint32_t)p->value_count++;
    memset(&values[*index], 0, sizeof *values);
    values[*index].type = (uint8_t)type;
    values[*index].first = values[*index].last = TVIS_PICKLE_NONE;
    return true;
}

bool tvis_pickle_push_new(tvis_pickle *p, tvis_pickle_type type)
{
    uint32_t v;
    return tvis_pickle_new_value(p, type, &v) && tvis_pickle_push(p, v);
}

bool tvis_pickle_push_integer(tvis_pickle *p, tvis_pickle_type type, int64_t n)
{
    uint32_t v;
    if (!tvis_pickle_new_value(p, type, &v))
        return false;
    p->values[v].u.integer = n;
    return tvis_pickle_push(p, v);
}

bool tvis_pickle_push_text(tvis_pickle *p, tvis_pickle_type type, const uint8_t *text, size_t len)
{
    uint32_t v;
    if (len > INT32_MAX)
        return tvis_pickle_fail(p, TVIS_DIAG_LIMIT, "a text of 2 GB or more");
    if (!tvis_pickle_new_value(p, type, &v))
        return false;
    p->values[v].u.text = text;
    p->values[v].count = (uint32_t)len;
    return tvis_pickle_push(p, v);
}

bool tvis_pickle_push_pair(tvis_pickle *p, tvis_pickle_type type, uint32_t callable, uint32_t args)
{
    uint32_t v;
    if (!tvis_pickle_new_value(p, type, &v))
        return false;
    p->values[v].u.call.callable = callable;
    p->values[v].u.call.args = args;
    return tvis_pickle_push(p, v);
}

bool tvis_pickle_append(tvis_pickle *p, uint32_t container, uint32_t key, uint32_t value)
{
    if (p->item_count >= TVIS_PICKLE_COUNT_MAX)
        return tvis_pickle_fail(p, TVIS_DIAG_LIMIT, "too many items");
    tvis_pickle_item *items = tvis_grow(p->items, &p->item_capacity, p->item_count + 1, sizeof *items);
    if (!items)
        return tvis_pickle_no_memory(p);
    p->items = items;
    uint32_t index = (uint32_t)p->item_count++;
    items[index] = (tvis_pickle_item){ key, value, TVIS_PICKLE_NONE };
    tvis_pickle_value *c = &p->values[container];
    if (c->last == TVIS_PICKLE_NONE)
        c->first = index;
    else
        items[c->last].next = index;
    c->last = index;
    c->count++;
    return true;
}

/* ---- the finished tree ---- */

void tvis_pickle_free(tvis_pickle *p)
{
    free(p->values);
    free(p->items);
    free(p->stack);
    free(p->memo);
}

static bool is_text(const tvis_pickle *p, uint32_t value, const char *text)
{
    const tvis_pickle_value *v = &p->values[value];
    return v->type == TVIS_PICKLE_TEXT && v->count == strlen(text) && memcmp(v->u.text, text, v->count) == 0;
}

bool tvis_pickle_is_text(const tvis_pickle *p, uint32_t value, const char *text)
{
    return value != TVIS_PICKLE_NONE && is_text(p, value, text);
}

bool tvis_pickle_is_global(const tvis_pickle *p, uint32_t value, const char *module, const char *name)
{
    const tvis_pickle_value *v = &p->values[value];
    return v->type == TVIS_PICKLE_GLOBAL && is_text(p, v->u.call.callable, module) && is_text(p, v->u.call.args, name);
}

uint32_t tvis_pickle_at(const tvis_pickle *p, uint32_t value, uint32_t i)
{
    if (value == TVIS_PICKLE_NONE)
        return TVIS_PICKLE_NONE;
    const tvis_pickle_value *v = &p->values[value];
    if ((v->type != TVIS_PICKLE_TUPLE && v->type != TVIS_PICKLE_LIST) || i >= v->count)
        return TVIS_PICKLE_NONE;
    uint32_t item = v->first;
    while (i-- > 0)
        item = p->items[item].next;
    return p->items[item].value;
}
