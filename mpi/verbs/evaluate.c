/* evaluate: the ladder. Every method on every test set, the classical ones beside the network, sizes from the smallest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "domain/settle.h"
#include "verbs/by_layer.h"
#include "verbs/data.h"
#include "verbs/ladder.h"
#include "verbs/portrait.h"
#include "verbs/rollout.h"
#include "verbs/setup.h"
#include "verbs/show.h"

typedef struct {
  esp_run *run;
  const esp_data *data;
  esp_trials trials;
  const esp_device *device;
  esp_ladder ladder;
  esp_cost portrait; /* of the set that is portrayed */
  esp_shown shown;
  esp_by_layer by_layer; /* of the set that is drawn */
  int portrayed, drawn;  /* numbers of the sets that the ranks' figures and the task's own files are of */
  int shared;            /* sets of the size at hand lie over all ranks */
  int baselines;         /* classical methods are tried, too */
} evaluation;

/* ---- what is looked at while a network runs ---- */

typedef struct {
  evaluation *ev;
  const esp_set *set;
  const esp_visit *watch; /* NULL: nothing */
  int look;               /* 1: the trained network on the set that is drawn */
} visitor;

static int visit_layer(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  visitor *v = context;
  const evaluation *ev = v->ev;
  if (v->look && ev->trials.showing->look)
    ESP_CALL(ev->trials.showing->look(ev->trials.param, v->set, l, dom, key, query, &v->ev->shown.show));
  if (v->watch) ESP_CALL(v->watch->layer(v->watch->context, l, dom, key, query));
  return ESP_OK;
}

static int visit_state(void *context, int l, int width, const double *state) {
  visitor *v = context;
  return v->look ? esp_by_layer_state(&v->ev->by_layer, l, width, state) : ESP_OK;
}

/* ---- one set ---- */

/* A set under trial, with what its trials leave for one another. */
typedef struct {
  int number, first; /* first: of its size */
  const esp_set *set;
  esp_backend backend;
  esp_visit watch; /* layer NULL: nothing is watched */
  double *seen;    /* what watch found */
  double *y;       /* [n_home][targets] */
  int64_t pairs;   /* near pairs a particle and layer that the trained network took */
} subject;

static int note_trained(evaluation *ev, subject *s, const visitor *v, const esp_trial *trial) {
  const esp_comm *comm = s->backend.comm;
  const int64_t all = s->set->n * trial->cost.layers;
  int64_t near_pairs = trial->cost.near_pairs;
  ESP_CALL(comm->sum_i64(comm, &near_pairs, 1));
  s->pairs = all > 0 ? (near_pairs + all - 1) / all : 0;
  if (s->number == ev->portrayed) ev->portrait = trial->cost;
  if (v->look && ev->by_layer.smoothing)
    ESP_CALL(esp_by_layer_predicted(&ev->by_layer, esp_set_role_width(s->set, ESP_TARGET), trial->y));
  if (!v->look || !ev->trials.showing->draw) return ESP_OK;
  ESP_CALL(ev->trials.showing->draw(ev->trials.param, ev->trials.untrained, ev->trials.trained, &s->backend, s->set,
                                    trial->y, &ev->shown.show));
  ESP_AGREE(comm, esp_shown_rc(&ev->shown));
  return ESP_OK;
}

static int try_method(evaluation *ev, int m, subject *s) {
  const esp_method *method = &ev->trials.showing->method[m];
  const int trained = esp_trial_is_trained(method);
  visitor v = {.ev = ev, .set = s->set, .watch = s->watch.layer ? &s->watch : NULL};
  esp_visit visit = {.layer = visit_layer, .context = &v};
  esp_trial trial = {.y = s->y};
  v.look = trained && s->number == ev->drawn;
  if (v.look) ESP_CALL(esp_by_layer_begin(ev->run, s->backend.comm, s->set, &ev->by_layer));
  if (v.look && ev->by_layer.smoothing) visit.state = visit_state;
  if (s->seen) *s->seen = NAN;
  ESP_CALL(
      esp_trial_run(&ev->trials, method, &s->backend, s->set, s->pairs, v.look || v.watch ? &visit : NULL, &trial));
  if (!trial.used) return ESP_OK;
  ESP_CALL(esp_ladder_judge(&ev->ladder, &ev->trials, m, &s->backend, s->set, &trial, s->seen ? *s->seen : NAN));
  if (trained) ESP_CALL(note_trained(ev, s, &v, &trial));
  if (trained && s->first) ESP_CALL(esp_ladder_far(&ev->ladder, &ev->trials, &s->backend, s->set));
  return ESP_OK;
}

