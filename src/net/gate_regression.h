/* Gate regression: where particles that belong together lie, learned from their features alone, before anybody knows a label.
 *
 * Letters: x features (dense columns, then sparse ones), V [D][C] their leading singular directions (base/singular.h), E [D][d].
 * In every step half of each particle's features are hidden (base/features.h):
 *
 *   q_i = E x_i(seen) |x_i| / |x_i(seen)|,  k_j = E x_j,  v_j = V x_j
 *   y_i = sum_{j != i} exp(-|q_i - k_j|^2 / 2 s^2) v_j          near pairs one by one, far cells, as in net/layer.h
 *   loss = -mean_i cos(y_i, V x_i(hidden))                      a particle of which nothing is hidden, or that hears less than
 *                                                               1e-20, counts for 0
 *
 * over about `receivers` particles, others in every step. Those that are not asked listen where nobody is, half of them to
 * either side, so that one far cell is all that they cost and two ranks share the others; those that are asked hear every other
 * particle by itself, where that is at most 2^26 pairs a step. Beyond that, and where all are asked, near pairs and far cells
 * are those of the gate that E is for.
 *
 * E begins with the first d of the directions, scaled so that at s = 1 the gate is as wide as it is to be in the end
 * (net/perplexity.h), and goes by net/train.h at that s; s is then what that width asks for. It is the message of the networks
 * that use E: their trees, far cells and gradients. The same bits on any number of ranks. */
#ifndef ESP_GATE_REGRESSION_H
#define ESP_GATE_REGRESSION_H

#include "base/features.h"
#include "net/network.h"
#include "net/train.h"

/* Where E comes from: the regression; the directions alone; random numbers, as a control. */
typedef enum { ESP_GATE_BY_REGRESSION, ESP_GATE_BY_DIRECTIONS, ESP_GATE_AT_RANDOM } esp_gate_by;

typedef struct {
  esp_gate_by by;
  int64_t steps;     /* of the regression */
  double rate;       /* of Adam */
  int64_t receivers; /* asked in a step; 0: all */
  int directions;    /* C, 1..ESP_GATE_MAX_CHANNELS; fewer where there are fewer features */
  double perplexity; /* of the gate, > 1 */
  /* Of the loss, beside that of a network that goes on learning E with what else it learns; 0: none does. */
  double weight;
} esp_gate_learning;
extern const esp_options esp_gate_learning_options; /* net_embedding_by, net_regression_*, net_perplexity */

/* The gate it is learned for. */
typedef struct {
  int dim;        /* d */
  int far, order; /* as in net/convolution.h */
  uint64_t seed;
  esp_domain_param domain;
} esp_gate_shape;

/* What became of it; the same on every rank, but for costs. */
typedef struct {
  double first, last; /* loss of the first and the last step; 0: there was none */
  double temperature; /* t = s^2 */
  esp_cost cost;      /* of the last step */
} esp_gate_record;

/* E [D][d] and *ln_s of a set's INPUT columns. E is set, but for AT_RANDOM, where it is given. record may be NULL. Collective over
 * backend->comm, the ranks that hold the set. Errors: those of net/train.h and net/layer.h; memory. */
int esp_gate_learn(const esp_gate_learning *how, const esp_gate_shape *shape, const esp_backend *backend,
                   const esp_set *set, double *E, double *ln_s, esp_gate_record *record);

/* The directions, and what they say of a set's features. */
typedef struct {
  int C, count;  /* directions that are predicted on; all of them, which E begins with */
  double *all;   /* [D][count] */
  double *V, *T; /* [D][C] the first of them; [n_home][C] features on them */
} esp_gate_directions;
/* Collective over comm, whose ranks share the set. Errors: memory. */
int esp_gate_directions_create(const esp_gate_learning *how, const esp_gate_shape *shape, const esp_comm *comm,
                               const esp_features *rows, esp_gate_directions *directions);
void esp_gate_directions_free(esp_gate_directions *directions);
/* A set as the network below and its loss see it: the features, and T as what is said and as targets. Borrows all. Local. */
esp_set esp_gate_set(const esp_set *from, const esp_features *rows, const esp_gate_directions *directions);

/* The network that is trained on the way, and its loss: a set has INPUT columns, SENT and TARGET ones of C numbers each
 * (the loss looks at the features instead). */
typedef struct {
  esp_gate_shape shape;
  int64_t receivers;   /* asked in a step; 0: all */
  const int64_t *step; /* steps made: who is asked, and which halves are hidden; borrowed */
  double ln_s;         /* of the gate */
} esp_gate_regression_param;
typedef struct {
  int directions;
  const double *V; /* [D][C] borrowed */
  int64_t receivers;
  uint64_t seed;
  const int64_t *step;
} esp_hidden_cosine_param;
/* receivers 0: all. Pure. */
static inline int esp_gate_asked(uint64_t seed, int64_t step, int64_t id, int64_t receivers, int64_t n) {
  return receivers <= 0 || esp_features_asked(seed, (uint64_t)step, id, receivers, n);
}
extern const esp_network esp_network_gate_regression;
extern const esp_loss esp_loss_hidden_cosine;

#endif
