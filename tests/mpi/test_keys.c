/* Every key of the program has a default that is allowed, is found by its name, and is listed in inputs/reference.yaml;
 * what each network is told comes from its own table.
 * ranks: 1 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/stack.h"
#include "verbs/keys.h"

static esp_config *config_of(const char *const *set) {
  esp_config *config;
  if (esp_keys_create(&config)) fail_msg("%s", esp_error_message());
  for (; set && set[0]; set += 2)
    if (esp_config_set(config, set[0], set[1])) fail_msg("%s", esp_error_message());
  return config;
}
#define CONFIG(...) config_of((const char *const[]){__VA_ARGS__, NULL})

static void table(void **state) {
  (void)state;
  esp_config *config = config_of(NULL);
  assert_in_range(esp_config_keys(config), 1, 1000);
  for (int k = 0; k < esp_config_keys(config); k++) {
    const esp_option *key = esp_config_key(config, k);
    const char *name = key->name;
    assert_ptr_equal(esp_config_find(config, name), key);
    assert_true(esp_config_is_ours(config, name));
    assert_true(strlen(name) < 60 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name));
    assert_string_equal(esp_config_nearest(config, name), name);
    assert_true(strlen(key->help) > 0 && !strchr(key->help, '\n'));
    assert_non_null(key->unit);
    assert_true((key->type == ESP_OPTION_CHOICE) == (key->choices[0] != 0));
    assert_true(key->min <= key->max);
  }
  assert_true(esp_config_is_ours(config, "tre_theta")); /* a slip in the prefix */
  assert_true(esp_config_is_ours(config, "datatest_n"));
  const char *const foreign[] = {"log_view",     "options_left", "info",           "ksp_type",          "ts_type",
                                 "malloc_debug", "treeline",     "on_error_abort", "inputs_of_another", ""};
  for (size_t f = 0; f < sizeof foreign / sizeof *foreign; f++) assert_false(esp_config_is_ours(config, foreign[f]));
  esp_config_free(&config);
}

static void refused(const esp_network *network, esp_config *config, const char *part) {
  assert_int_equal(esp_keys_check(config, network), ESP_ERR_CONFIG);
  if (!strstr(esp_error_message(), part)) fail_msg("'%s' lacks '%s'", esp_error_message(), part);
  esp_error_clear();
  esp_config_free(&config);
}

static void networks(void **state) {
  (void)state;
  const esp_network *integrator = esp_network_find("integrator"), *stack = esp_network_find("stack");
  esp_stack_param param = {0};
  esp_config *config = CONFIG("net_layers", "3", "tree_leaf", "5", "net_message", "gate_mlp", "net_aggregate",
                              "average", "tree_split", "pca", "run_seed", "7", "net_tableau", "free");
  assert_int_equal(esp_keys_check(config, stack), ESP_OK);
  assert_int_equal(esp_options_fill(stack->options, config, &param), ESP_OK);
  assert_true(param.layers == 3 && param.domain.leaf == 5 && param.domain.block == 64 && param.message == 1 &&
              param.aggregate);
  assert_true(param.split == ESP_SPLIT_PCA && param.seed == 7 && param.far && param.order == 2 && !param.separate);
  assert_true(param.domain.lists.theta == 0.7 && param.domain.lists.pairs_limit == 65536);
  refused(integrator, config, "net_aggregate average: a key of the network 'stack'");
  refused(integrator, CONFIG("net_message", "gate"), "net_message is 'gate': must be one of newton|newton_mlp|mlp");
  refused(stack, CONFIG("net_message", "newton"), "net_message is 'newton': must be one of gate|gate_mlp");
  refused(integrator, CONFIG("net_layers", "33"), "net_layers is '33': must be integer in [1, 32]");
  refused(stack, CONFIG("tree_split", "learned", "tree_on", "hidden"), "tree_split learned with tree_on hidden");
  refused(stack, CONFIG("net_embedding", "coordinates", "net_separate", "true"), "net_separate with net_embedding");
  config = CONFIG("train_loss_k", "2");
  assert_int_equal(esp_keys_check_loss(config, &esp_loss_nmse_columns), ESP_OK);
  assert_int_equal(esp_keys_check_loss(config, &esp_loss_nmse), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "train_loss_k 2: a key of the loss 'nmse_columns'"));
  esp_error_clear();
  esp_config_free(&config);
  config = config_of(NULL);
  assert_string_equal(esp_config_string(config, "net_message"), "newton");
  esp_config_lead(config, stack->options);
  assert_string_equal(esp_config_string(config, "net_message"), "gate");
  assert_int_equal(esp_keys_check(config, stack), ESP_OK);
  esp_config_free(&config);
}

