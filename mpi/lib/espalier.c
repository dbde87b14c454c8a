#include "lib/work.h"

#include <math.h>
#include <petscsys.h>
#include <string.h>

#include "domain/comm.h"
#include "domain/domain.h"
#include "domain/migrate.h"
#include "fmm/fmm.h"
#include "io/checkpoint.h"
#include "net/integrator.h"
#include "tasks/gravity/gravity.h"
#include "tasks/gravity/nbody_force.h"
#include "tasks/gravity/nbody_start.h"

const char *espalier_error(void) {
  return esp_error_message();
}

/* ---- life ---- */

/* PETSc, if it was started here, stops when MPI does: MPI_Finalize first deletes the attributes of MPI_COMM_SELF. */
static int stop_petsc(MPI_Comm comm, int key, void *value, void *extra) {
  (void)comm, (void)key, (void)value, (void)extra;
  PetscBool stopped;
  if (PetscFinalized(&stopped)) return MPI_ERR_OTHER;
  return !stopped && PetscFinalize() ? MPI_ERR_OTHER : MPI_SUCCESS;
}

static int start_petsc(void) {
  PetscBool started;
  ESP_PETSC(PetscInitialized(&started));
  if (started) return ESP_OK;
  int key;
  /* Each rank for itself: not all of the caller's ranks need take part, nor the same ones in the next object. */
  PETSC_COMM_WORLD = MPI_COMM_SELF;
  ESP_PETSC(PetscInitializeNoArguments());
  ESP_PETSC(PetscPopSignalHandler()); /* signals stay the caller's */
  ESP_MPI(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, stop_petsc, &key, NULL));
  ESP_MPI(MPI_Comm_set_attr(MPI_COMM_SELF, key, NULL));
  return ESP_OK;
}

static int resolve(const espalier_options *given, espalier_options *o) {
  memset(o, 0, sizeof *o);
  if (given) *o = *given;
  if (!o->leaf) o->leaf = 8;
  if (!o->block) o->block = 64;
  if (!o->pairs_limit) o->pairs_limit = 65536;
  if (!o->layers) o->layers = 4;
  if (!o->order) o->order = 4;
  ESP_CHECK(o->order >= ESP_FMM_ORDER_MIN && o->order <= ESP_FMM_ORDER_MAX, ESP_ERR_CONFIG,
            "options.order = %d; allowed: 0 (default), %d to %d", o->order, ESP_FMM_ORDER_MIN, ESP_FMM_ORDER_MAX);
  ESP_CHECK(o->tolerance >= 0 && o->tolerance <= 1, ESP_ERR_CONFIG,
            "options.tolerance = %g; allowed: 0 (that of the order), (0, 1]", o->tolerance);
  ESP_CHECK(!isnan(o->theta) && o->theta <= 4, ESP_ERR_CONFIG,
            "options.theta = %g; allowed: 0 (default), (0, 4], or negative for all pairs", o->theta);
  o->theta = o->theta == 0 ? 0.5 : o->theta < 0 ? 0 : o->theta;
  ESP_CHECK(o->leaf >= 1, ESP_ERR_CONFIG, "options.leaf = %d; at least 1 is needed", o->leaf);
  ESP_CHECK(o->block >= 1, ESP_ERR_CONFIG, "options.block = %d; at least 1 is needed", o->block);
  ESP_CHECK(o->pairs_limit >= 0, ESP_ERR_CONFIG, "options.pairs_limit = %lld; at least 0 (default) is needed",
            (long long)o->pairs_limit);
  return ESP_OK;
}

static int check_options(const espalier *e) {
  static const char *const name[] = {"options.leaf",   "options.block",     "options.theta",
                                     "options.layers", "options.single",    "options.pairs_limit",
                                     "options.order",  "options.tolerance", "options.checkpoint"};
  const espalier_options *o = &e->options;
  const double value[] = {o->leaf,   o->block,       o->theta,
                          o->layers, o->single != 0, (double)o->pairs_limit,
                          o->order,  o->tolerance,   o->checkpoint != NULL};
  return esp_lib_same(e->comm, ESP_LIB_SAME_MOST, value, name);
}

static int read_model(espalier *e) {
  const char *path = e->options.checkpoint;
  char precision[ESP_CHECKPOINT_PRECISION];
  ESP_CALL(esp_checkpoint_read(e->comm, path, &e->model, NULL, precision));
  ESP_CHECK(e->model.network == esp_task_gravity.network, ESP_ERR_CONFIG,
            "%s: a network of kind '%s'; espalier_predict takes '%s'", path, e->model.network->name,
            esp_task_gravity.network->name);
  e->network = esp_device_find(precision);
  return ESP_OK;
}

