/* Cells: what stands in for all the particles of a node. One walk up and down the tree for every message; what a cell is
 * made of, and how its adjoint comes down, a message brings along (message/message.h) as a table of pure functions.
 *
 * Rows of doubles: a source row is a particle as it is sent, a cell row what its cell holds, an adjoint row
 * dLoss/d(what receivers take of the cell). Leaves are made from their members in slot order, parents from their
 * children (left, then right): no rank cut changes a bit. */
#ifndef ESP_CELLS_H
#define ESP_CELLS_H

#include "base/exact_sum.h"
#include "tree/tree.h"

typedef struct esp_form esp_form; /* message/message.h: passed through */

/* Pure; none of them asks where it is called. */
typedef struct {
  /* A leaf's row from its `count` members' rows (0: an empty leaf); a node's from its children's; n: their members. */
  void (*leaf)(const esp_form *form, int count, const double *source, double *cell);
  void (*join)(const esp_form *form, double n1, const double *c1, double n2, const double *c2, double *cell);
  /* In place: the adjoint as the receivers leave it (summed over ranks) -> the one that pass and pull take. NULL: it is. */
  void (*close)(const esp_form *form, const double *cell, double *adjoint);
  /* Down: child's adjoint += the share of its parent's, complete; dsource rows += the share of their leaf's, complete. */
  void (*pass)(const esp_form *form, const double *cell, const double *adjoint, const double *child, double *to);
  void (*pull)(const esp_form *form, const double *cell, const double *adjoint, int count, const double *source,
               double *dsource);
  const struct esp_local_algebra *local; /* NULL: cells act on receivers */
} esp_cell_algebra;

/* Local expansions about receiving nodes, where a message has them: cells act on nodes, nodes on their receivers. Each
 * with its adjoint. None has one yet: src/tree/receivers is to walk them. */
typedef struct esp_local_algebra {
  int (*width)(const esp_form *form); /* doubles of a node's expansion */
  void (*m2l)(const esp_form *form, const double *centre, const double *cell, const double *at, double *local);
  void (*m2l_back)(const esp_form *form, const double *centre, const double *cell, const double *at,
                   const double *dlocal, double *dcell);
  void (*l2l)(const esp_form *form, const double *from, const double *local, const double *to, double *child);
  void (*l2l_back)(const esp_form *form, const double *from, const double *to, const double *dchild, double *dlocal);
  void (*l2p)(const esp_form *form, const double *at, const double *local, const double *query, double *sum);
  void (*l2p_back)(const esp_form *form, const double *at, const double *local, const double *query, const double *dsum,
                   double *dquery, double *dlocal);
} esp_local_algebra;

/* What a walk needs to know of the rows. Borrowed pointers. */
typedef struct {
  const esp_cell_algebra *algebra;
  const esp_form *form;
  int source, dsource, cell, adjoint; /* doubles a row */
} esp_cells;

/* Particles in a row, also where part_count is saturated. Local. */
double esp_tree_members(const esp_tree *tree, int row);
/* Own rows of cell [row_count], deepest first. source [>= n_own] in slot order. Local, O(n_own + own_rows) rows. */
void esp_cells_upward(const esp_cells *cells, const esp_tree *tree, const double *source, double *cell);
/* Top rows, deepest first, from own, top and ghost rows already filled. Local; the same bits on every rank. */
void esp_cells_top(const esp_cells *cells, const esp_tree *tree, double *cell);
/* Adjoint. In: adjoint [own_rows + top_rows], summed over ranks, of every cell as receivers took it; it is overwritten with
 * the totals of each row and its ancestors. Out: dsource [n_own] += the own particles' gradient. Closes every row, then
 * walks top rows, then own rows, downward, then the leaves' particles in slot order. Local. */
void esp_cells_downward(const esp_cells *cells, const esp_tree *tree, const double *source, const double *cell,
                        double *adjoint, double *dsource);

#endif
