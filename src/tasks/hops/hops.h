/* The task `hops`: pointers that are followed k times. n particles of the unit square (cube, line), each with a place p_i, a
 * pointer u_i, both seen, and a value v_i = +1 or -1, which is sent:
 *
 *   next(i) = the particle nearest to p_i + u_i, itself among them; ties to the lower number
 *   y_i     = v of next(next(... i)), k times
 *
 * What is to be predicted lies k hops away: a network of fewer layers than k cannot know it, and one that smooths what is
 * passed on loses it.
 *
 * Drawing. Places are uniform. The particles in a cell of a grid of cubes (at a place of its own in every set), of side
 * reach / sqrt(dimensions), or all where reach is 0, form one ring in random order; u_i is the way to the next of the ring
 * plus noise, uniform in a cube within the ball of noise d / 2, d the distance from there to its own nearest. So below
 * noise 1 next(i) is the next of the ring, no two particles point at one, and chains do not collapse: they come back after as
 * many hops as the ring has particles (one alone points at itself). No pointer is longer than reach and its noise.
 *
 * Everything is drawn by (seed, part, number of the set, particle): the same bits on any number of ranks. Every rank holds
 * places and nexts of all: O(n) memory, O(n log n) time on every rank for the rings, O(n / P) for the nearest. */
#ifndef ESP_HOPS_H
#define ESP_HOPS_H

#include "tasks/task.h"

extern const esp_task esp_task_hops;

typedef struct {
  int hops, dim;       /* k; dimensions of places */
  double reach, noise; /* longest pointer, 0: any; share of half the distance to the nearest */
  uint64_t seed;
} esp_hops_data;

/* Columns, and numbers in `about`. */
enum { ESP_HOPS_P, ESP_HOPS_U, ESP_HOPS_V, ESP_HOPS_Y };
enum { ESP_HOPS_K, ESP_HOPS_REACH, ESP_HOPS_NOISE, ESP_HOPS_SEED };
extern const esp_layout esp_hops_layout;

/* y [n_home]: v after `hops` hops, of this rank's particles of n, numbers first .. first + n_home - 1 in the global order (rank
 * after rank), at p, with pointers u [n_home][dim], 1 <= dim <= 3, and values v [n_home]. As exact as float64 tells squared
 * distances apart. Places within a few times the extent of a cloud without great voids take O(log n) each. n = 0 is fine;
 * ESP_ERR_LIMIT above 2^31 - 1 particles. Collective. */
int esp_hops_follow(const esp_comm *comm, int64_t n, int64_t first, int n_home, int dim, const double *p,
                    const double *u, const double *v, int hops, double *y);

/* ---- inside this folder ---- */

extern const esp_showing esp_hops_showing;
int esp_hops_make(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to);

/* The nearest of given places, by cells of a grid. Local. */
typedef struct {
  int n, dim, cells; /* along an axis */
  const double *p;   /* borrowed, [n][dim] */
  double low[3], side[3];
  int *start, *member; /* [cells^dim + 1], [n]: of a cell, ascending */
} esp_hops_grid;
int esp_hops_grid_create(int n, int dim, const double *p, esp_hops_grid *grid);
void esp_hops_grid_free(esp_hops_grid *grid);
/* The number of the particle nearest to `at` [dim] but for `skip` (-1: none), ties to the lower; -1: there is none.
 * *distance2 may be NULL. */
int esp_hops_grid_find(const esp_hops_grid *grid, const double *at, int skip, double *distance2);

#endif
