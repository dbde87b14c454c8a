#include "verbs/ladder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sum.h"
#include "verbs/report_parts.h"

/* ---- rungs ---- */

int esp_ladder_create(esp_run *run, const esp_showing *showing, int sizes, const int64_t *n, esp_ladder *ladder) {
  *ladder = (esp_ladder){.run = run, .showing = showing, .sizes = sizes, .n = n};
  while (showing->method[ladder->methods].name) ladder->methods++;
  const int methods = ladder->methods;
  ladder->rows = cJSON_AddArrayToObject(run->json, "ladder");
  ESP_CALL(ESP_ALLOC(ladder->rung, methods));
  ESP_CALL(ESP_ALLOC(ladder->drawn, (size_t)methods * (size_t)sizes));
  for (int k = 0; k < methods * sizes; k++) ladder->drawn[k] = NAN;
  for (int m = 0; m < methods; m++) ESP_CALL(esp_tally_create(showing->figure, &ladder->rung[m].figures));
  if (run->comm->rank) return ESP_OK;
  esp_lines_add(&ladder->lines, "n,sets,method");
  for (const esp_figure *f = showing->figure; f->name; f++) esp_lines_add(&ladder->lines, ",%s", f->name);
  esp_lines_add(&ladder->lines, ",pairs,cells,us_per_particle\n");
  return ESP_OK;
}

void esp_ladder_free(esp_ladder *ladder) {
  for (int m = 0; ladder->rung && m < ladder->methods; m++) esp_tally_free(&ladder->rung[m].figures);
  ESP_FREE(ladder->rung);
  ESP_FREE(ladder->drawn);
  esp_lines_free(&ladder->lines);
  esp_lines_free(&ladder->pairs);
  esp_lines_free(&ladder->result);
}

void esp_ladder_clear(esp_ladder *ladder) {
  for (int m = 0; m < ladder->methods; m++) {
    esp_tally figures = ladder->rung[m].figures;
    memset(figures.acc, 0, (size_t)figures.figures * 2 * ESP_EXACT_FULL_WORDS * sizeof *figures.acc);
    memset(figures.added, 0, (size_t)figures.figures * sizeof *figures.added);
    ladder->rung[m] = (esp_rung){.figures = figures};
  }
  ladder->far = (esp_far_record){0};
  ladder->beside = 0;
  esp_lines_free(&ladder->result);
}

int esp_ladder_judge(esp_ladder *ladder, const esp_trials *trials, int method, const esp_backend *backend,
                     const esp_set *set, const esp_trial *trial, double seen) {
  esp_rung *rung = &ladder->rung[method];
  ESP_CALL(ladder->showing->judge(trials->param, backend, set, trial->y, seen, &rung->figures));
  rung->sets += backend->comm->rank == 0;
  rung->particles += set->n_home;
  rung->seconds += trial->seconds;
  rung->uncounted |= !trial->counted;
  if (!trial->counted) return ESP_OK;
  rung->near_pairs += trial->cost.near_pairs;
  rung->far_pairs += trial->cost.far_pairs;
  if (trial->cost.layers > rung->layers) rung->layers = trial->cost.layers;
  return ESP_OK;
}

int esp_ladder_far(esp_ladder *ladder, const esp_trials *trials, const esp_backend *backend, const esp_set *set) {
  const esp_network *network = trials->trained->network;
  if (network->judge) ESP_CALL(network->judge(trials->trained, backend, set, &ladder->far));
  return ESP_OK;
}

/* ---- lines ---- */

/* The numbers of a line, over all ranks. */
typedef struct {
  double *figure; /* [figures] NAN: none */
  int64_t sets;
  int counted;
  double pairs, cells, microseconds; /* a particle */
  double share;                      /* near pairs over all pairs of as many layers; NAN: there is no layer */
  int64_t layers;
  double slowest; /* seconds a set */
} numbers;

static int sum_up(const esp_ladder *ladder, const esp_rung *rung, numbers *x) {
  const esp_comm *comm = ladder->run->comm;
  int64_t counts[5] = {rung->near_pairs, rung->far_pairs, rung->particles, rung->sets, rung->uncounted};
  esp_sum sum = {0};
  double slowest = rung->seconds, seconds;
  ESP_CALL(esp_tally_value(comm, &rung->figures, ladder->showing->figure, x->figure));
  esp_sum_add(&sum, 0, rung->seconds);
  ESP_CALL(esp_sum_end(comm, &sum, 1, &seconds));
  ESP_CALL(comm->sum_i64(comm, counts, 5));
  ESP_CALL(comm->max_f64(comm, &slowest, 1));
  x->layers = rung->layers;
  ESP_CALL(comm->max_i64(comm, &x->layers, 1));
  const double particles = counts[2] ? (double)counts[2] : 1;
  x->sets = counts[3];
  x->counted = counts[4] == 0;
  x->pairs = (double)counts[0] / particles;
  x->cells = (double)counts[1] / particles;
  const double all = (double)x->layers * (double)(ladder->n[ladder->size] - 1);
  x->share = all > 0 ? x->pairs / all : NAN;
  x->microseconds = 1e6 * seconds / particles;
  x->slowest = x->sets ? slowest / (double)x->sets : 0;
  return ESP_OK;
}

