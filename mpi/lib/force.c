/* Gravity: by the multipole method, or by the tree. */
#include <math.h>
#include <string.h>

#include "fmm/fmm.h"
#include "lib/work.h"
#include "net/layer.h"
#include "net/multipole.h"

/* Largest extent of the places over all ranks and the total mass, as powers of two, so that scaling by them is exact. */
static int measure(const esp_comm *comm, const esp_cloud *cloud, int *length, int *mass) {
  double most[7] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, 0};
  for (int i = 0; i < cloud->n_home; i++) {
    for (int a = 0; a < 3; a++) {
      most[a] = fmax(most[a], cloud->x[i][a]);
      most[3 + a] = fmax(most[3 + a], -cloud->x[i][a]);
    }
    most[6] = fmax(most[6], cloud->m[i]);
  }
  ESP_CALL(comm->max_f64(comm, most, 7));
  double extent = 0;
  for (int a = 0; a < 3; a++) extent = fmax(extent, fmax(most[a] + most[3 + a], cloud->box[a]));
  *length = extent > 0 && isfinite(extent) ? ilogb(extent) : 0;
  *mass = most[6] > 0 ? ilogb(most[6]) : 0;
  return ESP_OK;
}

static int multipole_force(const espalier *e, esp_cloud *cloud, double (*a)[3], double *potential,
                           espalier_stats *stats) {
  const esp_fmm_param param = esp_fmm_param_of(e->options.order, e->options.tolerance, cloud->eps);
  const esp_fmm_bodies bodies = {
      .n = cloud->n_home, .position = (const double(*)[3])cloud->x, .mass = cloud->m, .id = cloud->id};
  esp_fmm_cost cost;
  esp_cost own = {0};
  const esp_fmm_result result = {.acceleration = a, .potential = potential, .cost = &cost};
  ESP_CALL(esp_fmm_force(e->comm, &param, &bodies, &result));
  for (int i = 0; i < cloud->n_home; i++) {
    for (int c = 0; c < 3 && a; c++) a[i][c] *= cloud->G;
    if (potential) potential[i] *= cloud->G;
  }
  esp_multipole_count(&cost, &own);
  esp_lib_stats(&own, stats);
  return ESP_OK;
}

static int layer_force(const espalier *e, esp_cloud *cloud, double (*a)[3], double *potential, espalier_stats *stats) {
  int rc = ESP_OK;
  if (potential && cloud->n_home)
    rc = ESP_FAIL(ESP_ERR_CONFIG,
                  "a potential over all pairs or in a periodic box is not known: open space and "
                  "options.theta >= 0 are needed");
  ESP_CALL(e->comm->agree(e->comm, rc));
  int length, mass;
  ESP_CALL(measure(e->comm, cloud, &length, &mass));
  for (int i = 0; i < cloud->n_home; i++) {
    cloud->m[i] = ldexp(cloud->m[i], -mass);
    for (int c = 0; c < 3; c++) cloud->x[i][c] = ldexp(cloud->x[i][c], -length);
  }
  esp_layer_param param = {.form = {.message = &esp_message_newton, .dim = 3, .softening = ldexp(cloud->eps, -length)}};
  const espalier_options *o = &e->options;
  param.domain = (esp_domain_param){.leaf = o->leaf, .block = o->block, .dim = 3};
  param.domain.lists.theta = o->theta;
  param.domain.lists.pairs_limit = o->theta > 0 ? o->pairs_limit : 0;
  for (int c = 0; c < 3; c++) param.form.period[c] = ldexp(cloud->box[c], -length);
  esp_form_wrap(&param.form, cloud->n_home, (double *)cloud->x);
  const esp_layer_input input = {.id = cloud->id, .key = (const double *)cloud->x, .value = cloud->m};
  esp_backend backend = esp_lib_backend(e, e->force);
  esp_layer layer;
  esp_cost own = {0};
  ESP_CALL(esp_layer_forward(&backend, &param, cloud->n_home, &input, NULL, (double *)a, &layer));
  for (int i = 0; i < cloud->n_home; i++)
    for (int c = 0; c < 3; c++) a[i][c] = cloud->G * ldexp(a[i][c], mass - 2 * length);
  esp_layer_count(&layer, &own);
  esp_lib_stats(&own, stats);
  esp_layer_free(&layer);
  return ESP_OK;
}

int espalier_gravity(espalier *e, const espalier_particles *p, double (*acceleration)[3], double *potential,
                     espalier_stats *stats) {
  esp_error_clear();
  double start = esp_wall();
  espalier_stats own = {0};
  esp_cloud cloud = {0};
  ESP_CALL(esp_lib_make_cloud(e, p, 0, acceleration || potential, 0, &cloud));
  const int open = !(cloud.box[0] > 0 || cloud.box[1] > 0 || cloud.box[2] > 0);
  int (*const force)(const espalier *, esp_cloud *, double(*)[3], double *, espalier_stats *) =
      open && e->options.theta > 0 ? multipole_force : layer_force;
  int rc = cloud.n ? force(e, &cloud, acceleration, potential, &own) : ESP_OK;
  esp_cloud_free(&cloud);
  own.seconds = esp_wall() - start;
  if (stats) *stats = own;
  return rc;
}

int espalier_force(espalier *e, const espalier_particles *p, double (*acceleration)[3], espalier_stats *stats) {
  return espalier_gravity(e, p, acceleration, NULL, stats);
}
