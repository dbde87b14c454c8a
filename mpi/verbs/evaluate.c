/* evaluate: the ladder. Every method on every test set, the classical ones beside the network. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/settle.h"
#include "io/checkpoint_typed.h"
#include "io/ensemble.h"
#include "net/metrics.h"
#include "base/sum.h"
#include "verbs/evaluate_files.h"
#include "verbs/methods.h"
#include "verbs/rollout.h"
#include "verbs/relation_verbs.h"
#include "verbs/run.h"
#include "verbs/setup.h"

enum { ENERGY_LARGEST = 4096, SCATTER = 3000, SETS_MAX = 64 };

/* One method on one test set: this rank's share. */
typedef struct {
  esp_errors errors;
  esp_sum sums; /* 0 energy error, 1 momentum error, 2 clouds with an energy, 3 seconds, 4 clouds */
  int64_t near_pairs, far_pairs, particles;
} tally;

typedef struct {
  esp_run *run;
  const esp_ensemble *ensemble;
  const esp_integrator *trained, *untrained;
  const esp_device *device;
  int64_t n;         /* of the set at hand */
  int sharded, last; /* last: the largest set, that the pictures show */
  esp_portrait portrait;
  esp_lines ladder, bars; /* rank 0 */
  cJSON *rows;
} evaluation;

/* ---- one cloud ---- */

static int energy_error(const esp_cloud *cloud, const double (*D)[3], const double (*K)[3], double *error) {
  esp_cloud after = *cloud;
  after.x = NULL, after.v = NULL;
  int rc = ESP_ALLOC(after.x, cloud->n_home);
  if (!rc) rc = ESP_ALLOC(after.v, cloud->n_home);
  if (!rc) {
    memcpy(after.x, cloud->x, (size_t)cloud->n_home * sizeof *after.x);
    memcpy(after.v, cloud->v, (size_t)cloud->n_home * sizeof *after.v);
    rc = esp_cloud_advance(&after, D, K);
  }
  if (!rc) {
    double start = esp_energy_total(cloud);
    *error = start != 0 ? fabs((esp_energy_total(&after) - start) / start) : 0;
  }
  ESP_FREE(after.x);
  ESP_FREE(after.v);
  return rc;
}

/* D, K hold room for the cloud. Collective over methods->backend->comm. */
static int try_cloud(evaluation *ev, const esp_method *method, const esp_methods *methods, const esp_cloud *cloud,
                     double (*D)[3], double (*K)[3], tally *t) {
  const double(*d)[3] = (const double(*)[3])D, (*k)[3] = (const double(*)[3])K;
  const esp_comm *comm = methods->backend->comm;
  esp_cost cost = {0};
  double start = esp_wall(), momentum, energy;
  ESP_CALL(method->predict(methods, cloud, D, K, &cost));
  esp_sum_add(&t->sums, 3, esp_wall() - start);
  ESP_CALL(esp_errors_add(&t->errors, cloud, d, k));
  ESP_CALL(esp_momentum_error(comm, cloud, k, &momentum));
  if (comm->rank == 0) {
    esp_sum_add(&t->sums, 1, momentum);
    esp_sum_add(&t->sums, 4, 1);
  }
  if (!ev->sharded && cloud->n <= ENERGY_LARGEST) {
    ESP_CALL(energy_error(cloud, d, k, &energy));
    esp_sum_add(&t->sums, 0, energy);
    esp_sum_add(&t->sums, 2, 1);
  }
  if (methods->visit) ev->portrait.forward += cost.seconds_forward;
  t->near_pairs += cost.near_pairs;
  t->far_pairs += cost.far_pairs;
  t->particles += cloud->n_home;
  return ESP_OK;
}

/* ---- one line of the ladder ---- */

/* The figures of a line, over all ranks. */
typedef struct {
  esp_nrmse nrmse;
  double pairs, cells, microseconds, energy, momentum; /* a particle, a particle, a particle, mean, mean */
  int counted, has_energy;
  int64_t clouds;
} figures;

static int sum_up(const evaluation *ev, const tally *t, figures *f) {
  const esp_comm *comm = ev->run->comm;
  esp_sum sums = t->sums;
  double total[5];
  int64_t counts[3] = {t->near_pairs, t->far_pairs, t->particles};
  ESP_CALL(esp_errors_value(comm, &t->errors, &f->nrmse));
  ESP_CALL(esp_sum_end(comm, &sums, 5, total));
  ESP_CALL(comm->sum_i64(comm, counts, 3));
  double particles = counts[2] ? (double)counts[2] : 1;
  f->clouds = total[4] > 0 ? (int64_t)total[4] : 1;
  f->counted = counts[0] >= 0;
  f->pairs = (double)counts[0] / particles;
  f->cells = (double)counts[1] / particles;
  f->microseconds = 1e6 * total[3] / particles;
  f->has_energy = total[2] > 0;
  f->energy = f->has_energy ? total[0] / total[2] : 0;
  f->momentum = total[1] / (double)f->clouds;
  return ESP_OK;
}

