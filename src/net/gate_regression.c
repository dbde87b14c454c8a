#include "net/gate_regression.h"

#include <math.h>
#include <string.h>

#include "base/singular.h"
#include "message/gate.h"
#include "net/perplexity.h"

#define OF esp_gate_learning
const esp_options esp_gate_learning_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_CHOICE_ROW(OF, by, "net_embedding_by", "regression", "regression|directions|random",
                       "where the keys of the gate come from: gate regression, which predicts hidden features; the "
                       "leading singular directions of the features; random numbers, as a control"),
        ESP_WHOLE_ROW(OF, steps, "net_regression_steps", "150", 0, ESP_COUNT_MAX, "steps", "steps of gate regression"),
        ESP_REAL_ROW(OF, rate, "net_regression_lr", "0.03", 0, INFINITY, "", "learning rate of gate regression"),
        ESP_WHOLE_ROW(OF, receivers, "net_regression_receivers", "384", 0, ESP_COUNT_MAX, "particles",
                      "particles that are asked in a step of gate regression, others in every one; 0: all"),
        ESP_INT_ROW(OF, directions, "net_regression_directions", "128", 1, ESP_GATE_MAX_CHANNELS, "",
                    "singular directions on which hidden features are predicted"),
        ESP_REAL_ROW(OF, perplexity, "net_perplexity", "20", 1.0001, INFINITY, "",
                     "senders that a receiver hears of through the gate, in the median: exp of the entropy"),
        ESP_REAL_ROW(
            OF, weight, "net_regression_weight", "0", 0, 1e6, "",
            "weight of gate regression beside the classes, where keys go on learning with them; 0: keys are constants "
            "then; of no effect where net_share or net_stay is 1, and there is no gate",
            .flags = ESP_OF_MODEL),
        {0}},
    NULL};
#undef OF

/* ---- the set that is trained on ---- */

enum { X, WORDS, SAID, TOLD, COLUMNS };
static const esp_column column[COLUMNS + 1] = {
    [X] = {.name = "x", .role = ESP_INPUT, .optional = 1, .min = -INFINITY, .unit = "", .help = "features"},
    [WORDS] = {.name = "words",
               .role = ESP_INPUT,
               .optional = 1,
               .min = -INFINITY,
               .unit = "",
               .help = "features",
               .lying = ESP_SPARSE},
    [SAID] =
        {.name = "said", .role = ESP_SENT, .min = -INFINITY, .unit = "", .help = "all features on their directions"},
    [TOLD] = {.name = "told", .role = ESP_TARGET, .min = -INFINITY, .unit = "", .help = "the same"},
    {0}};
static const esp_number number[] = {{0}};
static const esp_layout layout = {column, number, "none: plain numbers"};

esp_set esp_gate_set(const esp_set *from, const esp_features *rows, const esp_gate_directions *directions) {
  esp_set set = {.n = from->n, .first = from->first, .n_home = from->n_home, .layout = &layout, .id = from->id};
  set.ready = 1;
  set.width[X] = rows->dense, set.value[X] = (double *)rows->x;
  set.csr[WORDS] = rows->sparse, set.width[WORDS] = rows->sparse.start ? (int)rows->sparse.columns : 0;
  set.width[SAID] = set.width[TOLD] = directions->C;
  set.value[SAID] = set.value[TOLD] = directions->T;
  return set;
}

/* ---- directions ---- */

static void first_columns(size_t D, size_t from_width, const double *from, size_t width, double *to) {
  for (size_t j = 0; j < D; j++) memcpy(to + j * width, from + j * from_width, width * sizeof *to);
}

static int directions_alloc(const esp_gate_learning *how, const esp_gate_shape *shape, const esp_features *rows,
                            esp_gate_directions *v) {
  const int64_t D = esp_features_width(rows);
  ESP_CHECK(D >= 1, ESP_ERR_VALUE, "keys of particles without features");
  v->C = (int64_t)how->directions < D ? how->directions : (int)D;
  v->count = esp_imax(v->C, shape->dim);
  ESP_CALL(ESP_ALLOC(v->all, (size_t)D * (size_t)v->count));
  ESP_CALL(ESP_ALLOC(v->V, (size_t)D * (size_t)v->C));
  return ESP_ALLOC(v->T, (size_t)rows->n * (size_t)v->C);
}

int esp_gate_directions_create(const esp_gate_learning *how, const esp_gate_shape *shape, const esp_comm *comm,
                               const esp_features *rows, esp_gate_directions *v) {
  const size_t D = (size_t)esp_features_width(rows);
  int rc;
  *v = (esp_gate_directions){0};
  ESP_TRY(comm->agree(comm, directions_alloc(how, shape, rows, v)));
  ESP_TRY(esp_singular_directions(comm, rows, v->count, shape->seed, v->all, NULL));
  first_columns(D, (size_t)v->count, v->all, (size_t)v->C, v->V);
  esp_features_times(rows, v->C, v->V, v->T);
done:
  if (rc) esp_gate_directions_free(v);
  return rc;
}

