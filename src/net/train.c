#include "net/train.h"

#include <math.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/rng.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };
enum { WISH_CHECKPOINT, WISH_STOP, WISHES };

/* What one training holds between steps. */
typedef struct {
  const esp_training *with;
  const esp_train_param *param;
  const esp_train_hooks *hooks;
  esp_model *model;
  double weight[ESP_TRAIN_TERMS];
  int terms;                /* of the loss; the last is the network's, if it adds one */
  int sums;                 /* of the gradient; 0: they come in parts: */
  esp_gradient_parts parts; /* each is in `gradient` when the way back is done */
  esp_gradient all;         /* acc [sums][WORDS], in the device's memory */
  int64_t *words;           /* the same in the host's */
  double *gradient;         /* [parameters] */
  double *y, *dy;           /* [n_home][targets], in the device's memory */
  size_t capacity;          /* numbers of either */
  int *permutation;         /* [sets] of the epoch at hand */
  int64_t epoch;
  /* sums of the terms over sets; behind them how many ranks wish what */
  int64_t term_acc[ESP_TRAIN_TERMS * WORDS + WISHES];
  int64_t value_acc[ESP_LOSS_VALUES * WORDS]; /* sums over sets of what validate says */
  double bound;                               /* of the last search */
  double kept;                                /* when the last checkpoint was written, or the training began */
} training;

int esp_train_pick(uint64_t seed, int sets, int64_t entry, int *permutation, int64_t *epoch) {
  int64_t e = entry / sets;
  if (e != *epoch) {
    for (int i = 0; i < sets; i++) permutation[i] = i;
    for (int i = sets - 1; i > 0; i--) {
      int j = (int)esp_rng_below(seed, (uint64_t)e, ESP_RNG_BATCH, (uint32_t)i, (uint64_t)i + 1);
      int kept = permutation[i];
      permutation[i] = permutation[j];
      permutation[j] = kept;
    }
    *epoch = e;
  }
  return permutation[entry % sets];
}

enum { SHARD_ABOVE = 8192 };

int esp_shard_by_size(const esp_shard_param *param, int64_t largest) {
  return param->shard == ESP_SHARD_PARTICLES || (param->shard == ESP_SHARD_AUTO && largest > SHARD_ABOVE);
}

int esp_shard_by_batch(const esp_shard_param *param, const esp_network *network, int ranks, int batch,
                       int64_t largest) {
  const int idle = param->shard == ESP_SHARD_AUTO && batch < ranks;
  return esp_shard_by_size(param, largest) || (idle && !network->settle);
}

/* ---- one set ---- */

/* For a prediction of so many numbers. */
static int room(training *t, const esp_device *device, size_t size) {
  if (size <= t->capacity && t->y) return ESP_OK;
  ESP_THERE_FREE(device, t->y);
  ESP_THERE_FREE(device, t->dy);
  t->capacity = size;
  ESP_CALL(ESP_THERE(device, t->y, size));
  return ESP_THERE(device, t->dy, size);
}

/* Of a pass, and the gradients that backward is given: term [t->terms] is set. */
static int value_terms(training *t, const esp_set *set, esp_pass *pass, double *term) {
  const esp_training *with = t->with;
  const int parts = with->loss->parts;
  const double factor = 1.0 / t->param->batch;
  ESP_CALL(with->loss->value(with->loss_param, with->backend, set, t->y, factor, t->dy, term));
  if (t->terms > parts) ESP_CALL(t->model->network->add(t->model, with->backend, set, pass, factor, &term[parts]));
  return ESP_OK;
}

/* Forward and back, into the accumulators. term [t->terms] is set. */
static int run_set(training *t, const esp_set *set, double *term, esp_train_record *record) {
  const esp_backend *backend = t->with->backend;
  const esp_model *model = t->model;
  const esp_network *network = model->network;
  const int targets = model->sizes.width[ESP_TARGET];
  const size_t size = (size_t)set->n_home * (size_t)targets;
  esp_pass *pass = NULL;
  ESP_CHECK(esp_set_role_width(set, ESP_TARGET) == targets, ESP_ERR_ARG,
            "a set with %d numbers of targets a particle for a network of %d", esp_set_role_width(set, ESP_TARGET),
            targets);
  int rc;
  ESP_AGREE(backend->comm, room(t, backend->device, size));
  ESP_TRY(network->forward(model, backend, set, NULL, t->y, &record->cost, &pass));
  ESP_TRY(value_terms(t, set, pass, term));
  for (int p = 0; p < t->terms; p++)
    if (!isfinite(term[p])) goto done; /* gather says so, with the step */
  ESP_TRY(network->backward(model, backend, set, pass, t->dy, t->sums ? &t->all : &t->parts.to, &record->cost));
  record->particles += set->n_home;
done:
  network->pass_free(&pass);
  return rc;
}

