/* Gravity of softened point masses by a one-sided fast multipole method on a kd-tree:
 *
 *   a_i = sum_{j != i} m_j r / (r^2 + eps^2)^(3/2),   potential_i = -sum_{j != i} m_j / (r^2 + eps^2)^(1/2),   r = y_j - y_i
 *
 * Terms that are not finite, of bodies at one place (within 2^-160 of the extent of all) without softening, are left out. G = 1, units are the caller's.
 *
 * The result is a pure function of the arguments: nothing is kept between calls. It is the same bits for any number of ranks
 * and any distribution of the bodies over them, where ids are given and unique.
 *
 * Tree. A node is cut along the widest side of the tight box of its bodies (ties: lowest axis), at the median or, where the
 * median lies outside the middle [lo + 0.35 w, hi - 0.35 w] of that side, at the nearer of these two planes; from level 40
 * on at the median. Every left child has a multiple of 16 bodies, those least in (coordinate, id, place in the arrays); a node of at most 16 is
 * a leaf, its bodies ordered by id. So leaf g is the slots [16 g, 16 g + 16), a node is named by (first slot, count), and
 * rows of nodes are in preorder: the left child of row k is row k + 1, the right one k + left count / 8.
 *
 * Lists. Receivers are the nodes of the same tree down to those of at most 32 bodies. Of a receiver I with centre s and half
 * diagonal r_I of its box, and a cell J with centre of mass c, half diagonal r_J, and R_J from c to the farthest corner:
 *
 *   1 nothing     J has no mass
 *   2 expand      E < T_I and r_I + R_J < 0.9 d, d^2 = |s - c|^2 + eps^2: J's moments into the expansion about s. E is an
 *                 estimate of the error (cells.h), T_I = tolerance times the least |a| in I
 *   3 cell        else, I has no children: B3 < T_I D^5 (B2 < T_I D^4 for order 2) and R_J < 0.9 D, D^2 = eps^2 + the
 *                 square of the distance from c to I's box, or R_J = 0: J's quadrupole (order 2: its mass) on every body of I
 *   4 open        else, J has children and (I has none or r_J > r_I): J's children go to the end of the queue
 *   5 near        else, I has no children: body by body; otherwise J is left to I's children
 *
 * With softening a cell that holds bodies of I may be expanded, or act on them: what a body exerts on itself is taken off.
 * A list begins with what the parent left, in its order (the root's: the root). All decisions are made in float64 by plain
 * sums, products and roots, without contraction, so they are the same wherever they are made.
 *
 * |a|: given by the caller for each body (of a previous step), or estimated from monopoles for nodes of at most 64 bodies,
 * without what is nearer to the node than a quarter of its radius. */
#ifndef ESP_FMM_H
#define ESP_FMM_H

#include <stdint.h>

#include "base/comm.h"

enum { ESP_FMM_LEAF = 16, ESP_FMM_RECEIVERS = 32, ESP_FMM_ESTIMATE = 64 }; /* bodies a node at most */
enum { ESP_FMM_ORDER_MIN = 2, ESP_FMM_ORDER_MAX = 5 };

typedef struct {
  int order;        /* of the expansions: terms up to this total order of derivatives; 2..5 */
  double tolerance; /* of an accepted cell's force, as a share of the receivers' least |a|; > 0 */
  double softening; /* Plummer softening eps >= 0, in the bodies' unit of length */
} esp_fmm_param;

/* tolerance 0: the order's own; the forces of 3e5 bodies then err by 3e-2, 6e-3, 9e-4, 9e-5 (rms) at orders 2..5. Local, pure. */
esp_fmm_param esp_fmm_param_of(int order, double tolerance, double softening);

/* Bodies of this rank, any of all. Borrowed. */
typedef struct {
  int n;                       /* >= 0 */
  const double (*position)[3]; /* [n] finite */
  const double *mass;          /* [n] finite, >= 0 */
  const int64_t *id;           /* [n]; NULL, and where two are the same: by rank and place in these arrays */
  const double *previous;      /* [n] |a| of about now, finite, >= 0; NULL, on all ranks: estimated */
} esp_fmm_bodies;

/* What was done to each pair (receiver node, cell). */
typedef enum { ESP_FMM_NOTHING, ESP_FMM_EXPAND, ESP_FMM_CELL, ESP_FMM_NEAR, ESP_FMM_KINDS } esp_fmm_kind;

/* Tells every entry of the lists of the nodes that this rank's slots lie in, in the order in which it came about: slots
 * [first_i, first_i + count_i) receive. */
typedef struct {
  void (*entry)(void *context, esp_fmm_kind kind, int64_t first_i, int64_t count_i, int64_t first_j, int64_t count_j);
  void *context;
} esp_fmm_witness;

/* What a call cost this rank. seconds are taken only where a cost is asked for, which costs some percent. */
typedef struct {
  int64_t near_pairs, cell_pairs;          /* (receiver, body), (receiver, cell) */
  int64_t expansions, tests, nodes, exact; /* cells expanded, decisions, receiver nodes; bodies computed in float64 */
  int64_t owned, ghosts, ghost_nodes, messages; /* bodies computed here, fetched; nodes, messages received */
  int64_t bytes, halo_bytes;                    /* received; of these for the halo */
  double tree, moments, estimate, walk, expand, near, rest; /* seconds */
} esp_fmm_cost;

/* Results. Arrays are the caller's; each may be NULL. */
typedef struct {
  double (*acceleration)[3];      /* [n] in the bodies' order */
  double *potential;              /* [n] */
  int64_t *slot;                  /* [n] the body's place in the tree's order */
  const esp_fmm_witness *witness; /* NULL: none */
  esp_fmm_cost *cost;             /* NULL: not wanted */
} esp_fmm_result;

/* The result for these bodies. Decisions are made in float64 and are those of the specification, expansions and pairs are
 * summed in float32 about the receiver, or in float64 where bodies lie so close to each other, against the extent of their
 * receiver, that float32 would show. The same bits on every CPU of this build, whatever vectors it has. About 200 bytes a
 * body while it runs. Collective over comm. Errors, on all ranks: those of esp_fmm_scale_make; ESP_ERR_VALUE for bodies next to each other that are
 * less than 2^-80 of the whole extent apart, but not at one place (esp_fmm_scale_admit); memory. */
int esp_fmm_force(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *bodies,
                  const esp_fmm_result *result);
/* Acceleration and potential of some bodies by all: active [n], 0: not wanted of this body, they stay as they are; NULL on
 * this rank: wanted of all here. The same bits as with all; pairs are computed of those receivers alone that hold an active
 * body. A body without mass is felt by none: such active ones among sources that are not are places to know the field at. */
int esp_fmm_force_of(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *bodies,
                     const unsigned char *active, const esp_fmm_result *result);

#endif
