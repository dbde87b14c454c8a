/* The gated messages as rows of message/kernels.h. */
#include <math.h>

#include "cuda/gate.h"
#include "cuda/kernels.h"
#include "cuda/memory.h"
#include "cuda/own.h"
#include "message/gate.h"
#include "message/pairs/gate.h"

_Static_assert((int)ESP_CUDA_DIM == (int)ESP_MAX_DIM && (int)ESP_CUDA_CHANNELS == (int)ESP_GATE_MAX_CHANNELS &&
                   (int)ESP_CUDA_GATE_EDGE == (int)ESP_GATE_EDGE && (int)ESP_CUDA_ORDER == (int)ESP_MOMENTS_ORDER &&
                   (int)ESP_CUDA_STILL_KEYS == (int)ESP_STILL_KEYS &&
                   (int)ESP_CUDA_STILL_VALUES == (int)ESP_STILL_VALUES,
               "a device and a host must agree on rows");

struct esp_scratch {
  esp_cuda_gate p; /* but for a call's arrays */
  int *block;      /* [blocks] of the device: those of the call under way */
};

static void end(esp_scratch **scratch) {
  if (!*scratch) return;
  esp_cuda_gate *p = &(*scratch)->p;
  esp_cuda_lists_free(&p->lists);
  esp_cuda_free((void **)&p->monomial);
  esp_cuda_free((void **)&p->said);
  esp_cuda_free((void **)&p->rate);
  esp_cuda_free((void **)&(*scratch)->block);
  ESP_FREE(*scratch);
}

/* The letters of every number of a cell's polynomials (message/moments.h). */
static int monomials(esp_cuda_gate *p) {
  int rc = ESP_OK, count = 0;
  esp_cuda_monomial *host = NULL;
  const int d = p->dim, size = sizeof *host;
  ESP_CALL(ESP_ALLOC(host, p->moments));
#define LETTERS(n, a, b, c)                                      \
  host[count++] = (esp_cuda_monomial) {                          \
    n, {                                                         \
      (unsigned char)(a), (unsigned char)(b), (unsigned char)(c) \
    }                                                            \
  }
  LETTERS(0, 0, 0, 0);
  for (int a = 0; a < d && p->order >= 1; a++) LETTERS(1, a, 0, 0);
  for (int a = 0; a < d && p->order >= 2; a++)
    for (int b = a; b < d; b++) LETTERS(2, a, b, 0);
  for (int a = 0; a < d && p->order >= 3; a++)
    for (int b = a; b < d; b++)
      for (int c = b; c < d; c++) LETTERS(3, a, b, c);
#undef LETTERS
  ESP_TRY(esp_cuda_alloc((void **)&p->monomial, (size_t)count * (size_t)size));
  ESP_TRY(esp_cuda_put((void *)p->monomial, host, (size_t)count * (size_t)size));
done:
  ESP_FREE(host);
  return rc;
}

/* What the gate's cells need. */
static int cells_create(esp_cuda_gate *p) {
  const size_t all = (size_t)p->width * (size_t)p->moments;
  for (int n = 0; n <= ESP_MOMENTS_ORDER; n++) p->power[n] = pow(2 * ESP_LN2, 0.5 * n);
  ESP_CALL(monomials(p));
  ESP_CALL(esp_cuda_alloc((void **)&p->said, (size_t)p->rows * 2 * all * sizeof *p->said));
  return esp_cuda_alloc((void **)&p->rate, (size_t)p->lists.blocks * all * sizeof *p->rate);
}

static int begin(const esp_form *form, const esp_domain *dom, esp_scratch **scratch) {
  int rc = ESP_OK;
  *scratch = NULL;
  ESP_CALL(ESP_ALLOC(*scratch, 1));
  esp_cuda_gate *p = &(*scratch)->p;
  const esp_widths w = esp_form_widths(form);
  p->rows = dom->tree.row_count, p->far = dom->lists.far_start[dom->tree.n_block] > 0;
  p->dim = form->dim, p->channels = form->channels, p->width = w.sum;
  p->query_row = w.query, p->source_row = w.source, p->cell_row = w.cell, p->adjoint = w.adjoint;
  p->order = form->order, p->moments = esp_moments_count(form->dim, form->order);
  ESP_TRY(esp_cuda_lists_create(dom, &p->lists));
  ESP_TRY(esp_cuda_gate_fits(p));
  ESP_TRY(esp_cuda_alloc((void **)&(*scratch)->block, (size_t)dom->tree.n_block * sizeof(int)));
  if (esp_message_has(form->message, ESP_MESSAGE_MOMENTS)) ESP_TRY(cells_create(p));
done:
  if (rc) end(scratch);
  return rc;
}