static esp_stack_param replaced(esp_stack_param param, esp_config *config) {
  assert_int_equal(esp_options_replace(&esp_stack_options, config, &param), ESP_OK);
  esp_config_free(&config);
  return param;
}

/* Trees are no parameters: a run that uses a checkpoint replaces them by the keys it sets. */
static void trees(void **state) {
  (void)state;
  esp_stack_param had = {.layers = 3, .split = ESP_SPLIT_PCA, .split_levels = 2, .far = 1};
  had.domain.leaf = 4;
  had.domain.lists.theta = 0.3;
  had.domain.lists.pairs_per_particle = 50;
  esp_stack_param p =
      replaced(had, CONFIG("tree_leaf", "5", "net_layers", "7", "tree_split_levels", "9", "tree_order", "3"));
  assert_true(p.domain.leaf == 5 && p.layers == 3 && p.split_levels == 2 && p.split == ESP_SPLIT_PCA && p.order == 3);
  assert_true(p.domain.lists.theta == 0.3 && p.domain.lists.pairs_per_particle == 50);
  p = replaced(had, CONFIG("tree_theta", "0.6", "tree_far", "false", "tree_split", "widest"));
  assert_true(p.domain.lists.theta == 0.6 && p.domain.lists.pairs_per_particle == 0 && !p.far);
  assert_int_equal(p.split, ESP_SPLIT_WIDEST);
  p = replaced(had, CONFIG("tree_theta", "0.6", "tree_pairs_per_particle", "70", "tree_split", "learned"));
  assert_true(p.domain.lists.theta == 0.6 && p.domain.lists.pairs_per_particle == 70);
  assert_int_equal(p.split, ESP_SPLIT_PCA);
  had.split = ESP_SPLIT_LEARNED;
  p = replaced(had, CONFIG("tree_split", "widest", "tree_pairs_limit", "9"));
  assert_true(p.split == ESP_SPLIT_LEARNED && p.domain.lists.pairs_limit == 9);
}

/* inputs/reference.yaml is the printed table. After a change of the table, run this test once with
 * ESPALIER_WRITE_REFERENCE=1 to write it. */
static void reference(void **state) {
  (void)state;
  const char *source = getenv("ESPALIER_SOURCE");
  char path[4096];
  if (source)
    snprintf(path, sizeof path, "%s/inputs/reference.yaml", source);
  else /* this file is tests/mpi/test_keys.c of the source */
    snprintf(path, sizeof path, "%.*s/../../inputs/reference.yaml", (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
  esp_config *config = config_of(NULL);
  char *expected = NULL;
  size_t length;
  FILE *printed = open_memstream(&expected, &length);
  assert_non_null(printed);
  assert_int_equal(esp_config_print(config, printed), ESP_OK);
  fclose(printed);
  esp_config_free(&config);
  if (getenv("ESPALIER_WRITE_REFERENCE")) {
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fputs(expected, out) < 0, 0);
    assert_int_equal(fclose(out), 0);
  }
  FILE *file = fopen(path, "r");
  if (!file) fail_msg("%s cannot be read", path);
  char *found = calloc(1, 2 * length + 2);
  assert_non_null(found);
  size_t read = fread(found, 1, 2 * length + 1, file);
  fclose(file);
  size_t same = 0;
  while (same < read && same < length && found[same] == expected[same]) same++;
  while (same > 0 && expected[same - 1] != '\n') same--;
  if (read != length || memcmp(found, expected, length))
    fail_msg(
        "%s differs from the tables of keys; expected where they part:\n%.*s\n(this test tells how "
        "to write it)",
        path, (int)strcspn(expected + same, "\n"), expected + same);
  free(found);
  free(expected);
}

int main(void) {
  const size_t before = esp_memory_now();
  const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(networks), cmocka_unit_test(trees),
                                     cmocka_unit_test(reference)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return failed || esp_memory_now() != before;
}
