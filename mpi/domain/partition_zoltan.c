#include "domain/partition_zoltan.h"

#include <stdio.h>

#include <zoltan.h>

#include "domain/comm.h"

typedef struct {
  int dim, n;
  int64_t first;   /* number of this rank's first point over all ranks */
  const double *z; /* [n][dim] */
} points;

static int count_points(void *data, int *error) {
  *error = ZOLTAN_OK;
  return ((const points *)data)->n;
}

static int count_axes(void *data, int *error) {
  *error = ZOLTAN_OK;
  return ((const points *)data)->dim;
}

/* A global name of two words, a local one of one. */
static void name_points(void *data, int global_words, int local_words, ZOLTAN_ID_PTR global, ZOLTAN_ID_PTR local,
                        int weights, float *weight, int *error) {
  const points *p = data;
  (void)weights, (void)weight;
  for (int i = 0; i < p->n; i++) {
    global[(size_t)i * (size_t)global_words] = (ZOLTAN_ID_TYPE)((uint64_t)(p->first + i) >> 32);
    global[(size_t)i * (size_t)global_words + 1] = (ZOLTAN_ID_TYPE)((uint64_t)(p->first + i) & UINT32_MAX);
    local[(size_t)i * (size_t)local_words] = (ZOLTAN_ID_TYPE)i;
  }
  *error = ZOLTAN_OK;
}

static void place_points(void *data, int global_words, int local_words, int count, ZOLTAN_ID_PTR global,
                         ZOLTAN_ID_PTR local, int dim, double *x, int *error) {
  const points *p = data;
  (void)global_words, (void)global;
  for (int k = 0; k < count; k++)
    for (int a = 0; a < dim; a++)
      x[(size_t)k * (size_t)dim + (size_t)a] =
          p->z[(size_t)local[(size_t)k * (size_t)local_words] * (size_t)dim + (size_t)a];
  *error = ZOLTAN_OK;
}

static int set_up(struct Zoltan_Struct *zoltan, const char *method, int parts, points *p) {
  char number[16];
  snprintf(number, sizeof number, "%d", parts);
  const char *const keys[][2] = {{"DEBUG_LEVEL", "0"},      {"LB_METHOD", method},      {"NUM_GLOBAL_PARTS", number},
                                 {"NUM_GID_ENTRIES", "2"},  {"NUM_LID_ENTRIES", "1"},   {"OBJ_WEIGHT_DIM", "0"},
                                 {"RETURN_LISTS", "PARTS"}, {"IMBALANCE_TOL", "1.001"}, {"KEEP_CUTS", "0"}};
  for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
    ESP_CHECK(Zoltan_Set_Param(zoltan, keys[k][0], keys[k][1]) == ZOLTAN_OK, ESP_ERR_INTERNAL, "Zoltan refuses %s = %s",
              keys[k][0], keys[k][1]);
  int bad = Zoltan_Set_Num_Obj_Fn(zoltan, count_points, p);
  bad |= Zoltan_Set_Obj_List_Fn(zoltan, name_points, p);
  bad |= Zoltan_Set_Num_Geom_Fn(zoltan, count_axes, p);
  bad |= Zoltan_Set_Geom_Multi_Fn(zoltan, place_points, p);
  ESP_CHECK(!bad, ESP_ERR_INTERNAL, "Zoltan refuses a query function");
  return ESP_OK;
}

static int divide(struct Zoltan_Struct *zoltan, const char *method, int parts, const points *p, int *part) {
  int changes, global_words, local_words, n_in = 0, n_out = 0, rc = ESP_OK;
  ZOLTAN_ID_PTR in_global = NULL, in_local = NULL, out_global = NULL, out_local = NULL;
  int *in_rank = NULL, *in_part = NULL, *out_rank = NULL, *out_part = NULL;
  const int code = Zoltan_LB_Partition(zoltan, &changes, &global_words, &local_words, &n_in, &in_global, &in_local,
                                       &in_rank, &in_part, &n_out, &out_global, &out_local, &out_rank, &out_part);
  ESP_NEED(code == ZOLTAN_OK || code == ZOLTAN_WARN, ESP_ERR_COMM, "Zoltan_LB_Partition, %s into %d parts: code %d",
           method, parts, code);
  ESP_NEED(n_out == p->n, ESP_ERR_COMM, "Zoltan_LB_Partition, %s into %d parts: parts of %d points; there are %d",
           method, parts, n_out, p->n);
  for (int k = 0; k < n_out; k++) part[out_local[(size_t)k * (size_t)local_words]] = out_part[k];
done:
  Zoltan_LB_Free_Part(&in_global, &in_local, &in_rank, &in_part);
  Zoltan_LB_Free_Part(&out_global, &out_local, &out_rank, &out_part);
  return rc;
}

int esp_partition_zoltan_built(void) {
  return 1;
}

static int cut(const esp_comm *comm, const char *method, int parts, points *p, int *part) {
  struct Zoltan_Struct *zoltan = NULL;
  float version;
  int rc = ESP_OK;
  if (Zoltan_Initialize(0, NULL, &version) == ZOLTAN_OK)
    zoltan = Zoltan_Create(comm->impl ? esp_comm_mpi_get(comm) : MPI_COMM_SELF);
  if (!zoltan) rc = ESP_FAIL(ESP_ERR_COMM, "Zoltan does not start");
  if (!rc) rc = set_up(zoltan, method, parts, p);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->agree(comm, divide(zoltan, method, parts, p, part)));
done:
  if (zoltan) Zoltan_Destroy(&zoltan);
  return rc;
}

/* A rank that begins and ends without a point fails in Zoltan (an allocation of 0 bytes), and the others wait for it. So
 * each rank cuts all of them for itself. */
static int cut_alone(const esp_comm *comm, const char *method, int parts, points *mine, int *part) {
  const size_t unit = (size_t)mine->dim * sizeof *mine->z;
  points all = {.dim = mine->dim};
  void *z = NULL;
  size_t *start = NULL;
  int *all_part = NULL, rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(start, comm->size + 1)));
  ESP_TRY(comm->gather_all(comm, mine->z, (size_t)mine->n * unit, &z, start));
  all.z = z;
  all.n = (int)(start[comm->size] / unit);
  rc = ESP_ALLOC(all_part, all.n);
  if (!rc) rc = cut(esp_comm_self(), method, parts, &all, all_part);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < mine->n; i++) part[i] = all_part[mine->first + i];
done:
  ESP_FREE(all_part);
  ESP_FREE(start);
  ESP_FREE(z);
  return rc;
}

int esp_partition_zoltan(const esp_comm *comm, const char *method, int parts, int dim, int n_home, const double *z,
                         int *part) {
  points p = {.dim = dim, .n = n_home, .first = n_home, .z = z};
  int64_t all = n_home, bare = n_home == 0;
  ESP_CHECK(parts >= 1, ESP_ERR_ARG, "%d parts; must be >= 1", parts);
  ESP_CHECK(dim == 2 || dim == 3, ESP_ERR_ARG, "points of %d axes; must be 2 or 3", dim);
  ESP_CALL(comm->exscan_i64(comm, &p.first));
  ESP_CALL(comm->sum_i64(comm, &all, 1));
  ESP_CALL(comm->max_i64(comm, &bare, 1));
  if (all == 0) return ESP_OK;
  return (bare ? cut_alone : cut)(comm, method, parts, &p, part);
}
