/* What the library's files share. Not installed. */
#ifndef ESP_LIB_WORK_H
#define ESP_LIB_WORK_H

#include <string.h>

#include "base/particles.h"
#include "domain/domain.h"
#include "fmm/fmm.h"
#include "lib/espalier.h"
#include "net/network.h"

enum { ESP_LIB_MOST = INT32_MAX / 8, ESP_LIB_SAME_MOST = 9 };

struct espalier {
  esp_comm *comm;
  espalier_options options; /* resolved */
  esp_model model;
  const esp_device *force, *network;
};

/* What every object begins with: MPI runs, so does PETSc, and *comm is over a duplicate of `mpi`. Collective over it. */
int esp_lib_start(const char *function, MPI_Comm mpi, esp_comm **comm);
/* ESP_ERR_ARG unless MPI is initialised and not finalised. Local. */
int esp_lib_mpi_runs(const char *function);
/* The same values on every rank, or the same error: ranks that went different ways would wait for each other. No NaN. */
int esp_lib_same(const esp_comm *comm, int count, const double *value, const char *const *name);

/* The same of one word, a fingerprint of `what`. */
int esp_lib_same_word(const esp_comm *comm, uint64_t word, const char *what);
/* Ids are by rank and place where any rank has none: *first of this rank's, and whether it is so. Collective. */
int esp_lib_numbers(const esp_comm *comm, int64_t n, const int64_t *id, int64_t *first, int64_t *numbered);

/* Where a tree has put a particle. */
typedef struct {
  int64_t slot;
  int owner;
} esp_lib_place;
/* home [n_home] of dom. Collective. */
int esp_lib_slots(esp_domain *dom, esp_lib_place *home);

/* ---- the caller's arrays: stride 0 is one behind the other ---- */

static inline const void *esp_lib_at(const void *first, size_t stride, size_t packed, int i) {
  return (const char *)first + (size_t)i * (stride ? stride : packed);
}
/* `count` numbers to the i-th place of results; nowhere where `first` is NULL. */
static inline void esp_lib_put(void *first, size_t stride, int i, const double *value, int count) {
  const size_t size = (size_t)count * sizeof *value;
  if (first) memcpy((char *)first + (size_t)i * (stride ? stride : size), value, size);
}

/* The caller's particles, checked, as a cloud of one's own, to be freed by esp_cloud_free. results: there is a place for
 * them. Collective. */
int esp_lib_make_cloud(const espalier *e, const espalier_particles *p, int velocity, int results, double horizon,
                       esp_cloud *cloud);

/* Targets, checked, as arrays of one's own. */
typedef struct {
  int n;
  double (*x)[3], *softening; /* [n] */
  int64_t *id;                /* [n] */
} esp_lib_targets;
/* softening: of those that name none. Collective. */
int esp_lib_targets_make(const espalier *e, const espalier_targets *at, double softening, int results,
                         esp_lib_targets *t);
void esp_lib_targets_free(esp_lib_targets *t);
int esp_lib_check_id(int64_t id);

/* Multipole sums at the softening of `param`, times G, of the active ones (NULL: all); what it costs is added. Collective. */
int esp_lib_multipole(const espalier *e, double softening, double G, const esp_fmm_bodies *bodies,
                      const unsigned char *active, const esp_fmm_result *to, espalier_stats *stats);
/* Sums at n places y over all pairs, times G. Collective. */
int esp_lib_all_pairs(const espalier *e, const esp_cloud *cloud, double softening, int n, const double (*y)[3],
                      double (*a)[3], double *potential);
/* Whether sums are those of the multipole method. */
static inline int esp_lib_by_multipoles(const espalier *e, const esp_cloud *cloud) {
  return !(cloud->box[0] > 0 || cloud->box[1] > 0 || cloud->box[2] > 0) && e->options.theta > 0;
}

static inline void esp_lib_stats(const esp_cost *cost, espalier_stats *stats) {
  stats->owned += cost->owned;
  stats->halo += cost->ghosts;
  stats->halo_cells += cost->ghost_cells;
  stats->messages += cost->messages;
  stats->bytes += cost->bytes;
  stats->near_pairs += cost->near_pairs;
  stats->far_pairs += cost->far_pairs;
}
static inline esp_backend esp_lib_backend(const espalier *e, const esp_device *device) {
  return (esp_backend){.comm = e->comm, .build = esp_domain_build_mpi, .device = device};
}

#endif
