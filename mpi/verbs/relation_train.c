/* train, for a learned relation: feature sets, recall on the way, checkpoints and a line of metrics a step. */
#include <stdio.h>
#include <string.h>

#include "domain/gradsync.h"
#include "io/checkpoint_typed.h"
#include "net/train_relation.h"
#include "verbs/relation_sets.h"
#include "verbs/relation_verbs.h"
#include "verbs/setup.h"
#include "verbs/train_journal.h"

/* ---- sets, read once where they fit ---- */

enum { KEEP_NUMBERS = 1 << 27 }; /* kept in memory on a rank: 1 GiB; sets beyond are read again each time */

typedef struct {
  const esp_run *run;
  const esp_feature_file *file;
  int sharded;
  esp_feature_set *kept; /* [sets]; id NULL where none is kept */
  int64_t numbers;
  esp_feature_set passing; /* the one that is not kept */
} source;

static int get_set(void *context, int c, const esp_feature_set **set) {
  source *s = context;
  esp_feature_set read;
  *set = &s->kept[c];
  if (s->kept[c].id) return ESP_OK;
  if (s->sharded)
    ESP_CALL(esp_feature_share_read(s->file, s->run->comm, ESP_PART_TRAIN, c, &read));
  else
    ESP_CALL(esp_feature_set_read(s->file, ESP_PART_TRAIN, c, &read));
  /* shares differ by rank, but all ranks must keep the same sets: reading one again is collective */
  const int64_t held = (s->sharded ? read.n / s->run->comm->size + ESP_GROUP : read.n) *
                       (2 + read.features + read.values + read.targets + read.hidden);
  if (s->numbers + held <= KEEP_NUMBERS) {
    s->numbers += held;
    s->kept[c] = read;
  } else {
    s->passing = read;
    *set = &s->passing;
  }
  return ESP_OK;
}

static void put_set(void *context, int c, const esp_feature_set *set) {
  (void)c;
  source *s = context;
  if (set == &s->passing) esp_feature_set_free(&s->passing);
}

/* Shared sets keep ranks busy that a small batch would leave idle; the bits are the same either way. */
static int is_sharded(const esp_run *run, int64_t largest) {
  const int few = esp_config_int(run->config, "train_batch") < run->comm->size;
  return esp_setup_is_sharded(run, largest) || (few && !strcmp(esp_config_string(run->config, "train_shard"), "auto"));
}

/* ---- what happens at a step ---- */

typedef struct {
  const esp_run *run;
  esp_journal *journal;
  const esp_relation *relation;
  const char *precision;
  esp_backend backend;  /* over all ranks: for the set that recall is found on */
  esp_feature_set test; /* n = 0: there is none */
  esp_relation_judge judge;
  int64_t every;
  double first_recall, recall; /* -1: not known */
} stage;

static int find_recall(stage *s) {
  esp_relation_pass pass = {0};
  esp_relation net = *s->relation;
  memset(net.theta, 0, sizeof net.theta); /* where a rank's own search began: all must begin alike */
  const esp_visit visit = {esp_relation_judge_layer, &s->judge};
  ESP_CALL(esp_relation_forward(&net, &s->backend, &s->test, 0, &visit, &pass));
  esp_relation_pass_free(&pass);
  s->recall = s->judge.recall;
  if (s->first_recall < 0) s->first_recall = s->recall;
  return ESP_OK;
}

static int on_step(void *context, const esp_train_record *r) {
  stage *s = context;
  char recall[32] = "";
  int64_t pairs[2] = {r->cost.near_pairs, r->particles};
  esp_journal_step(s->journal, r);
  ESP_CALL(s->run->comm->sum_i64(s->run->comm, pairs, 2));
  if (s->judge.r && s->every && (r->step % s->every == 0 || r->step == r->steps)) {
    ESP_CALL(find_recall(s));
    snprintf(recall, sizeof recall, "%.5f", s->recall);
  }
  return esp_journal_line(s->journal, "%lld,%.9g,%.6g,%.6g,%.6g,%.2f,%s,%.6f\n", (long long)r->step, r->loss, r->rate,
                          r->gradient, r->theta, (double)pairs[0] / (double)(pairs[1] ? pairs[1] : 1), recall,
                          r->seconds);
}

static int on_checkpoint(void *context, const esp_adam *adam) {
  const stage *s = context;
  return esp_relation_checkpoint_write(s->run->comm, s->journal->path, s->relation, adam, s->precision);
}

