/* train: clouds from the ensemble, batches over the ranks, checkpoints and a line of metrics a step. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include "domain/gradsync.h"
#include "domain/settle.h"
#include "io/checkpoint.h"
#include "io/ensemble.h"
#include "net/train_gravity.h"
#include "verbs/run.h"
#include "verbs/setup.h"

/* ---- clouds, read once where they fit ---- */

enum { KEEP_PARTICLES = 1 << 22 }; /* kept in memory on a rank; clouds beyond are read again each time */

typedef struct {
  const esp_run *run;
  const esp_ensemble *ensemble;
  int sharded;
  const esp_backend *backend; /* and the network's tree: where a sharded cloud settles */
  int leaf, block;
  esp_cloud *kept; /* [clouds]; id NULL where none is kept */
  int64_t particles;
  esp_cloud passing; /* the one that is not kept */
} source;

static int get_cloud(void *context, int c, const esp_cloud **cloud) {
  source *s = context;
  *cloud = &s->kept[c];
  if (s->kept[c].id) return ESP_OK;
  esp_cloud read;
  if (s->sharded) ESP_CALL(esp_ensemble_share(s->ensemble, s->run->comm, ESP_SET_TRAIN, c, &read));
  else ESP_CALL(esp_ensemble_cloud(s->ensemble, ESP_SET_TRAIN, c, &read));
  int rc = esp_cloud_to_model(&read);
  if (!rc && s->sharded) rc = esp_cloud_settle(s->backend, s->leaf, s->block, &read);
  if (rc) return esp_cloud_free(&read), rc;
  /* shares differ by rank, but all ranks must keep the same clouds: reading one again is collective */
  const int64_t held = s->sharded ? read.n / s->run->comm->size + 1 : read.n_home;
  if (s->particles + held <= KEEP_PARTICLES) {
    s->particles += held;
    s->kept[c] = read;
  } else {
    s->passing = read;
    *cloud = &s->passing;
  }
  return ESP_OK;
}

static void put_cloud(void *context, int c, const esp_cloud *cloud) {
  (void)c;
  source *s = context;
  if (cloud == &s->passing) esp_cloud_free(&s->passing);
}

/* ---- what happens at a step ---- */

typedef struct {
  const esp_run *run;
  const esp_model *model;
  FILE *metrics; /* rank 0; not buffered */
  off_t whole;   /* its length in whole lines */
  char path[4096], precision[16];
  esp_train_record last;
  double first_loss, seconds;
  int64_t steps;
} journal;

static int write_step(journal *j, const esp_train_record *r) {
  if (!j->metrics) return ESP_OK;
  char line[256];
  size_t length = (size_t)snprintf(line, sizeof line, "%lld,%.9g,%.9g,%.9g,%.6g,%.6g,%.6f\n", (long long)r->step, r->loss,
                                   r->part[0], r->part[1], r->rate, r->gradient, r->seconds);
  if (fwrite(line, 1, length, j->metrics) != length) {
    int error = errno;
    (void)!ftruncate(fileno(j->metrics), j->whole); /* no half line */
    ESP_CHECK(0, ESP_ERR_FILE, "%s/metrics.csv: cannot be written: %s", j->run->dir, strerror(error));
  }
  j->whole += (off_t)length;
  return ESP_OK;
}

static int on_step(void *context, const esp_train_record *r) {
  journal *j = context;
  if (j->steps++ == 0) j->first_loss = r->loss;
  j->last = *r;
  j->seconds += r->seconds;
  char note[64];
  snprintf(note, sizeof note, "loss %.3e", r->loss);
  esp_run_progress(j->run, "train", r->step, r->steps, note);
  return write_step(j, r);
}

static int on_checkpoint(void *context, const esp_adam *adam) {
  journal *j = context;
  return esp_checkpoint_write(j->run->comm, j->path, j->model, adam, j->precision);
}

