/* What the caller hands over, checked and copied: particles as a cloud, and targets. */
#include <math.h>
#include <string.h>

#include "domain/migrate.h"
#include "lib/work.h"

/* The same values on every rank, or the same error: ranks that went different ways would wait for each other. No NaN. */
int esp_lib_same(const esp_comm *comm, int count, const double *value, const char *const *name) {
  double most[2 * ESP_LIB_SAME_MOST];
  for (int k = 0; k < count; k++) most[2 * k] = value[k], most[2 * k + 1] = -value[k];
  ESP_CALL(comm->max_f64(comm, most, 2 * (size_t)count));
  for (int k = 0; k < count; k++)
    ESP_CHECK(most[2 * k] == -most[2 * k + 1], ESP_ERR_VALUE,
              "%s differs over the ranks: from %g to %g; it must be the same", name[k], -most[2 * k + 1], most[2 * k]);
  return ESP_OK;
}

int esp_lib_same_word(const esp_comm *comm, uint64_t word, const char *what) {
  int64_t most[2] = {(int64_t)word, ~(int64_t)word};
  ESP_CALL(comm->max_i64(comm, most, 2));
  ESP_CHECK(most[0] == ~most[1], ESP_ERR_VALUE, "%s differs over the ranks; it must be the same", what);
  return ESP_OK;
}

/* A stride that a value fits in. */
static int check_stride(const char *name, size_t stride, size_t size) {
  ESP_CHECK(!stride || stride >= size, ESP_ERR_ARG, "stride.%s = %zu bytes; allowed: 0, or at least the value's %zu",
            name, stride, size);
  return ESP_OK;
}

static int check_strides(const espalier_strides *s) {
  ESP_CALL(check_stride("id", s->id, sizeof(int64_t)));
  ESP_CALL(check_stride("mass", s->mass, sizeof(double)));
  ESP_CALL(check_stride("position", s->position, 3 * sizeof(double)));
  ESP_CALL(check_stride("velocity", s->velocity, 3 * sizeof(double)));
  ESP_CALL(check_stride("softening", s->softening, sizeof(double)));
  ESP_CALL(check_stride("vector", s->vector, 3 * sizeof(double)));
  ESP_CALL(check_stride("number", s->number, sizeof(double)));
  return ESP_OK;
}

static int check_particles(const espalier *e, const espalier_particles *p, int velocity, int results, double horizon) {
  ESP_CHECK(p, ESP_ERR_ARG, "espalier: no particles given");
  ESP_CHECK(p->n >= 0 && p->n <= ESP_LIB_MOST, ESP_ERR_LIMIT, "particles.n = %lld on rank %d; allowed: 0 to %d a rank",
            (long long)p->n, e->comm->rank, ESP_LIB_MOST);
  ESP_CHECK(p->n == 0 || (p->mass && p->position), ESP_ERR_ARG, "particles: mass and position must be given");
  ESP_CHECK(p->n == 0 || !velocity || p->velocity, ESP_ERR_ARG, "particles: the velocity is needed");
  ESP_CHECK(p->n == 0 || results, ESP_ERR_ARG, "no place for the results of %lld particles", (long long)p->n);
  ESP_CHECK(isfinite(horizon) && horizon >= 0, ESP_ERR_VALUE, "horizon = %g; allowed: finite and >= 0", horizon);
  ESP_CHECK(isfinite(p->G) && p->G > 0, ESP_ERR_VALUE, "particles.G = %g; allowed: finite and > 0", p->G);
  ESP_CHECK(isfinite(p->softening) && p->softening >= 0, ESP_ERR_VALUE,
            "particles.softening = %g; allowed: finite and >= 0", p->softening);
  for (int a = 0; a < 3; a++)
    ESP_CHECK(isfinite(p->box[a]) && p->box[a] >= 0, ESP_ERR_VALUE, "particles.box[%d] = %g; allowed: finite and >= 0",
              a, p->box[a]);
  return check_strides(&p->stride);
}

static void copy_particles(const espalier_particles *p, int velocity, int64_t first, int numbered, esp_cloud *cloud) {
  const espalier_strides *s = &p->stride;
  for (int i = 0; i < cloud->n_home; i++) {
    cloud->id[i] = first + i;
    if (!numbered) memcpy(cloud->id + i, esp_lib_at(p->id, s->id, sizeof *p->id, i), sizeof *cloud->id);
    memcpy(cloud->m + i, esp_lib_at(p->mass, s->mass, sizeof *p->mass, i), sizeof *cloud->m);
    memcpy(cloud->x + i, esp_lib_at(p->position, s->position, sizeof *p->position, i), sizeof *cloud->x);
    if (velocity) memcpy(cloud->v + i, esp_lib_at(p->velocity, s->velocity, sizeof *p->velocity, i), sizeof *cloud->v);
  }
}

/* Ids are by rank and place where any rank has none. */
int esp_lib_numbers(const esp_comm *comm, int64_t n, const int64_t *id, int64_t *first, int64_t *numbered) {
  *first = n;
  *numbered = n > 0 && !id;
  ESP_CALL(comm->exscan_i64(comm, first));
  return comm->max_i64(comm, numbered, 1);
}

