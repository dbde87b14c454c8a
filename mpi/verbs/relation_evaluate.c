/* evaluate, for a learned relation: the ladder. Every method on every test set; beside the trained network the
 * classical methods, the untrained one, and the trained one on other trees and other pairs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/checkpoint_typed.h"
#include "base/sum.h"
#include "verbs/evaluate_files.h"
#include "verbs/relation_baselines.h"
#include "verbs/relation_pictures.h"
#include "verbs/relation_sets.h"
#include "verbs/relation_shift.h"
#include "verbs/relation_verbs.h"
#include "verbs/setup.h"

enum { ALL_PAIRS_N = 16384 };

/* The networks of the ladder; the trained one comes before those that take its number of pairs. */
typedef enum { UNTRAINED, TRAINED, NEAR_ONLY, ON_FEATURES, ON_HIDDEN, ALL_PAIRS, NETWORKS } network;
static const char *const network_name[NETWORKS] = {"untrained network",
                                                   "trained network",
                                                   "trained network: near pairs alone",
                                                   "trained network: tree on raw features",
                                                   "trained network: tree on hidden space",
                                                   "trained network: all pairs"};
enum { METHODS = ESP_BASELINES + NETWORKS };

/* One method on the sets of one size. Sums over sets; pairs and cells of this rank. */
typedef struct {
  int sets, judged, counted; /* counted: pairs are known */
  double nmse, recall, seconds;
  int64_t near_pairs, far_pairs, particles;
} tally;

typedef struct {
  esp_run *run;
  const esp_feature_file *file;
  esp_backend backend;
  const esp_relation *trained, *untrained;
  esp_baselines baselines;
  esp_portrait portrait;
  int portrayed;           /* the set that the figures of the ranks are of */
  esp_lines ladder, pairs; /* rank 0 */
  cJSON *rows;
  double shift; /* NaN: not of this task */
} evaluation;

/* ---- one network on one set ---- */

/* What is looked at while a network runs. */
typedef struct {
  esp_relation_judge *judge;
  esp_portrait *portrait; /* NULL: none */
  int64_t *cell;          /* NULL: none */
  int64_t near_pairs, far_pairs;
} visitor;

static int visit(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  visitor *v = context;
  v->near_pairs += dom->lists.near_pairs;
  v->far_pairs += dom->lists.far_pairs;
  if (v->portrait) esp_portrait_domain(v->portrait, dom);
  if (v->cell && l == 0) ESP_CALL(esp_relation_cells(dom, v->cell));
  return esp_relation_judge_layer(v->judge, l, dom, key, query);
}

/* Near pairs a particle and layer that the trained network has been given, or took: the other trees get as many. */
static int64_t pair_budget(const evaluation *ev, const esp_feature_set *set, int64_t near_pairs) {
  const esp_relation_param *p = &ev->trained->param;
  const int64_t all = set->n * p->layers;
  if (p->domain.lists.pairs_per_particle > 0) return p->domain.lists.pairs_per_particle;
  return all > 0 ? (near_pairs + all - 1) / all : 0;
}

/* A tree can stand on the set's hidden coordinates. */
static int hidden_fits(const evaluation *ev, const esp_feature_set *set) {
  const int parts = esp_relation_halves(&ev->file->about) ? 2 : 1;
  return set->hidden > 0 && set->hidden % parts == 0 && set->hidden / parts <= ESP_MAX_DIM;
}

/* The network `which` as a copy that shares the parameters; 0 if it is none of this set's. near_pairs: of the trained
 * one, over all ranks. */
