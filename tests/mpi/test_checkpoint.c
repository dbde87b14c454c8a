/* A checkpoint of any network comes back bit for bit on any number of ranks; another model's is refused naming every key
 * that differs; files of version 1, and of before a key was, are read. */
#include "checkpoint_case.h"

/* ---- coming back ---- */

static void comes_back(void **state) {
  (void)state;
  for (int k = 0; esp_networks[k]; k++) {
    for (int all = 0; all < 2; all++) {
      const esp_network *network = esp_networks[k];
      esp_model model, read, resumed;
      esp_adam adam, moments, again;
      char precision[ESP_CHECKPOINT_PRECISION];
      make(network, param_of(network, all ? "" : NULL), &model, &adam);
      const size_t bytes = sizeof(double) * (size_t)model.block.count;
      assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "a task", "cpu32", NULL));
      assert_ok(esp_checkpoint_read(comm, path, &read, &moments, precision));
      assert_string_equal(precision, "cpu32");
      assert_true(read.network == network && read.block.count == model.block.count);
      const esp_sizes its = sizes_of(network);
      assert_memory_equal(&read.sizes, &its, sizeof its);
      same_param(network, read.param, model.param);
      assert_memory_equal(read.block.value, model.block.value, bytes);
      assert_memory_equal(moments.m, adam.m, bytes);
      assert_memory_equal(moments.v, adam.v, bytes);
      assert_int_equal(moments.step, adam.step);
      make(network, param_of(network, all ? "" : NULL), &resumed, &again);
      memset(resumed.block.value, 0, bytes), memset(again.v, 0, bytes), again.step = 0;
      assert_ok(esp_checkpoint_resume(comm, path, &resumed, &again, "cpu32"));
      assert_memory_equal(resumed.block.value, model.block.value, bytes);
      assert_memory_equal(again.v, adam.v, bytes);
      assert_int_equal(again.step, adam.step);
      same_param(network, resumed.param, model.param);
      unmake(&model, &adam), unmake(&read, &moments), unmake(&resumed, &again);
    }
  }
}

/* The best step's parameters are the model's, whichever of the two lay in it; and both come back. */
static void the_best_comes_back(void **state) {
  (void)state;
  const esp_network *network = esp_network_find("stack");
  for (int chosen = 0; chosen < 2; chosen++) {
    esp_model model, read;
    esp_adam adam, moments;
    make(network, param_of(network, NULL), &model, &adam);
    const int count = model.block.count;
    const size_t bytes = sizeof(double) * (size_t)count;
    double *best = malloc(bytes);
    const double value[] = {0.1, -1.0 / 3};
    assert_ok(esp_best_create(count, &adam.best));
    memcpy(best, model.block.value, bytes);
    esp_best_offer(&adam.best, 17, value, count, best);
    for (int i = 0; i < count; i++) model.block.value[i] += i + 1;
    if (chosen) esp_best_choose(&adam.best, count, model.block.value);
    assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", NULL));
    assert_ok(esp_checkpoint_read(comm, path, &read, NULL, NULL));
    assert_memory_equal(read.block.value, best, bytes);
    esp_model_free(&read);
    esp_best_leave(&adam.best, count, model.block.value);
    make(network, param_of(network, NULL), &read, &moments);
    assert_ok(esp_checkpoint_resume(comm, path, &read, &moments, "cpu32"));
    assert_true(moments.best.chosen && moments.best.step == 17 && !memcmp(moments.best.value, value, sizeof value));
    assert_memory_equal(read.block.value, best, bytes);
    assert_memory_equal(moments.best.other, model.block.value, bytes);
    free(best);
    unmake(&model, &adam), unmake(&read, &moments);
  }
}

/* A seed may be any number. */
static void any_seed(void **state) {
  (void)state;
  const esp_network *network = esp_network_find("stack");
  esp_stack_param *param = (esp_stack_param *)param_of(network, NULL);
  esp_model model, read;
  esp_adam adam;
  param->seed = UINT64_MAX - 3;
  make(network, (char *)param, &model, &adam);
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  assert_ok(esp_checkpoint_read(comm, path, &read, NULL, NULL));
  assert_true(((esp_stack_param *)read.param)->seed == UINT64_MAX - 3);
  esp_model_free(&read);
  unmake(&model, &adam);
}