/* The set that recall is found on, and its first value: that of the start. */
static int start_recall(stage *s, const esp_feature_file *file, int64_t step) {
  s->every = esp_config_int(s->run->config, "eval_recall_every");
  s->first_recall = s->recall = -1;
  if (!s->every || !file->sets[ESP_PART_TEST] || !file->about.hidden) return ESP_OK;
  ESP_CALL(esp_feature_share_read(file, s->run->comm, ESP_PART_TEST, 0, &s->test));
  ESP_AGREE(s->run->comm, esp_relation_judge_create(s->run, s->run->comm, &file->about, &s->test, &s->judge));
  if (step > 0) return ESP_OK;
  ESP_CALL(find_recall(s));
  return esp_journal_line(s->journal, "0,,,,,,%.5f,\n", s->recall);
}

/* path: of the data. What is wrong with a checkpoint to continue from is not blamed on it. */
static int train_on(esp_run *run, const esp_feature_file *file, const char *path, source *from) {
  esp_relation relation = {0};
  esp_adam adam = {0};
  esp_relation_param param;
  esp_train_param how;
  esp_journal journal = {.run = run};
  const esp_device *device = esp_setup_device(run);
  stage s = {.run = run,
             .journal = &journal,
             .relation = &relation,
             .precision = device->name,
             .backend = esp_setup_sharded(run, device)};
  esp_backend backend = from->sharded ? s.backend : esp_setup_whole(device);
  esp_relation_data data = {
      .sets = file->sets[ESP_PART_TRAIN], .sharded = from->sharded, .get = get_set, .put = put_set, .context = from};
  esp_gradsync sync = esp_gradsync_comm(run->comm);
  esp_train_hooks hooks = {
      .step = on_step, .checkpoint = on_checkpoint, .context = &s, .sum = esp_journal_sum, .sum_context = &sync};
  const char *restart = esp_config_string(run->config, "train_restart");
  int rc;
  ESP_TRY(esp_setup_relation(run, &file->about, &param));
  ESP_TRY(esp_options_fill(&esp_train_options, run->config, &how));
  rc = esp_relation_create(&param, &relation);
  if (!rc) rc = esp_adam_create(relation.block.count, &adam);
  ESP_TRY(esp_error_blame(run->comm->agree(run->comm, rc), path));
  if (restart[0]) ESP_TRY(esp_relation_checkpoint_resume(run->comm, restart, &relation, &adam, device->name));
  ESP_TRY(esp_journal_open(run, "step,loss,lr,gradient_norm,theta,pairs,recall,seconds", adam.step, &journal));
  ESP_TRY(esp_error_blame(run->comm->agree(run->comm, start_recall(&s, file, adam.step)), path));
  ESP_TRY(esp_error_blame(esp_train_relation(run->comm, &backend, &data, &how, &hooks, &relation, &adam), path));
  if (journal.steps == 0) ESP_TRY(on_checkpoint(&s, &adam)); /* no step to make: the start is the result */
  ESP_TRY(esp_journal_results(&journal, relation.block.count, relation.block.value));
  cJSON_AddNumberToObject(run->json, "theta", journal.last.theta);
  esp_relation_say_budget(run, "train", &relation.param,
                          cJSON_GetNumberValue(cJSON_GetObjectItem(run->json, "pairs_per_particle")));
  if (s.recall >= 0) {
    cJSON_AddNumberToObject(run->json, "first_recall", s.first_recall);
    cJSON_AddNumberToObject(run->json, "recall", s.recall);
    esp_run_say(run, "train: recall %.3f -> %.3f\n", s.first_recall, s.recall);
  }
done:
  esp_journal_close(&journal);
  esp_relation_judge_free(&s.judge);
  esp_feature_set_free(&s.test);
  esp_adam_free(&adam);
  esp_relation_free(&relation);
  return rc;
}

int esp_relation_train(esp_run *run) {
  char path[4096];
  esp_feature_file file;
  ESP_CALL(esp_relation_open(run, ESP_PART_TRAIN, 1, path, sizeof path, &file));
  source s = {.run = run, .file = &file};
  const int sets = file.sets[ESP_PART_TRAIN];
  int rc;
  ESP_NEED(file.about.targets > 0, ESP_ERR_VALUE, "%s: no targets to train on", path);
  ESP_TRY(run->comm->agree(run->comm, ESP_ALLOC(s.kept, sets)));
  s.sharded = is_sharded(run, file.n[ESP_PART_TRAIN][esp_relation_largest(&file, ESP_PART_TRAIN)]);
  esp_run_say(run, "train: %d sets, %s, pairs by %s\n", sets,
              s.sharded ? "each shared by all ranks" : "each whole on one rank", esp_setup_device(run)->name);
  ESP_TRY(train_on(run, &file, path, &s));
done:
  for (int c = 0; s.kept && c < sets; c++) esp_feature_set_free(&s.kept[c]);
  ESP_FREE(s.kept);
  esp_feature_close(&file);
  return rc;
}
