/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "core/port.h"
#include "models/import/torch_tensor.h"

#define WRAPPERS_DEEP 4

typedef struct pairs {
    uint32_t owner; /* of the items: the dict, or the list of [key, value] that Python 2 hands an OrderedDict */
    uint32_t item;
    bool listed;
} pairs;

/* The items of a dict or OrderedDict. */
static bool begin(const tvis_pickle *p, uint32_t value, pairs *i)
{
    const tvis_pickle_value *v = &p->values[value];
    bool ordered =
        v->type == TVIS_PICKLE_CALL && tvis_pickle_is_global(p, v->u.call.callable, "collections", "OrderedDict");
    if (!ordered && v->type != TVIS_PICKLE_DICT)
        return false;
    uint32_t list = ordered ? tvis_pickle_at(p, v->u.call.args, 0) : TVIS_PICKLE_NONE;
    i->listed = list != TVIS_PICKLE_NONE && p->values[list].type == TVIS_PICKLE_LIST;
    i->owner = i->listed ? list : value;
    i->item = p->values[i->owner].first;
    return true;
}

/* False at the end. A listed item that is no pair gives itself as key and value. */
static bool next(const tvis_pickle *p, pairs *i, uint32_t *key, uint32_t *value)
{
    if (i->item == TVIS_PICKLE_NONE)
        return false;
    const tvis_pickle_item *item = &p->items[i->item];
    *key = i->listed ? tvis_pickle_at(p, item->value, 0) : item->key;
    *value = i->listed ? tvis_pickle_at(p, item->value, 1) : item->value;
    if (*key == TVIS_PICKLE_NONE || *value == TVIS_PICKLE_NONE)
        *key = *value = item->value;
    i->item = item->next;
    return true;
}

static bool has_tensor(const tvis_pickle *p, uint32_t dict)
{
    pairs i;
    uint32_t key, value;
    tvis_torch_tensor t;
    if (begin(p, dict, &i))
        while (next(p, &i, &key, &value))
            if (p->values[key].type == TVIS_PICKLE_TEXT && tvis_torch_is_tensor(p, value, &t))
                return true;
    return false;
}

/* At most WRAPPERS_DEEP calls deep. NOLINTBEGIN(misc-no-recursion) */
static uint32_t find_dict(tvis_pickle *p, uint32_t dict, int depth);

/* Of the dicts in this one, under this name or, for NULL, any. */
static uint32_t find_below(tvis_pickle *p, uint32_t dict, const char *name, int depth)
{
    pairs i;
    uint32_t key, value, found = TVIS_PICKLE_NONE;
    if (begin(p, dict, &i))
        while (found == TVIS_PICKLE_NONE && next(p, &i, &key, &value))
            if (name ? tvis_pickle_is_text(p, key, name) : p->values[key].type == TVIS_PICKLE_TEXT)
                found = find_dict(p, value, depth + 1);
    return found;
}

/* The items of a dict are looked at once, however many others share them. */
static uint32_t find_dict(tvis_pickle *p, uint32_t dict, int depth)
{
    static const char *const preferred[] = { "state_dict", "model", "teacher", "student", NULL };
    uint32_t found = TVIS_PICKLE_NONE;
    pairs i;
    if (!begin(p, dict, &i) || p->values[i.owner].seen || depth > WRAPPERS_DEEP)
        return TVIS_PICKLE_NONE;
    p->values[i.owner].seen = true;
    for (size_t n = 0; n < TVIS_COUNT(preferred) && found == TVIS_PICKLE_NONE; n++)
        found = find_below(p, dict, preferred[n], depth);
    return found == TVIS_PICKLE_NONE && has_tensor(p, dict) ? dict : found;
}
/* NOLINTEND(misc-no-recursion) */

