/* The locally essential tree: the remote nodes this rank's list walks can meet.
 *
 * Every rank holds all straddling nodes (top rows) and all covering roots (own rows, or the first ghost rows). Each
 * rank publishes some tens of receiver groups: nodes that hold its blocks, with centre, largest distance Rc of a
 * block's centre from it, and largest radius Rm of a block. The owner of a node J sends J's children unless every group
 * surely accepts J: Rm + R_J < theta (|c - c_J| - Rc), with some slack for rounding, or by another rule what that says
 * (esp_rule.opens), and on periodic axes Rm + R_J + |c - c_J|_a + Rc < box_a / 2. Where receivers have a tree of their own
 * the groups are nodes of that tree. So the receiver's own walk finds everything and gives the lists that one rank would.
 * Only ranks with something to send talk. Method: Warren, Salmon, "Astrophysical N-body simulations using
 * hierarchical tree data structures", Supercomputing '92; Dubinski, "A parallel tree code", New Astronomy 1 (1996). */
#ifndef ESP_MPI_ESSENTIAL_H
#define ESP_MPI_ESSENTIAL_H

#include "domain/split.h"
#include "tree/lists.h"

enum { ESP_ESSENTIAL_GROUPS = 64 };

typedef struct {
  const esp_cover *cover; /* borrowed */
  int *cover_row;         /* [n_cover] row of each covering root in this rank's tree */
  int base_rows;          /* own rows, top rows and remote covering roots */
  size_t *group_start;    /* [size + 1] groups of rank r, in bytes */
  double *group;          /* [..][dim + 2] centre, Rc, Rm */
  int64_t rows;           /* remote nodes received by the last exchange */
} esp_essential;

/* Appends top rows and remote covering roots to a tree whose own rows have their geometry, and publishes the groups, of
 * `queries` (own rows with their geometry) or, where that is NULL, of the tree. z [n_own][dim] keys in the order of the
 * tree's slots. Top centres are joined as esp_tree_geometry joins, top radii are exact maxima: the same bits as on one
 * rank. Collective. Ranks may own nothing. Free with esp_essential_free, also after a failure. */
int esp_essential_create(const esp_comm *comm, const esp_cover *cover, const esp_lists_param *param,
                         const esp_tree *queries, const double *z, esp_tree *tree, esp_essential *essential);
/* Replaces the other ghost rows of the tree by those that a walk with `theta` may meet. Collective. */
int esp_essential_exchange(const esp_comm *comm, const esp_lists_param *param, double theta, esp_tree *tree,
                           esp_essential *essential);
void esp_essential_free(esp_essential *essential);

#endif
