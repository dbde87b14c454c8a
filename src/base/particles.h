/* A cloud: the particles of one problem, or this rank's share of them, as structure of arrays, in home order.
 *
 * Home order is the caller's: for generated clouds rank r holds the ids [n r/P, n (r+1)/P) in ascending order when the
 * cloud is sharded, all of them when it is not. Nothing below may depend on that.
 *
 * Units. A cloud is made and stored in the units of its problem ("physical": G, lengths, masses, velocities as given).
 * The network works in model units: x / d, w = v T / d, mu = G m T^2 / d^3, eps / d, box / d, D / d, K T / d, with d the
 * unit of length (mean spacing) and T the unit of time (horizon). esp_cloud_to_model converts in place; `model` tells. */
#ifndef ESP_PARTICLES_H
#define ESP_PARTICLES_H

#include <stdint.h>

#include "base/base.h"
#include "base/comm.h"

typedef struct {
  int64_t n;      /* particles in all */
  int n_home;     /* held here */
  int dim;        /* 2: z = 0 throughout; 3 */
  int model;      /* 0 physical units, 1 model units */
  double G;       /* physical; 1 in model units (mu carries it) */
  double eps;     /* softening length */
  double box[3];  /* period by axis, 0 = open */
  double d, T;    /* unit of length and of time, in physical units, also after conversion */
  int64_t *id;    /* [n_home] unique over ranks */
  double *m;      /* [n_home] mass >= 0; mu in model units */
  double (*x)[3]; /* [n_home] position at time 0 */
  double (*v)[3]; /* [n_home] velocity; w in model units */
  double (*D)[3]; /* [n_home] target x(T) - x(0) - v(0) T; NULL if unknown */
  double (*K)[3]; /* [n_home] target v(T) - v(0); NULL if unknown */
} esp_cloud;

/* Allocate arrays for n_home particles (targets too if `targets`). Local. */
int esp_cloud_create(int64_t n, int n_home, int targets, esp_cloud *cloud);
void esp_cloud_free(esp_cloud *cloud);
/* Physical -> model units, in place; d, T > 0 else ESP_ERR_VALUE; already in model units: no-op. Local. */
int esp_cloud_to_model(esp_cloud *cloud);
/* One step of a roll-out, in place: x += w + D, w += K (wrapped into the box where periodic). Targets are left alone.
 * Local. ESP_ERR_ARG unless in model units. */
int esp_cloud_advance(esp_cloud *cloud, const double (*D)[3], const double (*K)[3]);
/* Change the horizon to factor * T: w *= factor, mu *= factor^2. Targets, if any, keep meaning the old one. Local. */
int esp_cloud_horizon(esp_cloud *cloud, double factor);
/* Finite positions and velocities, finite non-negative masses, ids unique (collective; a sort by hash-owner exchange is
 * not needed: uniqueness is checked where bodies are moved, or by the library). ESP_ERR_VALUE naming id, field, axis and value. `source`
 * names the file or caller in the message. Collective: agrees. */
int esp_cloud_check(const esp_comm *comm, const esp_cloud *cloud, const char *source);

#endif
