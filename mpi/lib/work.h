/* What the library's files share. Not installed. */
#ifndef ESP_LIB_WORK_H
#define ESP_LIB_WORK_H

#include "base/particles.h"
#include "domain/domain.h"
#include "lib/espalier.h"
#include "net/network.h"

struct espalier {
  esp_comm *comm;
  espalier_options options; /* resolved */
  esp_model model;
  const esp_device *force, *network;
};

/* The caller's particles, checked, as a cloud of one's own, to be freed by esp_cloud_free. results: there is a place for
 * them. Collective. */
int esp_lib_make_cloud(const espalier *e, const espalier_particles *p, int velocity, int results, double horizon,
                       esp_cloud *cloud);
static inline void esp_lib_stats(const esp_cost *cost, espalier_stats *stats) {
  *stats = (espalier_stats){.owned = cost->owned,
                            .halo = cost->ghosts,
                            .halo_cells = cost->ghost_cells,
                            .messages = cost->messages,
                            .bytes = cost->bytes,
                            .near_pairs = cost->near_pairs,
                            .far_pairs = cost->far_pairs};
}
static inline esp_backend esp_lib_backend(const espalier *e, const esp_device *device) {
  return (esp_backend){.comm = e->comm, .build = esp_domain_build_mpi, .device = device};
}

#endif