static int try_methods(evaluation *ev, subject *s) {
  const esp_method *method = ev->trials.showing->method;
  for (int m = 0; method[m].name; m++)
    if (esp_trial_may(&method[m], s->set->n, ev->shared, ev->baselines)) ESP_CALL(try_method(ev, m, s));
  return ESP_OK;
}

static int try_set(evaluation *ev, int number, int first) {
  const esp_showing *showing = ev->trials.showing;
  const esp_comm *comm = ev->shared ? ev->run->comm : esp_comm_self();
  esp_set set = {0};
  subject s = {.number = number, .first = first, .set = &set};
  int rc;
  s.backend = ev->shared ? esp_setup_sharded(ev->run, ev->device) : esp_setup_whole(ev->device);
  ESP_TRY(esp_data_set(ev->data, comm, ESP_PART_TEST, number, &set));
  if (ev->shared) ESP_TRY(esp_set_settle(&s.backend, ev->trials.trained, &set));
  ESP_TRY(comm->agree(comm, ESP_ALLOC(s.y, (size_t)set.n_home * (size_t)esp_set_role_width(&set, ESP_TARGET))));
  if (showing->watching) ESP_TRY(showing->watching->begin(ev->trials.param, &s.backend, &set, &s.watch, &s.seen));
  ESP_TRY(try_methods(ev, &s));
done:
  if (s.watch.layer) showing->watching->end(&s.watch);
  ESP_FREE(s.y);
  esp_set_free(&set);
  return rc;
}

/* ---- all sets ---- */

