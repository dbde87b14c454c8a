#include "net/integrator.h"

#include <math.h>
#include <stdio.h>

#include "base/exact_sum.h"

enum { WORDS = ESP_EXACT_FULL_WORDS, MLP_GROUPS = 4, TABLEAU_GROUPS = 4 };

/* The message as far as its parameters go. */
static esp_form form_of(const esp_integrator_param *p) {
  return (esp_form){.message = esp_body_messages[p->message], .dim = 3, .channels = p->hidden, .mean = 1};
}

static int check_param(const esp_integrator_param *p) {
  ESP_CHECK(p->layers >= 1 && p->layers <= ESP_MAX_LAYERS, ESP_ERR_CONFIG, "layers %d: allowed are 1 to %d", p->layers,
            ESP_MAX_LAYERS);
  ESP_CHECK(p->tableau == ESP_TABLEAU_FREE || p->tableau == ESP_TABLEAU_SYMPLECTIC, ESP_ERR_CONFIG,
            "tableau %d: allowed are free (%d) and symplectic (%d)", (int)p->tableau, ESP_TABLEAU_FREE,
            ESP_TABLEAU_SYMPLECTIC);
  const esp_form form = form_of(p);
  ESP_CALL(form.message->check(&form, NULL));
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
  const esp_form form = form_of(&model->param);
  int L = model->param.layers, offset = 0;
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
    for (int k = 0;; k++) {
      const esp_message_part part = form.message->part(&form, k);
      if (!part.name) break;
      add_entry(model, prefix, part.name, part.rows, part.columns, &offset);
    }
  }
}

int esp_integrator_create(const esp_integrator_param *param, esp_integrator *model) {
  int rc = ESP_OK;
  *model = (esp_integrator){.param = *param};
  ESP_CALL(check_param(param));
  const esp_form form = form_of(param);
  model->mlp_count = esp_form_widths(&form).param;
  if (!model->mlp_count) model->param.hidden = 0;
  model->mlps = !model->mlp_count ? 0 : form.message->shared ? 1 : param->layers;
  model->tableau_count = esp_tableau_count(param->tableau, param->layers);
  model->block.count = model->tableau_count + model->mlps * model->mlp_count;
  ESP_TRY(ESP_ALLOC(model->block.value, model->block.count));
  ESP_TRY(ESP_ALLOC(model->block.entry, TABLEAU_GROUPS + MLP_GROUPS * model->mlps));
  fill_table(model);
  esp_tableau_start(param->tableau, param->layers, model->block.value);
  for (int m = 0; m < model->mlps; m++)
    form.message->start(&form, param->seed, m, model->block.value + model->tableau_count + m * model->mlp_count);
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
