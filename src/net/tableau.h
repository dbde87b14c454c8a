/* The tableau: the 3 L + L (L - 1) / 2 numbers that make L force evaluations into one step over the horizon.
 *
 *   Y_l = x + c_l w + sum_{k<l} alpha_lk A^k      D = sum b_l A^l      K = sum b'_l A^l
 *
 * As a Runge-Kutta-Nystroem method (Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", II.14); the
 * symplectic kind obeys the conditions of Suris (Zh. Vychisl. Mat. Mat. Fiz. 29, 1989) and is symmetric in time.
 *
 * Table, flat: c [L], b [L], b' [L], alpha [L (L - 1) / 2] with alpha_lk (k < l) at l (l - 1) / 2 + k.
 * Free numbers p of a kind:
 *   free        the table itself
 *   symplectic  c_0 .. c_{h-1}, b'_0 .. b'_{g-1} with h = L / 2, g = (L - 1) / 2 (rounded down); then
 *               c_{L-1-l} = 1 - c_l (the middle one 1/2), b'_{L-1-l} = b'_l with sum 1,
 *               alpha_lk = b'_k (c_l - c_k), b_l = b'_l (1 - c_l)
 * Everything here is local and cannot fail; 1 <= L <= ESP_MAX_LAYERS. */
#ifndef ESP_TABLEAU_H
#define ESP_TABLEAU_H

enum { ESP_MAX_LAYERS = 32, ESP_MAX_TABLE = 3 * ESP_MAX_LAYERS + ESP_MAX_LAYERS * (ESP_MAX_LAYERS - 1) / 2 };

typedef enum { ESP_TABLEAU_FREE, ESP_TABLEAU_SYMPLECTIC } esp_tableau_kind;

/* Numbers in the table: 3 L + L (L - 1) / 2. */
int esp_tableau_size(int layers);
/* Free numbers of the kind. */
int esp_tableau_count(esp_tableau_kind kind, int layers);
/* p [count] of the start: c_l = (l + 1/2) / L, alpha_lk = (c_l - c_k) / L, b_l = (1 - c_l) / L, b'_l = 1 / L: the
 * drift-kick-drift leapfrog of L steps, in both kinds. */
void esp_tableau_start(esp_tableau_kind kind, int layers, double *p);
/* p -> table [size]. */
void esp_tableau_expand(esp_tableau_kind kind, int layers, const double *p, double *table);
/* Adjoint: dtable [size] = dLoss/dtable -> dp [count] (set). */
void esp_tableau_pull(esp_tableau_kind kind, int layers, const double *p, const double *dtable, double *dp);

/* Index of alpha_lk (k < l) in the table. */
static inline int esp_tableau_alpha(int layers, int l, int k) {
  return 3 * layers + l * (l - 1) / 2 + k;
}

#endif
