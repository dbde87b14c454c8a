/* train: sets of the data file, batches over the ranks, checkpoints and a line of metrics a step. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/checkpoint.h"
#include "verbs/data.h"
#include "verbs/setup.h"
#include "verbs/stop.h"
#include "verbs/train_journal.h"
#include "verbs/watch.h"

/* ---- what happens at a step ---- */

typedef struct {
  esp_run *run;
  esp_journal *journal;
  const esp_model *model;
  const esp_task *task;
  const esp_loss *loss;
  const esp_device *device;
  const char *watched; /* column; NULL: none */
  int validates;       /* 1: steps are validated */
  esp_watch watch;
} stage;

/* What the network adds to the loss; NULL: nothing. */
static const char *adds_of(const esp_model *model) {
  return model->network->adds ? model->network->adds(model) : NULL;
}

/* step, loss and its terms where it has several, lr, gradient_norm, theta, pairs, validation and the best step so far, what is
 * watched, seconds */
static int write_header(const stage *s, const esp_layout *layout, int64_t step) {
  esp_lines head = {0};
  char name[64];
  int part = 0;
  const char *adds = adds_of(s->model);
  esp_lines_add(&head, "step,loss");
  for (const esp_column *c = layout->column; c->name && (s->loss->parts > 1 || adds); c++) {
    if (c->role != ESP_TARGET || part == s->loss->parts) continue;
    part++;
    esp_loss_part_name(s->loss, c->name, name, sizeof name);
    esp_lines_add(&head, ",%s", name);
  }
  if (adds) esp_lines_add(&head, ",%s", adds);
  esp_lines_add(&head, ",lr,gradient_norm,theta,pairs");
  if (s->validates) esp_lines_add(&head, ",validation,best_step");
  if (s->watched) esp_lines_add(&head, ",%s", s->watched);
  esp_lines_add(&head, ",seconds");
  int rc = s->run->comm->agree(s->run->comm, head.rc);
  if (!rc) rc = esp_journal_open(s->run, head.text, step, s->journal);
  esp_lines_free(&head);
  return rc;
}

/* r NULL: the start, of which nothing but what is watched is known. */
static int write_line(const stage *s, const esp_train_record *r, double pairs, double seen) {
  const int terms = s->loss->parts + (adds_of(s->model) != NULL);
  esp_lines line = {0};
  if (r) {
    esp_lines_add(&line, "%lld,%.9g", (long long)r->step, r->loss);
    for (int p = 0; p < terms && terms > 1; p++) esp_lines_add(&line, ",%.9g", r->term[p]);
    esp_lines_add(&line, ",%.6g,%.6g,%.6g,%.2f", r->rate, r->gradient, r->cost.theta, pairs);
    if (s->validates) esp_lines_add(&line, ",");
    if (s->validates && !isnan(r->validated[0])) esp_lines_add(&line, "%.6g", r->validated[0]);
    if (s->validates) esp_lines_add(&line, ",%lld", (long long)r->best);
  } else {
    esp_lines_add(&line, "0,");
    for (int p = 0; p < terms && terms > 1; p++) esp_lines_add(&line, ",");
    esp_lines_add(&line, s->validates ? ",,,,,," : ",,,,");
  }
  if (s->watched) esp_lines_add(&line, ",");
  if (s->watched && !isnan(seen)) esp_lines_add(&line, "%.5f", seen);
  esp_lines_add(&line, ",");
  if (r) esp_lines_add(&line, "%.6f", r->seconds);
  esp_lines_add(&line, "\n");
  int rc = line.rc ? line.rc : esp_journal_line(s->journal, "%s", line.text);
  esp_lines_free(&line);
  return rc;
}

static int on_step(void *context, const esp_train_record *r) {
  stage *s = context;
  int64_t pairs[2] = {r->cost.near_pairs, r->particles};
  double seen = NAN;
  esp_journal_step(s->journal, r);
  ESP_CALL(s->run->comm->sum_i64(s->run->comm, pairs, 2));
  if (s->watch.showing && (r->step % s->watch.every == 0 || r->step == r->steps)) {
    ESP_CALL(esp_watch_find(&s->watch, s->model));
    seen = s->watch.latest;
  }
  return write_line(s, r, (double)pairs[0] / (double)(pairs[1] ? pairs[1] : 1), seen);
}