static int make_network(const evaluation *ev, network which, const esp_feature_set *set, int64_t near_pairs,
                        esp_relation *net) {
  *net = which == UNTRAINED ? *ev->untrained : *ev->trained;
  esp_relation_param *p = &net->param;
  memset(net->theta, 0, sizeof net->theta);
  const int other = which == ON_FEATURES || which == ON_HIDDEN;
  if (which == NEAR_ONLY && !p->far) return 0;
  if (other && p->domain.lists.pairs_per_particle == 0 && p->domain.lists.theta == 0) return 0; /* all pairs: no tree */
  if (which == ON_FEATURES && p->tree_on == ESP_TREE_ON_FEATURES) return 0;
  if (which == ON_HIDDEN && (p->tree_on == ESP_TREE_ON_HIDDEN || !hidden_fits(ev, set))) return 0;
  if (which == ALL_PAIRS && set->n > ALL_PAIRS_N) return 0;
  if (which == NEAR_ONLY) p->far = 0;
  if (which == ON_FEATURES) p->tree_on = ESP_TREE_ON_FEATURES, p->tree_features = esp_imin(set->features, ESP_MAX_DIM);
  if (which == ON_HIDDEN) p->tree_on = ESP_TREE_ON_HIDDEN, p->hidden_halves = esp_relation_halves(&ev->file->about);
  if (other) {
    if (p->split == ESP_SPLIT_LEARNED) p->split = ESP_SPLIT_WIDEST;
    p->domain.lists.pairs_per_particle = pair_budget(ev, set, near_pairs);
  }
  if (which == ALL_PAIRS) {
    p->gate_tolerance = 0, p->fade = 0, p->far = 1;
    p->domain.lists.theta = 0, p->domain.lists.pairs_per_particle = 0, p->domain.lists.pairs_limit = 0;
  }
  return 1;
}

static int add_error(const evaluation *ev, const esp_feature_set *set, const double *y, tally *t) {
  double nmse;
  ESP_CALL(esp_relation_loss(ev->run->comm, set, y, 1, NULL, &nmse));
  t->sets++;
  t->nmse += nmse;
  t->particles += set->n_home;
  return ESP_OK;
}

static int try_network(const evaluation *ev, const esp_relation *net, const esp_feature_set *set, visitor *v,
                       tally *t) {
  const esp_visit looks = {visit, v};
  esp_relation_pass pass = {0};
  int rc;
  v->judge->recall = -1;
  v->near_pairs = v->far_pairs = 0;
  ESP_TRY(esp_relation_forward(net, &ev->backend, set, 0, &looks, &pass));
  t->seconds += pass.cost.seconds_build + pass.cost.seconds_forward; /* without those of recall */
  if (v->portrait) v->portrait->forward += pass.cost.seconds_forward;
  ESP_TRY(add_error(ev, set, pass.y, t));
  t->near_pairs += v->near_pairs;
  t->far_pairs += net->param.far ? v->far_pairs : 0;
  t->counted = 1;
  if (v->judge->recall >= 0) t->recall += v->judge->recall, t->judged++;
done:
  esp_relation_pass_free(&pass);
  return rc;
}

static int try_baseline(const evaluation *ev, esp_baseline which, const esp_feature_set *set, tally *t) {
  const esp_comm *comm = ev->run->comm;
  double *y = NULL, pairs, start;
  int rc;
  if (!esp_baseline_can(&ev->baselines, which, set->n)) return ESP_OK;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(y, (size_t)set->n_home * (size_t)set->targets)));
  start = esp_wall();
  ESP_TRY(esp_baseline_predict(&ev->baselines, which, set, y, &pairs));
  t->seconds += esp_wall() - start;
  ESP_TRY(add_error(ev, set, y, t));
  t->near_pairs += (int64_t)pairs * set->n_home;
  t->counted |= pairs > 0;
done:
  ESP_FREE(y);
  return rc;
}

/* ---- one set ---- */

static int try_networks(evaluation *ev, int s, const esp_feature_set *set, esp_relation_judge *judge, int64_t *cell,
                        tally t[METHODS]) {
  int64_t near_pairs = 0;
  for (int w = 0; w < NETWORKS; w++) {
    esp_relation net;
    visitor v = {.judge = judge};
    if (!make_network(ev, (network)w, set, near_pairs, &net)) continue;
    if (w == TRAINED && s == ev->portrayed) v.portrait = &ev->portrait;
    if (w == TRAINED && s == 0) v.cell = cell;
    ESP_CALL(try_network(ev, &net, set, &v, &t[ESP_BASELINES + w]));
    if (w != TRAINED) continue;
    near_pairs = v.near_pairs;
    ESP_CALL(ev->run->comm->sum_i64(ev->run->comm, &near_pairs, 1));
  }
  return ESP_OK;
}

