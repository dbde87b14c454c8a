/* Initial conditions of the periodic boxes (task box): bodies in a 2-D periodic square at density 1/12 (side
 * sqrt(12 n)), G = 2, masses 1, softening 0.2; places uniform, velocity components U(-1, 1). Units: d = sqrt(12), the
 * mean spacing; T = the time between two frames. And the integration from frame to frame. Collective. Every number is a
 * function of (seed, particle id): the same bits for any number of ranks. The task is that of Martinkus, Lucchi,
 * Perraudin, "Scalable graph networks for particle simulations", AAAI 2021. */
#ifndef ESP_BOX_START_H
#define ESP_BOX_START_H

#include "tasks/gravity/nbody_force.h"

/* This rank's share by esp_set_share, ids as numbers; target arrays unset. n >= 1, frame > 0 else ESP_ERR_ARG. *cloud is owned by
 * the caller. */
int esp_box_start(const esp_comm *comm, uint64_t seed, int64_t n, double frame, esp_cloud *cloud);

/* One frame further: `substeps` KDK steps of T / substeps by the direct force, minimum image. On entry x lies in the
 * box and a [n_home][3] holds the acceleration if have_a. D and K are set to the targets of the frame, then x (wrapped
 * into the box), v and a are those of the next frame: *next_x, *next_v [n_home][3] receive them, cloud->x and ->v stay.
 * Advance by copying next to the cloud. */
int esp_box_frame(const esp_nbody_force *force, int substeps, esp_cloud *cloud, double (*next_x)[3],
                  double (*next_v)[3], double (*a)[3], int have_a);

/* x brought into [0, box) on every axis with box > 0. Local. */
void esp_box_wrap(const double *box, int n, double (*x)[3]);

#endif
