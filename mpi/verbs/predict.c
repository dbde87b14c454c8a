/* predict: what a trained network says of the particles of another code's file, or of a test set. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/formats.h"
#include "verbs/data.h"
#include "verbs/memory.h"
#include "verbs/setup.h"

/* ---- the particles ---- */

/* As they are in their file. */
typedef struct {
  esp_set set;
  int foreign;
  esp_input_param input;
  esp_origin origin;
  esp_set_about about; /* for a set file */
} particles;

static int read_test(const esp_run *run, particles *p) {
  const int64_t s = esp_config_int(run->config, "eval_set");
  esp_data data;
  int rc;
  ESP_CALL(esp_data_open(run, ESP_PART_TEST, 1, &data));
  ESP_NEED(s < data.file.sets[ESP_PART_TEST], ESP_ERR_CONFIG,
           "%s: eval_set %" PRId64 ": the file has %d test sets, numbered from 0", data.path, s,
           data.file.sets[ESP_PART_TEST]);
  ESP_TRY(esp_set_read(&data.file, run->comm, ESP_PART_TEST, (int)s, &p->set));
  snprintf(p->about.task, sizeof p->about.task, "%s", data.task->name);
done:
  esp_data_close(&data);
  return rc;
}

/* ---- the network ---- */

typedef struct {
  double *y; /* [n_home][targets] */
  esp_cost cost;
  double seconds;
} prediction;

/* And its loss, where the set has targets. */
static int run_network(esp_run *run, const esp_task *task, const esp_model *model, const esp_backend *backend,
                       const esp_set *set, prediction *p) {
  const int targets = model->sizes.width[ESP_TARGET];
  const esp_backend host = esp_backend_host(run->comm);
  double part[ESP_LOSS_PARTS];
  void *loss = NULL;
  int rc = ESP_ALLOC(p->y, (size_t)set->n_home * (size_t)targets), at = 0;
  if (!rc) rc = esp_setup_options(run, task->loss->options, &loss);
  ESP_TRY(run->comm->agree(run->comm, rc));
  const double start = esp_wall();
  ESP_TRY(esp_model_predict(model, backend, set, NULL, p->y, &p->cost));
  p->seconds = esp_wall() - start;
  if (esp_set_role_width(set, ESP_TARGET) != targets) goto done;
  ESP_TRY(task->loss->value(loss, &host, set, p->y, 1, NULL, part));
  for (const esp_column *c = task->layout->column; c->name; c++) {
    char name[64];
    if (c->role != ESP_TARGET || at == task->loss->parts) continue;
    esp_loss_part_name(task->loss, c->name, name, sizeof name);
    cJSON_AddNumberToObject(run->json, name, part[at]);
    esp_run_say(run, "predict: %s %.5f\n", name, part[at++]);
  }
done:
  ESP_FREE(loss);
  return rc;
}

/* ---- results ---- */

/* set: with the prediction in it. */
static int add_results(esp_run *run, const esp_set *set, const prediction *p) {
  const esp_comm *comm = run->comm;
  int64_t sums[6] = {p->cost.near_pairs, p->cost.far_pairs, p->cost.moved,
                     p->cost.ghosts,     p->cost.bytes,     p->cost.allowed};
  double seconds = p->seconds, most;
  uint64_t checksum;
  char text[24];
  ESP_CALL(comm->sum_i64(comm, sums, 6));
  ESP_CALL(comm->max_f64(comm, &seconds, 1));
  ESP_CALL(esp_set_checksum(comm, set, &checksum));
  const double n = set->n ? (double)set->n : 1;
  snprintf(text, sizeof text, "%016" PRIx64, checksum);
  cJSON_AddNumberToObject(run->json, "particles", (double)set->n);
  cJSON_AddNumberToObject(run->json, "pairs_per_particle", (double)sums[0] / n);
  cJSON_AddNumberToObject(run->json, "cells_per_particle", (double)sums[1] / n);
  cJSON_AddNumberToObject(run->json, "moved_particles", (double)sums[2]);
  cJSON_AddNumberToObject(run->json, "halo_particles", (double)sums[3]);
  cJSON_AddNumberToObject(run->json, "bytes", (double)sums[4]);
  cJSON_AddNumberToObject(run->json, "predict_seconds", seconds);
  ESP_CALL(esp_memory_results(run, &most));
  cJSON_AddStringToObject(run->json, "prediction_checksum", text); /* the same on any number of ranks */
  esp_run_say(run,
              "predict: %" PRId64
              " particles in %.2f s on %d ranks, %.1f near pairs and %.1f far cells a particle, "
              "%.0f MiB a rank\n",
              set->n, seconds, comm->size, (double)sums[0] / n, (double)sums[1] / n, most / 1048576);
  esp_run_say_budget(run, "predict", (double)sums[0] / n, (double)sums[5] / n);
  return ESP_OK;
}