static int try_set(evaluation *ev, int s, tally t[METHODS]) {
  const esp_comm *comm = ev->run->comm;
  esp_feature_set set = {0};
  esp_relation_judge judge = {0};
  int64_t *cell = NULL;
  int rc;
  ESP_TRY(esp_feature_share_read(ev->file, comm, ESP_PART_TEST, s, &set));
  rc = esp_relation_judge_create(ev->run, comm, &ev->file->about, &set, &judge);
  if (!rc) rc = ESP_ALLOC(cell, set.n_home);
  ESP_TRY(comm->agree(comm, rc));
  for (int b = 0; b < ESP_BASELINES; b++) ESP_TRY(try_baseline(ev, (esp_baseline)b, &set, &t[b]));
  ESP_TRY(try_networks(ev, s, &set, &judge, cell, t));
  if (s == 0) {
    ESP_TRY(esp_relation_pictures_write(ev->run, ev->untrained, ev->trained, &set, cell));
    if (esp_relation_halves(&ev->file->about) && set.features == 4)
      ESP_TRY(esp_relation_shift(comm, ev->trained, &set, &ev->shift));
  }
done:
  ESP_FREE(cell);
  esp_relation_judge_free(&judge);
  esp_feature_set_free(&set);
  return rc;
}

/* ---- lines ---- */

static void add_row(const evaluation *ev, int64_t n, const char *name, const tally *t, double nmse, double recall,
                    double pairs, double cells, double microseconds) {
  cJSON *row = cJSON_CreateObject();
  cJSON_AddNumberToObject(row, "n", (double)n);
  cJSON_AddStringToObject(row, "method", name);
  cJSON_AddNumberToObject(row, "nmse", nmse);
  if (t->judged) cJSON_AddNumberToObject(row, "recall", recall);
  if (t->counted) {
    cJSON_AddNumberToObject(row, "pairs", pairs);
    cJSON_AddNumberToObject(row, "cells", cells);
  }
  cJSON_AddNumberToObject(row, "microseconds_per_particle", microseconds);
  cJSON_AddItemToArray(ev->rows, row);
}

/* Over all ranks; a method without sets has no line. */
static int add_line(evaluation *ev, int64_t n, const char *name, const tally *t, int trained) {
  const esp_comm *comm = ev->run->comm;
  int64_t counts[3] = {t->near_pairs, t->far_pairs, t->particles};
  esp_sum sums = {0};
  double seconds, slowest = t->seconds;
  if (!t->sets) return ESP_OK;
  esp_sum_add(&sums, 0, t->seconds);
  ESP_CALL(esp_sum_end(comm, &sums, 1, &seconds));
  ESP_CALL(comm->sum_i64(comm, counts, 3));
  ESP_CALL(comm->max_f64(comm, &slowest, 1));
  const double particles = counts[2] ? (double)counts[2] : 1, nmse = t->nmse / t->sets;
  const double near = (double)counts[0] / particles, far = (double)counts[1] / particles,
               us = 1e6 * seconds / particles;
  const double recall = t->judged ? t->recall / t->judged : 0;
  add_row(ev, n, name, t, nmse, recall, near, far, us);
  if (comm->rank) return ESP_OK;
  char known[32] = "", pairs[32] = "", cells[32] = "";
  if (t->judged) snprintf(known, sizeof known, "%.4f", recall);
  if (t->counted) snprintf(pairs, sizeof pairs, "%.1f", near), snprintf(cells, sizeof cells, "%.1f", far);
  esp_lines_add(&ev->ladder, "%lld,%s,%.6f,%s,%s,%s,%.3f\n", (long long)n, name, nmse, known, pairs, cells, us);
  if (trained) esp_lines_add(&ev->pairs, "%lld,%.2f,%.2f,%.6f\n", (long long)n, near, far, slowest / t->sets);
  esp_run_say(ev->run, "%9lld  %-38s %9.5f %8s %9s %9s %10.3f\n", (long long)n, name, nmse, known[0] ? known : "-",
              pairs[0] ? pairs : "-", cells[0] ? cells : "-", us);
  return ESP_OK;
}