static int by_size(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Sizes of the test sets, ascending, each once. */
static int test_sizes(const esp_set_file *file, int64_t **size, int *sizes) {
  const int sets = file->sets[ESP_PART_TEST];
  ESP_CALL(ESP_ALLOC(*size, sets));
  memcpy(*size, file->n[ESP_PART_TEST], (size_t)sets * sizeof **size);
  qsort(*size, (size_t)sets, sizeof **size, by_size);
  for (int s = 0; s < sets; s++)
    if (s == 0 || (*size)[s] != (*size)[*sizes - 1]) (*size)[(*sizes)++] = (*size)[s];
  return ESP_OK;
}

static int try_size(evaluation *ev, int64_t n) {
  const esp_comm *comm = ev->run->comm;
  const esp_set_file *file = &ev->data->file;
  int rc = ESP_OK, index = 0;
  esp_shard_param shard;
  ESP_CALL(esp_options_fill(&esp_shard_options, ev->run->config, &shard));
  ev->shared = !ev->trials.trained->network->settle || esp_shard_by_size(&shard, n);
  esp_ladder_clear(&ev->ladder);
  for (int s = 0; s < file->sets[ESP_PART_TEST] && !rc; s++) {
    if (file->n[ESP_PART_TEST][s] != n) continue;
    if (ev->shared || index % comm->size == comm->rank) rc = try_set(ev, s, index == 0);
    index++;
  }
  ESP_AGREE(comm, rc);
  ESP_CALL(esp_ladder_lines(&ev->ladder));
  return ESP_OK;
}

static int try_all(evaluation *ev) {
  int64_t *size = NULL;
  int sizes = 0, rc = test_sizes(&ev->data->file, &size, &sizes);
  if (!rc) rc = esp_ladder_create(ev->run, ev->trials.showing, sizes, size, &ev->ladder);
  ESP_TRY(ev->run->comm->agree(ev->run->comm, rc));
  esp_ladder_head(&ev->ladder);
  for (ev->ladder.size = 0; ev->ladder.size < sizes; ev->ladder.size++) ESP_TRY(try_size(ev, size[ev->ladder.size]));
  ESP_TRY(esp_ladder_write(&ev->ladder));
  ESP_TRY(esp_portrait_write(&ev->portrait, ev->shared, ev->run));
  ESP_TRY(esp_by_layer_write(&ev->by_layer, ev->run));
  ESP_TRY(esp_shown_write(&ev->shown));
done:
  ESP_FREE(size);
  return rc;
}

/* ---- the verb ---- */

/* On the training sets, shared by all ranks. */
static int fit(const evaluation *ev, void **fitted) {
  const esp_backend backend = esp_setup_sharded(ev->run, ev->device);
  esp_data_sets training;
  int rc = esp_data_sets_create(ev->data, ESP_PART_TRAIN, 1, &training);
  training.backend = &backend;
  ESP_TRY(ev->run->comm->agree(ev->run->comm, rc));
  ESP_TRY(ev->trials.showing->fit(ev->trials.param, ev->trials.trained, &backend, &training.sets, fitted));
done:
  esp_data_sets_free(&training);
  return rc;
}

static int roll_out(const evaluation *ev) {
  const esp_backend whole = esp_setup_whole(ev->device);
  esp_run_forget(ev->run, "rollout.csv");
  esp_run_forget(ev->run, "rollout_curves.csv");
  const int steps = (int)esp_config_int(ev->run->config, "eval_rollout");
  if (steps == 0 || !ev->data->task->rolling) return ESP_OK;
  return esp_rollout(ev->run, ev->data, &ev->trials, &whole, steps, ev->baselines);
}

static int evaluate(evaluation *ev) {
  const esp_showing *showing = ev->trials.showing;
  void *fitted = NULL;
  int rc = ESP_OK;
  ev->portrayed = esp_set_largest(&ev->data->file, ESP_PART_TEST);
  ev->drawn = showing->draws_first ? 0 : ev->portrayed;
  if (showing->fit && ev->baselines) ESP_TRY(fit(ev, &fitted));
  ev->trials.fitted = fitted;
  ESP_TRY(try_all(ev));
  ESP_TRY(roll_out(ev));
done:
  if (showing->unfit) showing->unfit(&fitted);
  return rc;
}

/* What the keys leave to a search, on the largest test set; and what the network began as. */
static int aim(evaluation *ev, esp_model *trained, esp_model *untrained) {
  const esp_network *network = trained->network;
  const int largest = esp_set_largest(&ev->data->file, ESP_PART_TEST);
  esp_set set = {0};
  int rc = ESP_OK;
  if (network->searches && network->searches(trained)) {
    ESP_TRY(esp_data_set(ev->data, ev->run->comm, ESP_PART_TEST, largest, &set));
    ESP_TRY(esp_setup_aim(ev->run, "evaluate", trained, ev->device, &set));
  }
  ESP_TRY(ev->run->comm->agree(ev->run->comm, esp_model_untrained(trained, untrained)));
done:
  esp_set_free(&set);
  return rc;
}

/* Which network is judged on which data. */
static void tell(const esp_run *run, const esp_model *trained, const char *path) {
  char network[256];
  esp_setup_describe(trained, network, sizeof network);
  cJSON_AddStringToObject(run->json, "network", network);
  cJSON_AddStringToObject(run->json, "data", path);
}

int esp_verb_evaluate(esp_run *run) {
  const esp_showing *showing = esp_setup_task(run)->showing;
  esp_model trained = {0}, untrained = {0};
  esp_data data = {0};
  void *param = NULL;
  evaluation ev = {.run = run, .data = &data, .baselines = esp_config_flag(run->config, "eval_baselines")};
  int rc = esp_setup_options(run, showing->options, &param);
  esp_shown_begin(run, &ev.shown);
  ESP_TRY(run->comm->agree(run->comm, rc));
  ev.trials = (esp_trials){.showing = showing, .param = param, .trained = &trained, .untrained = &untrained};
  ESP_TRY(esp_setup_trained(run, &trained, &ev.device));
  ESP_TRY(esp_data_open(run, ESP_PART_TEST, 1, &data));
  ESP_NEED(esp_sizes_of(data.task->layout, data.file.about.width).width[ESP_TARGET] > 0, ESP_ERR_VALUE,
           "%s: no targets to compare with", data.path);
  tell(run, &trained, data.path);
  ESP_TRY(esp_error_blame(aim(&ev, &trained, &untrained), data.path));
  ESP_TRY(esp_error_blame(evaluate(&ev), data.path));
done:
  esp_ladder_free(&ev.ladder);
  esp_shown_free(&ev.shown);
  esp_by_layer_free(&ev.by_layer);
  if (untrained.network) esp_model_free(&untrained);
  if (trained.network) esp_model_free(&trained);
  ESP_FREE(param);
  esp_data_close(&data);
  return rc;
}