/* Where a file comes from, to the bit; what is not known is not there. */
static void origin(void **state) {
  (void)state;
  const esp_network *network = esp_network_find("stack");
  const esp_checkpoint_origin from = {.run = "0123456789abcdef", .loss = 1.0 / 3};
  esp_checkpoint_origin read;
  esp_model model;
  esp_adam adam;
  make(network, param_of(network, NULL), &model, &adam);
  adam.step = 7;
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", &from));
  assert_ok(esp_checkpoint_origin_read(comm, path, &read));
  assert_string_equal(read.run, from.run);
  assert_true(read.step == 7 && read.loss == from.loss);
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", NULL));
  assert_ok(esp_checkpoint_origin_read(comm, path, &read));
  assert_true(!read.run[0] && read.step == 7 && isnan(read.loss));
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32",
                                 &(esp_checkpoint_origin){.run = "\x1b[2J", .loss = NAN}));
  assert_int_equal(esp_checkpoint_origin_read(comm, path, &read), ESP_ERR_FORMAT);
  message_has("hexadecimal digits");
  unmake(&model, &adam);
}

/* ---- another model ---- */

static int refuse_row(void *context, const esp_option *row, size_t offset) {
  const esp_network *network = context;
  char line[256], a[64], b[64];
  if (!row->flags || is_bound(row)) return 0;
  char *base = param_of(network, ""), *run = param_of(network, row->name);
  esp_option_print(row, base + offset, a, sizeof a);
  esp_option_print(row, run + offset, b, sizeof b);
  free(base);
  const char *quote = row->type == ESP_OPTION_CHOICE ? "'" : "";
  snprintf(line, sizeof line, "\n  %s: file %s%s%s, run %s%s%s", row->name, quote, a, quote, quote, b, quote);
  if (row->flags & (ESP_OF_MODEL | ESP_OF_DATA) && strcmp(row->name, "tree_theta")) { /* theta: with the budgets */
    refuse(network, run, "cpu32", ESP_ERR_CONFIG, line);
    return 0;
  }
  free(run);
  return 0;
}

static void another_model(void **state) {
  (void)state;
  for (int k = 0; esp_networks[k]; k++) {
    const esp_network *network = esp_networks[k];
    esp_model model;
    esp_adam adam;
    make(network, param_of(network, ""), &model, &adam);
    assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", NULL));
    esp_options_each(network->options, refuse_row, (void *)network);
    if (network != &esp_network_convolution) /* which has two */
      refuse(network, param_of(network, NULL), "cpu64", ESP_ERR_CONFIG, "net_layers: file 5, run 4");
    refuse(network, param_of(network, NULL), "cpu64", ESP_ERR_CONFIG,
           "tree_leaf: file 9, run 8\n  tree_block: file 65");
    refuse(network, param_of(network, ""), "cpu64", ESP_ERR_CONFIG, "precision: file 'cpu32', run 'cpu64'");
    const esp_network *other = esp_networks[k ? 0 : 1];
    char line[128];
    snprintf(line, sizeof line, "network: file '%s', run '%s'", network->name, other->name);
    refuse(other, param_of(other, ""), "cpu32", ESP_ERR_CONFIG, line);
    char *limit = param_of(network, "tree_pairs_limit"); /* changes no result */
    esp_model run;
    const esp_sizes its = sizes_of(network);
    assert_ok(esp_model_create(network, limit, &its, &run));
    free(limit);
    assert_ok(esp_checkpoint_resume(comm, path, &run, NULL, "cpu32"));
    esp_model_free(&run);
    unmake(&model, &adam);
  }
}

