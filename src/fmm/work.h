/* What the parts of the fast form share: the bodies in the tree's order, the rows of its nodes, scratch. Lengths and masses
 * in units of the root (scale.h). */
#ifndef ESP_FMM_WORK_H
#define ESP_FMM_WORK_H

#include "fmm/share.h"

/* What all ranks know of a piece. */
enum { ESP_FMM_MORE = 72 };
typedef struct {
  esp_fmm_sums sums;
  esp_fmm_node box;
  double more[ESP_FMM_MORE]; /* what the method has of its own */
} esp_fmm_gathered;

/* A body on its way to its slot: 32 bytes. */
typedef struct {
  double x[3];
  int32_t body;
  uint32_t number; /* its id less the least of those held, unless far_ids */
} esp_fmm_body;

/* Rows of nodes in preorder. */
typedef struct {
  int rows;
  esp_fmm_node *node; /* [rows]; of nodes that receive here */
  esp_fmm_cell *cell;
  float *moment; /* [moments] each, of order 2 on, times (-1)^n / n!, in units of esp_fmm_cell_scale */
} esp_fmm_rows;

/* Place of a node's first body among those held. */
static inline int esp_fmm_place(const esp_fmm_rows *tree, int row) {
  while (tree->cell[row].right > 0) row++;
  return -tree->cell[row].right;
}

typedef struct esp_fmm_work esp_fmm_work;
typedef struct esp_fmm_kernels esp_fmm_kernels;

/* What forces and gradients do differently with cells. */
typedef struct {
  int gate_order, power; /* of rule 2 (esp_fmm_expands), less the order of expansions */
  /* moments, root and what else follows from the bodies of a piece; least of own nodes, once roots are known; results. */
  int (*upward)(esp_fmm_work *w);
  int (*least)(const esp_fmm_kernels *kernels, esp_fmm_work *w);
  int (*receive)(const esp_fmm_kernels *kernels, esp_fmm_work *w);
  /* Rule 3 (esp_fmm_acts_as_cell). */
  int (*acts)(int order, double t, const esp_fmm_cell *cell, double distance2, double eps2);
  /* of two children, but for box; and the record and moments of a row of the tree made of it, in this box. */
  void (*join)(const esp_fmm_work *w, const esp_fmm_gathered *left, const esp_fmm_gathered *right,
               esp_fmm_gathered *to);
  void (*close)(const esp_fmm_work *w, const esp_fmm_gathered *of, const esp_fmm_node *box, esp_fmm_rows *tree,
                int row);
} esp_fmm_method;
extern const esp_fmm_method esp_fmm_of_force;

struct esp_fmm_work {
  const esp_fmm_method *method;
  const esp_comm *comm;
  const esp_fmm_param *param;
  const esp_fmm_bodies *bodies; /* those held */
  const esp_fmm_result *result; /* of those */
  esp_fmm_scale scale;
  esp_fmm_top top;
  esp_fmm_share share;
  int n, moments;   /* bodies held; a multiple of 4, >= 8 */
  int order;        /* of the expansions */
  double tolerance; /* of E, in least */
  double eps2, floor;
  int64_t first, end; /* slots of this rank */
  /* own: the pieces held, one after the other. tree: the whole tree as far as it is of use here (one rank: own); row `rows` of cell
   * and moment is a cell without mass, outside the root's box; right `absent` is that of nodes whose children are elsewhere,
   * and minus `bodies_held` that of leaves whose bodies are. */
  esp_fmm_rows own, tree;
  int absent, bodies_held, missing; /* missing: such children and bodies asked for, which would be a fault */
  esp_fmm_gathered *root;           /* [top.pieces] */
  /* [n] by place */
  esp_fmm_body *body, *other;
  int far_ids;                 /* some are 2^32 apart: ids are looked up */
  double *x[3], *mass, *extra; /* [bodies_held], extra [][extras]; fetched ones behind those held */
  size_t room[5];
  double *key;   /* [n] */
  int *active;   /* [n + 1] how many bodies of places below are active; NULL: all */
  int64_t ahead; /* while a piece grows: its slots less its places */
  /* Scratch of a receiver's lists, [tree.rows + 16] each, and what is left to children, growing. */
  int *queue, *list[ESP_FMM_VERDICTS], *left;
  size_t queue_capacity, list_capacity[ESP_FMM_VERDICTS], left_capacity;
  esp_fmm_cost cost;
  struct esp_fmm_adjoint_work *adjoint; /* NULL: the force */
};

/* The trees of the pieces held: own, less masses and moments; body, x. Local. Errors: esp_fmm_scale_admit. */
int esp_fmm_grow(esp_fmm_work *w);
/* Masses and moments: mass, the rest of own.cell, own.moment; root of the pieces held. Local. */
void esp_fmm_upward(esp_fmm_work *w);
/* cell and moment of a row of the tree, from its sums and its box, for a force. */
void esp_fmm_row_close(const esp_fmm_work *w, const esp_fmm_sums *sums, const esp_fmm_node *box, esp_fmm_rows *tree,
                       int row);

/* Estimates and receivers, one a width of vectors, and of devices; all give the same bits. */
struct esp_fmm_kernels {
  const char *name;
  int (*available)(void); /* on this machine */
  /* least of every own node. Local. Errors: memory, a device's. */
  int (*estimate)(esp_fmm_work *w);
  /* Lists, expansions, sums; results to w->result. Local. Errors: memory, a device's. */
  int (*receive)(esp_fmm_work *w);
  /* The same of the backward pass, to w->adjoint->to (adjoint_work.h). */
  int (*adjoint)(esp_fmm_work *w);
  /* Near pairs alone, for benchmarks, NULL of a device: sum of the accelerations of 32 receivers by `count` bodies. */
  float (*near)(int count, const float *const stream[4]);
};
/* Widest first, NULL behind the last, which is available everywhere. */
extern const esp_fmm_kernels *const esp_fmm_widths[];
const esp_fmm_kernels *esp_fmm_widest(void); /* of those available */
/* Results by one of them, from what the caller put into w: method, comm, param, result, order, tolerance, moments (a multiple of 4).
 * extra: of the bodies. Collective. Errors, on all ranks: those of esp_fmm_scale_make, esp_fmm_scale_admit; memory. */
int esp_fmm_run(const esp_fmm_kernels *kernels, esp_fmm_work *w, const esp_fmm_bodies *bodies,
                const esp_fmm_extra *extra);
/* esp_fmm_force by one of them. */
int esp_fmm_force_with(const esp_fmm_kernels *kernels, const esp_comm *comm, const esp_fmm_param *param,
                       const esp_fmm_bodies *bodies, const esp_fmm_result *result);

#endif
