/* The messages of bodies as rows of message/kernels.h. */
#include "cuda/body.h"
#include "cuda/kernels.h"
#include "cuda/memory.h"
#include "message/law.h"

_Static_assert((int)ESP_CUDA_BODY == (int)ESP_BODY && (int)ESP_CUDA_MASS_CELL == (int)ESP_MASS_CELL &&
                   (int)ESP_CUDA_MASS_ADJOINT == (int)ESP_MASS_ADJOINT && (int)ESP_CUDA_LAW_GAIN == (int)ESP_LAW_GAIN,
               "a device and a host must agree on rows");

struct esp_scratch {
  esp_cuda_lists lists;
  int *block; /* [blocks] of the device: those of the call under way */
};

static void end(esp_scratch **scratch) {
  if (!*scratch) return;
  esp_cuda_lists_free(&(*scratch)->lists);
  esp_cuda_free((void **)&(*scratch)->block);
  ESP_FREE(*scratch);
}

static int begin(const esp_form *form, const esp_domain *dom, esp_scratch **scratch) {
  (void)form;
  int rc = ESP_OK;
  *scratch = NULL;
  ESP_CALL(ESP_ALLOC(*scratch, 1));
  ESP_TRY(esp_cuda_lists_create(dom, &(*scratch)->lists));
  ESP_TRY(esp_cuda_alloc((void **)&(*scratch)->block, (size_t)dom->tree.n_block * sizeof(int)));
done:
  if (rc) end(scratch);
  return rc;
}

static int bodies_of(const esp_pairs *p, int count, const int *block, const esp_scratch *k, esp_cuda_bodies *b) {
  *b = (esp_cuda_bodies){.lists = k->lists,
                         .softening = p->form.softening,
                         .period = {p->form.period[0], p->form.period[1], p->form.period[2]},
                         .mean = p->form.mean,
                         .hidden = p->width.param ? p->form.channels : 0,
                         .param = p->param,
                         .source = p->source,
                         .cell = p->cell};
  return esp_cuda_put(k->block, block, (size_t)count * sizeof *block);
}

static int forward(esp_cuda_body message, const esp_pairs *p, int count, const int *block, double *sum,
                   esp_scratch *k) {
  esp_cuda_bodies b;
  ESP_CALL(bodies_of(p, count, block, k, &b));
  return esp_cuda_body_forward(message, &b, count, k->block, sum);
}

static int receivers(esp_cuda_body message, const esp_pairs *p, int count, const int *block, const double *dsum,
                     double *dquery, int64_t *cell_acc, int64_t *param_acc, esp_scratch *k) {
  esp_cuda_bodies b;
  ESP_CALL(bodies_of(p, count, block, k, &b));
  return esp_cuda_body_receivers(message, &b, count, k->block, dsum, dquery, cell_acc, param_acc);
}

static int senders(esp_cuda_body message, const esp_pairs *p, int count, const int *block, const double *receiver,
                   double *dsource, esp_scratch *k) {
  esp_cuda_bodies b;
  ESP_CALL(esp_cuda_lists_meet(p->dom, &k->lists));
  ESP_CALL(bodies_of(p, count, block, k, &b));
  return esp_cuda_body_senders(message, &b, count, k->block, receiver, dsource);
}

#define ROW(name, message)                                                                                            \
  static int name##_forward(const esp_pairs *p, int count, const int *block, double *sum, esp_scratch *k) {           \
    return forward(message, p, count, block, sum, k);                                                                 \
  }                                                                                                                   \
  static int name##_receivers(const esp_pairs *p, int count, const int *block, const double *dsum, double *dquery,    \
                              int64_t *cell_acc, int64_t *param_acc, esp_scratch *k) {                                \
    return receivers(message, p, count, block, dsum, dquery, cell_acc, param_acc, k);                                 \
  }                                                                                                                   \
  static int name##_senders(const esp_pairs *p, int count, const int *block, const double *receiver, double *dsource, \
                            int64_t *param_acc, esp_scratch *k) {                                                     \
    (void)param_acc; /* every parameter's gradient is taken at the receivers */                                       \
    return senders(message, p, count, block, receiver, dsource, k);                                                   \
  }                                                                                                                   \
  const esp_kernels esp_##name##_cuda32 = {begin, end, name##_forward, name##_receivers, name##_senders, NULL};

ROW(newton, ESP_CUDA_NEWTON)
ROW(newton_mlp, ESP_CUDA_NEWTON_MLP)
ROW(correction, ESP_CUDA_CORRECTION)
ROW(law, ESP_CUDA_LAW)
