#include "net/integrator.h"

#include <math.h>
#include <stdio.h>

#include "base/exact_sum.h"
#include "base/rng.h"

enum { WORDS = ESP_EXACT_FULL_WORDS, MLP_GROUPS = 4, TABLEAU_GROUPS = 4, MAX_HIDDEN = 128 };

const char *esp_message_name(esp_message_kind kind) {
  static const char *const names[] = {"newton", "newton_mlp", "mlp"};
  return names[kind];
}

static int check_param(const esp_integrator_param *p) {
  ESP_CHECK(p->layers >= 1 && p->layers <= ESP_MAX_LAYERS, ESP_ERR_CONFIG, "layers %d: allowed are 1 to %d", p->layers,
            ESP_MAX_LAYERS);
  ESP_CHECK(p->tableau == ESP_TABLEAU_FREE || p->tableau == ESP_TABLEAU_SYMPLECTIC, ESP_ERR_CONFIG,
            "tableau %d: allowed are free (%d) and symplectic (%d)", (int)p->tableau, ESP_TABLEAU_FREE,
            ESP_TABLEAU_SYMPLECTIC);
  ESP_CHECK(p->message >= ESP_MESSAGE_NEWTON && p->message <= ESP_MESSAGE_MLP, ESP_ERR_CONFIG,
            "message %d: allowed are newton (%d), newton_mlp (%d) and mlp (%d)", (int)p->message, ESP_MESSAGE_NEWTON,
            ESP_MESSAGE_CORRECTION, ESP_MESSAGE_MLP);
  ESP_CHECK(p->message == ESP_MESSAGE_NEWTON || (p->hidden >= 1 && p->hidden <= MAX_HIDDEN), ESP_ERR_CONFIG,
            "hidden width %d: allowed are 1 to %d", p->hidden, MAX_HIDDEN);
  ESP_CHECK(p->domain.leaf >= 1 && p->domain.block >= 1, ESP_ERR_CONFIG, "leaf %d, block %d: both must be >= 1",
            p->domain.leaf, p->domain.block);
  ESP_CHECK(p->domain.lists.theta >= 0, ESP_ERR_CONFIG, "theta %g: must be >= 0", p->domain.lists.theta);
  return ESP_OK;
}

static void add_entry(esp_integrator *model, const char *prefix, const char *name, int rows, int columns, int *offset) {
  if (rows * columns == 0) return;
  esp_entry *e = &model->block.entry[model->block.entries++];
  snprintf(e->name, sizeof e->name, "%s.%s", prefix, name);
  e->rows = rows;
  e->columns = columns;
  e->offset = *offset;
  *offset += rows * columns;
}

static void fill_table(esp_integrator *model) {
  int L = model->param.layers, H = model->param.hidden, offset = 0;
  if (model->param.tableau == ESP_TABLEAU_SYMPLECTIC) {
    add_entry(model, "tableau", "c", L / 2, 1, &offset);
    add_entry(model, "tableau", "kick", (L - 1) / 2, 1, &offset);
  } else {
    add_entry(model, "tableau", "c", L, 1, &offset);
    add_entry(model, "tableau", "b", L, 1, &offset);
    add_entry(model, "tableau", "kick", L, 1, &offset);
    add_entry(model, "tableau", "alpha", L * (L - 1) / 2, 1, &offset);
  }
  for (int m = 0; m < model->mlps; m++) {
    char prefix[16];
    snprintf(prefix, sizeof prefix, "mlp%d", m);
    add_entry(model, prefix, "W1", H, 2, &offset);
    add_entry(model, prefix, "W2", H, 1, &offset);
    add_entry(model, prefix, "W3", H, ESP_MLP_EDGE, &offset);
    add_entry(model, prefix, "V", H, 1, &offset);
  }
}

/* Gaussian start values; V is zero where the message is to begin as none, and small where it is all there is. */
static void start_mlp(const esp_integrator *model, int m, double *value) {
  int H = model->param.hidden, v = model->mlp_count - H;
  double scale = model->param.message == ESP_MESSAGE_MLP ? 0.001 / (ESP_MLP_GAIN * sqrt((double)H)) : 0;
  for (int i = 0; i < model->mlp_count; i++) {
    double gauss = esp_rng_normal(model->param.seed, (uint64_t)m, ESP_RNG_WEIGHT, (uint32_t)i);
    value[i] = (i < v ? 0.5 : scale) * gauss;
  }
}