static void add_row(const evaluation *ev, const esp_method *method, const figures *f) {
  cJSON *row = cJSON_CreateObject();
  cJSON_AddNumberToObject(row, "n", (double)ev->n);
  cJSON_AddStringToObject(row, "method", method->name);
  cJSON_AddNumberToObject(row, "D_nrmse", f->nrmse.D);
  cJSON_AddNumberToObject(row, "K_nrmse", f->nrmse.K);
  if (f->counted) {
    cJSON_AddNumberToObject(row, "pairs", f->pairs);
    cJSON_AddNumberToObject(row, "cells", f->cells);
  }
  cJSON_AddNumberToObject(row, "microseconds_per_particle", f->microseconds);
  if (f->has_energy) cJSON_AddNumberToObject(row, "energy_error", f->energy);
  cJSON_AddNumberToObject(row, "momentum_error", f->momentum);
  cJSON_AddItemToArray(ev->rows, row);
}

static int add_line(evaluation *ev, const esp_method *method, const tally *t) {
  figures f;
  ESP_CALL(sum_up(ev, t, &f));
  if (ev->run->comm->rank) return ESP_OK;
  char pairs[32] = "-", cells[32] = "-", energy[32] = "-";
  if (f.counted) {
    snprintf(pairs, sizeof pairs, "%.1f", f.pairs);
    snprintf(cells, sizeof cells, "%.1f", f.cells);
  }
  if (f.has_energy) snprintf(energy, sizeof energy, "%.3g", f.energy);
  esp_lines_add(&ev->ladder, "test,%lld,%lld,%s,%.5f,%.5f,%s,%s,%.3f,%s,%.2g\n", (long long)ev->n, (long long)f.clouds,
                method->name, f.nrmse.D, f.nrmse.K, pairs, cells, f.microseconds, energy, f.momentum);
  if (ev->last) esp_lines_add(&ev->bars, "%s,%.6g\n", method->name, f.nrmse.D);
  esp_run_say(ev->run, "%9lld  %-34s %9.5f %9.5f %9s %9s %10.3f %10s %9.2g\n", (long long)ev->n, method->name,
              f.nrmse.D, f.nrmse.K, pairs, cells, f.microseconds, energy, f.momentum);
  add_row(ev, method, &f);
  return ESP_OK;
}

/* Cloud c of the test set in model units: this rank's share, or all of it. */
static int read_cloud(const evaluation *ev, const esp_backend *backend, int c, esp_cloud *cloud) {
  const esp_domain_param *tree = &ev->trained->param.domain;
  if (ev->sharded)
    ESP_CALL(esp_ensemble_share(ev->ensemble, ev->run->comm, ESP_PART_TEST, c, cloud));
  else
    ESP_CALL(esp_ensemble_cloud(ev->ensemble, ESP_PART_TEST, c, cloud));
  int rc = esp_cloud_to_model(cloud);
  if (!rc && ev->sharded) rc = esp_cloud_settle(backend, tree->leaf, tree->block, cloud);
  if (rc) esp_cloud_free(cloud);
  return rc;
}

static int try_entry(evaluation *ev, const esp_method *method, int c, int draw, tally *t) {
  esp_cloud cloud = {0};
  double(*D)[3] = NULL, (*K)[3] = NULL;
  esp_backend backend = ev->sharded ? esp_setup_sharded(ev->run, ev->device) : esp_setup_whole(ev->device);
  const esp_visit visit = {esp_portrait_layer, &ev->portrait};
  esp_methods methods = {.backend = &backend,
                         .trained = ev->trained,
                         .untrained = ev->untrained,
                         .neighbours = (int)esp_config_int(ev->run->config, "eval_neighbours")};
  if (draw) methods.visit = &visit;
  int rc;
  ESP_TRY(read_cloud(ev, &backend, c, &cloud));
  rc = ESP_ALLOC(D, cloud.n_home);
  if (!rc) rc = ESP_ALLOC(K, cloud.n_home);
  ESP_TRY(backend.comm->agree(backend.comm, rc));
  ESP_TRY(try_cloud(ev, method, &methods, &cloud, D, K, t));
  if (draw && ev->sharded)
    ESP_TRY(esp_scatter_write(ev->run, &cloud, (const double(*)[3])D, SCATTER / ev->run->comm->size));
done:
  if (draw && !ev->sharded) { /* the others wait for the sample */
    esp_cloud none = {.dim = 3};
    const esp_cloud *drawn = !rc && ev->run->comm->rank == 0 ? &cloud : &none;
    int first = rc;
    rc = esp_scatter_write(ev->run, drawn, (const double(*)[3])D, SCATTER);
    if (first) rc = first;
  }
  ESP_FREE(D);
  ESP_FREE(K);
  esp_cloud_free(&cloud);
  return rc;
}

