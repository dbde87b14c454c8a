/* Sets with a relation that is known to whoever made them: the data of the learned tree.
 *
 *   subspace  x in R^D standard Gaussian; hidden coordinates p = P x, P [r][D] with orthonormal rows, fixed by `seed`
 *             alone; v_j Gaussian [F]. y_i = sum_{j != i} G v_j, or with average sum G v_j / (sum G + 0.3);
 *             G = exp(-|p_i - p_j|^2 / 2 h^2).
 *   circles   the same with a nonlinear map: u = P x with P [2 r][D] orthonormal, p_a = |(u_2a, u_2a+1)|: the radius in
 *             each of r hidden planes. No linear embedding brings together what is on one circle.
 *   twice     two hops in two hidden spaces, p = P x and q = Q x, orthonormal rows all:
 *             a_j = sum_{k != j} G(p_j - p_k) v_k, y_i = sum_{j != i} G(q_i - q_j) a_j, or with average each sum over
 *             its (sum G + 0.3). Nobody is told a. z has both places: p, then q; so `hidden` of the set is 2 r.
 *   compare   p as in subspace; a receiver's mark u = m . x, m another row of the map; F >= 2 values a sender, the last
 *             of them its mark m_j. y_i = sum_{j != i} G f(v_j, m_j - u_i): F - 1 targets; or that over
 *             (sum G + 0.3). f(v, t) = (|v + t| - |v - t|) / 2: the smaller size with the sign of v t. What is heard
 *             depends on both sides; little of it is in sums of the values.
 *   upstream  D = 4: place p uniform in the unit square, displacement u with random direction, |u| uniform in
 *             [0.2, 0.4]; x = (p, u); v_j Gaussian: the field. y_i = sum_j G v_j / (sum_j G + 0.3), the own point included,
 *             G = exp(-|p_j - (p_i - u_i)|^2 / 2 h^2). weight 0 where p - u is off the square. Hidden coordinates as
 *             sender: p; as receiver: p - u; z has both: [4], so `hidden` of the set is 4.
 *
 * Everything is drawn by (seed, draw, id), so a particle is the same whoever makes it; ids are 0 .. n-1 in order. The
 * hidden map has numbers of its own: a network started from the same seed knows nothing of it.
 *
 * The truth knows nothing of trees: it is summed in float64 over the pairs in the hidden space themselves,
 *   up to ESP_RELATION_DIRECT particles over all, O(n^2 / P);
 *   above, over those in the cells of a grid that lie within ESP_RELATION_REACH h: what is left out has G < 1e-12 and
 *   changes no target by 1e-9 of their rms (5e-10 at most at n = 32768). O(n (particles within reach) / P): with r = 2,
 *   h = 0.125 a fifth of all pairs; 32768 particles take half a second of one core, 262144 twenty-three seconds
 *   (2-core virtual AMD EPYC), and so on as n^2.
 * Or of a sample: k particles drawn by id among those that are scored, over all pairs unless told otherwise (twice:
 * the sums a, which everybody needs, as above). They keep weight 1 and have the targets of the whole truth, the others
 * have weight 0 and target 0. O(n k / P): 4096 of 1048576 particles take ten seconds of one core.
 * Every rank holds the hidden coordinates and values of all: O(n (r + F)) memory. */
#ifndef ESP_RELATION_START_H
#define ESP_RELATION_START_H

#include "base/set.h"

enum { ESP_RELATION_DIRECT = 8192 };
#define ESP_RELATION_REACH 7.44 /* exp(-7.44^2 / 2) = 0.95e-12 */

/* Columns of a set: features, values, targets, weight, hidden coordinates; the last three may be missing. */
extern const esp_layout esp_relation_layout;
enum { ESP_FEATURE_X, ESP_FEATURE_V, ESP_FEATURE_Y, ESP_FEATURE_WEIGHT, ESP_FEATURE_Z };
/* Places of the numbers in `about`. */
enum { ESP_FEATURE_AVERAGE, ESP_FEATURE_H, ESP_FEATURE_SEED, ESP_FEATURE_LAW };

typedef enum {
  ESP_RELATION_SUBSPACE,
  ESP_RELATION_CIRCLES,
  ESP_RELATION_UPSTREAM,
  ESP_RELATION_TWICE,
  ESP_RELATION_COMPARE,
  ESP_RELATION_KINDS
} esp_relation_kind;
/* "subspace", "circles", "upstream", "twice", "compare"; "file": none of them, ESP_RELATION_KINDS; NULL: no law. */
const char *esp_relation_law_name(int law);

/* What the targets are: none; by the size, as above; over all pairs, or within reach, whatever the size. */
typedef enum { ESP_TRUTH_NONE, ESP_TRUTH_BY_SIZE, ESP_TRUTH_ALL_PAIRS, ESP_TRUTH_WITHIN_REACH } esp_relation_truth;

typedef struct {
  esp_relation_kind kind;
  int64_t n;
  int features, hidden, values; /* D, r, F (upstream: 4, 2, F) */
  double h;
  int average;   /* upstream: always */
  uint64_t seed; /* of the hidden map: the same for all draws of one run */
  int64_t draw;  /* number of this set; no two of one run are alike */
  esp_relation_truth truth;
  int64_t sample; /* k > 0: targets of k particles; 0: of all */
} esp_relation_start;

/* Checks the numbers: ESP_ERR_CONFIG naming value and range (D >= r; 2 r for circles and twice; r + 1 for
 * compare; 4 and 2 for upstream; a sample needs a truth). Local. */
int esp_relation_start_check(const esp_relation_start *start);
/* This rank's share (esp_set_share) of the set, checked as above. Collective over comm; with the one-rank table: the
 * whole set. The same bits for any number of ranks. *set is the caller's. */
int esp_relation_make(const esp_comm *comm, const esp_relation_start *start, esp_set *set);
/* Is the truth (of twice: its last sum) of n particles taken over all pairs? */
int esp_relation_all_pairs(const esp_relation_start *start);

/* Widths of the set's columns. Local, pure. */
void esp_relation_widths(const esp_relation_start *start, int width[ESP_COLUMNS]);

/* The hidden map [rows][D] of a seed: orthonormal rows; rows = r; 2 r for circles, and twice (P, then Q); r + 1 for
 * compare (P, then m). Local. */
int esp_relation_map(const esp_relation_start *start, double *map);

#endif
