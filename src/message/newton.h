/* Gravity of softened point masses: rows, and cells of mass, centre of mass and second moment. The learned messages of the
 * same bodies (message/law.h) share both. Positions are 3-vectors (a 2-D task has z = 0) whatever the tree's dimension.
 *
 *   near  A_i += mu_j (|r|^2 + eps^2)^(-3/2) r,   r = y_j - y_i (minimum image), self-pairs masked
 *   far   the same of a cell to second order:  M = sum mu_j,  X = sum mu_j y_j / M,
 *         C = sum mu_j (y_j - X)(y_j - X)^T / M   (idea: quadrupole with trace)
 *
 * A cell of zero mass has X = the plain mean of its y, C = 0, and says nothing. Leaves are summed in slot order, parents
 * child by child: M = M1 + M2, X = (M1 X1 + M2 X2)/M, C = sum_c M_c/M (C_c + u_c u_c^T), u_c = X_c - X. */
#ifndef ESP_NEWTON_H
#define ESP_NEWTON_H

#include "message/cells/mass.h"
#include "message/message.h"

/* What every message of bodies shares. */
extern const esp_cell_algebra esp_mass_cells;
int esp_body_check(const esp_form *f, const double *param);
int esp_body_admit(const esp_form *f, int64_t id, const double *source);

#endif
