#include "verbs/keys.h"

#include <math.h>
#include <string.h>

#include "io/input_options.h"
#include "io/make_options.h"
#include "net/device.h"
#include "net/train.h"
#include "tasks/task.h"

/* ---- tables ---- */

/* A member a key: the verbs ask the configuration for what they need. */
typedef struct {
  const char *name, *out;
  uint64_t seed;
  const char *restart, *checkpoint, *write, *export;
  int rollout, baselines, set, states;
  int64_t recall_every;
  esp_list ranks;
  int periodic, pictures;
  int layer, lists;
  int64_t neighbours;
} verbs;

static const esp_options run_options = {
    sizeof(verbs),
    (const esp_option[]){
        ESP_TEXT_ROW(verbs, name, "run_name", "run", "name of the run, and of its folder", .form = ESP_TEXT_NAME),
        ESP_TEXT_ROW(verbs, out, "run_out", "out", "folder of all runs; results go to run_out/run_name",
                     .form = ESP_TEXT_PATH),
        ESP_SEED_ROW(verbs, seed),
        {0}},
    NULL};

static const esp_options trial_options = {
    sizeof(verbs),
    (const esp_option[]){
        ESP_TEXT_ROW(verbs, restart, "train_restart", "", "checkpoint to continue from; empty: start anew"),
        ESP_TEXT_ROW(verbs, checkpoint, "eval_checkpoint", "", "checkpoint to use; empty: that of the run"),
        ESP_INT_ROW(verbs, rollout, "eval_rollout", "0", 0, 1e9, "frames",
                    "steps predicted one from the other: frames, where a set has them, else horizons; 0: none"),
        ESP_FLAG_ROW(verbs, baselines, "eval_baselines", "true", "compare with classical methods"),
        ESP_INT_ROW(
            verbs, states, "eval_states", "256", 0, 65536, "particles",
            "particles of which evaluate compares the states before each layer, where a network has several: do "
            "states of those whose answers differ lie further apart than of those whose answers are alike? 0: none"),
        ESP_WHOLE_ROW(verbs, recall_every, "eval_recall_every", "50", 0, ESP_COUNT_MAX, "steps",
                      "steps between two recalls in training; 0: none"),
        ESP_INT_ROW(verbs, set, "eval_set", "0", 0, ESP_COUNT_MAX, "",
                    "number of the test set that predict and graph take"),
        {0}},
    NULL};

static const esp_options output_options = {
    sizeof(verbs),
    (const esp_option[]){
        ESP_LIST_ROW(verbs, ranks, "partition_ranks", "2,4,8,16,32,64", 1, 1e7, "ranks", "numbers of ranks to cut for"),
        ESP_FLAG_ROW(verbs, periodic, "partition_periodic", "false",
                     "keep a snapshot's period in the lists: all that lies near half a box away is near"),
        ESP_TEXT_ROW(
            verbs, write, "partition_write", "",
            "file for each particle's owner, for every number of partition_ranks, and place in the tree's order; "
            "empty: none"),
        ESP_INT_ROW(
            verbs, layer, "graph_layer", "0", 0, ESP_COUNT_MAX, "",
            "layer whose learned space the graph is of; where net_depth is reversible, each of net_groups groups of a "
            "layer counts as one"),
        ESP_CHOICE_ROW(verbs, lists, "graph_lists", "nearest", "nearest|near",
                       "edges: from the nearest senders of each receiver, or all pairs of the tree's near lists"),
        ESP_WHOLE_ROW(verbs, neighbours, "graph_neighbours", "16", 1, ESP_COUNT_MAX, "particles",
                      "nearest senders that a receiver has in the graph"),
        ESP_TEXT_ROW(verbs, write, "graph_write", "",
                     "file for the graph: .h5 or .hdf5 (compressed rows, as SciPy has them), .mtx (Matrix Market); "
                     "empty: none"),
        ESP_TEXT_ROW(verbs, export, "data_export", "",
                     "NetCDF file (CF-1.8, UGRID-1.0) to which generate writes the test sets, too, where particles are "
                     "cells of a mesh; of several sets, each to a file with its number in the name; empty: none"),
        ESP_FLAG_ROW(verbs, pictures, "report_pictures", "true", "draw pictures into the report"),
        {0}},
    NULL};

