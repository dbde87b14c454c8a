/* train: clouds from the ensemble, batches over the ranks, checkpoints and a line of metrics a step. */
#include <stdio.h>
#include <string.h>

#include "domain/gradsync.h"
#include "domain/settle.h"
#include "io/checkpoint_typed.h"
#include "io/ensemble.h"
#include "net/train_gravity.h"
#include "verbs/relation_verbs.h"
#include "verbs/run.h"
#include "verbs/setup.h"
#include "verbs/train_journal.h"

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
  if (s->sharded)
    ESP_CALL(esp_ensemble_share(s->ensemble, s->run->comm, ESP_PART_TRAIN, c, &read));
  else
    ESP_CALL(esp_ensemble_cloud(s->ensemble, ESP_PART_TRAIN, c, &read));
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
  esp_journal *journal;
  const esp_integrator *model;
  char precision[16];
} stage;

static int on_step(void *context, const esp_train_record *r) {
  const stage *s = context;
  esp_journal_step(s->journal, r);
  return esp_journal_line(s->journal, "%lld,%.9g,%.9g,%.9g,%.6g,%.6g,%.6f\n", (long long)r->step, r->loss, r->part[0],
                          r->part[1], r->rate, r->gradient, r->seconds);
}

static int on_checkpoint(void *context, const esp_adam *adam) {
  const stage *s = context;
  return esp_integrator_checkpoint_write(s->journal->run->comm, s->journal->path, s->model, adam, s->precision);
}

static int64_t largest_cloud(const esp_ensemble *ensemble) {
  int64_t largest = 0;
  for (int c = 0; c < ensemble->clouds[ESP_PART_TRAIN]; c++)
    if (ensemble->entry[ESP_PART_TRAIN][c].n > largest) largest = ensemble->entry[ESP_PART_TRAIN][c].n;
  return largest;
}

static int train_on(esp_run *run, const esp_ensemble *ensemble, source *s) {
  esp_integrator model = {0};
  esp_adam adam = {0};
  esp_integrator_param param;
  esp_train_param how;
  esp_journal journal = {.run = run};
  stage at = {.journal = &journal, .model = &model};
  ESP_CALL(esp_options_fill(&esp_integrator_options, run->config, &param));
  ESP_CALL(esp_options_fill(&esp_train_options, run->config, &how));
  const esp_device *device = esp_setup_device(run);
  esp_backend backend = s->sharded ? esp_setup_sharded(run, device) : esp_setup_whole(device);
  s->backend = &backend, s->leaf = param.domain.leaf, s->block = param.domain.block;
  snprintf(at.precision, sizeof at.precision, "%s", device->name);
  esp_gravity_data data = {.clouds = ensemble->clouds[ESP_PART_TRAIN],
                           .sharded = s->sharded,
                           .get = get_cloud,
                           .put = put_cloud,
                           .context = s};
  data.lambda = esp_config_real(run->config, "train_loss_k");
  esp_gradsync sync = esp_gradsync_comm(run->comm);
  esp_train_hooks hooks = {
      .step = on_step, .checkpoint = on_checkpoint, .context = &at, .sum = esp_journal_sum, .sum_context = &sync};
  const char *restart = esp_config_string(run->config, "train_restart");
  int rc;
  rc = esp_integrator_create(&param, &model);
  if (!rc) rc = esp_adam_create(model.block.count, &adam);
  ESP_TRY(run->comm->agree(run->comm, rc));
  if (restart[0]) ESP_TRY(esp_integrator_checkpoint_resume(run->comm, restart, &model, &adam, at.precision));
  ESP_TRY(esp_train_fix_theta(run->comm, &backend, &data, &model));
  ESP_TRY(esp_journal_open(run, "step,loss,nmse_D,nmse_K,lr,gradient_norm,seconds", adam.step, &journal));
  ESP_TRY(esp_train_gravity(run->comm, &backend, &data, &how, &hooks, &model, &adam));
  if (journal.steps == 0) ESP_TRY(on_checkpoint(&at, &adam)); /* no step to make: the start is the result */
  ESP_TRY(esp_journal_results(&journal, model.block.count, model.block.value));
  cJSON_AddNumberToObject(run->json, "theta", model.param.domain.lists.theta);
done:
  esp_journal_close(&journal);
  esp_adam_free(&adam);
  esp_integrator_free(&model);
  return rc;
}

int esp_verb_train(esp_run *run) {
  char path[4096];
  esp_ensemble ensemble;
  if (esp_setup_is_relation(run)) return esp_relation_train(run);
  ESP_CALL(esp_run_data(run, path, sizeof path));
  ESP_CALL(esp_ensemble_open(run->comm, path, &ensemble));
  source s = {.run = run, .ensemble = &ensemble};
  int clouds = ensemble.clouds[ESP_PART_TRAIN], rc;
  ESP_NEED(clouds > 0, ESP_ERR_VALUE, "%s: no training clouds; set data_clouds (or data_box_train) to at least 1",
           path);
  ESP_TRY(run->comm->agree(run->comm, ESP_ALLOC(s.kept, clouds)));
  s.sharded = esp_setup_is_sharded(run, largest_cloud(&ensemble));
  esp_run_say(run, "train: %d clouds, %s, pairs by %s\n", clouds,
              s.sharded ? "each shared by all ranks" : "each whole on one rank", esp_setup_device(run)->name);
  ESP_TRY(esp_error_blame(train_on(run, &ensemble, &s), path));
done:
  for (int c = 0; s.kept && c < clouds; c++) esp_cloud_free(&s.kept[c]);
  ESP_FREE(s.kept);
  esp_ensemble_close(&ensemble);
  return rc;
}
