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

/* All ranks' rows of `unit` bytes, rank after rank. */
static int gather(const esp_comm *comm, int n_home, size_t unit, const void *home, size_t *start, void *all) {
  void *rows = NULL;
  ESP_CALL(comm->gather_all(comm, home, (size_t)n_home * unit, &rows, start));
  memcpy(all, rows, start[comm->size]);
  ESP_FREE(rows);
  return ESP_OK;
}

/* A set that is shared becomes one that is whole on every rank. */
static int make_whole(const esp_comm *comm, esp_set *set) {
  esp_set whole = *set;
  size_t *start = NULL;
  int rc = ESP_ALLOC(start, comm->size + 1);
  whole.first = 0;
  whole.n_home = (int)set->n;
  if (!rc) rc = esp_set_create(&whole);
  if (rc) whole = (esp_set){0};
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(gather(comm, set->n_home, sizeof *set->id, set->id, start, whole.id));
  for (int k = 0; set->layout->column[k].name; k++)
    if (set->width[k])
      ESP_TRY(gather(comm, set->n_home, (size_t)set->width[k] * sizeof(double), set->value[k], start, whole.value[k]));
  const esp_set shared = *set;
  *set = whole;
  whole = shared;
done:
  esp_set_free(&whole);
  ESP_FREE(start);
  return rc;
}

/* What ranks divide among them, as the program would; and by particles where all sets would take more than 1 GiB of a rank. */
static int divide(const espalier_relation *r, int sets, const espalier_rows *set, int *shared) {
  enum { MOST_NUMBERS = 1 << 27 };
  const esp_comm *comm = r->comm;
  const int *width = r->model.sizes.width;
  int64_t *n = NULL, largest = 0, numbers = 0;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(n, sets)));
  for (int s = 0; s < sets; s++) /* others are refused when they are taken */
    if (set[s].n >= 0 && set[s].n <= ESP_LIB_MOST) n[s] = set[s].n;
  ESP_TRY(comm->sum_i64(comm, n, (size_t)sets));
  for (int s = 0; s < sets; s++) {
    largest = n[s] > largest ? n[s] : largest;
    numbers += n[s] * (2 + width[ESP_INPUT] + width[ESP_SENT] + width[ESP_TARGET]);
  }
  *shared = esp_shard_by_batch(&r->shard, r->model.network, comm->size, r->how.batch, largest);
  *shared |= comm->size > 1 && (numbers > MOST_NUMBERS || largest > ESP_LIB_MOST);
done:
  ESP_FREE(n);
  return rc;
}

static int take_set(const espalier_relation *r, const espalier_rows *rows, int s, int shared, esp_set *set) {
  esp_learned_rows taken;
  char what[32];
  snprintf(what, sizeof what, "set %d", s);
  int rc = esp_learned_take(r, rows, 1, 1, what, &taken);
  if (!rc && !shared) rc = make_whole(r->comm, &taken.set);
  if (!rc) *set = taken.set, taken.set = (esp_set){0};
  esp_learned_free(&taken);
  return rc;
}

static int take(const espalier_relation *r, int sets, const espalier_rows *set, esp_set *taken, esp_sets *all) {
  *all = (esp_sets){.sets = sets, .layout = r->task->layout, .get = get, .context = taken};
  ESP_CALL(divide(r, sets, set, &all->shared));
  for (int s = 0; s < sets; s++) {
    ESP_CALL(take_set(r, set + s, s, all->shared, &taken[s]));
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
  esp_backend backend = esp_backend_self();
  backend.device = r->device;
  if (sets->shared) backend = esp_learned_backend(r);
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