/* A call's arrays. */
static int take(const esp_pairs *pairs, int count, const int *block, esp_scratch *k) {
  esp_cuda_gate *p = &k->p;
  double ln_s;
  p->still = pairs->still;
  p->param = pairs->param, p->query = pairs->query, p->source = pairs->source, p->cell = pairs->cell;
  ESP_CALL(esp_cuda_get(&ln_s, pairs->param, sizeof ln_s));
  p->scale = sqrt(0.5 / ESP_LN2) * exp(-ln_s);
  p->slope = 2 * ESP_LN2 * p->scale;
  return esp_cuda_put(k->block, block, (size_t)count * sizeof *block);
}

static int forward(const esp_cuda_gate_routines *by, const esp_pairs *p, int count, const int *block, double *sum,
                   esp_scratch *k) {
  ESP_CALL(take(p, count, block, k));
  return by->forward(&k->p, count, k->block, sum);
}

static int receivers(const esp_cuda_gate_routines *by, const esp_pairs *p, int count, const int *block,
                     const double *dsum, double *dquery, int64_t *cell_acc, int64_t *param_acc, esp_scratch *k) {
  ESP_CALL(take(p, count, block, k));
  return by->receivers(&k->p, count, k->block, dsum, dquery, cell_acc, param_acc);
}

static int senders(const esp_cuda_gate_routines *by, const esp_pairs *p, int count, const int *block,
                   const double *receiver, double *dsource, esp_scratch *k) {
  ESP_CALL(esp_cuda_lists_meet(p->dom, &k->p.lists));
  ESP_CALL(take(p, count, block, k));
  return by->senders(&k->p, count, k->block, receiver, dsource);
}

/* ---- a particle and itself ---- */

static esp_cuda_own own_of(const esp_form *f) {
  const esp_widths w = esp_form_widths(f);
  return (esp_cuda_own){.learned = f->message == &esp_message_gate_mlp,
                        .dim = f->dim,
                        .channels = f->channels,
                        .den = f->den,
                        .query = w.query,
                        .source = w.source};
}

static void own_take(const esp_form *f, const double *param, int n, const double *query, const double *source,
                     double *sum) {
  const esp_cuda_own o = own_of(f);
  esp_cuda_own_take(&o, param, n, query, source, sum);
}

static void own_take_back(const esp_form *f, const double *param, int n, const double *query, const double *source,
                          const double *dsum, double *dquery, double *dsource, int64_t *param_acc) {
  const esp_cuda_own o = own_of(f);
  esp_cuda_own_take_back(&o, param, n, query, source, dsum, dquery, dsource, param_acc);
}

static const esp_own_message own = {own_take, own_take_back};

#define ROW(name, by)                                                                                                 \
  static int name##_forward(const esp_pairs *p, int count, const int *block, double *sum, esp_scratch *k) {           \
    return forward(by, p, count, block, sum, k);                                                                      \
  }                                                                                                                   \
  static int name##_receivers(const esp_pairs *p, int count, const int *block, const double *dsum, double *dquery,    \
                              int64_t *cell_acc, int64_t *param_acc, esp_scratch *k) {                                \
    return receivers(by, p, count, block, dsum, dquery, cell_acc, param_acc, k);                                      \
  }                                                                                                                   \
  static int name##_senders(const esp_pairs *p, int count, const int *block, const double *receiver, double *dsource, \
                            int64_t *param_acc, esp_scratch *k) {                                                     \
    (void)param_acc; /* every parameter's gradient is taken at the receivers */                                       \
    return senders(by, p, count, block, receiver, dsource, k);                                                        \
  }                                                                                                                   \
  const esp_kernels esp_##name##_cuda32 = {begin, end, name##_forward, name##_receivers, name##_senders, &own};

ROW(gate, &esp_cuda_gate_plain)
ROW(gate_mlp, &esp_cuda_gate_learned)