/* ---- the list ---- */

enum { TABLES = 64 };

/* Each once. */
static int add_table(const esp_options *table[TABLES], const esp_options *options) {
  int tables = 0;
  while (table[tables] && table[tables] != options) tables++;
  ESP_CHECK(tables < TABLES - 1, ESP_ERR_INTERNAL, "more than %d tables of keys", TABLES - 1);
  table[tables] = options;
  return ESP_OK;
}

int esp_keys_create(esp_config **config) {
  const esp_options *table[TABLES] = {&run_options, &esp_make_options};
  static const esp_options *const rest[] = {&esp_device_options, &esp_shard_options, &trial_options,
                                            &esp_input_options,  &output_options,    NULL};
  for (int k = 0; esp_tasks[k]; k++) ESP_CALL(add_table(table, esp_tasks[k]->options));
  ESP_CALL(add_table(table, &esp_domain_options));
  for (int k = 0; esp_networks[k]; k++) ESP_CALL(add_table(table, esp_networks[k]->options));
  ESP_CALL(add_table(table, &esp_train_options));
  for (int k = 0; esp_losses[k]; k++)
    if (esp_losses[k]->options) ESP_CALL(add_table(table, esp_losses[k]->options));
  for (int k = 0; rest[k]; k++) ESP_CALL(add_table(table, rest[k]));
  for (int k = 0; esp_tasks[k]; k++)
    if (esp_tasks[k]->showing->options) ESP_CALL(add_table(table, esp_tasks[k]->showing->options));
  return esp_config_create(table, config);
}

/* ---- keys of one row of a table among those of all ---- */

typedef struct {
  const esp_config *config;
  const esp_options *own;          /* of the row that is used; NULL: it has none */
  const char *what, *other, *used; /* "network", names */
  const char *name;                /* looked for in `own` */
} search;

static int is_name(void *context, const esp_option *row, size_t offset) {
  (void)offset;
  return !strcmp(row->name, ((const search *)context)->name);
}

static int refuse_row(void *context, const esp_option *row, size_t offset) {
  search *s = context;
  (void)offset;
  s->name = row->name;
  if ((row->flags & ESP_OF_DATA) || !esp_config_is_set(s->config, row->name)) return ESP_OK;
  const char *text = esp_config_text(s->config, row->name);
  esp_list set = {0}, standard = {0}; /* the largest member there is */
  if (s->own && esp_options_each(s->own, is_name, s)) return ESP_OK;
  ESP_CALL(esp_option_parse(row, text, &set));
  ESP_CALL(esp_option_parse(row, row->value, &standard));
  if (!memcmp(&set, &standard, sizeof set)) return ESP_OK;
  return ESP_FAIL(ESP_ERR_CONFIG, "%s %s: a key of the %s '%s'; the one here is '%s'", row->name, text, s->what,
                  s->other, s->used);
}

int esp_keys_check(const esp_config *config, const esp_network *network) {
  char *param = NULL;
  int rc = ESP_OK;
  for (int k = 0; esp_networks[k]; k++) {
    search s = {config, network->options, "network", esp_networks[k]->name, network->name, NULL};
    if (esp_networks[k] != network) ESP_CALL(esp_options_each(esp_networks[k]->options, refuse_row, &s));
  }
  ESP_TRY(ESP_ALLOC(param, network->options->size));
  ESP_TRY(esp_options_fill(network->options, config, param));
done:
  ESP_FREE(param);
  return rc;
}

int esp_keys_check_loss(const esp_config *config, const esp_loss *loss) {
  for (int k = 0; esp_losses[k]; k++) {
    const esp_options *other = esp_losses[k]->options;
    search s = {config, loss->options, "loss", esp_losses[k]->name, loss->name, NULL};
    if (esp_losses[k] != loss && other) ESP_CALL(esp_options_each(other, refuse_row, &s));
  }
  return ESP_OK;
}

int esp_keys_check_task(const esp_config *config, const esp_task *task) {
  for (int k = 0; esp_tasks[k]; k++) {
    search s = {config, task->options, "task", esp_tasks[k]->name, task->name, NULL};
    if (esp_tasks[k] != task) ESP_CALL(esp_options_each(esp_tasks[k]->options, refuse_row, &s));
  }
  return ESP_OK;
}
