#include <math.h>
#include <string.h>

#include "net/network.h"

const esp_network *const esp_networks[] = {&esp_network_integrator, &esp_network_stack, &esp_network_convolution, NULL};

const esp_network *esp_network_find(const char *name) {
  for (int k = 0; esp_networks[k]; k++)
    if (!strcmp(esp_networks[k]->name, name)) return esp_networks[k];
  return NULL;
}

esp_sizes esp_sizes_of(const esp_layout *layout, const int width[ESP_COLUMNS]) {
  esp_sizes sizes = {0};
  for (int k = 0; layout->column[k].name; k++) {
    const esp_column *column = &layout->column[k];
    if (column->lying == ESP_EDGES) continue;
    sizes.width[column->role] += width[k] > 0 || column->role != ESP_TARGET ? width[k] : column->width;
  }
  esp_set_taken(layout, width, sizes.taken);
  return sizes;
}

int esp_model_create(const esp_network *network, const void *param, const esp_sizes *sizes, esp_model *model) {
  return esp_model_create_known(network, param, sizes, 0, model);
}

int esp_model_create_known(const esp_network *network, const void *param, const esp_sizes *sizes, int64_t known,
                           esp_model *model) {
  ESP_MEMORY_FOR(ESP_MEMORY_PARAMETERS);
  int rc = ESP_OK;
  char *copy = NULL;
  *model = (esp_model){.network = network, .sizes = *sizes, .block.known = known};
  ESP_TRY(ESP_ALLOC(copy, network->options->size));
  memcpy(copy, param, network->options->size);
  model->param = copy;
  ESP_TRY(network->create(model));
done:
  if (rc) esp_model_free(model);
  return rc;
}

void esp_model_free(esp_model *model) {
  ESP_FREE(model->block.value);
  ESP_FREE(model->block.entry);
  if (model->plan && model->network->plan_end) model->network->plan_end(model->plan);
  ESP_FREE(model->plan);
  ESP_FREE(model->param);
  *model = (esp_model){0};
}

int esp_model_untrained(const esp_model *model, esp_model *untrained) {
  return esp_model_create(model->network, model->param, &model->sizes, untrained);
}

/* The entry of that name, looked for from the k-th on; k: of the one behind it. NULL: there is none. */
static const esp_entry *find_entry(const esp_block *block, const char *name, int *k) {
  for (int tried = 0; tried < block->entries; tried++) {
    const esp_entry *entry = &block->entry[(*k + tried) % block->entries];
    if (strcmp(entry->name, name)) continue;
    *k = (*k + tried + 1) % block->entries;
    return entry;
  }
  return NULL;
}

int esp_model_vary(const esp_model *model, const void *param, const esp_sizes *sizes, esp_model *varied) {
  const esp_block *from = &model->block;
  int next = 0; /* most often the two have the same order: stacks have tens of thousands of entries */
  ESP_CALL(esp_model_create(model->network, param, sizes, varied));
  for (int e = 0; e < varied->block.entries; e++) {
    const esp_entry *to = &varied->block.entry[e], *entry = find_entry(from, to->name, &next);
    if (!entry || to->rows != entry->rows || to->columns != entry->columns) continue;
    memcpy(varied->block.value + to->offset, from->value + entry->offset,
           (size_t)entry->rows * (size_t)entry->columns * sizeof *from->value);
  }
  return ESP_OK;
}

int esp_model_aim(esp_model *model, const esp_backend *backend, const esp_set *set, double *bound) {
  const esp_network *network = model->network;
  *bound = NAN;
  if (!network->searches || !network->searches(model)) return ESP_OK;
  return network->aim(model, backend, set, bound);
}

int esp_model_sums(const esp_model *model) {
  return model->network->sums ? model->network->sums(model) : model->block.count;
}

void esp_model_map(const esp_model *model, const int64_t *acc, double *gradient) {
  if (model->network->map) {
    model->network->map(model, acc, gradient);
    return;
  }
  for (int i = 0; i < model->block.count; i++)
    gradient[i] = esp_exact_value(&ESP_EXACT_FULL, acc + (size_t)i * ESP_EXACT_FULL_WORDS);
}

int esp_block_add_message(esp_block *block, const esp_form *form, const char *prefix) {
  const int at = block->count;
  esp_message_part part;
  for (int k = 0; part = form->message->part(form, k), part.name; k++)
    esp_block_add(block, part.rows, part.columns, "%s.%s", prefix, part.name);
  return at;
}

/* FNV-1a over the words of the parameters. */
uint64_t esp_model_checksum(const esp_model *model) {
  uint64_t sum = 0;
  for (int i = 0; i < model->block.count; i++) {
    uint64_t bits;
    memcpy(&bits, &model->block.value[i], sizeof bits);
    sum = (sum ^ bits) * UINT64_C(0x100000001b3);
  }
  return sum;
}

int esp_model_places(const esp_model *model, const esp_comm *comm, const esp_set *set, esp_place *place, double **key,
                     double **query) {
  int rc = model->network->place(model, NULL, set, place, NULL, NULL);
  const size_t count = (size_t)set->n_home * (size_t)place->domain.dim;
  if (!rc) rc = ESP_ALLOC(*key, count);
  if (!rc && place->queries) rc = ESP_ALLOC(*query, count);
  ESP_AGREE(comm, rc);
  return model->network->place(model, comm, set, place, *key, *query);
}

int esp_model_predict(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                      double *y, esp_cost *cost) {
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  const esp_device *device = backend->device;
  const size_t count = (size_t)set->n_home * (size_t)model->sizes.width[ESP_TARGET];
  double *made = NULL, *there = y;
  int rc = ESP_OK;
  if (!device->shared) {
    ESP_TRY(backend->comm->agree(backend->comm, ESP_THERE(device, made, count)));
    there = made;
  }
  ESP_TRY(model->network->forward(model, backend, set, visit, there, cost, NULL));
  ESP_TRY(esp_device_agree(device, backend->comm, esp_device_get(device, count, there, y)));
done:
  ESP_THERE_FREE(device, made);
  return rc;
}