static int make_model(espalier *e) {
  const espalier_options *o = &e->options;
  e->force = e->network = o->single ? &esp_device_cpu32 : &esp_device_cpu64;
  if (o->checkpoint) return read_model(e);
  esp_integrator_param param = {.layers = o->layers, .tableau = ESP_TABLEAU_FREE}; /* the first message: newton */
  param.order = o->order;
  param.tolerance = o->tolerance;
  param.domain.leaf = o->leaf;
  param.domain.block = o->block;
  param.domain.lists.theta = o->theta;
  param.domain.lists.pairs_limit = o->pairs_limit;
  const esp_sizes sizes = {.width = {[ESP_INPUT] = 6, [ESP_SENT] = 1, [ESP_TARGET] = 6}};
  return esp_model_create(esp_task_gravity.network, &param, &sizes, &e->model);
}

/* Anything else that is asked of MPI would end the program. */
int esp_lib_mpi_runs(const char *function) {
  int started, stopped;
  ESP_MPI(MPI_Initialized(&started));
  ESP_MPI(MPI_Finalized(&stopped));
  ESP_CHECK(started, ESP_ERR_ARG, "%s before MPI_Init: call that first", function);
  ESP_CHECK(!stopped, ESP_ERR_ARG, "%s after MPI_Finalize: MPI cannot be used any more", function);
  return ESP_OK;
}

int esp_lib_start(const char *function, MPI_Comm mpi, esp_comm **comm) {
  ESP_CALL(esp_lib_mpi_runs(function));
  ESP_CHECK(mpi != MPI_COMM_NULL, ESP_ERR_ARG, "%s: the communicator is MPI_COMM_NULL", function);
  ESP_CALL(start_petsc());
  ESP_CALL(esp_comm_mpi_create(mpi, comm));
  return ESP_OK;
}

int espalier_create_fortran(MPI_Fint comm, const espalier_options *options, espalier **out) {
  esp_error_clear();
  ESP_CHECK(out, ESP_ERR_ARG, "espalier_create: no place for the result");
  *out = NULL;
  ESP_CALL(esp_lib_mpi_runs("espalier_create"));
  ESP_CALL(espalier_create(MPI_Comm_f2c(comm), options, out));
  return ESP_OK;
}

int espalier_create(MPI_Comm mpi, const espalier_options *options, espalier **out) {
  esp_error_clear();
  ESP_CHECK(out, ESP_ERR_ARG, "espalier_create: no place for the result");
  *out = NULL;
  esp_comm *comm;
  espalier *e = NULL;
  int rc;
  ESP_CALL(esp_lib_start("espalier_create", mpi, &comm));
  ESP_TRY(comm->agree(comm, ESP_ALLOC(e, 1)));
  e->comm = comm;
  ESP_TRY(e->comm->agree(e->comm, resolve(options, &e->options)));
  ESP_TRY(check_options(e));
  ESP_TRY(make_model(e));
  *out = e;
  return ESP_OK;
done:
  if (!e) esp_comm_mpi_free(&comm);
  espalier_destroy(&e);
  return rc;
}

int espalier_destroy(espalier **e) {
  if (!e || !*e) return ESP_OK;
  esp_model_free(&(*e)->model);
  esp_comm_mpi_free(&(*e)->comm);
  ESP_FREE(*e);
  return ESP_OK;
}

/* ---- what the caller asks for ---- */

int esp_lib_slots(esp_domain *dom, esp_lib_place *home) {
  esp_lib_place *slots = NULL;
  int rc;
  ESP_TRY(dom->comm->agree(dom->comm, ESP_ALLOC(slots, dom->n_own)));
  for (int s = 0; s < dom->n_own; s++) slots[s] = (esp_lib_place){dom->tree.slot_first + s, dom->comm->rank};
  ESP_TRY(dom->ops->to_home(dom, sizeof *slots, slots, home));
done:
  ESP_FREE(slots);
  return rc;
}

static int find_places(const espalier *e, const esp_cloud *cloud, esp_lib_place *home) {
  esp_domain_param param = {.leaf = e->options.leaf, .block = e->options.block, .dim = 3};
  param.lists.theta = 1; /* the lists are not used; a wide angle makes them short */
  esp_domain *dom = NULL;
  ESP_CALL(esp_domain_build_mpi(e->comm, &param, cloud->n_home, (const double *)cloud->x, NULL, cloud->id, &dom));
  const int rc = esp_lib_slots(dom, home);
  esp_domain_free(&dom);
  return rc;
}