static void other_sizes(void **state) {
  (void)state;
  const esp_network *network = esp_network_find("stack");
  const esp_sizes wide = {.width = {7, 2, 3}};
  char *param = param_of(network, NULL);
  esp_model model;
  assert_ok(esp_model_create(network, param, &wide, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  esp_model_free(&model);
  refuse(network, param, "cpu32", ESP_ERR_CONFIG,
         "size_input: file 7, run 6\n  size_sent: file 2, run 1\n  size_target: file 3, run 6");
}

/* With a budget the angle that the file's run found goes on; the integrator finds one for all steps. */
static void budgets(void **state) {
  (void)state;
  const esp_network *integrator = esp_network_find("integrator"), *stack = esp_network_find("stack");
  esp_integrator_param *found = (esp_integrator_param *)param_of(integrator, NULL);
  esp_stack_param *relation = (esp_stack_param *)param_of(stack, NULL);
  esp_model model, run;
  esp_adam adam;
  found->domain.lists.theta = 0.3;
  assert_ok(esp_model_create(integrator, found, &sizes, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  esp_model_free(&model);
  found->domain.lists.theta = 0.1, found->domain.lists.pairs_per_particle = 50;
  make(integrator, (char *)found, &run, &adam);
  assert_ok(esp_checkpoint_resume(comm, path, &run, NULL, "cpu32"));
  const esp_lists_param *lists = &((esp_integrator_param *)run.param)->domain.lists;
  assert_true(lists->theta == 0.3 && lists->pairs_per_particle == 0);
  assert_int_equal(esp_checkpoint_resume(comm, path, &run, &adam, "cpu32"), ESP_ERR_FORMAT);
  message_has("no moments");
  unmake(&run, &adam);
  relation->domain.lists.theta = 0.3, relation->domain.lists.pairs_per_particle = 50;
  assert_ok(esp_model_create(stack, relation, &sizes, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  esp_model_free(&model);
  relation->domain.lists.theta = 0.1;
  assert_ok(esp_model_create(stack, relation, &sizes, &run));
  assert_ok(esp_checkpoint_resume(comm, path, &run, NULL, "cpu32"));
  lists = &((esp_stack_param *)run.param)->domain.lists;
  assert_true(lists->theta == 0.3 && lists->pairs_per_particle == 50);
  esp_model_free(&run);
  relation->domain.lists.pairs_per_particle = 0;
  assert_ok(esp_model_create(stack, relation, &sizes, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  esp_model_free(&model);
  char *flat = param_of(stack, NULL);
  refuse(stack, flat, "cpu32", ESP_ERR_CONFIG, "tree_theta: file 0.10000000000000001, run 0.69999999999999996");
  relation->domain.lists.pairs_per_particle = 50;
  assert_ok(esp_model_create(stack, relation, &sizes, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  esp_model_free(&model);
  relation->domain.lists.pairs_per_particle = 51;
  refuse(stack, (char *)relation, "cpu32", ESP_ERR_CONFIG, "tree_pairs_per_particle: file 50, run 51");
}

/* A key that is younger than the file: what networks were before it, which need not be its default. */
static void younger_keys(void **state) {
  (void)state;
  static const esp_option row[] = {
      {.name = "net_young", .type = ESP_OPTION_FLAG, .value = "true", .flags = ESP_OF_MODEL},
      {.name = "net_youngest",
       .type = ESP_OPTION_FLAG,
       .offset = sizeof(int),
       .value = "true",
       .flags = ESP_OF_MODEL,
       .absent = "false"},
      {0}};
  static const esp_options young = {.size = 2 * sizeof(int), .row = row};
  const esp_network *network = esp_network_find("stack");
  esp_model model;
  esp_adam adam;
  esp_file *file = NULL;
  int read[2] = {7, 7};
  make(network, param_of(network, NULL), &model, &adam);
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  assert_ok(esp_file_open(comm, path, &file));
  assert_ok(esp_rows_read(file, &young, 2, read));
  esp_file_close(&file);
  assert_true(read[0] == 1 && read[1] == 0);
  unmake(&model, &adam);
}

/* ---- version 1 ---- */

/* The keys of networks and trees in an input of one key a line. */
static esp_config *told_in(const char *yaml) {
  esp_config *config;
  char line[256], key[64], value[64];
  FILE *file = fopen(yaml, "r");
  assert_non_null(file);
  assert_ok(esp_keys_create(&config));
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "%63[a-z_]: %63s", key, value) == 2 && (!strncmp(key, "net_", 4) || !strncmp(key, "tree_", 5)))
      assert_ok(esp_config_set(config, key, value));
  fclose(file);
  return config;
}

/* What the file of version 1 holds is what its run was told. */
static void same_as_told(const char *name) {
  char yaml[4096], file[4096];
  const char *source = getenv("ESPALIER_SOURCE");
  esp_model model;
  esp_adam adam;
  if (!source) return;
  snprintf(yaml, sizeof yaml, "%s/tests/golden/%s.yaml", source, name);
  snprintf(file, sizeof file, "%s/tests/golden/%s-checkpoint.h5", source, name);
  assert_ok(esp_checkpoint_read(comm, file, &model, &adam, NULL));
  esp_config *config = told_in(yaml);
  char *told = calloc(1, model.network->options->size);
  assert_ok(esp_options_fill(model.network->options, config, told));
  same_param(model.network, told, model.param);
  assert_true(adam.step > 0);
  free(told);
  esp_config_free(&config);
  unmake(&model, &adam);
}

static void version_1(void **state) {
  (void)state;
  same_as_told("cloud");
  same_as_told("box");
  same_as_told("gate");
  same_as_told("queries");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back),  cmocka_unit_test(the_best_comes_back),
                                     cmocka_unit_test(any_seed),    cmocka_unit_test(another_model),
                                     cmocka_unit_test(other_sizes), cmocka_unit_test(budgets),
                                     cmocka_unit_test(version_1),   cmocka_unit_test(origin),
                                     cmocka_unit_test(younger_keys)};
  return checkpoint_run(argc, argv, tests, sizeof tests / sizeof *tests);
}
