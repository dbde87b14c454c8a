/* Receivers of the multipole method (fmm/fmm.h) on a device: launchers of cuda/fmm_walk.cu, cuda/fmm.cu and cuda/fmm_adjoint.cu. The
 * formulas are those of fmm/pairs/, orders of lists and of sums those of fmm/cpu/, and so are the bits. Local; they return when
 * the work is given to the device. Errors: what the device reports.
 *
 * Receivers go down the tree level by level, some of a level at a time: the walk makes their lists, from what their parents
 * left; then expansions; then, of those without children, bodies. Arrays are the device's. */
#ifndef ESP_CUDA_FMM_H
#define ESP_CUDA_FMM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "fmm/cells.h"

/* What is left of an expansion's length where the backward pass has one more (fmm/pairs/adjoint.h), and of m and g. */
enum { ESP_CUDA_FMM_LONGEST = 91, ESP_CUDA_FMM_SENT = 4 };

/* What a device counts. Of one walk: numbers in lists, in what is left to children, of the longest queue where one had no room;
 * cells and bodies that are not here; then costs. Of all: bodies computed in float64. */
enum {
  ESP_CUDA_FMM_LISTED,
  ESP_CUDA_FMM_LEFT,
  ESP_CUDA_FMM_QUEUE,
  ESP_CUDA_FMM_MISSING,
  ESP_CUDA_FMM_TESTS,
  ESP_CUDA_FMM_EXPANSIONS,
  ESP_CUDA_FMM_CELL_PAIRS,
  ESP_CUDA_FMM_NEAR_PAIRS,
  ESP_CUDA_FMM_EXACT,
  ESP_CUDA_FMM_COUNTS
};

/* A receiver: its row, and its parent's place among those of the level above that have children; -1: none. */
typedef struct {
  int row, parent;
} esp_cuda_fmm_receiver;

/* What the walk makes of a receiver: cells expanded, cells on bodies, near leaves one after the other, each in order. */
typedef struct {
  const int *list;
  const int *left; /* to children */
  int expand, cell, near_leaves, lefts;
  int row, parent;
  double inverse; /* 1 over its unit of length */
} esp_cuda_fmm_lists;

/* A node whose |a| is estimated: slots [first, end), the place of its first body. */
typedef struct {
  esp_fmm_node node;
  int64_t first, end;
  int place, pad;
} esp_cuda_fmm_estimated;

/* A work (fmm/work.h): pointers of the device; and scratch. */
typedef struct {
  const esp_fmm_node *node;
  const esp_fmm_cell *cell;
  const float *moment;
  const double *x[3], *mass, *sent; /* by place; sent [][4]: of the backward pass */
  const int *body;                  /* the number of the body at a place: its results' */
  int rows, moments, absent, bodies_held;
  int order, gate_order, adjoint;
  double tolerance, floor, softening, eps2;
  double unit, unit_potential;
  int queues, queue_room; /* queues of so many numbers */
  int *queue;
  uint8_t *verdict;
  int *list, *left;
  int64_t list_room, left_room;
  unsigned long long *count; /* [ESP_CUDA_FMM_COUNTS] */
} esp_cuda_fmm;

/* least [count]: estimates of |a|. Where a queue had no room, count says so, and they are none. */
int esp_cuda_fmm_estimate(const esp_cuda_fmm *p, int count, const esp_cuda_fmm_estimated *of, double *least);
/* Lists of receivers that all have children, or none (leaf); above: those of the level above. Where there was no room for one, count says
 * so, and all are of no use. */
int esp_cuda_fmm_walk(const esp_cuda_fmm *p, int leaf, int count, const esp_cuda_fmm_receiver *receiver,
                      const esp_cuda_fmm_lists *above, esp_cuda_fmm_lists *to);
/* L [count][ESP_CUDA_FMM_LONGEST] of these lists, from those of the level above. */
int esp_cuda_fmm_expand(const esp_cuda_fmm *p, int count, const esp_cuda_fmm_lists *of, const esp_cuda_fmm_lists *above,
                        const float *from, float *L);
/* Results of the bodies of receivers without children, by number: [3] each and one; potential may be NULL. */
int esp_cuda_fmm_bodies(const esp_cuda_fmm *p, int count, const esp_cuda_fmm_lists *of, const float *L, double *vector,
                        double *potential);
/* The same of the backward pass. */
int esp_cuda_fmm_adjoint_expand(const esp_cuda_fmm *p, int count, const esp_cuda_fmm_lists *of,
                                const esp_cuda_fmm_lists *above, const float *from, float *L);
int esp_cuda_fmm_adjoint_bodies(const esp_cuda_fmm *p, int count, const esp_cuda_fmm_lists *of, const float *L,
                                double *vector, double *potential);

#ifdef __cplusplus
}
#endif
#endif