/* The draw-th pass of the training on set s. */
static int run_entry(training *t, int s, int64_t draw, double *term, esp_train_record *record) {
  const esp_sets *sets = t->with->sets;
  const esp_set *set = NULL;
  ESP_CALL(sets->get(sets->context, s, &set));
  t->model->draw = (uint64_t)draw;
  int rc = run_set(t, set, term, record);
  t->model->draw = 0;
  if (sets->put) sets->put(sets->context, s, set);
  ESP_CALL(rc);
  return ESP_OK;
}

/* ---- one step ---- */

static int aims(const training *t, int64_t s) {
  const esp_network *network = t->model->network;
  return s % ESP_TRAIN_AIM == 0 && network->searches && network->searches(t->model);
}

/* What the network leaves to a search. Whole sets: every rank asks for the first by itself, and all find the same. */
static int aim(training *t, int64_t s) {
  const esp_sets *sets = t->with->sets;
  const esp_set *set = NULL;
  const int c = esp_train_pick(t->param->seed, sets->sets, s * t->param->batch, t->permutation, &t->epoch);
  ESP_CALL(sets->get(sets->context, c, &set));
  const int rc = t->model->network->aim(t->model, t->with->backend, set, &t->bound);
  if (sets->put) sets->put(sets->context, c, set);
  ESP_CALL(rc);
  return ESP_OK;
}

/* This rank's part of the batch of step s. */
static int run_batch(training *t, int64_t s, esp_train_record *record) {
  const esp_comm *comm = t->with->comm;
  const esp_sets *sets = t->with->sets;
  const int batch = t->param->batch;
  for (int i = 0; i < batch; i++) {
    int c = esp_train_pick(t->param->seed, sets->sets, s * batch + i, t->permutation, &t->epoch);
    double term[ESP_TRAIN_TERMS];
    if (!sets->shared && i % comm->size != comm->rank) continue;
    ESP_CALL(run_entry(t, c, s * batch + i + 1, term, record));
    /* A shared set's loss is known to all ranks: one of them counts it. */
    if (sets->shared && comm->rank > 0) continue;
    for (int p = 0; p < t->terms; p++) esp_exact_add(&ESP_EXACT_FULL, t->term_acc + p * WORDS, term[p]);
  }
  return ESP_OK;
}

/* What this rank would have done after the step. */
static void wish(const training *t, int64_t wishes[WISHES]) {
  const esp_train_hooks *hooks = t->hooks;
  const double minutes = t->param->checkpoint_minutes;
  wishes[WISH_CHECKPOINT] = t->with->comm->rank == 0 && minutes > 0 && esp_wall() - t->kept >= 60 * minutes;
  wishes[WISH_STOP] = hooks && hooks->stop && hooks->stop(hooks->context);
}

/* What is held has no gradient, and Adam leaves it where it is, bit for bit. Decay is as PyTorch's Adam has it (weight_decay):
 * it goes through the moments. */
static void hold_and_decay(const training *t) {
  const esp_block *block = &t->model->block;
  const double by = t->param->decay;
  for (int e = 0; e < block->entries; e++) {
    const esp_entry *entry = &block->entry[e];
    const int end = entry->offset + entry->rows * entry->columns;
    for (int i = entry->offset; i < end && entry->held; i++) t->gradient[i] = 0;
    for (int i = entry->offset; i < end && !entry->held && !entry->undecayed && by != 0; i++)
      t->gradient[i] += by * block->value[i];
  }
}

/* Gradient and loss of the batch over all ranks, and in the same exchange what they wish. */
static int gather(training *t, int64_t s, esp_train_record *record, int *due) {
  const esp_comm *comm = t->with->comm;
  const esp_device *device = t->with->backend->device;
  const size_t sums = (size_t)t->sums, terms = (size_t)t->terms;
  if (t->sums) {
    ESP_CALL(esp_device_sum(device, comm, t->all.acc, sums));
    ESP_CALL(esp_device_agree(device, comm, device->get(t->words, t->all.acc, sums * WORDS * sizeof *t->words)));
    esp_model_map(t->model, t->words, t->gradient);
  }
  esp_exact_carry(&ESP_EXACT_FULL, t->term_acc, terms);
  int64_t *wishes = t->term_acc + terms * WORDS;
  wish(t, wishes);
  ESP_CALL(comm->sum_i64(comm, t->term_acc, terms * WORDS + WISHES));
  *due = wishes[WISH_CHECKPOINT] > 0;
  record->stop = wishes[WISH_STOP] > 0;
  for (size_t p = 0; p < terms; p++) {
    record->term[p] = esp_exact_value(&ESP_EXACT_FULL, t->term_acc + p * WORDS) / t->param->batch;
    record->loss += t->weight[p] * record->term[p];
  }
  hold_and_decay(t);
  record->gradient = esp_clip_norm(t->param->clip, t->model->block.count, t->gradient);
  ESP_CHECK(
      isfinite(record->loss) && isfinite(record->gradient), ESP_ERR_VALUE,
      "training step %lld: loss %g, gradient norm %g; both must be finite: lower the rate (now %g) or look at the "
      "data",
      (long long)s + 1, record->loss, record->gradient, t->param->rate);
  return ESP_OK;
}

