/* What the parts of the fast form share: the bodies in the tree's order, the rows of its nodes, scratch. Lengths and masses
 * in units of the root (scale.h). */
#ifndef ESP_FMM_WORK_H
#define ESP_FMM_WORK_H

#include "fmm/cells.h"
#include "fmm/scale.h"

/* Kinds, and what becomes of a cell that is none: it is opened, or left to the receiver's children. */
enum { ESP_FMM_OPEN = ESP_FMM_KINDS, ESP_FMM_KEEP, ESP_FMM_VERDICTS };

/* A node as a receiver: 64 bytes. */
typedef struct {
  double centre[3], half[3], radius; /* of its box */
  double least;                      /* |a| */
} esp_fmm_node;
_Static_assert(sizeof(esp_fmm_node) == 64, "one cache line");

/* A body on its way to its slot: 32 bytes. */
typedef struct {
  double x[3];
  int32_t body, unused;
} esp_fmm_body;

typedef struct {
  const esp_fmm_param *param;
  const esp_fmm_bodies *bodies;
  const esp_fmm_result *result;
  esp_fmm_scale scale;
  int n, nodes;
  double eps2, floor;
  /* [nodes] preorder; row `nodes` of cell and moment is a cell without mass, outside the root's box */
  esp_fmm_node *node;
  esp_fmm_cell *cell;
  float *moment; /* [nodes + 1][moments] of order 2 on, times (-1)^n / n!, in units of esp_fmm_cell_scale */
  int moments;   /* a multiple of 4, >= 8 */
  /* [n + 16] by slot */
  esp_fmm_body *body, *other;
  double *x[3], *mass;
  double *key; /* [n] */
  /* Scratch of a receiver's lists, [nodes + 16] each, and what is left to children, growing. */
  int *queue, *list[ESP_FMM_VERDICTS], *left;
  size_t left_capacity;
  esp_fmm_cost cost;
} esp_fmm_work;

/* Place of a node's first body among those held. */
static inline int esp_fmm_place(const esp_fmm_work *w, int row) {
  while (w->cell[row].right > 0) row++;
  return -w->cell[row].right;
}

/* The tree: body, node, cell's first, count, right; x. Errors: esp_fmm_scale_admit. */
int esp_fmm_grow(esp_fmm_work *w);
/* Masses and moments: mass, the rest of cell, moment. */
void esp_fmm_upward(esp_fmm_work *w);

/* Estimates and receivers, one a width of vectors; all give the same bits. */
typedef struct {
  const char *name;
  int (*available)(void); /* on this machine */
  /* least of every node. */
  void (*estimate)(esp_fmm_work *w);
  /* Lists, expansions, sums; results to w->result. Errors: memory. */
  int (*receive)(esp_fmm_work *w);
  /* Near pairs alone, for benchmarks: sum of the accelerations of 32 receivers by `count` bodies. */
  float (*near)(int count, const float *const stream[4]);
} esp_fmm_kernels;
/* Widest first, NULL behind the last, which is available everywhere. */
extern const esp_fmm_kernels *const esp_fmm_widths[];
const esp_fmm_kernels *esp_fmm_widest(void); /* of those available */
/* esp_fmm_force by one of them. */
int esp_fmm_force_with(const esp_fmm_kernels *kernels, const esp_comm *comm, const esp_fmm_param *param,
                       const esp_fmm_bodies *bodies, const esp_fmm_result *result);

#endif
