/* Weights by which the backward pass judges cells (adjoint.h), and bodies and g in units of here. */
#ifndef ESP_FMM_WEIGHT_H
#define ESP_FMM_WEIGHT_H

#include "fmm/cells.h"
#include "fmm/scale.h"

enum { ESP_FMM_SENT = 4 };
typedef struct {
  esp_fmm_param param;          /* of the tree */
  esp_fmm_bodies bodies;        /* the caller's, with weights for masses, without `previous` */
  double (*sent)[ESP_FMM_SENT]; /* [n] m and g in the caller's order, in units of here */
  double *weight;               /* [n] */
  double mass_share,
      g_share; /* powers of two: weight = mass_share m + g_share |g|; n times the largest lies in [1/2, 1) */
  double dposition, dmass; /* the caller's dL/dy, dL/dm are these times those of here */
  double tolerance;        /* of E, in tides */
  int order;               /* of the expansions: P */
} esp_fmm_weights;

/* All sums are independent of the order of the bodies. Collective. Errors, on all ranks: those of esp_fmm_scale_make; ESP_ERR_VALUE for a g that is not
 * finite; memory. */
int esp_fmm_weights_create(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *bodies,
                           const double (*g)[3], esp_fmm_weights *w);
void esp_fmm_weights_free(esp_fmm_weights *w);
double esp_fmm_weights_size(const double *g); /* |g| */
/* Rule 3 of adjoint.h, for a receiver of T_I = t without children, whose box is that far from the cell's centre:
 * B2/d^5, B3/d^6, B4/d^7 at order 3, 4, 5. */
int esp_fmm_weights_act(int order, double t, const esp_fmm_cell *cell, double distance2, double eps2);

/* What a node's bodies are to others and to each other. */
typedef struct {
  double mass, heaviest;     /* sum m, largest m */
  double sum, squares, most; /* sum |g|, sum |g|^2, largest |g|^2 */
} esp_fmm_shares;
/* 1 <= count <= ESP_FMM_LEAF bodies in slot order. */
esp_fmm_shares esp_fmm_shares_leaf(int count, const double (*sent)[ESP_FMM_SENT]);
esp_fmm_shares esp_fmm_shares_join(const esp_fmm_shares *left, const esp_fmm_shares *right);

typedef struct {
  double mass, g; /* in units of all: times mass_share, g_share */
} esp_fmm_tides;
/* Of a node, by those of its parent, whose half diagonal is given, and what its sibling holds. */
esp_fmm_tides esp_fmm_tides_below(const esp_fmm_weights *w, esp_fmm_tides above, double radius, double eps2,
                                  const esp_fmm_shares *sibling);
/* The tide that errors in a node of at most ESP_FMM_RECEIVERS bodies are judged by. */
double esp_fmm_tides_of(const esp_fmm_weights *w, esp_fmm_tides here, double radius, double eps2,
                        const esp_fmm_shares *own);

#endif