int espalier_partition(espalier *e, const espalier_particles *p, int *owner, int64_t *slot) {
  esp_error_clear();
  esp_cloud cloud = {0};
  ESP_CALL(esp_lib_make_cloud(e, p, 0, 1, 0, &cloud));
  esp_lib_place *home = NULL;
  int rc = ESP_OK;
  ESP_TRY(e->comm->agree(e->comm, ESP_ALLOC(home, cloud.n_home)));
  if (cloud.n) ESP_TRY(find_places(e, &cloud, home));
  for (int i = 0; i < cloud.n_home; i++) {
    if (owner) owner[i] = home[i].owner;
    if (slot) slot[i] = home[i].slot;
  }
done:
  ESP_FREE(home);
  esp_cloud_free(&cloud);
  return rc;
}

int esp_lib_all_pairs(const espalier *e, const esp_cloud *cloud, double softening, int n, const double (*y)[3],
                      double (*a)[3], double *potential) {
  ESP_CALL(esp_nbody_direct(e->comm, cloud->n_home, (const double(*)[3])cloud->x, cloud->m, n, y, softening, cloud->box,
                            a, potential));
  for (int i = 0; i < n; i++) {
    for (int c = 0; c < 3; c++) a[i][c] *= cloud->G;
    potential[i] *= cloud->G;
  }
  return ESP_OK;
}

/* The cloud's own units: d the mean spacing, T the horizon. */
static int set_units(const espalier *e, double horizon, esp_cloud *cloud) {
  double volume = cloud->box[0] * cloud->box[1] * cloud->box[2];
  if (volume > 0) {
    ESP_CHECK(horizon > 0, ESP_ERR_VALUE, "horizon = 0: a periodic box has none of its own; give one > 0");
    cloud->d = cbrt(volume / (double)cloud->n);
  } else {
    esp_start_info info;
    ESP_CALL(esp_nbody_units(e->comm, ESP_START_DIRECT_LIMIT, cloud, NULL, &info));
  }
  if (horizon > 0) cloud->T = horizon;
  return ESP_OK;
}

/* The set takes the cloud's arrays over. */
static int network(const espalier *e, double horizon, size_t stride, esp_cloud *cloud, double (*D)[3], double (*K)[3],
                   double *used, espalier_stats *stats) {
  esp_set set = {0};
  double *y = NULL;
  int rc;
  ESP_AGREE(e->comm, set_units(e, horizon, cloud));
  const double d = cloud->d, T = cloud->T;
  esp_cloud_give(cloud, 0, esp_task_gravity.layout, &set);
  memset(cloud, 0, sizeof *cloud);
  const esp_backend backend = esp_lib_backend(e, e->network);
  esp_cost cost = {0};
  rc = ESP_ALLOC(y, 6 * (size_t)set.n_home);
  if (!rc) rc = esp_task_gravity.ready(NULL, &set);
  ESP_TRY(e->comm->agree(e->comm, rc));
  ESP_TRY(esp_model_predict(&e->model, &backend, &set, NULL, y, &cost));
  esp_lib_stats(&cost, stats);
  for (int i = 0; i < set.n_home; i++)
    for (int c = 0; c < 3; c++) {
      y[6 * i + c] *= d;
      y[6 * i + 3 + c] *= d / T;
    }
  for (int i = 0; i < set.n_home; i++) {
    esp_lib_put(D, stride, i, y + 6 * i, 3);
    esp_lib_put(K, stride, i, y + 6 * i + 3, 3);
  }
  if (used) *used = T;
done:
  ESP_FREE(y);
  esp_set_free(&set);
  return rc;
}

int espalier_predict(espalier *e, const espalier_particles *p, double horizon, double (*displacement)[3],
                     double (*velocity_change)[3], double *used, espalier_stats *stats) {
  esp_error_clear();
  double start = esp_wall();
  espalier_stats own = {0};
  esp_cloud cloud = {0};
  ESP_CALL(esp_lib_make_cloud(e, p, 1, displacement && velocity_change, horizon, &cloud));
  int rc = ESP_OK;
  if (used) *used = horizon;
  if (cloud.n >= 2) {
    rc = network(e, horizon, p->stride.vector, &cloud, displacement, velocity_change, used, &own);
  } else if (cloud.n_home) { /* one particle moves on as it did */
    memset(displacement, 0, sizeof *displacement);
    memset(velocity_change, 0, sizeof *velocity_change);
  }
  esp_cloud_free(&cloud);
  own.seconds = esp_wall() - start;
  if (stats) *stats = own;
  return rc;
}
