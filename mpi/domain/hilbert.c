#include "domain/hilbert.h"

#include <math.h>

#include "tree/tree.h"

int esp_hilbert_bits(int dim) {
  return (ESP_HILBERT_BITS + dim - 1) / dim;
}

/* Undo the turns of each level, from the coarsest down. */
static void unturn(int dim, int bits, uint64_t *cell) {
  for (uint64_t q = (uint64_t)1 << (bits - 1); q > 1; q >>= 1)
    for (int a = 0; a < dim; a++) {
      if (cell[a] & q) {
        cell[0] ^= q - 1;
      } else {
        const uint64_t swap = (cell[0] ^ cell[a]) & (q - 1);
        cell[0] ^= swap;
        cell[a] ^= swap;
      }
    }
}

static void gray_encode(int dim, int bits, uint64_t *cell) {
  uint64_t flip = 0;
  for (int a = 1; a < dim; a++) cell[a] ^= cell[a - 1];
  for (uint64_t q = (uint64_t)1 << (bits - 1); q > 1; q >>= 1)
    if (cell[dim - 1] & q) flip ^= q - 1;
  for (int a = 0; a < dim; a++) cell[a] ^= flip;
}

double esp_hilbert_index(int dim, int bits, uint64_t *cell) {
  uint64_t index = 0;
  int taken = 0;
  unturn(dim, bits, cell);
  gray_encode(dim, bits, cell);
  for (int b = bits - 1; b >= 0; b--)
    for (int a = 0; a < dim && taken < ESP_HILBERT_BITS; a++, taken++) index = index << 1 | (cell[a] >> b & 1);
  return (double)index;
}

int esp_hilbert_order(const esp_comm *comm, int dim, int n_home, const double *z, double *index) {
  const int bits = esp_hilbert_bits(dim);
  double extent[2 * ESP_MAX_DIM]; /* largest z, largest -z */
  uint64_t cell[ESP_MAX_DIM];
  for (int a = 0; a < 2 * dim; a++) extent[a] = -INFINITY;
  for (int i = 0; i < n_home; i++)
    for (int a = 0; a < dim; a++) {
      const double value = z[(size_t)i * (size_t)dim + (size_t)a];
      extent[a] = fmax(extent[a], value);
      extent[dim + a] = fmax(extent[dim + a], -value);
    }
  ESP_CALL(comm->max_f64(comm, extent, 2 * (size_t)dim));
  const uint64_t last = ((uint64_t)1 << bits) - 1;
  for (int i = 0; i < n_home; i++) {
    for (int a = 0; a < dim; a++) {
      const double width = extent[a] + extent[dim + a];
      const double share = width > 0 ? (z[(size_t)i * (size_t)dim + (size_t)a] + extent[dim + a]) / width : 0;
      const double place = share * (double)(last + 1);
      cell[a] = place < (double)last ? (uint64_t)place : last;
    }
    index[i] = esp_hilbert_index(dim, bits, cell);
  }
  return ESP_OK;
}
