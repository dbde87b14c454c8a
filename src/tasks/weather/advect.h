/* The classical forecast of a transported field: where the air at a cell was a lead time ago, had the wind stood still, and what
 * was there (semi-Lagrangian). A. Staniforth, J. Cote, Mon. Wea. Rev. 119 (1991) 2206. */
#ifndef ESP_ADVECT_H
#define ESP_ADVECT_H

#include "base/set.h"

/* change [n_home][2]: of T and q of a set in the network's units, over `hours`, in units of the targets. Collective: every
 * rank sees all cells, memory O(n), time O(n n_home). */
int esp_advect(const esp_comm *comm, const esp_set *set, double hours, double *change);

enum { ESP_WEATHER_AROUND = 8 };
/* T and q in eight directions, 2.5 mean spacings away, less a cell's own: around [n_home][ESP_WEATHER_AROUND][2], in units of
 * the targets. Beyond the cells there are: of the nearest one. Likewise collective. */
int esp_weather_around(const esp_comm *comm, const esp_set *set, double *around);

#endif
