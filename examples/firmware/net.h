/* SPDX-License-Identifier: MIT */
/* What make.sh compiles in: a model and its operators, as `tinyvis embed --name net` writes them, and a picture. */
#ifndef NET_H
#define NET_H

#include <tinyvis/tinyvis.h>

extern const uint32_t net_blob[];
extern const size_t net_blob_size;
extern const tvis_registry net_registry;

#ifndef NET_ARENA
#define NET_ARENA (256 * 1024)
#endif
#define NET_WIDTH  128
#define NET_HEIGHT 96

extern const uint8_t net_picture[NET_WIDTH * NET_HEIGHT]; /* gray */

/* All memory of a network. */
typedef struct net_session {
    tvis_model model;
    tvis_session *s;
    size_t bytes;          /* of the arena, in use */
    uint32_t prepare, run; /* thousands of instructions of the last picture, where they are counted */
} net_session;

/* Opens the model where it lies and builds a session in static memory; h, w: 0 for the model's own size. `observe` as
 * in tvis_session_config. Ends the program with a message when something is wrong. */
void net_open(net_session *n, uint16_t h, uint16_t w, tvis_observer observe);
/* The picture as the model wants it, into the session's own input; then the network. */
void net_run(net_session *n);

#endif