/* ---- the best step ---- */

/* Of this rank's sets: into the sums of t->value_acc. */
static int value_set(training *t, int s) {
  const esp_sets *sets = t->with->sets;
  const esp_backend *backend = t->with->backend;
  const esp_set *set = NULL;
  double value[ESP_LOSS_VALUES];
  int rc;
  ESP_CALL(sets->get(sets->context, s, &set));
  const size_t size = (size_t)set->n_home * (size_t)t->model->sizes.width[ESP_TARGET];
  ESP_TRY(backend->comm->agree(backend->comm, room(t, backend->device, size)));
  ESP_TRY(t->model->network->forward(t->model, backend, set, NULL, t->y, NULL, NULL));
  ESP_TRY(t->with->loss->validate(t->with->loss_param, backend, set, t->y, value));
  for (int k = 0; k < ESP_LOSS_VALUES && (!sets->shared || t->with->comm->rank == 0); k++)
    esp_exact_add(&ESP_EXACT_FULL, t->value_acc + k * WORDS, value[k]);
done:
  if (sets->put) sets->put(sets->context, s, set);
  return rc;
}

static int value_sets(training *t) {
  const esp_sets *sets = t->with->sets;
  memset(t->value_acc, 0, sizeof t->value_acc);
  for (int s = 0; s < sets->sets; s++)
    if (sets->shared || s % t->with->comm->size == t->with->comm->rank) ESP_CALL(value_set(t, s));
  esp_exact_carry(&ESP_EXACT_FULL, t->value_acc, ESP_LOSS_VALUES);
  return ESP_OK;
}

/* What is said of the parameters as they are, and whether they are the best so far. */
static int validate(training *t, esp_adam *adam, esp_train_record *record) {
  const esp_comm *comm = t->with->comm;
  const int64_t every = t->param->validate;
  record->best = adam->best.step;
  if (every <= 0 || (adam->step % every && adam->step != t->param->steps)) return ESP_OK;
  ESP_AGREE(comm, value_sets(t));
  ESP_CALL(comm->sum_i64(comm, t->value_acc, ESP_LOSS_VALUES * WORDS));
  for (int k = 0; k < ESP_LOSS_VALUES; k++)
    record->validated[k] = esp_exact_value(&ESP_EXACT_FULL, t->value_acc + k * WORDS) / t->with->sets->sets;
  esp_best_offer(&adam->best, adam->step, record->validated, adam->count, t->model->block.value);
  record->best = adam->best.step;
  return ESP_OK;
}

/* Where training goes on, and room for the best step; what an earlier training kept is forgotten where none is looked for. */
static int best_begin(const training *t, esp_adam *adam) {
  esp_best_leave(&adam->best, adam->count, t->model->block.value);
  if (t->param->validate <= 0) esp_best_free(&adam->best);
  if (t->param->validate <= 0 || adam->best.other) return ESP_OK;
  return esp_best_create(adam->count, &adam->best);
}

/* ---- step by step ---- */

static int run_step(training *t, esp_adam *adam, int *stop) {
  const esp_train_param *p = t->param;
  const esp_train_hooks *hooks = t->hooks;
  const esp_comm *comm = t->with->comm;
  int64_t s = adam->step;
  int due = 0;
  double begin = esp_wall();
  esp_train_record record = {.step = s + 1, .steps = p->steps, .terms = t->terms, .validated = {NAN, NAN}};
  t->with->backend->device->rows->zero((size_t)t->sums * WORDS, (double *)t->all.acc);
  memset(t->term_acc, 0, sizeof t->term_acc);
  if (aims(t, s)) ESP_AGREE(comm, aim(t, s));
  record.bound = t->bound;
  ESP_AGREE(comm, run_batch(t, s, &record));
  ESP_CALL(gather(t, s, &record, &due));
  record.rate = esp_rate(p->schedule, p->rate, s, p->warmup, p->steps);
  esp_adam_step(adam, record.rate, p->beta2, t->gradient, t->model->block.value);
  record.seconds = esp_wall() - begin;
  ESP_CALL(validate(t, adam, &record));
  if (hooks && hooks->step) ESP_AGREE(comm, hooks->step(hooks->context, &record));
  *stop = record.stop || (hooks && hooks->enough && hooks->enough(hooks->context));
  due |= *stop || s + 1 == p->steps || (p->stop > 0 && s + 1 == p->stop);
  due |= p->checkpoint_every > 0 && (s + 1) % p->checkpoint_every == 0;
  if (!due || !hooks || !hooks->checkpoint) return ESP_OK;
  ESP_AGREE(comm, hooks->checkpoint(hooks->context, adam));
  t->kept = esp_wall();
  return ESP_OK;
}