static int try_size(evaluation *ev, int64_t n) {
  tally t[METHODS] = {0};
  for (int s = 0; s < ev->file->sets[ESP_PART_TEST]; s++)
    if (ev->file->n[ESP_PART_TEST][s] == n) ESP_CALL(try_set(ev, s, t));
  for (int m = 0; m < METHODS; m++) {
    char name[64];
    if (m < ESP_BASELINES)
      esp_baseline_name(&ev->baselines, (esp_baseline)m, name);
    else
      snprintf(name, sizeof name, "%s", network_name[m - ESP_BASELINES]);
    ESP_CALL(add_line(ev, n, name, &t[m], m == ESP_BASELINES + TRAINED));
  }
  return ESP_OK;
}

/* ---- all ---- */

static int by_size(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* All methods on the sets of each size, smallest first. */
static int try_sizes(evaluation *ev) {
  const esp_feature_file *file = ev->file;
  const int sets = file->sets[ESP_PART_TEST];
  int64_t *size = NULL;
  int rc;
  ESP_TRY(ev->run->comm->agree(ev->run->comm, ESP_ALLOC(size, sets)));
  memcpy(size, file->n[ESP_PART_TEST], (size_t)sets * sizeof *size);
  qsort(size, (size_t)sets, sizeof *size, by_size);
  for (int s = 0; s < sets; s++)
    if (s == 0 || size[s] != size[s - 1]) ESP_TRY(try_size(ev, size[s]));
done:
  ESP_FREE(size);
  return rc;
}

static int try_all(evaluation *ev) {
  esp_run_say(ev->run, "%9s  %-38s %9s %8s %9s %9s %10s\n", "n", "method", "nMSE", "recall", "pairs", "cells",
              "us/part.");
  ESP_CALL(try_sizes(ev));
  ESP_CALL(esp_run_lines(ev->run, "relation_ladder.csv", "n,method,nmse,recall,near_pairs,far_cells,us_per_particle",
                         &ev->ladder));
  ESP_CALL(esp_run_lines(ev->run, "pairs.csv", "n,near_pairs,far_cells,seconds", &ev->pairs));
  ESP_CALL(esp_portrait_ranks(&ev->portrait));
  if (!isnan(ev->shift)) {
    cJSON_AddNumberToObject(ev->run->json, "learned_shift", ev->shift);
    esp_run_say(ev->run, "learned shift: %.4f of u (truth: -1)\n", ev->shift);
  }
  return ESP_OK;
}

int esp_relation_evaluate(esp_run *run) {
  char path[4096], precision[ESP_CHECKPOINT_PRECISION];
  esp_relation trained = {0}, untrained = {0};
  esp_feature_file file;
  evaluation ev = {.run = run, .file = &file, .trained = &trained, .untrained = &untrained, .shift = NAN};
  int rc, opened = 0;
  ESP_TRY(esp_run_checkpoint(run, path, sizeof path));
  ESP_TRY(esp_relation_checkpoint_read(run->comm, path, &trained, NULL, precision));
  ESP_TRY(run->comm->agree(run->comm, esp_options_replace(&esp_stack_options, run->config, &trained.param)));
  ESP_TRY(run->comm->agree(run->comm, esp_relation_create(&trained.param, &untrained)));
  ESP_TRY(esp_relation_open(run, ESP_PART_TEST, 1, path, sizeof path, &file));
  opened = 1;
  ESP_NEED(file.about.targets > 0, ESP_ERR_VALUE, "%s: no targets to compare with", path);
  ev.backend = esp_setup_sharded(run, esp_device_find(precision));
  ev.portrait = (esp_portrait){.run = run, .sharded = 1};
  ev.portrayed = esp_relation_largest(&file, ESP_PART_TEST);
  ev.rows = cJSON_AddArrayToObject(run->json, "ladder");
  if (esp_config_flag(run->config, "eval_baselines"))
    ESP_TRY(esp_baselines_fit(&ev.backend, &file, &trained.param,
                              (int)esp_config_int(run->config, "eval_recall_neighbours"), &ev.baselines));
  ESP_TRY(esp_error_blame(try_all(&ev), path));
done:
  esp_lines_free(&ev.ladder);
  esp_lines_free(&ev.pairs);
  esp_baselines_free(&ev.baselines);
  if (opened) esp_feature_close(&file);
  esp_relation_free(&untrained);
  esp_relation_free(&trained);
  return rc;
}
