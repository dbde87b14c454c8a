/* The table of block routines: what a device would take over. ops_cpu32 computes pairs in float32 relative to the
 * block's centre and adds chunks of sources in float64; ops_cpu64 is the same text compiled in float64: the oracle, the
 * truth's force, and what central differences are held against. A block is computed whole, its sources in list order
 * (the block itself first), so its result does not depend on who computes it or when.
 *
 * The routines are local, never allocate (scratch comes with the call), and cannot fail. */
#ifndef ESP_OPS_H
#define ESP_OPS_H

#include "net/message_mlp.h"
#include "tree/domain.h"

/* The state of a receiver in the backward pass, as it travels. 56 bytes. */
typedef struct {
  double y[3], mu, g[3]; /* g = dLoss/dA */
} esp_receiver;

/* One gravity layer's inputs, in slot order of `dom`. */
typedef struct {
  const esp_domain *dom;
  const esp_source *source; /* [n_own + n_ghost] */
  const esp_cell *cell;     /* [row_count] */
  double eps2;              /* softening squared */
  double box[3];            /* 0 = open */
  int newton;               /* 1: the newton message, near and far */
  const esp_mlp *mlp;       /* NULL: none */
} esp_gravity;

typedef struct esp_scratch esp_scratch; /* one a thread; opaque */

typedef struct {
  const char *name;
  int (*scratch_create)(const esp_domain *dom, const esp_mlp *mlp, esp_scratch **scratch);
  void (*scratch_free)(esp_scratch **scratch);
  /* a [n_own][3] of the particles of the given blocks is set. */
  void (*forward)(const esp_gravity *g, int count, const int *block, double (*a)[3], esp_scratch *scratch);
  /* Receivers' side: dy [n_own][3] += for the particles of the blocks; cell_acc [row_count][ESP_CELL_ADJOINT_WORDS]
   * gets one float64 term a (block, cell, component); param_acc [mlp->count][ESP_EXACT_FULL_WORDS] one a (block,
   * parameter), may be NULL without mlp. gradient [n_own][3] = dLoss/dA. */
  void (*backward_receivers)(const esp_gravity *g, int count, const int *block, const double (*gradient)[3],
                             double (*dy)[3], int64_t *cell_acc, int64_t *param_acc, esp_scratch *scratch);
  /* Senders' side, pulled by the owner of the sources over the transposed near lists (own square included):
   * dy [n_own][3] += for the particles of the blocks. receiver [n_own + n_receiver_ghost]. */
  void (*backward_senders)(const esp_gravity *g, int count, const int *block, const esp_receiver *receiver,
                           double (*dy)[3], int64_t *param_acc, esp_scratch *scratch);
} esp_ops;

extern const esp_ops esp_ops_cpu32, esp_ops_cpu64;

#endif
