/* SPDX-License-Identifier: MIT */
/* Which channels of which tensors live and die together. A unit is a channel, or a head of attention; a group is what
 * its units are part of: tensors, rows of the weights that write them, columns of the weights that read them. */
#ifndef TVIS_QUANT_CHANNEL_GROUPS_HOSTED_H
#define TVIS_QUANT_CHANNEL_GROUPS_HOSTED_H

#include "core/graph_hosted.h"

typedef struct tvis_channel_groups {
    uint32_t count; /* tensors of the graph */
    uint32_t *root; /* of each tensor: the group's representative */
    int32_t *parts; /* of each tensor: how often its units follow each other: 3 of queries, keys and values */
    bool *fixed;    /* of each representative: its units have to stay */
    int32_t *width; /* of each representative: channels of a unit */
    int32_t *units; /* of each representative; 0 where no layer reads or writes it */
    bool **keep;    /* of each representative: units that stay; NULL: all */
} tvis_channel_groups;

/* Errors: ENOMEM. tvis_channel_groups_free() is called in any case. */
tvis_status tvis_channel_groups_find(tvis_channel_groups *s, const tvis_graph *g);
void tvis_channel_groups_free(tvis_channel_groups *s);

/* Channels of a tensor with `units` units in its group, and the unit of a channel. */
static inline int32_t tvis_channels_of(const tvis_channel_groups *s, uint32_t tensor)
{
    const uint32_t r = s->root[tensor];
    return s->units[r] * s->width[r] * s->parts[tensor];
}

static inline int32_t tvis_unit_of(const tvis_channel_groups *s, uint32_t tensor, int32_t channel)
{
    const uint32_t r = s->root[tensor];
    return channel / s->width[r] % s->units[r];
}

static inline bool tvis_keeps(const tvis_channel_groups *s, uint32_t tensor, int32_t channel)
{
    const bool *keep = s->keep[s->root[tensor]];
    return !keep || keep[tvis_unit_of(s, tensor, channel)];
}

/* Leaves out of every constant of the graph, which are the graph's own afterwards, what keep[] does not keep. */
void tvis_channel_groups_cut(const tvis_channel_groups *s, tvis_graph *g);

#endif