/* As test set 0 of a file of its own. */
static int write_set(const esp_run *run, const particles *p, const char *path) {
  const esp_set *set = &p->set;
  const int64_t sets[ESP_PARTS] = {[ESP_PART_TEST] = 1};
  const int64_t *const sizes[ESP_PARTS] = {[ESP_PART_TEST] = &set->n};
  esp_set_about about = p->about;
  esp_set_writer writer;
  memcpy(about.width, set->width, sizeof about.width);
  ESP_CALL(esp_set_begin(run->comm, path, set->layout, &about, sets, sizes, NULL, &writer));
  int rc = esp_set_put(&writer, ESP_PART_TEST, 0, 1, set);
  if (rc) esp_set_abort(&writer);
  ESP_CALL(rc);
  return esp_set_commit(&writer);
}

static int write_prediction(esp_run *run, const particles *p, double elapsed) {
  char path[4096], name[64];
  snprintf(name, sizeof name, "prediction%s", p->foreign ? esp_format_writer(&p->origin)->extension : ".h5");
  ESP_CALL(esp_run_path(run, name, path, sizeof path));
  if (p->foreign) {
    const double time = p->origin.comoving ? elapsed : p->origin.time + elapsed; /* no time to add to a scale factor */
    ESP_CALL(esp_format_write(run->comm, path, &p->set, &p->origin, time, p->input.compress));
  } else {
    ESP_CALL(write_set(run, p, path));
  }
  if (elapsed > 0) cJSON_AddNumberToObject(run->json, "horizon", elapsed);
  cJSON_AddStringToObject(run->json, "prediction", path);
  esp_run_say(run, "predict: %s\n", path);
  return ESP_OK;
}

/* The particles become their prediction. */
static int predict(esp_run *run, const esp_task *task, const void *param, esp_model *model, const esp_device *device,
                   particles *p) {
  const esp_backend backend = esp_setup_sharded(run, device);
  prediction result = {0};
  esp_set ready = {0};
  double elapsed = 0;
  int rc = task->ready ? esp_set_copy(&p->set, &ready) : ESP_OK;
  if (!rc && task->ready) rc = task->ready(param, &ready);
  ESP_TRY(run->comm->agree(run->comm, rc));
  ESP_TRY(esp_setup_aim(run, "predict", model, device, task->ready ? &ready : &p->set));
  ESP_TRY(run_network(run, task, model, &backend, task->ready ? &ready : &p->set, &result));
  esp_set_free(&ready);
  rc = task->output(param, result.y, model->sizes.width[ESP_TARGET], &p->set, &elapsed);
  ESP_TRY(run->comm->agree(run->comm, rc));
  ESP_TRY(add_results(run, &p->set, &result));
  ESP_TRY(write_prediction(run, p, elapsed));
done:
  esp_set_free(&ready);
  ESP_FREE(result.y);
  return rc;
}

int esp_verb_predict(esp_run *run) {
  char path[4096];
  const esp_task *task = esp_setup_task(run);
  const esp_device *device;
  void *param = NULL;
  esp_model model = {0};
  particles p = {0};
  int rc;
  ESP_TRY(run->comm->agree(run->comm, esp_setup_data(run, &param)));
  ESP_TRY(run->comm->agree(run->comm, esp_options_fill(&esp_input_options, run->config, &p.input)));
  p.foreign = p.input.file[0] != 0;
  if (p.foreign) ESP_TRY(esp_task_check_input(task, 0));
  ESP_TRY(esp_setup_trained(run, &model, &device));
  ESP_TRY(p.foreign ? esp_data_foreign(run, "predict", &p.input, param, device, &p.set, &p.origin)
                    : read_test(run, &p));
  if (p.foreign)
    snprintf(path, sizeof path, "%s", p.input.file);
  else
    ESP_TRY(esp_run_data(run, path, sizeof path));
  ESP_TRY(esp_error_blame(predict(run, task, param, &model, device, &p), path));
done:
  esp_set_free(&p.set);
  esp_model_free(&model);
  ESP_FREE(param);
  return rc;
}
