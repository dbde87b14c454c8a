#include "verbs/rollout.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST = 4096 };

static const esp_figure plain[] = {{"rmse", "RMSE", "%.5f", 1}, {0}};

typedef struct {
  esp_run *run;
  const esp_data *data;
  const esp_rolling *rolling;
  const esp_trials *trials;
  const esp_backend *backend;
  int64_t steps; /* predictions */
  int frames;    /* of them with a truth; 0: no frames */
  int64_t ahead; /* frames of the file that a prediction goes */
  int halved, kinds;
  const esp_figure *kind; /* [kinds] */
  esp_figure *figure;     /* [(frames + 1) kinds + 1] errors of each frame, of all; mean of |(I_end - I_0) / I_0| */
} plan;

static int figures(const plan *p) {
  return (p->frames + 1) * p->kinds + 1;
}

/* ---- one set ---- */

static int alloc_frame(const esp_set *set, double *frame[ESP_COLUMNS]) {
  for (int k = 0; set->layout->column[k].name; k++)
    if (set->layout->column[k].framed && set->width[k])
      ESP_CALL(ESP_ALLOC(frame[k], (size_t)set->n_home * (size_t)set->width[k]));
  return ESP_OK;
}

static int add_frame(const plan *p, int s, int f, const esp_set *set, double *const frame[ESP_COLUMNS], esp_tally *t) {
  for (int k = 0; set->layout->column[k].name; k++)
    if (frame[k])
      ESP_CALL(esp_set_read_frame(&p->data->file, ESP_PART_TEST, s, (f + 1) * p->ahead, k, 0, set->n_home, frame[k]));
  ESP_CALL(p->rolling->error(set, frame, f * p->kinds, t));
  return p->rolling->error(set, frame, p->frames * p->kinds, t);
}

static int step(const plan *p, const esp_method *method, int s, int64_t step, esp_set *set, double *y,
                double *const frame[ESP_COLUMNS], int *used, esp_tally *t) {
  esp_trial trial = {.y = y};
  ESP_CALL(esp_trial_run(p->trials, method, p->backend, set, 0, NULL, &trial));
  *used = trial.used;
  if (!trial.used) return ESP_OK;
  ESP_CALL(p->rolling->advance(set, y));
  if (step < p->frames) ESP_CALL(add_frame(p, s, (int)step, set, frame, t));
  return ESP_OK;
}

static int roll(const plan *p, const esp_method *method, int s, esp_tally *t, int64_t *sets) {
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
  if (rolling->invariant) {
    ESP_TRY(rolling->invariant(&set, &end));
    esp_tally_add(t, figures(p) - 1, start != 0 ? fabs((end - start) / start) : 0, 1);
  }
  ++*sets;
done:
  for (int k = 0; k < ESP_COLUMNS; k++) ESP_FREE(frame[k]);
  ESP_FREE(y);
  esp_set_free(&set);
  return rc;
}

static int usable(const plan *p, int s) {
  return p->data->file.n[ESP_PART_TEST][s] <= LARGEST &&
         (p->frames == 0 || p->data->file.frames[ESP_PART_TEST][s] > p->frames * p->ahead);
}

/* ---- one method ---- */

/* value [figures]: over all ranks; sets that the method could be used on. */
static int try_method(const plan *p, const esp_method *method, double *value, int64_t *sets) {
  const esp_comm *comm = p->run->comm;
  esp_tally t;
  int index = 0, rc = esp_tally_create(p->figure, &t);
  *sets = 0;
  for (int s = 0; s < p->data->file.sets[ESP_PART_TEST] && !rc; s++)
    if (usable(p, s) && index++ % comm->size == comm->rank) rc = roll(p, method, s, &t, sets);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_tally_value(comm, &t, p->figure, value));
  ESP_TRY(comm->sum_i64(comm, sets, 1));
done:
  esp_tally_free(&t);
  return rc;
}

/* ---- lines ---- */

static void add_row(const plan *p, cJSON *rows, esp_lines *lines, const char *name, const double *value) {
  const esp_rolling *rolling = p->rolling;
  const double *all = value + p->frames * p->kinds, change = value[figures(p) - 1];
  if (p->run->comm->rank) return;
  cJSON *row = cJSON_CreateObject();
  cJSON_AddStringToObject(row, "method", name);
  cJSON_AddNumberToObject(row, "predictions", (double)p->steps);
  esp_run_say(p->run, "roll-out   %-38s %4" PRId64 " predictions", name, p->steps);
  esp_lines_add(lines, "%s,%" PRId64, name, p->steps);
  for (int k = 0; k < p->kinds; k++) {
    char text[32] = "-";
    if (p->frames) snprintf(text, sizeof text, p->kind[k].format, all[k]); /* NOLINT: a format of a const table */
    esp_run_say(p->run, "  %s %8s", p->kind[k].title, text);
    esp_lines_add(lines, ",%s", text);
    if (p->frames) cJSON_AddNumberToObject(row, p->kind[k].name, all[k]);
  }
  if (rolling->invariant) {
    esp_run_say(p->run, "  %s %.3e", rolling->invariant_name, change);
    esp_lines_add(lines, ",%.3e", change);
    cJSON_AddNumberToObject(row, rolling->invariant_name, change);
  }
  esp_run_say(p->run, "\n");
  esp_lines_add(lines, "\n");
  cJSON_AddItemToArray(rows, row);
}