static int check_train(const esp_training *with, const esp_train_param *p, const esp_model *model,
                       const esp_adam *adam) {
  ESP_CHECK(with->sets->sets >= 1, ESP_ERR_VALUE, "training on %d sets: at least one is needed", with->sets->sets);
  ESP_CHECK(p->batch >= 1, ESP_ERR_CONFIG, "batch %d: must be >= 1", p->batch);
  ESP_CHECK(p->steps >= 0 && p->warmup >= 0, ESP_ERR_CONFIG, "steps %lld, warmup %lld: both must be >= 0",
            (long long)p->steps, (long long)p->warmup);
  ESP_CHECK(p->beta2 > 0 && p->beta2 < 1, ESP_ERR_CONFIG, "beta2 %g: must lie in (0, 1)", p->beta2);
  ESP_CHECK(p->validate <= 0 || with->loss->validate, ESP_ERR_CONFIG,
            "train_validate %lld: the loss %s cannot say how good a step is; only 0 is possible with it",
            (long long)p->validate, with->loss->name);
  ESP_CHECK(adam->count == model->block.count, ESP_ERR_ARG, "moments of %d parameters for a model of %d", adam->count,
            model->block.count);
  return ESP_OK;
}

/* A step of one set, which all ranks share: each part of its gradient is whole when its way back ends. */
static int in_parts(const training *t) {
  const esp_network *network = t->model->network;
  const int alone = t->with->sets->shared || t->with->comm->size == 1;
  return alone && t->param->batch == 1 && network->in_parts && network->in_parts(t->model);
}

static int gradient_create(training *t) {
  const esp_device *device = t->with->backend->device;
  ESP_MEMORY_FOR(ESP_MEMORY_OPTIMISER);
  ESP_CALL(ESP_THERE(device, t->all.acc, (size_t)t->sums * WORDS));
  if (device->shared) t->words = t->all.acc;
  if (!device->shared) ESP_CALL(ESP_ALLOC(t->words, (size_t)t->sums * WORDS));
  return ESP_ALLOC(t->gradient, t->model->block.count);
}

int esp_train(const esp_training *with, const esp_train_param *param, const esp_train_hooks *hooks, esp_model *model,
              esp_adam *adam) {
  const esp_comm *comm = with->comm;
  const esp_device *device = with->backend->device;
  training t = {.with = with,
                .param = param,
                .hooks = hooks,
                .model = model,
                .weight = {1, 1, 1},
                .terms = with->loss->parts,
                .epoch = -1,
                .bound = NAN,
                .kept = esp_wall()};
  t.sums = in_parts(&t) ? 0 : esp_model_sums(model);
  if (model->network->adds && model->network->adds(model)) t.terms++;
  if (with->loss->weights) with->loss->weights(with->loss_param, t.weight);
  int rc = check_train(with, param, model, adam);
  if (!rc) rc = best_begin(&t, adam);
  if (!rc) rc = gradient_create(&t);
  if (!rc) rc = ESP_ALLOC(t.permutation, with->sets->sets);
  ESP_TRY(comm->agree(comm, rc));
  t.parts = esp_gradient_parts_of(device, comm, t.gradient);
  int64_t end = param->stop > 0 && param->stop < param->steps ? param->stop : param->steps;
  int stop = 0;
  while (adam->step < end && !stop) ESP_TRY(run_step(&t, adam, &stop));
  esp_best_choose(&adam->best, adam->count, model->block.value);
done:
  if (t.words != t.all.acc) ESP_FREE(t.words);
  ESP_THERE_FREE(device, t.all.acc);
  if (t.parts.device) esp_gradient_parts_free(&t.parts);
  ESP_FREE(t.gradient);
  ESP_FREE(t.permutation);
  ESP_THERE_FREE(device, t.y);
  ESP_THERE_FREE(device, t.dy);
  return rc;
}