static int on_checkpoint(void *context, const esp_adam *adam) {
  const stage *s = context;
  esp_checkpoint_origin from = {.loss = s->journal->steps ? s->journal->last.loss : NAN};
  memcpy(from.run, s->run->id, sizeof from.run);
  return esp_checkpoint_write(s->run->comm, s->journal->path, s->model, adam, s->task->name, s->device->name, &from);
}

static int on_stop(void *context) {
  (void)context;
  return esp_stop_asked();
}

/* What is watched at the start is the start's; a training that continues has none. */
static int start_watch(stage *s, const esp_data *data, int64_t step) {
  ESP_CALL(esp_watch_create(data, s->device, s->model->sizes.width[ESP_TARGET], &s->watch));
  if (step > 0 || !s->watch.showing) return ESP_OK;
  ESP_CALL(esp_watch_find(&s->watch, s->model));
  if (!s->watch.showing) return ESP_OK;
  return s->run->comm->agree(s->run->comm, write_line(s, NULL, 0, s->watch.latest));
}

/* ---- the training ---- */

static int begin(const esp_data *data, const esp_backend *backend, const esp_sets *sets, esp_model *model) {
  return esp_task_begin(data->task, data->param, data->run->comm, backend, sets, model);
}

/* What the data decide must be as in the file; what begins with a search goes on with what was found there. */
static int resume(const esp_data *data, const esp_backend *backend, const esp_sets *sets, const char *path,
                  esp_model *model, esp_adam *adam) {
  const esp_comm *comm = data->run->comm;
  esp_model begun = {0};
  int rc;
  ESP_TRY(comm->agree(comm, esp_model_untrained(model, &begun)));
  ESP_TRY(esp_error_blame(begin(data, backend, sets, &begun), data->path));
  esp_options_copy(model->network->options, ESP_OF_DATA, begun.param, model->param);
  ESP_TRY(esp_checkpoint_resume(comm, path, model, adam, backend->device->name));
done:
  esp_model_free(&begun);
  return rc;
}

static void add_best(esp_run *run, const esp_best *best, int64_t step) {
  if (!best->step) return;
  cJSON_AddNumberToObject(run->json, "best_step", (double)best->step);
  cJSON_AddNumberToObject(run->json, "validation", best->value[0]);
  esp_run_say(run, "train: the parameters are those of step %lld of %lld, whose validation, %.4g, is the best\n",
              (long long)best->step, (long long)step, best->value[0]);
}

static void add_results(esp_run *run, const stage *s) {
  const esp_journal *journal = s->journal;
  const char *name = s->watched;
  char text[64];
  if (journal->steps) cJSON_AddNumberToObject(run->json, "theta", journal->last.cost.theta);
  if (journal->steps && !isnan(journal->last.bound)) {
    cJSON_AddNumberToObject(run->json, "far_bound", journal->last.bound);
    esp_run_say(run, "train: tree_theta %.3g, bound on the error of far cells %.1e\n", journal->last.cost.theta,
                journal->last.bound);
  }
  if (!name || isnan(s->watch.latest)) return;
  snprintf(text, sizeof text, "first_%s", name);
  cJSON_AddNumberToObject(run->json, text, s->watch.first);
  cJSON_AddNumberToObject(run->json, name, s->watch.latest);
  esp_run_say(run, "train: %s %.3f -> %.3f\n", name, s->watch.first, s->watch.latest);
}

/* Asked to stop at the very end, it has ended. */
static void tell_stop(const stage *s, int64_t end) {
  esp_run *run = s->run;
  const int64_t step = s->journal->last.step;
  if (step == end) return;
  run->unfinished = 1;
  cJSON_AddBoolToObject(run->json, "unfinished", 1);
  esp_run_say(run,
              "train: stopped by a signal after step %lld of %lld; the same command with -train_restart %s goes on\n",
              (long long)step, (long long)end, s->journal->path);
}

