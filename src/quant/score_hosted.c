/* SPDX-License-Identifier: MIT */
#include "quant/score_hosted.h"
#include "core/array_hosted.h"
#include "core/op.h"
#include "quant/runner_hosted.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_OUTPUTS = 8 };

typedef struct sums {
    double signal[MOST_OUTPUTS], noise[MOST_OUTPUTS], divergence;
    uint32_t agree, right, float_right;
} sums;

static uint32_t best(const float *x, uint32_t n)
{
    uint32_t at = 0;
    for (uint32_t i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

/* log of the sum of exp(x) */
static double log_sum(const float *x, uint32_t n)
{
    const double most = (double)x[best(x, n)];
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++)
        sum += exp((double)x[i] - most);
    return most + log(sum);
}

static double divergence(const float *want, const float *got, uint32_t n)
{
    const double a = log_sum(want, n), b = log_sum(got, n);
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        const double p = (double)want[i] - a;
        sum += exp(p) * (p - ((double)got[i] - b));
    }
    return sum;
}

static bool has_class(const tvis_quantize_config *c, uint32_t picture, uint32_t class)
{
    return c->label && c->label(c->input_user, picture) == (int32_t)class;
}

static void add_output(const tvis_reference *r, uint32_t i, uint32_t k, const float *want, const tvis_tensor *got, sums *s)
{
    const size_t n = (size_t)tvis_elements(got->dims);
    const float *x = got->data;
    for (size_t j = 0; j < n; j++) {
        s->signal[k] += (double)want[j] * (double)want[j];
        s->noise[k] += ((double)want[j] - (double)x[j]) * ((double)want[j] - (double)x[j]);
    }
    if (k == 0 && r->classes && r->classes == n) {
        s->divergence += divergence(want, x, r->classes);
        s->agree += best(want, r->classes) == best(x, r->classes);
        s->right += has_class(r->c, i, best(x, r->classes));
        s->float_right += has_class(r->c, i, best(want, r->classes));
    }
}

static void summarize(const tvis_reference *r, const sums *s, uint32_t pictures, tvis_score *score)
{
    double db = 0.0, worst = 0.0;
    for (uint32_t k = 0; k < r->outputs; k++) {
        const double share = s->signal[k] > 0.0 ? fmax(s->noise[k] / s->signal[k], 1e-30) : 1e-30;
        db -= 10.0 * log10(share) / r->outputs;
        worst = fmax(worst, 100.0 * sqrt(share));
    }
    score->snr_db = db;
    score->badness = r->classes ? s->divergence / pictures : -db;
    score->drop = !r->classes     ? worst
                  : r->c->label   ? 100.0 * ((double)s->float_right - (double)s->right) / pictures
                                  : 100.0 * (double)(pictures - s->agree) / pictures;
}

static tvis_status run_one(const tvis_reference *r, const tvis_runner *run, uint32_t i, tvis_diag *diag)
{
    tvis_tensor in = run->input;
    const tvis_status s = r->c->input(r->c->input_user, i, &in, diag);
    return s ? s : tvis_session_run(run->session, &in, NULL, diag);
}

/* Grows from picture to picture. */
static double far(const tvis_reference *r, const sums *s)
{
    double sum = s->divergence;
    for (uint32_t k = 0; !r->classes && k < r->outputs; k++)
        sum += r->signal[k] > 0.0 ? s->noise[k] / r->signal[k] : 0.0;
    return sum;
}

/* After a few pictures, what is 1 % behind hardly ever wins. */
static bool hopeless(const tvis_score *best, const tvis_score *now, uint32_t i)
{
    enum { FEW = 8 };
    return best && i + 1 >= FEW && i % 4 == 3 && now->far[i] > 1.01 * best->far[i];
}

tvis_status tvis_reference_score(const tvis_reference *r, const tvis_blob *blob, uint32_t pictures,
                                 const tvis_score *best, tvis_score *score, tvis_diag *diag)
{
    tvis_model m;
    tvis_runner run = { .session = NULL };
    tvis_tensor out;
    sums all = { .divergence = 0.0 };
    score->given_up = false;
    if (pictures == 0 || pictures > r->pictures)
        pictures = r->pictures;
    tvis_status s = tvis_model_open(&m, blob->data, blob->size, diag);
    if (!s)
        s = tvis_runner_start(&run, &m, tvis_cpu_detect(), NULL, NULL, diag);
    for (uint32_t i = 0; !s && i < pictures; i++) {
        const float *want = r->values + (size_t)i * r->each;
        s = run_one(r, &run, i, diag);
        for (uint32_t k = 0; !s && k < r->outputs; k++) {
            (void)tvis_session_output(run.session, k, &out);
            add_output(r, i, k, want, &out, &all);
            want += tvis_elements(out.dims);
        }
        if (i < TVIS_TRIAL_PICTURES)
            score->far[i] = far(r, &all);
        score->given_up = i < TVIS_TRIAL_PICTURES && hopeless(best, score, i);
        if (score->given_up)
            break;
    }
    if (!s)
        summarize(r, &all, pictures, score);
    if (!s && score->given_up)
        score->badness = INFINITY;
    tvis_runner_free(&run);
    return s;
}

/* ---- the float model ---- */

static tvis_status reserve(tvis_reference *r, const tvis_runner *run, size_t most_bytes, tvis_diag *diag)
{
    tvis_tensor out;
    for (r->outputs = 0; r->outputs < MOST_OUTPUTS && !tvis_session_output(run->session, r->outputs, &out); r->outputs++)
        r->each += (size_t)tvis_elements(out.dims);
    const size_t fit = most_bytes / (r->each * sizeof *r->values);
    r->pictures = fit < 1 ? 1 : fit < r->c->images ? (uint32_t)fit : r->c->images;
    r->values = tvis_array((uint64_t)r->pictures * r->each, sizeof *r->values);
    return r->values ? TVIS_OK : tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "calibration", "out of memory");
}

static void keep(tvis_reference *r, const tvis_runner *run, uint32_t i)
{
    float *to = r->values + (size_t)i * r->each;
    tvis_tensor out;
    for (uint32_t k = 0; k < r->outputs; k++) {
        (void)tvis_session_output(run->session, k, &out);
        const float *x = out.data;
        for (int64_t j = 0; j < tvis_elements(out.dims); j++) {
            r->signal[k] += (double)x[j] * (double)x[j] / r->pictures;
            *to++ = x[j];
        }
    }
}

tvis_status tvis_reference_make(tvis_reference *r, const tvis_model *m, const tvis_quantize_config *c, size_t most_bytes,
                                tvis_diag *diag)
{
    tvis_runner run;
    *r = (tvis_reference){ .c = c };
    tvis_status s = tvis_runner_start(&run, m, c->portable ? 0 : tvis_cpu_detect(), NULL, NULL, diag);
    if (!s)
        s = reserve(r, &run, most_bytes, diag);
    if (!s && r->outputs == 1 && r->each == tvis_header(m)->classes)
        r->classes = tvis_header(m)->classes;
    for (uint32_t i = 0; !s && i < r->pictures; i++) {
        s = run_one(r, &run, i, diag);
        if (!s)
            keep(r, &run, i);
    }
    tvis_runner_free(&run);
    return s;
}

void tvis_reference_free(tvis_reference *r)
{
    free(r->values);
    *r = (tvis_reference){ .values = NULL };
}