static void add_row(const esp_ladder *ladder, const char *name, const numbers *x) {
  const esp_figure *figure = ladder->showing->figure;
  cJSON *row = cJSON_CreateObject();
  cJSON_AddNumberToObject(row, "n", (double)ladder->n[ladder->size]);
  cJSON_AddStringToObject(row, "method", name);
  for (int k = 0; figure[k].name; k++)
    if (!isnan(x->figure[k])) cJSON_AddNumberToObject(row, figure[k].name, x->figure[k]);
  if (x->counted) {
    cJSON_AddNumberToObject(row, "pairs", x->pairs);
    cJSON_AddNumberToObject(row, "cells", x->cells);
    if (!isnan(x->share)) cJSON_AddNumberToObject(row, "share", x->share);
  }
  cJSON_AddNumberToObject(row, "microseconds_per_particle", x->microseconds);
  cJSON_AddItemToArray(ladder->rows, row);
}

/* `value` as text, `none` where there is no such number. */
static const char *word(int there, const char *format, double value, const char *none, char text[32]) {
  if (there)
    snprintf(text, 32, format, value); /* NOLINT: a format of a const table */
  else
    snprintf(text, 32, "%s", none);
  return text;
}

static void add_csv(esp_ladder *ladder, const char *name, const numbers *x) {
  const esp_figure *figure = ladder->showing->figure;
  char text[32];
  esp_lines *lines = &ladder->lines;
  esp_lines_add(lines, "%lld,%lld,%s", (long long)ladder->n[ladder->size], (long long)x->sets, name);
  for (int k = 0; figure[k].name; k++)
    esp_lines_add(lines, ",%s", word(!isnan(x->figure[k]), figure[k].format, x->figure[k], "", text));
  esp_lines_add(lines, ",%s", word(x->counted, "%.1f", x->pairs, "", text));
  esp_lines_add(lines, ",%s", word(x->counted, "%.1f", x->cells, "", text));
  esp_lines_add(lines, ",%.3f\n", x->microseconds);
}

static void say(const esp_ladder *ladder, const char *name, const numbers *x) {
  const esp_figure *figure = ladder->showing->figure;
  char text[32];
  esp_run_say(ladder->run, "%9lld  %-38s", (long long)ladder->n[ladder->size], name);
  for (int k = 0; figure[k].name; k++)
    esp_run_say(ladder->run, " %9s", word(!isnan(x->figure[k]), figure[k].format, x->figure[k], "-", text));
  esp_run_say(ladder->run, " %9s", word(x->counted, "%.1f", x->pairs, "-", text));
  esp_run_say(ladder->run, " %9s", word(x->counted, "%.1f", x->cells, "-", text));
  esp_run_say(ladder->run, " %10.3f\n", x->microseconds);
}

/* Under the trained network's line; nothing where nothing is known. */
static int add_far(esp_ladder *ladder) {
  const esp_comm *comm = ladder->run->comm;
  esp_far_record far = ladder->far;
  ESP_CALL(comm->broadcast(comm, &far, sizeof far, 0));
  if (!far.receivers) return ESP_OK;
  esp_run_say(
      ladder->run,
      "%9s  far field: rms %.1e, 99 %% below %.1e of sum G|v| (bound on the rms %.1e), %.1e of the sums; rounding "
      "%.1e\n",
      "", far.rms, far.p99, far.bound, far.of_sums, far.rounding);
  if (!ladder->fields) ladder->fields = cJSON_AddArrayToObject(ladder->run->json, "far_field");
  cJSON *row = cJSON_CreateObject();
  cJSON_AddNumberToObject(row, "n", (double)ladder->n[ladder->size]);
  cJSON_AddNumberToObject(row, "receivers", (double)far.receivers);
  cJSON_AddNumberToObject(row, "rms", far.rms);
  cJSON_AddNumberToObject(row, "p99", far.p99);
  cJSON_AddNumberToObject(row, "bound", far.bound);
  cJSON_AddNumberToObject(row, "of_sums", far.of_sums);
  cJSON_AddNumberToObject(row, "rounding", far.rounding);
  cJSON_AddItemToArray(ladder->fields, row);
  return ESP_OK;
}