/* The header, and the lines of the steps before. */
static int start_metrics(FILE *metrics, FILE *old, int64_t step) {
  char line[512];
  long long at;
  int bad = fprintf(metrics, "step,loss,nmse_D,nmse_K,lr,gradient_norm,seconds\n") < 0;
  while (old && !bad && fgets(line, sizeof line, old))
    if (sscanf(line, "%lld,", &at) == 1 && at <= step) bad = fputs(line, metrics) < 0;
  return bad || fflush(metrics) != 0;
}

/* A resumed run keeps the lines of the steps before; others start anew. Beside, then renamed. */
static int open_metrics(journal *j, int64_t step) {
  if (j->run->comm->rank) return ESP_OK;
  char path[4096], part[4112];
  ESP_CALL(esp_run_path(j->run, "metrics.csv", path, sizeof path));
  snprintf(part, sizeof part, "%s.part", path);
  FILE *old = step > 0 ? fopen(path, "r") : NULL;
  j->metrics = fopen(part, "w");
  int bad = !j->metrics || setvbuf(j->metrics, NULL, _IONBF, 0) || start_metrics(j->metrics, old, step);
  int error = errno;
  if (old) fclose(old);
  if (!bad && rename(part, path) != 0) bad = 1, error = errno;
  if (bad) remove(part);
  ESP_CHECK(!bad, ESP_ERR_FILE, "%s: cannot be written: %s", path, strerror(error));
  j->whole = ftello(j->metrics);
  return ESP_OK;
}

static int sum_gradients(void *context, int64_t *acc, size_t count) {
  const esp_gradsync *sync = context;
  return sync->sum(sync, acc, count);
}

static esp_train_param train_param(const esp_run *run) {
  const esp_config *c = run->config;
  return (esp_train_param){.steps = esp_config_int(c, "train_steps"),
                           .stop = esp_config_int(c, "train_stop"),
                           .batch = (int)esp_config_int(c, "train_batch"),
                           .rate = esp_config_real(c, "train_lr"),
                           .warmup = esp_config_int(c, "train_warmup"),
                           .beta2 = 0.999,
                           .clip = esp_config_real(c, "train_clip"),
                           .seed = (uint64_t)esp_config_int(c, "run_seed"),
                           .checkpoint_every = esp_config_int(c, "train_checkpoint_every")};
}

static int64_t largest_cloud(const esp_ensemble *ensemble) {
  int64_t largest = 0;
  for (int c = 0; c < ensemble->clouds[ESP_SET_TRAIN]; c++)
    if (ensemble->entry[ESP_SET_TRAIN][c].n > largest) largest = ensemble->entry[ESP_SET_TRAIN][c].n;
  return largest;
}

static int add_results(esp_run *run, const journal *j, const esp_model *model) {
  cJSON *json = run->json;
  cJSON_AddNumberToObject(json, "steps", (double)j->last.step);
  cJSON_AddNumberToObject(json, "first_loss", j->first_loss);
  cJSON_AddNumberToObject(json, "loss", j->last.loss);
  cJSON_AddNumberToObject(json, "theta", model->param.domain.lists.theta);
  cJSON_AddNumberToObject(json, "parameters", model->count);
  cJSON_AddNumberToObject(json, "step_seconds", j->steps ? j->seconds / (double)j->steps : 0);
  cJSON_AddStringToObject(json, "checkpoint", j->path);
  int64_t pairs[3] = {j->last.cost.near_pairs, j->last.cost.far_pairs, j->last.particles};
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  int64_t most[2] = {(int64_t)esp_memory_peak(), (int64_t)usage.ru_maxrss * 1024};
  ESP_CALL(run->comm->sum_i64(run->comm, pairs, 3));
  ESP_CALL(run->comm->max_i64(run->comm, most, 2));
  double particles = pairs[2] ? (double)pairs[2] : 1;
  cJSON_AddNumberToObject(json, "pairs_per_particle", (double)pairs[0] / particles);
  cJSON_AddNumberToObject(json, "cells_per_particle", (double)pairs[1] / particles);
  cJSON_AddNumberToObject(json, "memory_bytes_rank", (double)most[0]);
  cJSON_AddNumberToObject(json, "resident_bytes_rank", (double)most[1]); /* with libraries and their buffers */
  uint64_t sum = 0;
  for (int p = 0; p < model->count; p++) {
    uint64_t bits;
    memcpy(&bits, &model->value[p], sizeof bits);
    sum = (sum ^ bits) * UINT64_C(0x100000001b3);
  }
  char text[24];
  snprintf(text, sizeof text, "%016llx", (unsigned long long)sum);
  cJSON_AddStringToObject(json, "parameter_checksum", text); /* the same on any number of ranks */
  return ESP_OK;
}