/* Where the message is all there is, its units turn at distances spread evenly in ln q from delta to beyond any box of
 * thousands of particles, rising and falling by turns: no scale is preferred. */
static void start_law(const esp_integrator *model, double *value) {
  const double nearest = log(1e-4), farthest = log(256), slope = 2, jitter = 0.1;
  int H = model->param.hidden;
  double *w1 = value, *w2 = w1 + 2 * H, *w3 = w2 + H;
  for (int i = 0; i < (int)(w3 - value) + ESP_MLP_EDGE * H; i++) value[i] *= jitter / 0.5;
  for (int h = 0; h < H; h++) {
    double turn = nearest + (farthest - nearest) * (h + 0.5) / H, rise = h % 2 ? slope : -slope;
    w3[ESP_MLP_EDGE * h] += rise;
    w1[2 * h] -= rise * turn;
  }
}

int esp_integrator_create(const esp_integrator_param *param, esp_integrator *model) {
  int rc = ESP_OK;
  *model = (esp_integrator){.param = *param};
  ESP_CALL(check_param(param));
  if (param->message == ESP_MESSAGE_NEWTON) model->param.hidden = 0;
  model->mlps = param->message == ESP_MESSAGE_NEWTON ? 0 : param->message == ESP_MESSAGE_MLP ? 1 : param->layers;
  model->mlp_count = model->param.hidden * (2 + 1 + ESP_MLP_EDGE + 1);
  model->tableau_count = esp_tableau_count(param->tableau, param->layers);
  model->block.count = model->tableau_count + model->mlps * model->mlp_count;
  ESP_TRY(ESP_ALLOC(model->block.value, model->block.count));
  ESP_TRY(ESP_ALLOC(model->block.entry, TABLEAU_GROUPS + MLP_GROUPS * model->mlps));
  fill_table(model);
  esp_tableau_start(param->tableau, param->layers, model->block.value);
  for (int m = 0; m < model->mlps; m++) {
    double *value = model->block.value + model->tableau_count + m * model->mlp_count;
    start_mlp(model, m, value);
    if (param->message == ESP_MESSAGE_MLP) start_law(model, value);
  }
done:
  if (rc) esp_integrator_free(model);
  return rc;
}

void esp_integrator_free(esp_integrator *model) {
  ESP_FREE(model->block.value);
  ESP_FREE(model->block.entry);
  *model = (esp_integrator){0};
}

int esp_gradient_sums(const esp_integrator *model) {
  return esp_tableau_size(model->param.layers) + model->mlps * model->mlp_count;
}

int esp_gradient_create(const esp_integrator *model, esp_gradient *gradient) {
  int rc = ESP_OK;
  *gradient = (esp_gradient){.count = esp_gradient_sums(model)};
  ESP_TRY(ESP_ALLOC(gradient->acc, (size_t)gradient->count * WORDS));
  ESP_TRY(ESP_ALLOC(gradient->sums, gradient->count));
  ESP_TRY(ESP_ALLOC(gradient->value, model->block.count));
done:
  if (rc) esp_gradient_free(gradient);
  return rc;
}

void esp_gradient_free(esp_gradient *gradient) {
  ESP_FREE(gradient->acc);
  ESP_FREE(gradient->sums);
  ESP_FREE(gradient->value);
  *gradient = (esp_gradient){0};
}

void esp_gradient_clear(esp_gradient *gradient) {
  for (size_t i = 0; i < (size_t)gradient->count * WORDS; i++) gradient->acc[i] = 0;
}

int esp_gradient_sum(const esp_comm *comm, esp_gradient *gradient) {
  esp_exact_carry(&ESP_EXACT_FULL, gradient->acc, (size_t)gradient->count);
  return comm->sum_i64(comm, gradient->acc, (size_t)gradient->count * WORDS);
}

void esp_gradient_map(const esp_integrator *model, esp_gradient *gradient) {
  int size = esp_tableau_size(model->param.layers);
  for (int i = 0; i < gradient->count; i++) {
    gradient->sums[i] = esp_exact_value(&ESP_EXACT_FULL, gradient->acc + (size_t)i * WORDS);
  }
  esp_tableau_pull(model->param.tableau, model->param.layers, model->block.value, gradient->sums, gradient->value);
  for (int i = size; i < gradient->count; i++) gradient->value[model->tableau_count + i - size] = gradient->sums[i];
}
