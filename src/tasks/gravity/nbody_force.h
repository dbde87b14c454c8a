/* Gravity of softened point masses: the direct sum over all pairs, which is the oracle; the multipole method, for open
 * space; and the tree force through the same lists and newton message as the network's, for periodic boxes.
 *
 *   a_i = G sum_{j != i} m_j r_ij (|r_ij|^2 + eps^2)^(-3/2),   r_ij = x_j - x_i (minimum image where box > 0)
 *
 * Everything is float64, but for the multipole method's sums (fmm/fmm.h), and collective over the communicator. Particles lie as the caller holds them; rank order, then
 * home order, is the one order of every receiver's sum. So the bits are the same for any number of ranks wherever that
 * order is (ids ascending for generated clouds, file order for snapshots). n = 0 and ranks without particles are
 * fine. Units are the caller's. */
#ifndef ESP_NBODY_FORCE_H
#define ESP_NBODY_FORCE_H

#include "base/particles.h"
#include "net/device.h"

/* Acceleration at n_receiver places y of this rank by all particles (x, m) of all ranks, G = 1. A source at distance 0
 * gives no acceleration, so a receiver may be one of the sources. Either of a and potential may be NULL, on all ranks
 * alike. a [n_receiver][3] is set; potential [n_receiver] is set to -sum_j m_j (r^2 + eps^2)^(-1/2) over all sources,
 * one at the same place included (left out where eps = 0). box [3] (0 = open; NULL: all open). Sources are broadcast in
 * chunks: O(chunk) memory, no rank holds all. Cost: n n_receiver pairs. Errors: memory. */
int esp_nbody_direct(const esp_comm *comm, int n_home, const double (*x)[3], const double *m, int n_receiver,
                     const double (*y)[3], double eps, const double *box, double (*a)[3], double *potential);

typedef enum {
  ESP_NBODY_DIRECT,
  ESP_NBODY_MULTIPOLE, /* in open space alone (ESP_ERR_ARG else) */
  ESP_NBODY_TREE,
  ESP_NBODY_NEAREST, /* the nearest neighbours alone, a baseline: one rank only (ESP_ERR_ARG else) */
  ESP_NBODY_KINDS
} esp_nbody_kind;

/* Which force: the direct sum needs backend->comm only. */
typedef struct {
  const esp_backend *backend; /* borrowed; device decides the tree force's precision: cpu64 for a truth */
  esp_nbody_kind kind;
  double G, eps, box[3];
  int dim;             /* 2: z = 0 throughout and the tree has 2-D keys; 3 */
  int order;           /* multipole: of its expansions */
  double tolerance;    /* multipole: 0: the order's own (fmm/fmm.h) */
  double theta;        /* tree: opening angle */
  int leaf, block;     /* tree: leaf capacity and block size */
  int neighbours;      /* nearest: how many */
  int64_t pairs_limit; /* tree: as in esp_lists_param */
  int64_t *pairs;      /* multipole, tree: NULL, or [2] that near and far pairs of this rank are added to, borrowed */
} esp_nbody_force;

/* The force of a cloud in physical units, with G, eps, box and dim of the cloud; order 5; leaf 8, block 32 (for a float64
 * tree force the fastest at equal error). Local. */
esp_nbody_force esp_nbody_force_of(const esp_backend *backend, esp_nbody_kind kind, double theta,
                                   const esp_cloud *cloud);
/* a [n_home][3] at the particles themselves. m >= 0; id unique (used by multipole and tree). Errors: memory, and those of
 * esp_fmm_force and esp_layer_forward. */
int esp_nbody_accelerate(const esp_nbody_force *force, int n_home, const double (*x)[3], const double *m,
                         const int64_t *id, double (*a)[3]);

/* Number of receivers of a stratified sample of `count` out of n (all if n <= count) that have a global index in
 * [first, first + n_home), and their local indices in sample (room for min(n_home, count)). Sample k is drawn from the
 * k-th of `count` equal ranges: the same ones for any number of ranks. Local. */
int esp_nbody_sample(uint64_t seed, int64_t n, int count, int64_t first, int n_home, int *sample);

/* Error of a force against the direct sum on a sample of particles. */
typedef struct {
  double rms; /* sqrt(mean (|da|/|a|)^2) over those with a != 0 */
  double l2;  /* sqrt(sum |da|^2 / sum |a|^2) */
} esp_nbody_force_error;

/* a [n_home][3]: the acceleration to judge, at x. Collective. Cost: n count pairs. */
int esp_nbody_compare(const esp_nbody_force *force, uint64_t seed, int count, int64_t n, int n_home,
                      const double (*x)[3], const double *m, const double (*a)[3], esp_nbody_force_error *error);

#endif
