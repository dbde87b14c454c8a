/* Proves that smoothing by layer is the same bits on any number of ranks, however homes are shared out, with states that are kept as
 * they are and in groups.
 * ranks: 1 2 3 4 */
#include "case.h"

#include "domain/domain.h"
#include "net/smoothing.h"
#include "relation_train_case.h"

enum { LAYERS = 3 };

typedef struct {
  esp_smoothing *smoothing;
  double ratio[LAYERS], spread[LAYERS];
} note;

static int no_layer(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)context, (void)l, (void)dom, (void)key, (void)query;
  return ESP_OK;
}

static int note_state(void *context, int l, int width, const double *s) {
  note *to = context;
  return esp_smoothing_of(to->smoothing, width, s, &to->ratio[l], &to->spread[l]);
}

static note layers_of(const esp_model *r, const esp_backend *b, const esp_set *set, int samples) {
  note n = {0};
  const esp_visit visit = {.layer = no_layer, .context = &n, .state = note_state};
  double *y = calloc((size_t)set->n_home * 2 + 1, sizeof *y);
  OK(esp_smoothing_create(b->comm, set, samples, 5, &n.smoothing));
  OK(esp_model_predict(r, b, set, &visit, y, NULL));
  esp_smoothing_free(&n.smoothing);
  free(y);
  return n;
}

static void compare(int depth, int n, int samples) {
  esp_backend self = esp_backend_self(), many = self;
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.8);
  many.comm = comm;
  many.build = esp_domain_build_mpi;
  p.layers = LAYERS, p.depth = depth;
  esp_model r = relation_case_network(&p);
  esp_set whole = relation_case_set(n, 5, 2, 0.6, 1, 8), part = relation_case_share(comm, &whole);
  const note one = layers_of(&r, &self, &whole, samples), all = layers_of(&r, &many, &part, samples);
  for (int l = 0; l < LAYERS; l++) {
    if (memcmp(&one.ratio[l], &all.ratio[l], sizeof(double)) || memcmp(&one.spread[l], &all.spread[l], sizeof(double)))
      fail_msg("depth %d, n %d, %d samples, layer %d: ratio %.17g, spread %.17g, on one rank %.17g, %.17g", depth, n,
               samples, l, all.ratio[l], all.spread[l], one.ratio[l], one.spread[l]);
    if (n > 100) assert_true(one.ratio[l] > 0.5 && one.ratio[l] < 2 && one.spread[l] > 0);
  }
  esp_set_free(&whole);
  esp_set_free(&part);
  esp_model_free(&r);
}

static void same_bits(void **state) {
  (void)state;
  for (int depth = 0; esp_depths[depth]; depth++)
    if (depth == 0 || esp_depths[depth] == &esp_depth_reversible) compare(depth, 130, depth ? 1000 : 64);
  compare(0, 5, 8);
}

CASE_MAIN(cmocka_unit_test(same_bits))
