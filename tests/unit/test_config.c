/* Every key of the table has a valid default and is listed in inputs/reference.yaml; what is not allowed is refused
 * with the key, the value and what is allowed, and leaves the configuration as it was. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"

static void table(void **state) {
  (void)state;
  int count;
  const esp_key *keys = esp_config_keys(&count);
  assert_in_range(count, 1, 1000);
  for (int k = 0; k < count; k++) {
    const char *name = keys[k].name;
    assert_ptr_equal(esp_config_find(name), &keys[k]); /* no name twice */
    assert_true(esp_config_is_ours(name));
    assert_true(strlen(name) < 60 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name));
    assert_string_equal(esp_config_nearest(name), name);
    assert_true(strlen(keys[k].help) > 0 && !strchr(keys[k].help, '\n'));
    assert_non_null(keys[k].unit);
    assert_true((keys[k].type == ESP_KEY_CHOICE) == (keys[k].choices[0] != 0));
    assert_true(keys[k].min <= keys[k].max);
  }
}

static void names(void **state) {
  (void)state;
  assert_null(esp_config_find("tree_thta"));
  assert_string_equal(esp_config_nearest("tree_thta"), "tree_theta");
  assert_string_equal(esp_config_nearest("data_test_cloud"), "data_test_clouds");
  assert_string_equal(esp_config_nearest("Net_Layers"), "net_layers");
  assert_string_equal(esp_config_nearest("theta"), "tree_theta");
  assert_non_null(esp_config_nearest(""));
  char endless[5000];
  memset(endless, 'a', sizeof endless);
  endless[sizeof endless - 1] = 0;
  assert_non_null(esp_config_nearest(endless));
  assert_true(esp_config_is_ours("tree_anything"));
  assert_true(esp_config_is_ours("Tree_Theta"));
  assert_true(esp_config_is_ours("input"));
  assert_true(esp_config_is_ours("tre_theta")); /* a slip in the prefix */
  assert_true(esp_config_is_ours("datatest_n"));
  assert_true(esp_config_is_ours("dta_tst_n"));
  const char *const foreign[] = {"log_view",     "options_left", "info",           "ksp_type",          "ts_type",
                                 "malloc_debug", "treeline",     "on_error_abort", "inputs_of_another", ""};
  for (size_t f = 0; f < sizeof foreign / sizeof *foreign; f++) assert_false(esp_config_is_ours(foreign[f]));
}

static void defaults(void **state) {
  (void)state;
  size_t before = esp_memory_now();
  esp_config *config;
  int64_t list[8] = {0};
  assert_int_equal(esp_config_create(&config), ESP_OK);
  assert_int_equal(esp_config_int(config, "tree_leaf"), 8);
  assert_true(esp_config_real(config, "tree_theta") == 0.7);
  assert_int_equal(esp_config_flag(config, "report_pictures"), 1);
  assert_string_equal(esp_config_string(config, "data_task"), "G");
  assert_string_equal(esp_config_string(config, "data_file"), "");
  assert_int_equal(esp_config_ints(config, "partition_ranks", list, 3), 6);
  assert_true(list[0] == 2 && list[2] == 8 && list[3] == 0);
  assert_int_equal(esp_config_ints(config, "partition_ranks", NULL, 0), 6);
  assert_false(esp_config_is_set(config, "tree_theta"));
  esp_config_free(&config);
  assert_null(config);
  esp_config_free(&config);
  assert_int_equal(esp_memory_now(), before);
}

