#include "verbs/rollout.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/exact_sum.h"
#include "verbs/csv_out.h"

enum { LARGEST = 4096, WORDS = ESP_EXACT_FULL_WORDS };

/* One method: exact sums over this rank's sets. */
typedef struct {
  int64_t *squares;      /* [frames + 1][WORDS] */
  int64_t *terms;        /* [frames] */
  int64_t change[WORDS]; /* of |(I_end - I_0) / I_0| */
  int64_t sets;
} tally;

/* Over all ranks. */
typedef struct {
  double *curve; /* [frames] root mean square error of each */
  double rmse, change;
  int64_t sets;
} result;

typedef struct {
  esp_run *run;
  const esp_data *data;
  const esp_rolling *rolling;
  const esp_trials *trials;
  const esp_backend *backend;
  int64_t steps;  /* predictions */
  int64_t frames; /* of them with a truth; 0: no frames */
  int halved;
} plan;

/* ---- one set ---- */

static int alloc_frame(const esp_set *set, double *frame[ESP_COLUMNS]) {
  for (int k = 0; set->layout->column[k].name; k++)
    if (set->layout->column[k].framed && set->width[k])
      ESP_CALL(ESP_ALLOC(frame[k], (size_t)set->n_home * (size_t)set->width[k]));
  return ESP_OK;
}

static int add_frame(const plan *p, int s, int64_t f, const esp_set *set, double *const frame[ESP_COLUMNS], tally *t) {
  for (int k = 0; set->layout->column[k].name; k++)
    if (frame[k]) ESP_CALL(esp_set_read_frame(&p->data->file, ESP_PART_TEST, s, f + 1, k, 0, set->n_home, frame[k]));
  return p->rolling->error(set, frame, t->squares + (size_t)f * WORDS, &t->terms[f]);
}

static int step(const plan *p, const esp_method *method, int s, int64_t step, esp_set *set, double *y,
                double *const frame[ESP_COLUMNS], int *used, tally *t) {
  esp_trial trial = {.y = y};
  ESP_CALL(esp_trial_run(p->trials, method, p->backend, set, 0, NULL, &trial));
  *used = trial.used;
  if (!trial.used) return ESP_OK;
  ESP_CALL(p->rolling->advance(set, y));
  if (step < p->frames) ESP_CALL(add_frame(p, s, step, set, frame, t));
  return ESP_OK;
}

static int roll(const plan *p, const esp_method *method, int s, tally *t) {
  const esp_rolling *rolling = p->rolling;
  esp_set set = {0};
  double *y = NULL, *frame[ESP_COLUMNS] = {0}, start = 0, end;
  int rc, used = 1;
  ESP_TRY(esp_data_set(p->data, esp_comm_self(), ESP_PART_TEST, s, &set));
  ESP_TRY(ESP_ALLOC(y, (size_t)set.n_home * (size_t)p->trials->trained->sizes.width[ESP_TARGET]));
  ESP_TRY(alloc_frame(&set, frame));
  if (p->halved) ESP_TRY(rolling->halve(&set));
  if (rolling->invariant) ESP_TRY(rolling->invariant(&set, &start));
  for (int64_t k = 0; k < p->steps && used; k++) ESP_TRY(step(p, method, s, k, &set, y, frame, &used, t));
  if (!used) goto done;
  if (rolling->invariant && start != 0) {
    ESP_TRY(rolling->invariant(&set, &end));
    esp_exact_add(&ESP_EXACT_FULL, t->change, fabs((end - start) / start));
  }
  t->sets++;
done:
  for (int k = 0; k < ESP_COLUMNS; k++) ESP_FREE(frame[k]);
  ESP_FREE(y);
  esp_set_free(&set);
  return rc;
}

static int usable(const plan *p, int s) {
  return p->data->file.n[ESP_PART_TEST][s] <= LARGEST &&
         (p->frames == 0 || p->data->file.frames[ESP_PART_TEST][s] > p->frames);
}

/* ---- one method ---- */

static int sum_up(const plan *p, tally *t, result *r) {
  const esp_comm *comm = p->run->comm;
  const size_t frames = (size_t)p->frames;
  int64_t all[WORDS] = {0}, all_terms = 0;
  esp_exact_carry(&ESP_EXACT_FULL, t->squares, frames);
  ESP_CALL(comm->sum_i64(comm, t->squares, frames * WORDS));
  ESP_CALL(comm->sum_i64(comm, t->terms, frames));
  ESP_CALL(comm->sum_i64(comm, t->change, WORDS));
  ESP_CALL(comm->sum_i64(comm, &t->sets, 1));
  for (size_t f = 0; f < frames; f++) {
    const int64_t *acc = t->squares + f * WORDS;
    r->curve[f] = sqrt(esp_exact_value(&ESP_EXACT_FULL, acc) / (t->terms[f] ? (double)t->terms[f] : 1));
    for (int w = 0; w < WORDS; w++) all[w] += acc[w];
    all_terms += t->terms[f];
  }
  r->rmse = sqrt(esp_exact_value(&ESP_EXACT_FULL, all) / (all_terms ? (double)all_terms : 1));
  r->change = t->sets ? esp_exact_value(&ESP_EXACT_FULL, t->change) / (double)t->sets : 0;
  r->sets = t->sets;
  return ESP_OK;
}

