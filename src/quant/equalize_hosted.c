/* SPDX-License-Identifier: MIT */
#include "quant/equalize_hosted.h"
#include "quant/maker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Between a factor that makes the activations' channels equally large (1) and one that does it for the weights (0). */
#define BALANCE 0.5
/* A channel's factor stays within this of the others'. */
#define MOST 64.0

/* ---- sizes of channels ---- */

/* Raises size[c] to the largest |w| that meets input channel c, over the layer's largest. `own` is room for as many. */
static void add_weights(const tvis_graph *g, const tvis_gnode *n, double *size, double *own, int32_t channels)
{
    const tvis_gtensor *w = &g->tensor[n->in[1]];
    const int32_t groups = n->op == TVIS_OP_CONV2D ? n->p.conv.groups : 1, each = w->dims[3];
    const size_t row = (size_t)w->dims[1] * (size_t)w->dims[2] * (size_t)each;
    const float *x = w->data;
    double largest = 0.0;
    memset(own, 0, (size_t)channels * sizeof *own);
    for (int32_t o = 0; o < w->dims[0]; o++)
        for (size_t i = 0; i < row; i++, x++) {
            const int32_t c = o / (w->dims[0] / groups) * each + (int32_t)(i % (size_t)each);
            own[c] = fmax(own[c], fabs((double)*x));
        }
    for (int32_t c = 0; c < channels; c++)
        largest = fmax(largest, own[c]);
    for (int32_t c = 0; largest > 0.0 && c < channels; c++)
        size[c] = fmax(size[c], own[c] / largest);
}

static void add_activations(const tvis_observed *o, bool six, double *size)
{
    double largest = six ? 1.0 : 0.0;
    for (int32_t c = 0; !six && c < o->channels; c++)
        largest = fmax(largest, (double)o->extremes[c]);
    for (int32_t c = 0; largest > 0.0 && c < o->channels; c++)
        size[c] = fmax(size[c], (double)o->extremes[c] / largest);
}

/* From sizes to factors, 1 in the (geometric) mean. Channels that are always 0 keep the smallest. */
static void balance(double *activation, const double *weight, bool weighted, int32_t channels)
{
    double sum = 0.0, least = INFINITY;
    int32_t alive = 0;
    for (int32_t c = 0; c < channels; c++)
        if (activation[c] > 0.0 && (!weighted || weight[c] > 0.0)) {
            activation[c] =
                weighted ? pow(activation[c], BALANCE) / pow(weight[c], 1.0 - BALANCE) : activation[c];
            sum += log(activation[c]);
            least = fmin(least, activation[c]);
            alive++;
        } else {
            activation[c] = 0.0;
        }
    const double mean = alive ? exp(sum / alive) : 1.0;
    for (int32_t c = 0; c < channels; c++)
        activation[c] = fmin(fmax(alive ? fmax(activation[c], least) / mean : 1.0, 1.0 / MOST), MOST);
}

/* ReLU6 cuts at 6 times the factor then: none is above 1, and none so small that a value of the calibration pictures is
 * cut. A channel that nowhere comes near 6 uses all of the range all the same. */
static void balance_six(double *activation, const double *weight, bool weighted, int32_t channels)
{
    for (int32_t c = 0; c < channels; c++) {
        const double size = fmin(fmax(activation[c] / 6.0, 1.0 / MOST), 1.0);
        const double wish = weighted && weight[c] > 0.0 ? pow(size, BALANCE) / pow(weight[c], 1.0 - BALANCE) : size;
        activation[c] = fmin(fmax(wish, size), 1.0);
    }
}

/* ---- groups ---- */

static bool reads(const tvis_scale_groups *s, const tvis_graph *g, const tvis_gnode *n, uint32_t root)
{
    return tvis_has_weights(g, n) && s->root[n->in[0]] == root;
}