static void accepted(void **state) {
  (void)state;
  esp_config *config;
  int64_t list[4];
  assert_int_equal(esp_config_create(&config), ESP_OK);
  assert_int_equal(esp_config_set(config, "tree_theta", " 1e-1 "), ESP_OK);
  assert_int_equal(esp_config_set(config, "tree_theta", "4"), ESP_OK);
  assert_int_equal(esp_config_set(config, "run_seed", "900719925474099"), ESP_OK);
  assert_int_equal(esp_config_set(config, "eval_baselines", "False"), ESP_OK);
  assert_int_equal(esp_config_set(config, "net_message", "newton_mlp"), ESP_OK);
  assert_int_equal(esp_config_set(config, "net_message", "gate_mlp"), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_task", "upstream"), ESP_OK);
  assert_int_equal(esp_config_set(config, "tree_split", "pca"), ESP_OK);
  assert_int_equal(esp_config_set(config, "tree_gate_tolerance", "1e-6"), ESP_OK);
  assert_int_equal(esp_config_set(config, "run_name", "a: \"b\" # c"), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_n", "128, 1024 ,5"), ESP_OK);
  assert_true(esp_config_real(config, "tree_theta") == 4);
  assert_true(esp_config_int(config, "run_seed") == 900719925474099);
  assert_int_equal(esp_config_flag(config, "eval_baselines"), 0);
  assert_string_equal(esp_config_string(config, "net_message"), "gate_mlp");
  assert_string_equal(esp_config_string(config, "run_name"), "a: \"b\" # c");
  assert_int_equal(esp_config_ints(config, "data_n", list, 4), 3);
  assert_true(list[0] == 128 && list[1] == 1024 && list[2] == 5);
  assert_true(esp_config_is_set(config, "tree_theta"));
  assert_false(esp_config_is_set(config, "tree_leaf"));
  esp_config_free(&config);
}

static void refuse(esp_config *config, const char *name, const char *value, const char *part) {
  esp_error_clear();
  assert_int_equal(esp_config_set(config, name, value), ESP_ERR_CONFIG);
  const char *message = esp_error_message();
  if (!strstr(message, name) || !strstr(message, part)) fail_msg("'%s' names not %s, '%s'", message, name, part);
  if (esp_config_find(name) && value[0] && !strstr(message, value)) fail_msg("'%s' names not '%s'", message, value);
  esp_error_clear();
}

static void refused(void **state) {
  (void)state;
  esp_config *config;
  assert_int_equal(esp_config_create(&config), ESP_OK);
  size_t before = esp_memory_now();
  refuse(config, "tree_thta", "1", "tree_theta");
  refuse(config, "tree_theta", "4.01", "number in [0, 4]");
  refuse(config, "tree_theta", "nan", "number in [0, 4]");
  refuse(config, "data_eps", "inf", "number >= 0");
  refuse(config, "tree_theta", "0.5x", "number");
  refuse(config, "tree_theta", "", "number");
  refuse(config, "tree_leaf", "0", "integer >= 1");
  refuse(config, "tree_leaf", "8.5", "integer");
  refuse(config, "tree_leaf", "99999999999999999999", "integer");
  refuse(config, "io_compress", "10", "integer in [0, 9]");
  refuse(config, "eval_baselines", "maybe", "true or false");
  refuse(config, "net_message", "newto", "newton|newton_mlp|mlp|gate|gate_mlp");
  refuse(config, "data_task", "circle", "subspace|circles|upstream|twice|compare|features");
  refuse(config, "tree_on", "nothing", "learned|features|hidden");
  refuse(config, "net_dim", "65", "integer in [1, 64]");
  refuse(config, "train_beta2", "1", "number in [1e-06, 0.999999]");
  refuse(config, "net_message", "newton|mlp", "one of");
  refuse(config, "net_message", "", "one of");
  refuse(config, "data_n", "128,,3", "separated by commas");
  refuse(config, "data_n", "128,", "separated by commas");
  refuse(config, "data_n", "128 3", "separated by commas");
  refuse(config, "data_n", "", "separated by commas");
  refuse(config, "data_n", "128,0", ">= 1");
  assert_int_equal(esp_memory_now(), before);
  assert_true(esp_config_real(config, "tree_theta") == 0.7);
  assert_false(esp_config_is_set(config, "tree_theta"));
  assert_int_equal(esp_config_ints(config, "data_n", NULL, 0), 1);
  esp_config_free(&config);
}

static char *printed(const esp_config *config) {
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream(&text, &size);
  assert_non_null(file);
  assert_int_equal(esp_config_print(config, file), ESP_OK);
  fclose(file);
  return text;
}

static void printing(void **state) {
  (void)state;
  esp_config *config;
  assert_int_equal(esp_config_create(&config), ESP_OK);
  assert_int_equal(esp_config_set(config, "run_name", "a \"b\"\n"), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_n", "7,8"), ESP_OK);
  assert_int_equal(esp_config_set(config, "tree_theta", "0.25"), ESP_OK);
  char *text = printed(config);
  assert_non_null(strstr(text, "\nrun_name: \"a \\\"b\\\"\\x0a\"\n"));
  assert_non_null(strstr(text, "\ndata_n: [7, 8]\n"));
  assert_non_null(strstr(text, "\n#   number in [0, 4]; default 0.7\ntree_theta: 0.25\n"));
  free(text);
  esp_config_free(&config);
}

/* inputs/reference.yaml is the printed table. After a change of the table, run this test once with
 * ESPALIER_WRITE_REFERENCE=1 to write it. */
static void reference(void **state) {
  (void)state;
  const char *source = getenv("ESPALIER_SOURCE");
  char path[4096];
  if (source)
    snprintf(path, sizeof path, "%s/inputs/reference.yaml", source);
  else /* this file is tests/unit/test_config.c of the source */
    snprintf(path, sizeof path, "%.*s/../../inputs/reference.yaml", (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
  esp_config *config;
  assert_int_equal(esp_config_create(&config), ESP_OK);
  char *expected = printed(config);
  size_t length = strlen(expected);
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
        "%s differs from the table of keys; expected where they part:\n%.*s\n(this test tells how "
        "to write it)",
        path, (int)strcspn(expected + same, "\n"), expected + same);
  free(found);
  free(expected);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(table),    cmocka_unit_test(names),   cmocka_unit_test(defaults),
                                     cmocka_unit_test(accepted), cmocka_unit_test(refused), cmocka_unit_test(printing),
                                     cmocka_unit_test(reference)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
