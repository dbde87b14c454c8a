/* Training of a relation: the program's, on sets that lie in the caller's memory. */
#include <math.h>
#include <stdio.h>

#include "lib/learned.h"

typedef struct {
  espalier_relation *r;
  espalier_progress *progress;
  void *context;
  int64_t steps, asked; /* made by this call; somebody has enough */
} stage;

static int on_step(void *context, const esp_train_record *record) {
  stage *s = context;
  const esp_comm *comm = s->r->comm;
  s->steps++;
  s->r->last = record->loss;
  if (!s->progress) return ESP_OK;
  const espalier_step step = {.step = record->step,
                              .steps = record->steps,
                              .loss = record->loss,
                              .rate = record->rate,
                              .gradient = record->gradient,
                              .seconds = record->seconds};
  s->asked = s->progress(s->context, &step) != 0;
  return comm->max_i64(comm, &s->asked, 1);
}

static int on_enough(void *context) {
  return ((const stage *)context)->asked != 0;
}

/* ---- the sets ---- */

static int get(void *context, int s, const esp_set **set) {
  *set = (const esp_set *)context + s;
  return ESP_OK;
}

static int take(const espalier_relation *r, int sets, const espalier_rows *set, esp_set *taken, esp_sets *all) {
  *all = (esp_sets){.sets = sets, .shared = 1, .layout = r->task->layout, .get = get, .context = taken};
  for (int s = 0; s < sets; s++) {
    esp_learned_rows rows;
    char what[32];
    snprintf(what, sizeof what, "set %d", s);
    const int rc = esp_learned_take(r, set + s, 1, 1, what, &rows);
    if (!rc) taken[s] = rows.set, rows.set = (esp_set){0};
    esp_learned_free(&rows);
    ESP_CALL(rc);
    if (taken[s].n > all->largest) all->largest = taken[s].n;
    for (int k = 0; k < ESP_COLUMNS; k++) all->width[k] = taken[s].width[k];
  }
  return ESP_OK;
}

/* ---- the training ---- */

/* Fresh moments. */
static int begin(espalier_relation *r) {
  esp_adam_free(&r->adam);
  r->last = NAN;
  return esp_adam_create(r->model.block.count, &r->adam);
}

static int train(stage *s, const esp_sets *sets) {
  espalier_relation *r = s->r;
  const esp_backend backend = esp_learned_backend(r);
  const esp_training with = {r->comm, &backend, sets, r->task->loss, r->loss};
  const esp_train_hooks hooks = {.step = on_step, .enough = on_enough, .context = s};
  ESP_AGREE(r->comm, begin(r));
  ESP_CALL(esp_task_begin(r->task, r->data, r->comm, &backend, sets, &r->model));
  r->training = 1;
  const int rc = esp_train(&with, &r->how, &hooks, &r->model, &r->adam);
  r->training = 0;
  return rc;
}

/* What ranks must have alike before any of them waits for another. */
static int check(const espalier_relation *r, int sets, const espalier_rows *set, espalier_progress *progress) {
  static const char *const name[] = {"sets", "progress (1: it is there)"};
  const double value[] = {sets, progress != NULL};
  ESP_CALL(esp_lib_same(r->comm, 2, value, name));
  ESP_CHECK(sets >= 1, ESP_ERR_VALUE, "espalier_relation_train: sets = %d; at least 1 is needed", sets);
  ESP_AGREE(r->comm, set ? ESP_OK : ESP_FAIL(ESP_ERR_ARG, "espalier_relation_train: %d sets at NULL", sets));
  ESP_CHECK(!r->training, ESP_ERR_ARG, "espalier_relation_train while the relation is trained");
  return ESP_OK;
}

int espalier_relation_train(espalier_relation *r, int sets, const espalier_rows *set, espalier_progress *progress,
                            void *context, int64_t *steps_done) {
  esp_error_clear();
  stage s = {r, progress, context, 0, 0};
  esp_sets all;
  esp_set *taken = NULL;
  int rc;
  if (steps_done) *steps_done = 0;
  ESP_CALL(esp_learned_check(r, "espalier_relation_train"));
  ESP_CALL(check(r, sets, set, progress));
  ESP_TRY(r->comm->agree(r->comm, ESP_ALLOC(taken, sets)));
  ESP_TRY(take(r, sets, set, taken, &all));
  ESP_TRY(train(&s, &all));
done:
  if (steps_done) *steps_done = s.steps;
  for (int k = 0; taken && k < sets; k++) esp_set_free(&taken[k]);
  ESP_FREE(taken);
  return rc;
}
