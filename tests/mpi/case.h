/* Clouds shared out over ranks in different ways, for the tests of mpi/domain; and the main function of those tests. */
#ifndef TEST_MPI_CASE_H
#define TEST_MPI_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <petscsys.h>

#include "domain/comm.h"

static esp_comm *comm;

enum { KEYS_BALL, KEYS_PLUMMER, KEYS_GRID, KEYS_POINT, KEYS_KINDS };
enum { SHARE_EVEN, SHARE_CYCLIC, SHARE_FIRST, SHARE_LAST, SHARE_KINDS };

static inline uint64_t case_bits(uint64_t k) {
  uint64_t x = (k + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}
static inline double case_uniform(uint64_t k) {
  return (double)(case_bits(k) >> 11) * 0x1p-53;
}

/* The whole cloud, the same on every rank: components in [0, 1). Ids unique, in no order, some negative. */
typedef struct {
  int n, dim;
  double *z;
  double *q;         /* receivers' keys, or NULL: see cloud_query */
  int lie;           /* > 0: dimensions of places, see cloud_place */
  double *at, *q_at; /* the senders' and the receivers', or NULL */
  int64_t *id;
  /* this rank's share of it */
  int n_home;
  double *home_z, *home_q, *home_at, *home_q_at;
  int64_t *home_id;
  int *home_index; /* place in the whole cloud */
} cloud;

static inline int case_owner(int share, int n, int i) {
  if (share == SHARE_CYCLIC) return i % comm->size;
  if (share == SHARE_FIRST) return 0;
  if (share == SHARE_LAST) return comm->size - 1;
  return (int)((int64_t)i * comm->size / n);
}

static inline double case_key(int kind, int i, int dim, int a) {
  const double u = case_uniform((uint64_t)(i * dim + a) * 31 + 7), s = case_uniform((uint64_t)i * 977 + 5);
  if (kind == KEYS_BALL) return u;
  if (kind == KEYS_GRID) return a == 0 && i % 2 ? -0.0 : (double)(int)(4 * u) / 4;
  if (kind == KEYS_POINT) return 0.25;
  const double r = 0.05 / sqrt(pow(s + 1e-3, -2.0 / 3.0) - 0.99);
  const double x = 0.4 + r * (u - 0.5);
  return x - floor(x) < 1 ? x - floor(x) : 0;
}

static inline cloud cloud_make(int n, int dim, int kind, int share) {
  cloud c = {.n = n, .dim = dim};
  c.z = malloc(sizeof *c.z * (size_t)(n * dim + 1));
  c.id = malloc(sizeof *c.id * (size_t)(n + 1));
  c.home_z = malloc(sizeof *c.z * (size_t)(n * dim + 1));
  c.home_id = malloc(sizeof *c.id * (size_t)(n + 1));
  c.home_index = malloc(sizeof(int) * (size_t)(n + 1));
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < dim; a++) c.z[i * dim + a] = case_key(kind, i, dim, a);
    c.id[i] = ((int64_t)i * 7919 + 13) % 1000003 - 500000;
    if (case_owner(share, n, i) != comm->rank) continue;
    memcpy(c.home_z + c.n_home * dim, c.z + i * dim, sizeof *c.z * (size_t)dim);
    c.home_id[c.n_home] = c.id[i];
    c.home_index[c.n_home++] = i;
  }
  return c;
}

static inline double *cloud_home(const cloud *c, int dim, const double *x) {
  double *home = malloc(sizeof *home * (size_t)(c->n_home * dim + 1));
  for (int i = 0; i < c->n_home; i++) memcpy(home + i * dim, x + c->home_index[i] * dim, sizeof *x * (size_t)dim);
  return home;
}

/* Gives the receivers keys of their own, unlike z: another particle's, of any kind, drawn together a little. */
static inline void cloud_query(cloud *c, int kind) {
  const int dim = c->dim;
  c->q = malloc(sizeof *c->q * (size_t)(c->n * dim + 1));
  for (int i = 0; i < c->n; i++)
    for (int a = 0; a < dim; a++) c->q[i * dim + a] = 0.9 * case_key(kind, c->n - 1 - i, dim, a) + 0.05;
  c->home_q = cloud_home(c, dim, c->q);
}

/* Lets particles lie where another cloud does, in `lie` dimensions; after cloud_query. */
static inline void cloud_place(cloud *c, int lie, int kind) {
  c->lie = lie;
  c->at = malloc(sizeof *c->at * (size_t)(c->n * lie + 1));
  c->q_at = malloc(sizeof *c->at * (size_t)(c->n * lie + 1));
  for (int i = 0; i < c->n; i++)
    for (int a = 0; a < lie; a++) {
      c->at[i * lie + a] = case_key(kind, i + 3, lie, a);
      c->q_at[i * lie + a] = c->q ? 0.8 * case_key(kind, 2 * i, lie, a) : c->at[i * lie + a];
    }
  c->home_at = cloud_home(c, lie, c->at);
  c->home_q_at = cloud_home(c, lie, c->q_at);
}

static inline void cloud_free(cloud *c) {
  free(c->at);
  free(c->q_at);
  free(c->home_at);
  free(c->home_q_at);
  free(c->q);
  free(c->home_q);
  free(c->z);
  free(c->id);
  free(c->home_z);
  free(c->home_id);
  free(c->home_index);
}

static inline int64_t sum_over_ranks(int64_t value) {
  assert_int_equal(comm->sum_i64(comm, &value, 1), ESP_OK);
  return value;
}

/* Of two files. Local. */
static inline void case_same_bytes(const char *one, const char *other) {
  FILE *a = fopen(one, "rb"), *b = fopen(other, "rb");
  assert_true(a && b);
  for (int x = 0, y = 0; x != EOF; assert_int_equal(x, y)) x = getc(a), y = getc(b);
  fclose(a);
  fclose(b);
}

#define CASE_MAIN(...) CASE_MAIN_WITH(NULL, NULL, __VA_ARGS__)
#define CASE_MAIN_WITH(setup, teardown, ...)                                          \
  int main(int argc, char **argv) {                                                   \
    if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;                          \
    if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) MPI_Abort(PETSC_COMM_WORLD, 1); \
    const struct CMUnitTest tests[] = {__VA_ARGS__};                                  \
    int failed = cmocka_run_group_tests(tests, setup, teardown);                      \
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, PETSC_COMM_WORLD);      \
    esp_comm_mpi_free(&comm);                                                         \
    return PetscFinalize() || failed;                                                 \
  }

#endif