int esp_lib_make_cloud(const espalier *e, const espalier_particles *p, int velocity, int results, double horizon,
                       esp_cloud *cloud) {
  static const char *const name[] = {"particles.G",      "particles.softening", "particles.box[0]",
                                     "particles.box[1]", "particles.box[2]",    "horizon"};
  ESP_CALL(esp_lib_mpi_runs("a call of espalier"));
  ESP_CHECK(e, ESP_ERR_ARG, "espalier: no library object given");
  const esp_comm *comm = e->comm;
  ESP_AGREE(comm, check_particles(e, p, velocity, results, horizon));
  const double value[] = {p->G, p->softening, p->box[0], p->box[1], p->box[2], horizon};
  ESP_CALL(esp_lib_same(comm, 6, value, name));
  int64_t first, numbered, n = p->n;
  ESP_CALL(comm->sum_i64(comm, &n, 1));
  ESP_CALL(esp_lib_numbers(comm, p->n, p->id, &first, &numbered));
  int rc = esp_cloud_create(n, (int)p->n, 0, cloud);
  ESP_TRY(comm->agree(comm, rc));
  copy_particles(p, velocity, first, numbered != 0, cloud);
  cloud->dim = 3;
  cloud->G = p->G;
  cloud->eps = p->softening;
  memcpy(cloud->box, p->box, sizeof cloud->box);
  cloud->d = cloud->T = 1;
  ESP_TRY(esp_cloud_check(comm, cloud, "particles"));
  if (!numbered) ESP_TRY(esp_migrate_check_ids(comm, cloud->n_home, cloud->id));
done:
  if (rc) esp_cloud_free(cloud);
  return rc;
}

/* ---- targets ---- */

static int check_targets(const espalier_targets *at, int results) {
  ESP_CHECK(at, ESP_ERR_ARG, "espalier_field: no targets given");
  ESP_CHECK(at->n >= 0 && at->n <= ESP_LIB_MOST, ESP_ERR_LIMIT, "targets.n = %lld; allowed: 0 to %d a rank",
            (long long)at->n, ESP_LIB_MOST);
  ESP_CHECK(at->n == 0 || at->position, ESP_ERR_ARG, "targets: the position must be given");
  ESP_CHECK(at->n == 0 || results, ESP_ERR_ARG, "no place for the results of %lld targets", (long long)at->n);
  return check_strides(&at->stride);
}

static int check_target(int64_t i, const double *x, double softening, int64_t id) {
  ESP_CHECK(isfinite(x[0]) && isfinite(x[1]) && isfinite(x[2]), ESP_ERR_VALUE,
            "target %lld: position (%g, %g, %g); it must be finite", (long long)i, x[0], x[1], x[2]);
  ESP_CHECK(isfinite(softening) && softening >= 0, ESP_ERR_VALUE, "target %lld: softening %g; allowed: finite and >= 0",
            (long long)i, softening);
  return esp_lib_check_id(id);
}

int esp_lib_check_id(int64_t id) {
  const int64_t most = (int64_t)1 << 62;
  ESP_CHECK(id >= -most && id < most, ESP_ERR_VALUE, "id %lld; espalier_field allows -2^62 to 2^62 - 1", (long long)id);
  return ESP_OK;
}

static int fill_targets(const espalier_targets *at, double softening, int64_t first, int numbered, esp_lib_targets *t) {
  const espalier_strides *s = &at->stride;
  t->n = (int)at->n;
  ESP_CALL(ESP_ALLOC(t->x, t->n));
  ESP_CALL(ESP_ALLOC(t->softening, t->n));
  ESP_CALL(ESP_ALLOC(t->id, t->n));
  for (int i = 0; i < t->n; i++) {
    memcpy(t->x + i, esp_lib_at(at->position, s->position, sizeof *at->position, i), sizeof *t->x);
    t->softening[i] = softening;
    if (at->softening)
      memcpy(t->softening + i, esp_lib_at(at->softening, s->softening, sizeof *at->softening, i), sizeof softening);
    t->id[i] = first + i;
    if (!numbered) memcpy(t->id + i, esp_lib_at(at->id, s->id, sizeof *at->id, i), sizeof *t->id);
    ESP_CALL(check_target(i, t->x[i], t->softening[i], t->id[i]));
    t->softening[i] += 0; /* -0 is 0 */
  }
  return ESP_OK;
}

int esp_lib_targets_make(const espalier *e, const espalier_targets *at, double softening, int results,
                         esp_lib_targets *t) {
  int64_t first, numbered;
  int rc;
  *t = (esp_lib_targets){0};
  ESP_AGREE(e->comm, check_targets(at, results));
  ESP_CALL(esp_lib_numbers(e->comm, at->n, at->id, &first, &numbered));
  ESP_TRY(e->comm->agree(e->comm, fill_targets(at, softening, first, numbered != 0, t)));
done:
  if (rc) esp_lib_targets_free(t);
  return rc;
}

void esp_lib_targets_free(esp_lib_targets *t) {
  ESP_FREE(t->x);
  ESP_FREE(t->softening);
  ESP_FREE(t->id);
}
