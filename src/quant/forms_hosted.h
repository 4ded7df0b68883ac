/* SPDX-License-Identifier: MIT */
/* In which form each node of a float graph reads and writes, given the layers that are to be better than int8. */
#ifndef TVIS_QUANT_FORMS_HOSTED_H
#define TVIS_QUANT_FORMS_HOSTED_H

#include "quant/maker.h"

/* What a node is given. ORDER: each is nearer to the float model, and slower. */
typedef enum tvis_grade {
    TVIS_GRADE_S8,  /* reads S8, and writes S8 unless 16 bits cost nothing there */
    TVIS_GRADE_S16, /* reads S16 */
    TVIS_GRADE_F32  /* weights as halves */
} tvis_grade;

/* precision[], one for each node, from grade[], one for each node. 16 bits are taken without being asked for where they do
 * not slow a product down: sums of residual branches that a norm reads, what a norm reads, and the network's outputs. `wide_sums`:
 * all residual sums. Errors: ENOMEM. */
tvis_status tvis_forms_choose(const tvis_graph *from, const uint8_t *grade, bool wide_sums, tvis_precision *precision);

#endif