/* What is wrong with a checkpoint to continue from is not blamed on the data. */
static int train_model(esp_run *run, const esp_data *data, const esp_backend *backend, esp_data_sets *from,
                       const void *loss_param, esp_model *model, esp_adam *adam) {
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  const esp_task *task = data->task;
  const char *restart = esp_config_string(run->config, "train_restart"), *path = data->path;
  esp_train_param how;
  esp_journal journal = {.run = run};
  stage s = {
      .run = run, .journal = &journal, .model = model, .task = task, .loss = task->loss, .device = backend->device};
  const esp_train_hooks hooks = {.stop = on_stop, .step = on_step, .checkpoint = on_checkpoint, .context = &s};
  const esp_training with = {run->comm, backend, &from->sets, task->loss, loss_param};
  int rc;
  if (task->showing && task->showing->watching) s.watched = task->showing->watching->name;
  ESP_TRY(run->comm->agree(run->comm, esp_options_fill(&esp_train_options, run->config, &how)));
  s.validates = how.validate > 0;
  if (restart[0]) ESP_TRY(resume(data, backend, &from->sets, restart, model, adam));
  ESP_TRY(esp_error_blame(begin(data, backend, &from->sets, model), path));
  if (!restart[0])
    ESP_TRY(esp_error_blame(esp_task_start(task, data->param, run->comm, backend, &from->sets, model), path));
  ESP_TRY(write_header(&s, task->layout, adam->step));
  ESP_TRY(esp_error_blame(start_watch(&s, data, adam->step), path));
  esp_stop_patient(1);
  ESP_TRY(esp_error_blame(esp_train(&with, &how, &hooks, model, adam), path));
  if (journal.steps == 0) ESP_TRY(on_checkpoint(&s, adam)); /* no step to make: the start is the result */
  ESP_TRY(esp_journal_results(&journal, model));
  add_results(run, &s);
  add_best(run, &adam->best, adam->step);
  if (journal.last.stop) tell_stop(&s, how.stop > 0 && how.stop < how.steps ? how.stop : how.steps);
done:
  esp_stop_patient(0);
  esp_journal_close(&journal);
  esp_watch_free(&s.watch);
  return rc;
}

static int train_on(esp_run *run, const esp_data *data, const esp_device *device, esp_data_sets *from) {
  const esp_task *task = data->task;
  const esp_sizes sizes = esp_sizes_of(task->layout, data->file.about.width);
  const esp_backend backend = from->sets.shared ? esp_setup_sharded(run, device) : esp_setup_whole(device);
  void *param = NULL, *loss = NULL;
  esp_model model = {0};
  esp_adam adam = {0};
  int rc = esp_setup_options(run, task->network->options, &param);
  if (!rc) rc = esp_setup_options(run, task->loss->options, &loss);
  if (!rc) rc = esp_model_create(task->network, param, &sizes, &model);
  if (!rc) rc = esp_adam_create(model.block.count, &adam);
  ESP_TRY(esp_error_blame(run->comm->agree(run->comm, rc), data->path));
  from->backend = &backend, from->model = &model;
  ESP_TRY(train_model(run, data, &backend, from, loss, &model, &adam));
done:
  esp_adam_free(&adam);
  esp_model_free(&model);
  ESP_FREE(loss);
  ESP_FREE(param);
  return rc;
}

static int has_targets(const esp_data *data) {
  const esp_column *column = data->task->layout->column;
  int all = 1;
  for (int k = 0; column[k].name; k++)
    if (column[k].role == ESP_TARGET) all = all && data->file.about.width[k] > 0;
  return all;
}

int esp_verb_train(esp_run *run) {
  const esp_device *device;
  esp_data data;
  esp_data_sets from = {0};
  esp_shard_param shard;
  int64_t largest;
  int rc;
  ESP_CALL(esp_options_fill(&esp_shard_options, run->config, &shard));
  ESP_CALL(esp_setup_device(run, NULL, &device));
  ESP_CALL(esp_data_open(run, ESP_PART_TRAIN, 1, &data));
  ESP_NEED(has_targets(&data), ESP_ERR_VALUE, "%s: no targets to train on", data.path);
  largest = data.file.n[ESP_PART_TRAIN][esp_set_largest(&data.file, ESP_PART_TRAIN)];
  const int shared = esp_shard_by_batch(&shard, data.task->network, run->comm->size,
                                        (int)esp_config_int(run->config, "train_batch"), largest);
  ESP_TRY(run->comm->agree(run->comm, esp_data_sets_create(&data, ESP_PART_TRAIN, shared, &from)));
  esp_run_say(run, "train: %d sets, %s, pairs by %s\n", from.sets.sets,
              from.sets.shared ? "each shared by all ranks" : "each whole on one rank", device->name);
  ESP_TRY(train_on(run, &data, device, &from));
done:
  esp_data_sets_free(&from);
  esp_data_close(&data);
  return rc;
}