static int train_on(esp_run *run, const esp_ensemble *ensemble, source *s) {
  esp_model model = {0};
  esp_adam adam = {0};
  esp_model_param param;
  journal j = {.run = run, .model = &model};
  esp_setup_model(run, &param);
  esp_backend backend = s->sharded ? esp_setup_sharded(run) : esp_setup_whole(run);
  s->backend = &backend, s->leaf = param.domain.leaf, s->block = param.domain.block;
  snprintf(j.precision, sizeof j.precision, "%s", backend.ops->name);
  esp_gravity_data data = {.clouds = ensemble->clouds[ESP_SET_TRAIN], .sharded = s->sharded, .get = get_cloud,
                           .put = put_cloud, .context = s};
  data.lambda = esp_config_real(run->config, "train_loss_k");
  esp_gradsync sync = esp_gradsync_comm(run->comm);
  esp_train_hooks hooks = {.step = on_step, .checkpoint = on_checkpoint, .context = &j, .sum = sum_gradients,
                           .sum_context = &sync};
  esp_train_param how = train_param(run);
  const char *restart = esp_config_string(run->config, "train_restart");
  int rc;
  rc = esp_model_create(&param, &model);
  if (!rc) rc = esp_adam_create(model.count, &adam);
  ESP_TRY(run->comm->agree(run->comm, rc));
  if (restart[0]) ESP_TRY(esp_checkpoint_resume(run->comm, restart, &model, &adam, j.precision));
  ESP_TRY(esp_train_fix_theta(run->comm, &backend, &data, &model));
  ESP_TRY(esp_run_path(run, "checkpoint.h5", j.path, sizeof j.path));
  ESP_TRY(run->comm->agree(run->comm, open_metrics(&j, adam.step)));
  j.last.step = adam.step;
  ESP_TRY(esp_train_gravity(run->comm, &backend, &data, &how, &hooks, &model, &adam));
  if (j.steps == 0) ESP_TRY(on_checkpoint(&j, &adam)); /* no step to make: the start is the result */
  ESP_TRY(add_results(run, &j, &model));
done:
  if (j.metrics) fclose(j.metrics);
  esp_adam_free(&adam);
  esp_model_free(&model);
  return rc;
}

int esp_verb_train(esp_run *run) {
  char path[4096];
  esp_ensemble ensemble;
  ESP_CALL(esp_run_data(run, path, sizeof path));
  ESP_CALL(esp_ensemble_open(run->comm, path, &ensemble));
  source s = {.run = run, .ensemble = &ensemble};
  int clouds = ensemble.clouds[ESP_SET_TRAIN], rc;
  ESP_NEED(clouds > 0, ESP_ERR_VALUE, "%s: no training clouds; set data_clouds (or data_box_train) to at least 1", path);
  ESP_TRY(run->comm->agree(run->comm, ESP_ALLOC(s.kept, clouds)));
  s.sharded = esp_setup_is_sharded(run, largest_cloud(&ensemble));
  esp_run_say(run, "train: %d clouds, %s, pairs by %s\n", clouds,
              s.sharded ? "each shared by all ranks" : "each whole on one rank", esp_setup_ops(run)->name);
  ESP_TRY(esp_error_blame(train_on(run, &ensemble, &s), path));
done:
  for (int c = 0; s.kept && c < clouds; c++) esp_cloud_free(&s.kept[c]);
  ESP_FREE(s.kept);
  esp_ensemble_close(&ensemble);
  return rc;
}
