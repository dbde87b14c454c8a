/* What gravity and the box compare and show. */
#ifndef ESP_GRAVITY_SHOW_H
#define ESP_GRAVITY_SHOW_H

#include "tasks/showing.h"

/* Figures D_nrmse, K_nrmse, energy_error (of sets that lie whole on one rank, up to 4096 bodies), momentum_error; the
 * methods of show_methods.c; pictures of the tree and of a sample of displacements. */
extern const esp_showing esp_gravity_showing;
/* Against frames where the sets have them, else in half steps of the horizon; energy is what should stay. */
extern const esp_rolling esp_gravity_rolling;

typedef struct {
  int neighbours; /* of the local baseline */
} esp_gravity_show_param;

/* ---- inside this folder ---- */

extern const esp_method esp_gravity_methods[];
extern const esp_picture esp_gravity_pictures[];

/* tree.csv, owners.csv: nodes and owners of layer 0's tree. */
int esp_gravity_look(const void *param, const esp_set *set, int l, esp_domain *dom, const double *key,
                     const double *query, esp_show *show);
/* scatter.csv: about 3000 components of D spread over the home order. */
int esp_gravity_draw(const void *param, const esp_model *untrained, const esp_model *trained,
                     const esp_backend *backend, const esp_set *set, const double *y, esp_show *show);

#endif