void esp_ladder_head(const esp_ladder *ladder) {
  esp_run_say(ladder->run, "%9s  %-38s", "n", "method");
  for (const esp_figure *f = ladder->showing->figure; f->name; f++) esp_run_say(ladder->run, " %9s", f->title);
  esp_run_say(ladder->run, " %9s %9s %10s\n", "pairs", "cells", "us/part.");
}

/* The trained network's figure and what it took; then those of its rows that stand beside it. */
static void add_result(esp_ladder *ladder, const esp_method *method, const numbers *x) {
  const esp_figure *figure = ladder->showing->figure;
  char number[32];
  if (isnan(x->figure[0])) return;
  word(1, figure[0].format, x->figure[0], "", number);
  if (esp_trial_is_trained(method)) {
    esp_report_figure(ladder->showing, number, &ladder->result);
    if (x->counted && !isnan(x->share))
      esp_lines_add(&ladder->result, " with %.3g %% of all pairs one by one and %.0f cells a particle and layer",
                    100 * x->share, x->cells / (double)x->layers);
  } else if (method->beside && ladder->result.text) {
    esp_lines_add(&ladder->result, "; %s: %s", method->beside, number);
    ladder->beside++;
  }
}

static int add_line(esp_ladder *ladder, int m, numbers *x) {
  const esp_method *method = &ladder->showing->method[m];
  ESP_CALL(sum_up(ladder, &ladder->rung[m], x));
  if (!x->sets) return ESP_OK;
  ladder->drawn[m * ladder->sizes + ladder->size] = x->figure[0];
  add_row(ladder, method->name, x);
  add_result(ladder, method, x);
  if (ladder->run->comm->rank == 0) {
    add_csv(ladder, method->name, x);
    say(ladder, method->name, x);
    if (esp_trial_is_trained(method))
      esp_lines_add(&ladder->pairs, "%lld,%.2f,%.2f,%.6f\n", (long long)ladder->n[ladder->size], x->pairs, x->cells,
                    x->slowest);
  }
  if (esp_trial_is_trained(method)) ESP_CALL(add_far(ladder));
  return ESP_OK;
}

int esp_ladder_lines(esp_ladder *ladder) {
  const esp_comm *comm = ladder->run->comm;
  numbers x = {0};
  int figures = 0, rc;
  while (ladder->showing->figure[figures].name) figures++;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(x.figure, figures)));
  for (int m = 0; m < ladder->methods; m++) ESP_TRY(add_line(ladder, m, &x));
  ESP_TRY(comm->agree(comm, ladder->result.rc));
  if (ladder->beside) esp_run_say(ladder->run, "%9s  %s\n", "", ladder->result.text);
done:
  ESP_FREE(x.figure);
  return rc;
}

/* ---- files ---- */

/* A line a method, a column a size: the first figure, for a picture. */
static int write_bars(const esp_ladder *ladder) {
  esp_lines lines = {0};
  if (!ladder->run->comm->rank) {
    esp_lines_add(&lines, "method");
    for (int s = 0; s < ladder->sizes; s++) esp_lines_add(&lines, ",n = %lld", (long long)ladder->n[s]);
    esp_lines_add(&lines, "\n");
  }
  for (int m = 0; m < ladder->methods && !ladder->run->comm->rank; m++) {
    const double *drawn = ladder->drawn + m * ladder->sizes;
    char text[32];
    int any = 0;
    for (int s = 0; s < ladder->sizes; s++) any |= !isnan(drawn[s]);
    if (!any) continue;
    esp_lines_add(&lines, "%s", ladder->showing->method[m].name);
    for (int s = 0; s < ladder->sizes; s++)
      esp_lines_add(&lines, ",%s", word(!isnan(drawn[s]), "%.6g", drawn[s], "", text));
    esp_lines_add(&lines, "\n");
  }
  return esp_run_lines(ladder->run, "ladder_bars.csv", NULL, &lines);
}

int esp_ladder_write(esp_ladder *ladder) {
  if (ladder->beside) cJSON_AddStringToObject(ladder->run->json, "result", ladder->result.text);
  ESP_CALL(esp_run_lines(ladder->run, "ladder.csv", NULL, &ladder->lines));
  ESP_CALL(write_bars(ladder));
  ESP_CALL(esp_run_lines(ladder->run, "pairs.csv", "n,near_pairs,far_cells,seconds", &ladder->pairs));
  return ESP_OK;
}
