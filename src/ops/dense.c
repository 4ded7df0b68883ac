/* SPDX-License-Identifier: MIT */
#include "ops/dense.h"
#include "core/port.h"

tvis_status tvis_dense_plan(tvis_node_plan *p, int64_t rows, const tvis_matrix *shape, const tvis_conv_shape *gathers)
{
    uint32_t panel;
    tvis_status s = tvis_plan_vector(p, 2, TVIS_F32, p->out_dims[0][3]);
    if (s)
        return s;
    if (p->node->in_count > 3 && p->in[3]) {
        if (p->in[3]->dtype != TVIS_F32 || memcmp(p->in_dims[3], p->out_dims[0], sizeof p->out_dims[0]) != 0)
            return tvis_plan_fail_shape(p, "the tensor to add", p->out_dims[0], p->in_dims[3]);
        p->in_place = 3;
    }
    s = tvis_matrix_plan(p, 0, 1, rows, shape, &panel);
    const tvis_kernel *kern = tvis_matrix_kernel(p->choice[0].kernel);
    return s ? s : tvis_matmul_scratch(p, kern, rows, shape->k, sizeof(float), panel, gathers);
}

static void multiply(const tvis_matmul *mm, const tvis_block *b, void *panel)
{
    const tvis_node_run *r = mm->run;
    const float *bias = r->x[2], *add = r->x[3];
    const tvis_gemm_f32_args a = {
        .x = b->x,
        .bias = bias ? bias + b->first_column : NULL,
        .add = add ? add + b->offset : NULL,
        .y = b->y,
        .m = b->m,
        .n = b->n,
        .ldx = b->ldx,
        .ldy = b->ldy,
        .run = tvis_matmul_run_of_line(mm),
        .gap = tvis_matmul_gap_of_line(mm),
    };
    tvis_matrix_multiply(mm->layer, a, b->group, b->col, r->node->act, r->cpu, panel);
}

void tvis_dense_run(const tvis_node_run *r, tvis_matrix mx, int32_t rows,
                    void (*gather)(const tvis_matmul *, int32_t, int32_t, int32_t, void *),
                    const tvis_conv_shape *shape)
{
    tvis_matrix_bind(&mx, r, 0, 1);
    const tvis_matmul mm = {
        .run = r,
        .kern = tvis_matrix_kernel(mx.kernel),
        .m = rows,
        .n = mx.n,
        .k = mx.k,
        .groups = mx.groups,
        .size = sizeof(float),
        .y_size = sizeof(float),
        .x = r->x[0],
        .y = r->y[0],
        .gather = gather,
        .multiply = multiply,
        .shape = shape,
        .layer = &mx,
    };
    tvis_matmul_run(&mm);
}