void esp_gate_directions_free(esp_gate_directions *v) {
  ESP_FREE(v->all);
  ESP_FREE(v->V);
  ESP_FREE(v->T);
}

/* ---- the training ---- */

typedef struct {
  const esp_set *set;
  esp_gate_record *record;
  int64_t step;
} stage;

static int get(void *context, int s, const esp_set **set) {
  (void)s;
  *set = ((stage *)context)->set;
  return ESP_OK;
}

static int on_step(void *context, const esp_train_record *r) {
  stage *s = context;
  if (s->step == 0) s->record->first = r->loss;
  s->record->last = r->loss;
  s->record->cost = r->cost;
  s->step = r->step;
  return ESP_OK;
}

static int train(const esp_gate_learning *how, const esp_gate_shape *shape, const esp_backend *backend,
                 const esp_set *set, const double *V, double *E, esp_gate_record *record) {
  stage s = {.set = set, .record = record};
  const esp_gate_regression_param param = {*shape, how->receivers, &s.step, 0};
  const esp_hidden_cosine_param loss = {set->width[SAID], V, how->receivers, shape->seed, &s.step};
  const esp_sizes sizes = esp_sizes_of(&layout, set->width);
  const esp_sets sets = {.sets = 1, .shared = 1, .layout = &layout, .largest = set->n, .get = get, .context = &s};
  const esp_training with = {backend->comm, backend, &sets, &esp_loss_hidden_cosine, &loss};
  const esp_train_hooks hooks = {.step = on_step, .context = &s};
  const esp_train_param by = {.steps = how->steps, .batch = 1, .rate = how->rate, .beta2 = 0.999, .seed = shape->seed};
  esp_model model = {0};
  esp_adam adam = {0};
  int rc = esp_model_create(&esp_network_gate_regression, &param, &sizes, &model);
  if (!rc) rc = esp_adam_create(model.block.count, &adam);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  const size_t bytes = (size_t)model.block.count * sizeof *E;
  memcpy(model.block.value, E, bytes);
  ESP_TRY(esp_train(&with, &by, &hooks, &model, &adam));
  memcpy(E, model.block.value, bytes);
done:
  esp_adam_free(&adam);
  esp_model_free(&model);
  return rc;
}

/* ---- all of it ---- */

typedef struct {
  esp_features rows;
  double *own, *z;
  esp_gate_directions directions;
} work;

static int work_create(const esp_gate_shape *shape, const esp_set *set, work *w) {
  ESP_CALL(esp_features_of(set, &w->rows, &w->own));
  ESP_CHECK(esp_features_width(&w->rows) >= 1, ESP_ERR_VALUE, "keys of particles without features");
  return ESP_ALLOC(w->z, (size_t)set->n_home * (size_t)shape->dim);
}

static void work_free(work *w) {
  ESP_FREE(w->own);
  ESP_FREE(w->z);
  esp_gate_directions_free(&w->directions);
}

static int temperature(const esp_gate_learning *how, const esp_gate_shape *shape, const esp_comm *comm,
                       const esp_set *set, const work *w, const double *E, double *t) {
  esp_features_times(&w->rows, shape->dim, E, w->z);
  return esp_perplexity_temperature(comm, set->n, set->first, set->n_home, shape->dim, w->z, how->perplexity, t);
}

/* E of the directions, where the gate's s is 1. */
static int begin(const esp_gate_learning *how, const esp_gate_shape *shape, const esp_comm *comm, const esp_set *set,
                 work *w, double *E) {
  const size_t D = (size_t)esp_features_width(&w->rows), d = (size_t)shape->dim;
  double t;
  ESP_CALL(esp_gate_directions_create(how, shape, comm, &w->rows, &w->directions));
  first_columns(D, (size_t)w->directions.count, w->directions.all, d, E);
  ESP_CALL(temperature(how, shape, comm, set, w, E, &t));
  for (size_t k = 0; k < D * d; k++) E[k] /= sqrt(t);
  return ESP_OK;
}

int esp_gate_learn(const esp_gate_learning *how, const esp_gate_shape *shape, const esp_backend *backend,
                   const esp_set *set, double *E, double *ln_s, esp_gate_record *record) {
  const esp_comm *comm = backend->comm;
  esp_gate_record own = {0};
  work w = {0};
  double t = 1;
  int rc = work_create(shape, set, &w);
  ESP_TRY(comm->agree(comm, rc));
  if (how->by != ESP_GATE_AT_RANDOM) ESP_TRY(begin(how, shape, comm, set, &w, E));
  if (how->by == ESP_GATE_BY_REGRESSION) {
    const esp_set trained = esp_gate_set(set, &w.rows, &w.directions);
    ESP_TRY(train(how, shape, backend, &trained, w.directions.V, E, &own));
  }
  ESP_TRY(temperature(how, shape, comm, set, &w, E, &t));
  *ln_s = 0.5 * log(t);
  own.temperature = t;
  if (record) *record = own;
done:
  work_free(&w);
  return rc;
}
