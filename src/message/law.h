/* The learned message between two bodies, or a body and a cell:
 *
 *   t_ij = W1 [1; s_i] + W2 s_j + W3 e_ij            [H]
 *   phi_ij = gain V . silu(t_ij)                      scalar
 *   A_i += weight_ij phi_ij r_ij,   r_ij = y_j - y_i (minimum image), self-pairs masked
 *
 * s = mu / mean mu: a particle's own feature (for a cell: of its mean member). e_ij: three radial scalars of
 * q = |r|^2 + delta^2: e = (ln q, sqrt q, 1/(1+q)), delta = 0.01 (in the units of the model), NOT the softening: the
 * message is not told the force law. H = form.channels. Three rows use it:
 *   newton_mlp  the newton message and a correction to it: weight = mu_j k(|r|^2 + eps^2), k(q) = q^(-3/2), near pairs
 *               only; gain 1; V = 0 at start, so that training starts from the newton network;
 *   correction  that correction alone: what is left of newton_mlp where the multipole method sums newton;
 *   mlp         weight = mu_j / sqrt q (near) or M_J / sqrt q with y_j = X_J (far), so that phi is what a unit of mass
 *               pulls with along the direction to it, and that is all that is said: the force law itself is to be
 *               found. gain = ESP_LAW_GAIN, because phi of pairs far closer than the mean spacing is large in the
 *               units of the model, and V should stay near 1, where the optimiser's steps suit it.
 * O(H) an edge; nothing is stored for an edge; the backward pass recomputes. Rows and cells: message/newton.h. */
#ifndef ESP_LAW_H
#define ESP_LAW_H

#include "message/newton.h"

enum { ESP_LAW_EDGE = 3, ESP_LAW_GAIN = 32, ESP_LAW_MAX_HIDDEN = 128 };

/* The parameters of a row: W1 [H][2], W2 [H], W3 [H][ESP_LAW_EDGE], V [H], in this order. */
static inline int esp_law_count(int hidden) {
  return hidden * (2 + 1 + ESP_LAW_EDGE + 1);
}

/* What the rows share. start: Gaussian values, 0.5 of all but V, `last` of V. */
int esp_law_check(const esp_form *f, const double *param);
void esp_law_widths(const esp_form *f, esp_widths *w);
esp_message_part esp_law_part(const esp_form *f, int k);
void esp_law_start(const esp_form *f, uint64_t seed, int layer, double last, double *param);

#endif
