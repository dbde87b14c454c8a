/* The learned message between two particles, or a particle and a cell:
 *
 *   t_ij = W1 [1; s_i] + W2 s_j + W3 e_ij            [H]
 *   phi_ij = gain V . silu(t_ij)                      scalar
 *   A_i += weight_ij phi_ij r_ij,   r_ij = y_j - y_i (minimum image), self-pairs masked
 *
 * s = mu / mean mu: a particle's own feature (for a cell: of its mean member). e_ij: three radial scalars of
 * q = |r|^2 + delta^2: e = (ln q, sqrt q, 1/(1+q)), delta = 0.01 (in the units of the model), NOT the softening: the
 * message is not told the force law. Two uses:
 *   correction  weight = mu_j k(|r|^2 + eps^2), k(q) = q^(-3/2), near pairs only, beside the newton message; gain 1;
 *               V = 0 at start, so that training starts from the newton network;
 *   law         weight = mu_j / sqrt q (near) or M_J / sqrt q with y_j = X_J (far), so that phi is what a unit of mass
 *               pulls with along the direction to it, and that is all that is said: the force law itself is to be
 *               found. gain = ESP_MLP_GAIN, because phi of pairs far closer than the mean spacing is large in the
 *               units of the model, and V should stay near 1, where the optimiser's steps suit it.
 * O(H) an edge; nothing is stored for an edge; the backward pass recomputes. */
#ifndef ESP_MESSAGE_MLP_H
#define ESP_MESSAGE_MLP_H

enum { ESP_MLP_EDGE = 3, ESP_MLP_GAIN = 32 };

typedef enum { ESP_MLP_CORRECTION, ESP_MLP_LAW } esp_mlp_use;

/* A view on a part of the model's parameter block: W1 [H][2], W2 [H], W3 [H][ESP_MLP_EDGE], V [H], in this order. */
typedef struct {
  esp_mlp_use use;
  int hidden;          /* H, 1..128 */
  int count;           /* H (2 + 1 + ESP_MLP_EDGE + 1) */
  const double *param; /* [count] borrowed */
  double mean_mu;      /* of the whole cloud; > 0 */
} esp_mlp;

#endif
