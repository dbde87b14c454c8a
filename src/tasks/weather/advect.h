/* The classical forecast of a transported field: where the air at a cell was a lead time ago, had the wind stood still, and what
 * was there (semi-Lagrangian). A. Staniforth, J. Cote, Mon. Wea. Rev. 119 (1991) 2206. */
#ifndef ESP_ADVECT_H
#define ESP_ADVECT_H

#include "base/set.h"

/* change [n_home][2]: of T and q of a set in the network's units, over `hours`, in units of the targets. Collective: every
 * rank sees all cells, memory O(n), time O(n n_home). */
int esp_advect(const esp_comm *comm, const esp_set *set, double hours, double *change);

#endif