static int try_method(evaluation *ev, const esp_method *method) {
  const esp_comm *comm = ev->run->comm;
  tally *t;
  ESP_AGREE(comm, ESP_ALLOC(t, 1));
  int rc = ESP_OK, index = 0, drawn = 0;
  int trained = !strcmp(method->name, "trained network") && ev->last;
  for (int c = 0; c < ev->ensemble->clouds[ESP_PART_TEST] && !rc; c++) {
    if (ev->ensemble->entry[ESP_PART_TEST][c].n != ev->n) continue;
    int mine = ev->sharded || index++ % comm->size == comm->rank;
    int draw = trained && !drawn;
    drawn = 1;
    if (mine)
      rc = try_entry(ev, method, c, draw, t);
    else if (draw) { /* the first cloud is rank 0's */
      esp_cloud none = {.dim = 3};
      rc = esp_scatter_write(ev->run, &none, NULL, SCATTER);
    }
  }
  rc = comm->agree(comm, rc);
  if (!rc) rc = add_line(ev, method, t);
  ESP_FREE(t);
  return rc;
}

/* ---- all sets ---- */

static int by_size(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static int test_sizes(const esp_ensemble *ensemble, int64_t sizes[SETS_MAX]) {
  int sets = 0;
  for (int c = 0; c < ensemble->clouds[ESP_PART_TEST]; c++) {
    int s = 0;
    while (s < sets && sizes[s] != ensemble->entry[ESP_PART_TEST][c].n) s++;
    if (s == sets && sets < SETS_MAX) sizes[sets++] = ensemble->entry[ESP_PART_TEST][c].n;
  }
  qsort(sizes, (size_t)sets, sizeof *sizes, by_size);
  return sets;
}

static int try_set(evaluation *ev) {
  int count, baselines = esp_config_flag(ev->run->config, "eval_baselines");
  const esp_method *table = esp_methods_table(&count);
  for (int m = 0; m < count; m++) {
    const esp_method *method = &table[m];
    if (ev->n > method->largest || (method->whole && ev->sharded) || (method->baseline && !baselines)) continue;
    ESP_CALL(try_method(ev, method));
  }
  return ESP_OK;
}

static int try_all(evaluation *ev) {
  int64_t sizes[SETS_MAX];
  int sets = test_sizes(ev->ensemble, sizes);
  esp_run_say(ev->run, "%9s  %-34s %9s %9s %9s %9s %10s %10s %9s\n", "n", "method", "D NRMSE", "K NRMSE", "pairs",
              "cells", "us/part.", "dE", "dP");
  for (int s = 0; s < sets; s++) {
    ev->n = sizes[s];
    ev->last = s == sets - 1;
    ev->sharded = esp_setup_is_sharded(ev->run, ev->n);
    ev->portrait.sharded = ev->sharded;
    ESP_CALL(try_set(ev));
  }
  ESP_CALL(esp_run_lines(ev->run, "ladder.csv", "set,n,clouds,method,D_nrmse,K_nrmse,pairs,cells,us_per_particle,dE,dP",
                         &ev->ladder));
  ESP_CALL(esp_run_lines(ev->run, "ladder_bars.csv", "method,D_nrmse", &ev->bars));
  return esp_portrait_write(&ev->portrait);
}

int esp_verb_evaluate(esp_run *run) {
  char path[4096], precision[16];
  esp_integrator trained = {0}, untrained = {0};
  esp_ensemble ensemble = {0};
  int rc, opened = 0;
  if (esp_setup_is_relation(run)) return esp_relation_evaluate(run);
  ESP_TRY(esp_run_checkpoint(run, path, sizeof path));
  ESP_TRY(esp_integrator_checkpoint_read(run->comm, path, &trained, NULL, precision));
  ESP_TRY(run->comm->agree(run->comm, esp_integrator_create(&trained.param, &untrained)));
  ESP_TRY(esp_run_data(run, path, sizeof path));
  ESP_TRY(esp_ensemble_open(run->comm, path, &ensemble));
  opened = 1;
  ESP_NEED(ensemble.clouds[ESP_PART_TEST] > 0, ESP_ERR_VALUE, "%s: no test clouds; set data_test_clouds to at least 1",
           path);
  evaluation ev = {.run = run, .ensemble = &ensemble, .trained = &trained, .untrained = &untrained};
  ev.device = esp_device_find(precision);
  ev.portrait.run = run;
  ev.rows = cJSON_AddArrayToObject(run->json, "ladder");
  rc = esp_error_blame(try_all(&ev), path);
  esp_lines_free(&ev.ladder);
  esp_lines_free(&ev.bars);
  esp_run_forget(run, "rollout.csv");
  esp_run_forget(run, "rollout_curves.csv");
  if (!rc && esp_config_int(run->config, "eval_rollout") > 0)
    rc = esp_rollout(run, &ensemble, &trained, &untrained, ev.device);
done:
  if (opened) esp_ensemble_close(&ensemble);
  esp_integrator_free(&untrained);
  esp_integrator_free(&trained);
  return rc;
}
