/* SPDX-License-Identifier: MIT */
/* Small networks that have every operator and every kind of weights, for fuzzers and their seeds. */
#ifndef TVT_FUZZ_NETWORKS_H
#define TVT_FUZZ_NETWORKS_H

#include <tinyvis/convert.h>

enum { TVT_NETWORKS = 18 };

/* Made when it is first asked for, and kept; ends the program where it can't be made. */
const tvis_blob *tvt_network(uint32_t i);
const char *tvt_network_name(uint32_t i);

#endif