/* "conv.weight" or, for objects, "conv.weight: module.class". */
static const char *describe(const tvis_pickle *p, uint32_t key, uint32_t value, tvis_subject *s)
{
    tvis_subject name = { "" }, module = { "" }, global = { "" };
    if (key != TVIS_PICKLE_NONE && p->values[key].type == TVIS_PICKLE_TEXT)
        (void)tvis_subject_of(&name, p->values[key].u.text, p->values[key].count);
    for (int calls = 0; calls < 8 && p->values[value].type == TVIS_PICKLE_CALL; calls++)
        value = p->values[value].u.call.callable;
    if (p->values[value].type == TVIS_PICKLE_GLOBAL) {
        const tvis_pickle_value *m = &p->values[p->values[value].u.call.callable];
        const tvis_pickle_value *g = &p->values[p->values[value].u.call.args];
        (void)tvis_subject_of(&module, m->u.text, m->count);
        (void)tvis_subject_of(&global, g->u.text, g->count);
    }
    if (!name.text[0] && !module.text[0])
        return tvis_subject_of(s, NULL, 0);
    (void)snprintf(s->text, sizeof s->text, "%.48s%s%.30s%s%.30s", name.text,
                   name.text[0] && module.text[0] ? ": " : "", module.text, module.text[0] ? "." : "", global.text);
    return s->text;
}

/* Numbers, texts and empty containers beside the tensors: training notes that are no weights. */
static bool is_note(const tvis_pickle *p, uint32_t value)
{
    const tvis_pickle_value *v = &p->values[value];
    pairs i;
    if (begin(p, value, &i))
        return i.item == TVIS_PICKLE_NONE;
    return v->type < TVIS_PICKLE_LIST || (v->type <= TVIS_PICKLE_TUPLE && v->count == 0);
}

static tvis_status add(tvis_weights *w, const tvis_pickle *p, uint32_t key, uint32_t value, tvis_torch_find find,
                       void *file, tvis_diag *diag)
{
    tvis_torch_tensor t;
    tvis_subject s;
    if (is_note(p, value))
        return TVIS_OK;
    if (p->values[key].type != TVIS_PICKLE_TEXT)
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_SYNTAX, describe(p, TVIS_PICKLE_NONE, value, &s),
                         "a name in the state dict is not a text");
    if (tvis_torch_is_tensor(p, value, &t))
        return tvis_torch_add_tensor(w, p, key, &t, find, file, diag);
    pairs i;
    bool container = begin(p, value, &i) || p->values[value].type <= TVIS_PICKLE_TUPLE;
    return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_REFUSED, describe(p, key, value, &s),
                     container ? "a list or dict where the state dict should have a tensor"
                               : "an object that is no plain tensor; nothing was executed");
}

/* Names the first object, when there is one in the outermost dict: mostly a whole module in place of its state dict. */
static tvis_status no_tensors(const tvis_weights *w, const tvis_pickle *p, uint32_t root, tvis_diag *diag)
{
    pairs i;
    uint32_t key = TVIS_PICKLE_NONE, value = root;
    tvis_subject s;
    bool dict = begin(p, root, &i), object = !dict && p->values[root].type == TVIS_PICKLE_CALL;
    while (dict && !object && next(p, &i, &key, &value))
        object = p->values[value].type == TVIS_PICKLE_CALL;
    if (object)
        return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_REFUSED, describe(p, key, value, &s),
                         "an object and no dict of tensors; nothing was executed: save its state_dict()");
    return tvis_fail(diag, TVIS_EFORMAT, TVIS_DIAG_MISSING, w->source,
                     "there is no dict of tensors in this checkpoint");
}

tvis_status tvis_torch_state_dict(tvis_weights *w, tvis_pickle *p, uint32_t root, tvis_torch_find find, void *file,
                                  tvis_diag *diag)
{
    pairs i;
    uint32_t key, value, dict = find_dict(p, root, 0);
    tvis_status s = TVIS_OK;
    if (dict == TVIS_PICKLE_NONE || !begin(p, dict, &i))
        return no_tensors(w, p, root, diag);
    while (!s && next(p, &i, &key, &value))
        s = add(w, p, key, value, find, file, diag);
    return s;
}
