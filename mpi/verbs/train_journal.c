#include "verbs/train_journal.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/input.h"
#include "verbs/memory.h"

static void start_metrics(FILE *metrics, const char *header, FILE *old, int64_t step) {
  char line[512];
  long long at;
  fprintf(metrics, "%s\n", header);
  while (old && esp_input_line(old, line, sizeof line))
    if (sscanf(line, "%lld,", &at) == 1 && at <= step) fprintf(metrics, "%s\n", line);
}

/* A resumed run keeps the lines of the steps before; others start anew. */
static int open_metrics(esp_journal *j, const char *header, int64_t step) {
  if (j->run->comm->rank) return ESP_OK;
  char path[4096];
  esp_draft draft;
  ESP_CALL(esp_run_path(j->run, "metrics.csv", path, sizeof path));
  ESP_CALL(esp_draft_begin(path, &draft));
  setvbuf(draft.stream, NULL, _IONBF, 0); /* a line is there when it is written */
  FILE *old = NULL;
  if (step > 0 && esp_input_open(path, &old)) esp_error_clear(); /* a resumed run without its lines goes on */
  start_metrics(draft.stream, header, old, step);
  if (old) fclose(old);
  ESP_CALL(esp_draft_keep_open(&draft, path, &j->metrics));
  j->whole = ftello(j->metrics);
  return ESP_OK;
}

int esp_journal_open(const esp_run *run, const char *header, int64_t step, esp_journal *journal) {
  *journal = (esp_journal){.run = run, .validated = NAN};
  journal->last.step = step;
  ESP_CALL(esp_run_path(run, "checkpoint.h5", journal->path, sizeof journal->path));
  return run->comm->agree(run->comm, open_metrics(journal, header, step));
}

void esp_journal_close(esp_journal *journal) {
  if (journal->metrics) fclose(journal->metrics);
  journal->metrics = NULL;
}

int esp_journal_line(esp_journal *j, const char *format, ...) {
  if (!j->metrics) return ESP_OK;
  char line[256];
  va_list list;
  va_start(list, format);
  const size_t length = (size_t)vsnprintf(line, sizeof line, format, list);
  va_end(list);
  ESP_CHECK(length < sizeof line, ESP_ERR_LIMIT, "a line of metrics.csv is longer than %zu characters",
            sizeof line - 1);
  if (fwrite(line, 1, length, j->metrics) != length) {
    int error = errno;
    (void)!ftruncate(fileno(j->metrics), j->whole); /* no half line */
    ESP_CHECK(0, ESP_ERR_FILE, "%s/metrics.csv: cannot be written: %s", j->run->dir, strerror(error));
  }
  j->whole += (off_t)length;
  return ESP_OK;
}

void esp_journal_step(esp_journal *j, const esp_train_record *r) {
  char note[64];
  if (j->steps++ == 0) j->first_loss = r->loss;
  j->last = *r;
  if (r->cost.contraction > j->contraction) j->contraction = r->cost.contraction;
  j->seconds += r->seconds;
  if (!isnan(r->validated[0])) j->validated = r->validated[0];
  if (r->best)
    snprintf(note, sizeof note, "loss %.3e, validation %.4g, best step %lld", r->loss, j->validated,
             (long long)r->best);
  else
    snprintf(note, sizeof note, "loss %.3e", r->loss);
  esp_run_progress(j->run, "train", r->step, r->steps, note);
}

/* Of states that are solved for, if there are any. */
static int add_solved(const esp_journal *j) {
  const esp_cost *cost = &j->last.cost;
  cJSON *json = j->run->json;
  int64_t most[2] = {cost->iterations, cost->iterations_back};
  double contraction[2] = {cost->contraction, j->contraction};
  ESP_CALL(j->run->comm->max_i64(j->run->comm, most, 2));
  ESP_CALL(j->run->comm->max_f64(j->run->comm, contraction, 2));
  if (most[0] == 0) return ESP_OK;
  cJSON_AddNumberToObject(json, "iterations", (double)most[0]);
  cJSON_AddNumberToObject(json, "iterations_back", (double)most[1]);
  cJSON_AddNumberToObject(json, "contraction", contraction[0]);
  cJSON_AddNumberToObject(json, "largest_contraction", contraction[1]);
  esp_run_say(j->run,
              "train: states solved for in %lld iterations, gradients in %lld, a measured contraction of %.2f; in all "
              "steps at most %.2f\n",
              (long long)most[0], (long long)most[1], contraction[0], contraction[1]);
  return ESP_OK;
}

int esp_journal_results(const esp_journal *j, const esp_model *model) {
  const esp_comm *comm = j->run->comm;
  cJSON *json = j->run->json;
  cJSON_AddNumberToObject(json, "steps", (double)j->last.step);
  if (j->steps) { /* a run that had nothing left to do knows no loss */
    cJSON_AddNumberToObject(json, "first_loss", j->first_loss);
    cJSON_AddNumberToObject(json, "loss", j->last.loss);
  }
  cJSON_AddNumberToObject(json, "parameters", model->block.count);
  cJSON_AddNumberToObject(json, "step_seconds", j->steps ? j->seconds / (double)j->steps : 0);
  cJSON_AddStringToObject(json, "checkpoint", j->path);
  int64_t pairs[4] = {j->last.cost.near_pairs, j->last.cost.far_pairs, j->last.particles, j->last.cost.allowed};
  ESP_CALL(comm->sum_i64(comm, pairs, 4));
  const double particles = pairs[2] ? (double)pairs[2] : 1;
  cJSON_AddNumberToObject(json, "pairs_per_particle", (double)pairs[0] / particles);
  cJSON_AddNumberToObject(json, "cells_per_particle", (double)pairs[1] / particles);
  ESP_CALL(add_solved(j));
  ESP_CALL(esp_memory_results(j->run, NULL));
  ESP_CALL(esp_memory_write(j->run));
  char text[24];
  snprintf(text, sizeof text, "%016llx", (unsigned long long)esp_model_checksum(model));
  cJSON_AddStringToObject(json, "parameter_checksum", text); /* the same on any number of ranks */
  esp_run_say_budget(j->run, "train", (double)pairs[0] / particles, (double)pairs[3] / particles);
  return ESP_OK;
}
