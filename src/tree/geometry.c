/* Centres and radii. This room is compiled without fused product-sums, so that scalar and vector code round alike. */
#include <math.h>

#include "tree/accept.h"
#include "tree/slots.h"
#include "tree/tree.h"

enum { CHUNK = 2048, LANES = 8 };

double esp_tree_distance2(int dim, const double *c1, const double *c2, const double *box) {
  return esp_accept_distance2(dim, c1, c2, box);
}

/* Not inlined: one piece of machine code for own and for top rows. */
__attribute__((noinline)) void esp_tree_join(int dim, int64_t count1, const double *centre1, int64_t count2,
                                             const double *centre2, double *centre) {
  for (int a = 0; a < dim; a++) centre[a] = esp_slots_join((double)count1, centre1[a], (double)count2, centre2[a]);
}

static void leaf_centre(int dim, int count, const double *z, double *centre) {
  for (int a = 0; a < dim; a++) centre[a] = esp_slots_mean(dim, a, count, z);
}

/* The largest squared distance of z [count] from c. Lanes over members; a maximum is the same in any order. */
static inline __attribute__((always_inline)) double farthest2(int dim, int count, const double *z, const double *c) {
  double best[LANES] = {0};
  size_t width = (size_t)dim;
  int i = 0;
  for (; i + LANES <= count; i += LANES) {
    double sum[LANES] = {0};
    for (int a = 0; a < dim; a++) {
      for (int l = 0; l < LANES; l++) {
        double d = z[(size_t)(i + l) * width + (size_t)a] - c[a];
        sum[l] += d * d;
      }
    }
    for (int l = 0; l < LANES; l++) best[l] = sum[l] > best[l] ? sum[l] : best[l];
  }
  for (; i < count; i++) {
    double sum = 0;
    for (int a = 0; a < dim; a++) {
      double d = z[(size_t)i * width + (size_t)a] - c[a];
      sum += d * d;
    }
    best[0] = sum > best[0] ? sum : best[0];
  }
  for (int l = 1; l < LANES; l++) best[0] = best[l] > best[0] ? best[l] : best[0];
  return best[0];
}

static double farthest2_any(int dim, int count, const double *z, const double *c) {
  switch (dim) {
    case 1:
      return farthest2(1, count, z, c);
    case 2:
      return farthest2(2, count, z, c);
    case 3:
      return farthest2(3, count, z, c);
    case 8:
      return farthest2(8, count, z, c);
    default:
      return farthest2(dim, count, z, c);
  }
}

/* radius[] holds squares until the end. Chunk by chunk of slots through all levels, so that keys are read once. */
static void radii(esp_tree *tree, const double *z) {
  int depth = tree->shape.depth, dim = tree->dim, at[64] = {0};
  for (int row = 0; row < tree->own_rows; row++) tree->radius[row] = 0;
  for (int begin = 0; begin < tree->n_own; begin += CHUNK) {
    int end = esp_imin(begin + CHUNK, tree->n_own);
    for (int level = 0; level <= depth; level++) {
      int row = tree->level_row[level] + at[level];
      for (; row < tree->level_row[level + 1]; row++) {
        int first = tree->part_first[row], last = first + tree->part_count[row];
        int from = esp_imax(first, begin), to = esp_imin(last, end);
        if (from < to) {
          double far =
              farthest2_any(dim, to - from, z + (size_t)from * (size_t)dim, tree->centre + (size_t)row * (size_t)dim);
          tree->radius[row] = far > tree->radius[row] ? far : tree->radius[row];
        }
        if (last >= end) break;
      }
      at[level] = row - tree->level_row[level];
    }
  }
  for (int row = 0; row < tree->own_rows; row++) tree->radius[row] = sqrt(tree->radius[row]);
}

void esp_tree_geometry(esp_tree *tree, const double *z) {
  size_t width = (size_t)tree->dim;
  for (int row = tree->own_rows - 1; row >= 0; row--) {
    double *centre = tree->centre + (size_t)row * width;
    int left = tree->child[2 * row], right = tree->child[2 * row + 1];
    if (left < 0) {
      leaf_centre(tree->dim, tree->part_count[row], z + (size_t)tree->part_first[row] * width, centre);
    } else {
      esp_tree_join(tree->dim, tree->part_count[left], tree->centre + (size_t)left * width, tree->part_count[right],
                    tree->centre + (size_t)right * width, centre);
    }
  }
  radii(tree, z);
}