static int try_method(const plan *p, const esp_method *method, result *r) {
  const esp_comm *comm = p->run->comm;
  tally t = {0};
  int index = 0, rc = ESP_ALLOC(t.squares, (size_t)(p->frames + 1) * WORDS);
  if (!rc) rc = ESP_ALLOC(t.terms, p->frames + 1);
  for (int s = 0; s < p->data->file.sets[ESP_PART_TEST] && !rc; s++)
    if (usable(p, s) && index++ % comm->size == comm->rank) rc = roll(p, method, s, &t);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(sum_up(p, &t, r));
done:
  ESP_FREE(t.squares);
  ESP_FREE(t.terms);
  return rc;
}

/* ---- lines ---- */

static void add_row(const plan *p, cJSON *rows, esp_lines *lines, const char *name, const result *r) {
  const esp_rolling *rolling = p->rolling;
  if (p->run->comm->rank) return;
  char text[32] = "-";
  if (p->frames) snprintf(text, sizeof text, "%.5f", r->rmse);
  esp_run_say(p->run, "roll-out   %-38s %4" PRId64 " predictions  RMSE %8s", name, p->steps, text);
  esp_lines_add(lines, "%s,%" PRId64 ",%s", name, p->steps, text);
  cJSON *row = cJSON_CreateObject();
  cJSON_AddStringToObject(row, "method", name);
  cJSON_AddNumberToObject(row, "predictions", (double)p->steps);
  if (p->frames) cJSON_AddNumberToObject(row, "rmse", r->rmse);
  if (rolling->invariant) {
    esp_run_say(p->run, "  %s %.3e", rolling->invariant_name, r->change);
    esp_lines_add(lines, ",%.3e", r->change);
    cJSON_AddNumberToObject(row, rolling->invariant_name, r->change);
  }
  esp_run_say(p->run, "\n");
  esp_lines_add(lines, "\n");
  cJSON_AddItemToArray(rows, row);
}

static int write_curves(const plan *p, int count, const char *const *name, const double *curves) {
  esp_lines lines = {0}, header = {0};
  esp_lines_add(&header, "frame");
  for (int m = 0; m < count; m++) esp_lines_add(&header, ",%s", name[m]);
  for (int64_t f = 0; f < p->frames && p->run->comm->rank == 0; f++) {
    esp_lines_add(&lines, "%" PRId64, f + 1);
    for (int m = 0; m < count; m++) esp_lines_add(&lines, ",%.6g", curves[m * p->frames + f]);
    esp_lines_add(&lines, "\n");
  }
  if (header.rc && !lines.rc) lines.rc = header.rc;
  const int rc = esp_run_lines(p->run, "rollout_curves.csv", header.text, &lines);
  esp_lines_free(&header);
  return rc;
}

static int write_lines(const plan *p, esp_lines *lines) {
  char header[128] = "method,predictions,RMSE";
  if (p->rolling->invariant) snprintf(header, sizeof header, "method,predictions,RMSE,%s", p->rolling->invariant_name);
  return esp_run_lines(p->run, "rollout.csv", header, lines);
}

static int try_methods(const plan *p, int classical) {
  const esp_method *method = p->trials->showing->method;
  const esp_comm *comm = p->run->comm;
  const char **name = NULL;
  esp_lines lines = {0};
  double *curves = NULL;
  cJSON *rows = cJSON_AddArrayToObject(p->run->json, "rollout");
  int count = 0, used = 0, rc;
  while (method[count].name) count++;
  rc = ESP_ALLOC(curves, (size_t)count * (size_t)(p->frames + 1));
  if (!rc) rc = ESP_ALLOC(name, count);
  ESP_TRY(comm->agree(comm, rc));
  for (int m = 0; m < count; m++) {
    result r = {.curve = curves + used * p->frames};
    if (!esp_trial_may(&method[m], 0, 0, classical)) continue;
    ESP_TRY(try_method(p, &method[m], &r));
    if (!r.sets) continue;
    add_row(p, rows, &lines, method[m].name, &r);
    name[used++] = method[m].name;
  }
  ESP_TRY(write_lines(p, &lines));
  if (p->frames) ESP_TRY(write_curves(p, used, name, curves));
done:
  esp_lines_free(&lines);
  ESP_FREE(curves);
  ESP_FREE(name);
  return rc;
}

int esp_rollout(esp_run *run, const esp_data *data, const esp_trials *trials, const esp_backend *whole, int64_t steps,
                int classical) {
  const esp_set_file *file = &data->file;
  const esp_rolling *rolling = data->task->rolling;
  int framed = 0;
  for (int s = 0; s < file->sets[ESP_PART_TEST] && rolling->error; s++) {
    const int64_t frames = file->frames[ESP_PART_TEST][s];
    if (frames > 0 && frames - 1 < steps) steps = frames - 1; /* no further than the truth */
    framed |= frames > 0;
  }
  plan p = {.run = run, .data = data, .rolling = rolling, .trials = trials, .backend = whole};
  p.halved = !framed && rolling->halve;
  p.steps = p.halved ? 2 * steps : steps;
  p.frames = framed ? steps : 0;
  return try_methods(&p, classical);
}