/* values [count][figures] */
static int write_curves(const plan *p, int kind, int count, const char *const *name, const double *values) {
  esp_lines lines = {0};
  char file[64] = "rollout_curves.csv";
  if (p->rolling->figure) snprintf(file, sizeof file, "rollout_%s.csv", p->kind[kind].name);
  if (p->run->comm->rank == 0) {
    esp_lines_add(&lines, "frame");
    for (int m = 0; m < count; m++) esp_lines_add(&lines, ",%s", name[m]);
    esp_lines_add(&lines, "\n");
  }
  for (int f = 0; f < p->frames && p->run->comm->rank == 0; f++) {
    esp_lines_add(&lines, "%" PRId64, (f + 1) * p->ahead);
    for (int m = 0; m < count; m++)
      esp_lines_add(&lines, ",%.6g",
                    values[(size_t)m * (size_t)figures(p) + (size_t)f * (size_t)p->kinds + (size_t)kind]);
    esp_lines_add(&lines, "\n");
  }
  return esp_run_lines(p->run, file, NULL, &lines);
}

static int write_lines(const plan *p, esp_lines *lines) {
  char header[256] = "method,predictions";
  for (int k = 0; k < p->kinds; k++)
    snprintf(header + strlen(header), sizeof header - strlen(header), ",%s",
             p->rolling->figure ? p->kind[k].name : p->kind[k].title);
  if (p->rolling->invariant)
    snprintf(header + strlen(header), sizeof header - strlen(header), ",%s", p->rolling->invariant_name);
  return esp_run_lines(p->run, "rollout.csv", header, lines);
}

static int try_methods(const plan *p, int classical) {
  const esp_method *method = p->trials->showing->method;
  const esp_comm *comm = p->run->comm;
  const char **name = NULL;
  esp_lines lines = {0};
  double *values = NULL;
  int64_t sets;
  cJSON *rows = cJSON_AddArrayToObject(p->run->json, "rollout");
  int count = 0, used = 0, rc;
  while (method[count].name) count++;
  rc = ESP_ALLOC(values, (size_t)count * (size_t)figures(p));
  if (!rc) rc = ESP_ALLOC(name, count);
  ESP_TRY(comm->agree(comm, rc));
  for (int m = 0; m < count; m++) {
    double *value = values + (size_t)used * (size_t)figures(p);
    if (!esp_trial_may(&method[m], 0, 0, classical)) continue;
    ESP_TRY(try_method(p, &method[m], value, &sets));
    if (!sets) continue;
    add_row(p, rows, &lines, method[m].name, value);
    name[used++] = method[m].name;
  }
  ESP_TRY(write_lines(p, &lines));
  for (int k = 0; k < p->kinds && p->frames; k++) ESP_TRY(write_curves(p, k, used, name, values));
done:
  esp_lines_free(&lines);
  ESP_FREE(values);
  ESP_FREE(name);
  return rc;
}

/* No further than the truth: of the shortest set, or, of pairs, which begin later and later, of the longest. */
static int64_t reach(const esp_set_file *file, int64_t ahead, int64_t steps) {
  int64_t least = steps, most = 0;
  for (int s = 0; s < file->sets[ESP_PART_TEST]; s++) {
    const int64_t frames = file->frames[ESP_PART_TEST][s], far = (frames - 1) / ahead;
    if (frames > 0 && far < least) least = far;
    if (frames > 0 && far > most) most = far;
  }
  return !file->pairing[ESP_PART_TEST].lead ? least : most < steps ? most : steps;
}

int esp_rollout(esp_run *run, const esp_data *data, const esp_trials *trials, const esp_backend *whole, int64_t steps,
                int classical) {
  const esp_set_file *file = &data->file;
  const esp_rolling *rolling = data->task->rolling;
  int framed = 0;
  for (int s = 0; s < file->sets[ESP_PART_TEST] && rolling->error; s++) framed |= file->frames[ESP_PART_TEST][s] > 0;
  plan p = {.run = run, .data = data, .rolling = rolling, .trials = trials, .backend = whole};
  p.ahead = file->pairing[ESP_PART_TEST].lead ? file->pairing[ESP_PART_TEST].lead : 1;
  p.kind = rolling->figure ? rolling->figure : plain;
  while (p.kind[p.kinds].name) p.kinds++;
  if (framed) steps = reach(file, p.ahead, steps);
  p.halved = !framed && rolling->halve;
  p.steps = p.halved ? 2 * steps : steps;
  p.frames = framed ? (int)steps : 0; /* no more than a key of 32 bits says */
  int rc = ESP_ALLOC(p.figure, figures(&p) + 1);
  for (int k = 0; k < figures(&p) && !rc; k++)
    p.figure[k] = (esp_figure){.name = "", .root = k < figures(&p) - 1 && p.kind[k % p.kinds].root};
  ESP_TRY(run->comm->agree(run->comm, rc));
  ESP_TRY(try_methods(&p, classical));
done:
  ESP_FREE(p.figure);
  return rc;
}
