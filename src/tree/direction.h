/* Directions of cut: the rules pca and learned of esp_split_rule, for the order on one rank and for the selection over
 * ranks.
 *
 * Letters: d = dim key dimension, m members of a node, words = esp_split_words(d) = d + d (d + 1) / 2.
 *
 * pca. low = the members' smallest component by axis, spread = the widest max - min. A key becomes integers of 14 bits,
 * q_a = floor((z_a - low_a) (16383 / spread)), its node's sums are words integers: sum q_a for all a, then sum q_a q_b
 * for all a <= b, row by row. They are added in any order, by whom the members belong to, and m times the covariance,
 * m sum q_a q_b - sum q_a sum q_b, follows without rounding (128 bits; m <= 2^34).
 *
 * The direction. Up to 16 axes: the covariance C over its trace is squared 8 times (fewer where it is of rank one
 * before), and the column of C^256 with the largest diagonal element is taken. No start can miss the direction, as in a
 * power iteration, and it takes a fraction of the work of all eigenvectors. Beyond, where d^3 a node would outweigh all
 * else: C is first brought to an orthonormal basis of the Krylov space of 16 vectors, w, C w, .. C^15 w from a fixed
 * pseudo-random w (Parlett, The Symmetric Eigenvalue Problem, chapter 12). Where the two largest variances are nearly
 * the same, any mixture of their directions cuts about as well, and one is given.
 *
 * Everything here is local. */
#ifndef ESP_DIRECTION_H
#define ESP_DIRECTION_H

#include "tree/tree.h"

enum { ESP_SPLIT_MOST_WORDS = ESP_MAX_DIM + ESP_MAX_DIM * (ESP_MAX_DIM + 1) / 2 };
#define ESP_SPLIT_MOST_MEMBERS ((int64_t)1 << 34)

/* How the keys of one node become integers. */
typedef struct {
  double low[ESP_MAX_DIM], scale;
} esp_split_grid;

static inline int esp_split_words(int dim) {
  return dim + dim * (dim + 1) / 2;
}

/* ESP_ERR_ARG for a kind that is none, levels outside [1, 30] or no normals; ESP_ERR_VALUE naming node and axis of a
 * normal that is not finite. A NULL rule is right. */
int esp_split_check(const esp_split_rule *rule, int dim);
/* The rule's own normal [dim] of the node `heap`; NULL where there is none: another kind, a deeper node, all zeros. */
const double *esp_split_normal(const esp_split_rule *rule, int dim, int64_t heap);

/* low, high [dim]: extremes of the members' keys, finite. 0 where the node is to be cut as by the widest rule: no
 * spread, or one outside [2^-1000, 2^1000]. */
int esp_split_grid_make(int dim, const double *low, const double *high, esp_split_grid *grid);
/* sums [words] += those of keys z [count][dim], each within the node's extremes. */
void esp_split_add(const esp_split_grid *grid, int dim, int count, const double *z, int64_t *sums);
/* direction [dim], of length 1, from the whole node's sums; m <= ESP_SPLIT_MOST_MEMBERS. Its component of largest
 * magnitude (ties to the lowest axis) is positive. All sums zero: axis 0. */
void esp_split_direction(int dim, int64_t m, const int64_t *sums, double *direction);

#endif
