#include "net/train.h"

#include <math.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/rng.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* What one training holds between steps. */
typedef struct {
  const esp_comm *comm;
  const esp_learner *learner;
  const esp_train_param *param;
  const esp_train_hooks *hooks;
  int64_t *acc;     /* [sums][WORDS] */
  double *gradient; /* [count] */
  int *permutation; /* [items] of the epoch at hand */
  int64_t epoch;
  int64_t part_acc[ESP_TRAIN_PARTS * WORDS]; /* sums of the parts over items */
} training;

int esp_train_pick(uint64_t seed, int items, int64_t entry, int *permutation, int64_t *epoch) {
  int64_t e = entry / items;
  if (e != *epoch) {
    for (int i = 0; i < items; i++) permutation[i] = i;
    for (int i = items - 1; i > 0; i--) {
      int j = (int)esp_rng_below(seed, (uint64_t)e, ESP_RNG_BATCH, (uint32_t)i, (uint64_t)i + 1);
      int kept = permutation[i];
      permutation[i] = permutation[j];
      permutation[j] = kept;
    }
    *epoch = e;
  }
  return permutation[entry % items];
}

/* This rank's part of the batch of step s. */
static int run_batch(training *t, int64_t s, esp_train_record *record) {
  const esp_learner *l = t->learner;
  const int batch = t->param->batch;
  for (int i = 0; i < batch; i++) {
    int c = esp_train_pick(t->param->seed, l->items, s * batch + i, t->permutation, &t->epoch);
    double part[ESP_TRAIN_PARTS];
    if (!l->sharded && i % t->comm->size != t->comm->rank) continue;
    ESP_CALL(l->item(l->context, c, 1.0 / batch, t->acc, part, record));
    /* A sharded item's loss is known to all ranks: one of them counts it. */
    if (l->sharded && t->comm->rank > 0) continue;
    for (int p = 0; p < l->parts; p++) esp_exact_add(&ESP_EXACT_FULL, t->part_acc + p * WORDS, part[p]);
  }
  return ESP_OK;
}

/* Gradient and loss of the batch over all ranks. */
static int gather(training *t, int64_t s, esp_train_record *record) {
  const esp_train_hooks *hooks = t->hooks;
  const esp_learner *l = t->learner;
  if (hooks && hooks->sum) {
    ESP_CALL(hooks->sum(hooks->sum_context, t->acc, (size_t)l->sums));
  } else {
    esp_exact_carry(&ESP_EXACT_FULL, t->acc, (size_t)l->sums);
    ESP_CALL(t->comm->sum_i64(t->comm, t->acc, (size_t)l->sums * WORDS));
  }
  esp_exact_carry(&ESP_EXACT_FULL, t->part_acc, (size_t)l->parts);
  ESP_CALL(t->comm->sum_i64(t->comm, t->part_acc, (size_t)l->parts * WORDS));
  l->map(l->context, t->acc, t->gradient);
  for (int p = 0; p < l->parts; p++) {
    record->part[p] = esp_exact_value(&ESP_EXACT_FULL, t->part_acc + p * WORDS) / t->param->batch;
    record->loss += l->part_weight[p] * record->part[p];
  }
  record->gradient = esp_clip_norm(t->param->clip, l->count, t->gradient);
  ESP_CHECK(
      isfinite(record->loss) && isfinite(record->gradient), ESP_ERR_VALUE,
      "training step %lld: loss %g, gradient norm %g; both must be finite: lower the rate (now %g) or look at the "
      "data",
      (long long)s + 1, record->loss, record->gradient, t->param->rate);
  return ESP_OK;
}

static int run_step(training *t, esp_adam *adam) {
  const esp_train_param *p = t->param;
  const esp_train_hooks *hooks = t->hooks;
  int64_t s = adam->step;
  double begin = esp_wall();
  esp_train_record record = {.step = s + 1, .steps = p->steps};
  memset(t->acc, 0, sizeof *t->acc * (size_t)t->learner->sums * WORDS);
  memset(t->part_acc, 0, sizeof t->part_acc);
  ESP_AGREE(t->comm, run_batch(t, s, &record));
  ESP_CALL(gather(t, s, &record));
  record.rate = esp_rate(p->schedule, p->rate, s, p->warmup, p->steps);
  esp_adam_step(adam, record.rate, p->beta2, t->gradient, t->learner->value);
  record.seconds = esp_wall() - begin;
  if (hooks && hooks->step) ESP_AGREE(t->comm, hooks->step(hooks->context, &record));
  int last = s + 1 == p->steps || (p->stop > 0 && s + 1 == p->stop);
  int due = p->checkpoint_every > 0 && (s + 1) % p->checkpoint_every == 0;
  if (hooks && hooks->checkpoint && (last || due)) ESP_AGREE(t->comm, hooks->checkpoint(hooks->context, adam));
  return ESP_OK;
}

static int check_train(const esp_learner *l, const esp_train_param *p, const esp_adam *adam) {
  ESP_CHECK(l->items >= 1, ESP_ERR_VALUE, "training on %d items: at least one is needed", l->items);
  ESP_CHECK(l->parts >= 1 && l->parts <= ESP_TRAIN_PARTS, ESP_ERR_ARG, "a loss of %d parts: allowed are 1 to %d",
            l->parts, ESP_TRAIN_PARTS);
  ESP_CHECK(p->batch >= 1, ESP_ERR_CONFIG, "batch %d: must be >= 1", p->batch);
  ESP_CHECK(p->steps >= 0 && p->warmup >= 0, ESP_ERR_CONFIG, "steps %lld, warmup %lld: both must be >= 0",
            (long long)p->steps, (long long)p->warmup);
  ESP_CHECK(p->beta2 > 0 && p->beta2 < 1, ESP_ERR_CONFIG, "beta2 %g: must lie in (0, 1)", p->beta2);
  ESP_CHECK(adam->count == l->count, ESP_ERR_ARG, "moments of %d parameters for a model of %d", adam->count, l->count);
  return ESP_OK;
}

int esp_train(const esp_comm *comm, const esp_learner *learner, const esp_train_param *param,
              const esp_train_hooks *hooks, esp_adam *adam) {
  training t = {.comm = comm, .learner = learner, .param = param, .hooks = hooks, .epoch = -1};
  int rc = check_train(learner, param, adam);
  if (!rc) rc = ESP_ALLOC(t.acc, (size_t)learner->sums * WORDS);
  if (!rc) rc = ESP_ALLOC(t.gradient, learner->count);
  if (!rc) rc = ESP_ALLOC(t.permutation, learner->items);
  ESP_TRY(comm->agree(comm, rc));
  int64_t end = param->stop > 0 && param->stop < param->steps ? param->stop : param->steps;
  while (adam->step < end) ESP_TRY(run_step(&t, adam));
done:
  ESP_FREE(t.acc);
  ESP_FREE(t.gradient);
  ESP_FREE(t.permutation);
  return rc;
}
