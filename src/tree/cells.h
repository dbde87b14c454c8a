/* Cells: what stands in for all the particles of a node. Mass, centre of mass and second moment, upward; their adjoint,
 * downward. Positions are 3-vectors (a 2-D task has z = 0) whatever the key dimension.
 *
 *   M = sum mu_j,  X = sum mu_j y_j / M,  C = sum mu_j (y_j - X)(y_j - X)^T / M   (idea: quadrupole with trace)
 *
 * A node of zero mass has X = the plain mean of its y, C = 0, and contributes nothing. Leaves are summed in slot order,
 * parents child by child (left, then right): M = M1 + M2, X = (M1 X1 + M2 X2)/M,
 * C = sum_c M_c/M (C_c + u_c u_c^T), u_c = X_c - X. So no rank cut changes a bit. */
#ifndef ESP_CELLS_H
#define ESP_CELLS_H

#include "base/exact_sum.h"
#include "tree/tree.h"

/* One row of a cell, as it travels. C: xx xy xz yy yz zz. 80 bytes. */
typedef struct {
  double M, X[3], C[6];
} esp_cell;

/* The state of a source particle, as it travels. 32 bytes. */
typedef struct {
  double y[3], mu;
} esp_source;

enum { ESP_CELL_ADJOINTS = 9, ESP_CELL_ADJOINT_WORDS = ESP_CELL_ADJOINTS * ESP_EXACT_CELL_WORDS };
/* dLoss/dX [3] and dLoss/dC [6]. The gradient to the six stored numbers: the off-diagonal ones count both halves. */
typedef struct {
  double dX[3], dC[6];
} esp_cell_adjoint;

/* Own rows, deepest first. source [>= n_own] in slot order. cell [row_count]. Local, O(n_own + own_rows). */
void esp_cells_upward(const esp_tree *tree, const esp_source *source, esp_cell *cell);
/* Top rows, deepest first, from own, top and ghost rows already filled. Local; the same bits on every rank. */
void esp_cells_top(const esp_tree *tree, esp_cell *cell);
/* Adjoint. In: adjoint [own_rows + top_rows], complete (summed over ranks), of every cell as accepted by receivers; it
 * is overwritten with the totals. Out: dy [n_own][3] += the gradient to the own particles' positions. Walks top rows,
 * then own rows, downward, then the leaves' particles. Local.
 *   dX_c += (M_c/M) (dX + 2 dC u_c),  dC_c += (M_c/M) dC,  and a particle likewise with u = y - X. */
void esp_cells_downward(const esp_tree *tree, const esp_source *source, const esp_cell *cell, esp_cell_adjoint *adjoint,
                        double (*dy)[3]);

#endif