static tvis_status choose_group(tvis_equalization *e, const tvis_graph *g, const tvis_calibration *k, uint32_t root)
{
    const int32_t channels = k->tensor[root].channels;
    bool weighted = false, six = false;
    for (uint32_t i = root; i < k->count; i++)
        six = six || (e->groups.root[i] == root && e->groups.six[i]);
    double *weight = calloc(2 * (size_t)channels, sizeof *weight);
    double *factor = e->factor[root] = calloc((size_t)channels, sizeof *factor);
    if (!weight || !factor) {
        free(weight);
        return TVIS_ENOMEM;
    }
    for (uint32_t i = root; i < k->count; i++)
        if (e->groups.root[i] == root && (!six || e->groups.six[i])) {
            add_activations(&k->tensor[i], six, factor);
            e->layers++;
        }
    for (uint32_t i = 0; i < g->node_count; i++)
        if (reads(&e->groups, g, &g->node[i], root) && g->node[i].op != TVIS_OP_DEPTHWISE) {
            add_weights(g, &g->node[i], weight, weight + channels, channels);
            weighted = true;
        }
    (six ? balance_six : balance)(factor, weight, weighted, channels);
    free(weight);
    return TVIS_OK;
}

/* Someone with weights reads the group, and all its tensors have as many channels. */
static bool is_worth_it(const tvis_equalization *e, const tvis_graph *g, const tvis_calibration *k, uint32_t root)
{
    bool read = false;
    for (uint32_t i = 0; i < g->node_count; i++)
        read = read || reads(&e->groups, g, &g->node[i], root);
    for (uint32_t i = root; i < k->count; i++)
        if (e->groups.root[i] == root && k->tensor[i].channels != k->tensor[root].channels)
            return false;
    return read && k->tensor[root].channels > 0;
}

/* ---- attention ---- */

/* q k^T stays what it is when a channel of q is divided by what multiplies k's; v's channels go on to the next layer. The
 * three share one scale: each channel of q and k becomes as large as the other's, those of v as large as the mean of these. */
static tvis_status choose_attention(tvis_equalization *e, const tvis_graph *g, const tvis_calibration *k, uint32_t node)
{
    const tvis_gnode *n = &g->node[node];
    const tvis_observed *o = &k->tensor[n->in[0]];
    const int32_t c = o->channels / 3;
    if (!tvis_sole_layer_before(g, n->in[0]) || !tvis_sole_layer_behind(g, n->out[0]) || n->out_count > 1 || c == 0)
        return TVIS_OK;
    double *q = e->query[node] = malloc((size_t)c * sizeof *q), *v = e->value[node] = malloc((size_t)c * sizeof *v);
    if (!q || !v)
        return TVIS_ENOMEM;
    double largest = 0.0;
    for (int32_t i = 0; i < c; i++) {
        const double a = (double)o->extremes[i], b = (double)o->extremes[c + i];
        q[i] = a > 0.0 && b > 0.0 ? fmin(fmax(sqrt(a / b), 1.0 / MOST), MOST) : 1.0;
        largest = fmax(largest, fmax(a / q[i], b * q[i]));
    }
    for (int32_t i = 0; i < c; i++) {
        const double a = (double)o->extremes[2 * c + i];
        v[i] = a > 0.0 && largest > 0.0 ? fmin(fmax(a / largest, 1.0 / (MOST * MOST)), MOST * MOST) : 1.0;
    }
    e->layers++;
    return TVIS_OK;
}

tvis_status tvis_equalization_choose(tvis_equalization *e, const tvis_graph *g, const tvis_calibration *k)
{
    *e = (tvis_equalization){ .factor = calloc(g->tensor_count + 1, sizeof *e->factor),
                              .query = calloc(g->node_count + 1, sizeof *e->query),
                              .value = calloc(g->node_count + 1, sizeof *e->value),
                              .nodes = g->node_count };
    tvis_status s = tvis_scale_groups_find(&e->groups, g);
    if (!e->factor || !e->query || !e->value)
        s = TVIS_ENOMEM;
    for (uint32_t i = 0; !s && i < k->count; i++)
        if (e->groups.root[i] == i && !e->groups.fixed[i] && is_worth_it(e, g, k, i))
            s = choose_group(e, g, k, i);
    for (uint32_t i = 0; !s && i < g->node_count; i++)
        if (g->node[i].op == TVIS_OP_ATTENTION)
            s = choose_attention(e, g, k, i);
    return s;
}

void tvis_equalization_free(tvis_equalization *e)
{
    for (uint32_t i = 0; e->factor && i < e->groups.count; i++)
        free(e->factor[i]);
    for (uint32_t i = 0; e->query && e->value && i < e->nodes; i++) {
        free(e->query[i]);
        free(e->value[i]);
    }
    free(e->factor);
    free(e->query);
    free(e->value);
    tvis_scale_groups_free(&e->groups);
    *e = (tvis_equalization){ .factor = NULL };
}
