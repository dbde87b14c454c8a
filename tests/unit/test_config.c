/* A configuration of two tables that share keys: what is not allowed is refused with the key, the value and what is
 * allowed, and leaves the configuration as it was; old words mean new ones. */
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

/* ---- two tables that share keys ---- */

typedef struct {
  int leaf;
  double theta;
} tree_param;
static const esp_option tree_rows[] = {
    ESP_INT_ROW(tree_param, leaf, "tree_leaf", "8", 1, ESP_COUNT_MAX, "particles", "most particles of a leaf"),
    ESP_REAL_ROW(tree_param, theta, "tree_theta", "0.7", 0, 4, "", "opening angle"),
    {0}};
static const esp_options tree = {sizeof(tree_param), tree_rows, NULL};

typedef struct {
  const char *name, *file, *input;
  int task, message, layers, compress, baselines;
  int64_t seed;
  double eps, beta2;
  esp_list n;
  tree_param tree;
} first_param;
#define OF first_param
static const esp_option first_rows[] = {
    ESP_TEXT_ROW(OF, name, "run_name", "run", "name of the run"),
    ESP_SEED_ROW(OF, seed),
    ESP_CHOICE_ROW(OF, task, "data_task", "one", "one|two", "what is learned"),
    ESP_TEXT_ROW(OF, file, "data_file", "", "a file"),
    ESP_LIST_ROW(OF, n, "data_n", "128", 1, ESP_TOTAL_MAX, "particles", "sizes"),
    ESP_LIST_ROW(OF, n, "data_test_clouds", "2,4,8", 0, ESP_COUNT_MAX, "clouds", "how many"),
    ESP_REAL_ROW(OF, eps, "data_eps", "0.5", 0, INFINITY, "mean spacings", "softening length"),
    ESP_PART_ROW(OF, tree, tree),
    ESP_INT_ROW(OF, layers, "net_layers", "4", 1, 32, "", "layers of the network"),
    ESP_CHOICE_ROW(OF, message, "net_message", "newton", "newton|mlp", "message of a pair"),
    ESP_REAL_ROW(OF, beta2, "train_beta2", "0.999", 1e-6, 0.999999, "", "how slowly it forgets"),
    ESP_FLAG_ROW(OF, baselines, "eval_baselines", "true", "compare"),
    ESP_INT_ROW(OF, compress, "io_compress", "0", 0, 9, "", "compression"),
    ESP_TEXT_ROW(OF, input, "input", "", "snapshot to read"),
    {0}};
#undef OF
static const esp_options first = {sizeof(first_param), first_rows, NULL};

typedef struct {
  int layers, message, law, halves;
  tree_param tree;
} second_param;
#define OF second_param
static const esp_option second_rows[] = {ESP_INT_ROW(OF, layers, "net_layers", "3", 1, 16, "", "layers of the network"),
                                         ESP_CHOICE_ROW(OF, message, "net_message", "gate", "mlp|gate", "or a gate"),
                                         ESP_CHOICE_ROW(OF, law, "data_law", "plane", "plane|wind", "which law"),
                                         ESP_DATA_ROW(OF, halves, "halves", "what the data say"),
                                         ESP_PART_ROW(OF, tree, tree),
                                         {0}};
#undef OF
static const esp_options second = {sizeof(second_param), second_rows, NULL};

static const esp_options *const tables[] = {&first, &second, NULL};

static void names(void **state) {
  (void)state;
  esp_config *config;
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  assert_int_equal(esp_config_keys(config), 16);
  assert_null(esp_config_find(config, "halves"));
  assert_null(esp_config_find(config, "tree_thta"));
  assert_string_equal(esp_config_nearest(config, "tree_thta"), "tree_theta");
  assert_string_equal(esp_config_nearest(config, "data_test_cloud"), "data_test_clouds");
  assert_string_equal(esp_config_nearest(config, "Net_Layers"), "net_layers");
  assert_string_equal(esp_config_nearest(config, "theta"), "tree_theta");
  assert_non_null(esp_config_nearest(config, ""));
  char endless[5000];
  memset(endless, 'a', sizeof endless);
  endless[sizeof endless - 1] = 0;
  assert_non_null(esp_config_nearest(config, endless));
  assert_true(esp_config_is_ours(config, "tree_anything"));
  assert_true(esp_config_is_ours(config, "Tree_Theta"));
  assert_true(esp_config_is_ours(config, "input"));
  assert_true(esp_config_is_ours(config, "tre_theta")); /* a slip in the prefix */
  const char *const foreign[] = {"log_view", "options_left", "ksp_type", "treeline", "inputs_of_another", ""};
  for (size_t f = 0; f < sizeof foreign / sizeof *foreign; f++) assert_false(esp_config_is_ours(config, foreign[f]));
  esp_config_free(&config);
}

/* A key of two tables is one key: what either allows, and the helps of both; data_law stands with its prefix. */
static void shared(void **state) {
  (void)state;
  esp_config *config;
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  const esp_option *message = esp_config_find(config, "net_message"), *layers = esp_config_find(config, "net_layers");
  assert_string_equal(message->choices, "newton|mlp|gate");
  assert_string_equal(message->help, "message of a pair; or a gate");
  assert_string_equal(layers->help, "layers of the network");
  assert_true(layers->min == 1 && layers->max == 32);
  assert_string_equal(esp_config_key(config, 6)->name, "data_eps");
  assert_string_equal(esp_config_key(config, 7)->name, "data_law");
  assert_string_equal(esp_config_string(config, "net_message"), "newton");
  esp_config_lead(config, &second);
  assert_string_equal(esp_config_string(config, "net_message"), "gate");
  assert_int_equal(esp_config_int(config, "net_layers"), 3);
  assert_int_equal(esp_config_set(config, "net_layers", "20"), ESP_OK);
  assert_int_equal(esp_config_int(config, "net_layers"), 20);
  esp_config_free(&config);
}

static void told(void *context, const char *line) {
  snprintf(context, 512, "%s", line);
}

static void old_words(void **state) {
  (void)state;
  static const esp_word words[] = {{"data_task", "G", "one", NULL, NULL},
                                   {"data_task", "wind", "two", "data_law", "wind"},
                                   {NULL, NULL, NULL, NULL, NULL}};
  char line[512] = "";
  esp_config *config;
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_task", "wind"), ESP_ERR_CONFIG);
  esp_error_clear();
  assert_int_equal(esp_config_words(config, words, told, line), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_task", "two"), ESP_OK);
  assert_string_equal(line, "");
  assert_int_equal(esp_config_set(config, "data_task", "wind"), ESP_OK);
  assert_string_equal(line, "data_task wind: now data_task two with data_law wind; the old word may go in a year");
  assert_string_equal(esp_config_string(config, "data_task"), "two");
  assert_string_equal(esp_config_string(config, "data_law"), "wind");
  assert_true(esp_config_is_word(config, "data_task", "wind") && !esp_config_is_word(config, "data_task", "two"));
  /* behind many other tables, too */
  static const esp_word none[] = {{0}};
  for (int k = 0; k < 100; k++) assert_int_equal(esp_config_words(config, none, NULL, NULL), ESP_OK);
  assert_int_equal(esp_config_words(config, words, NULL, NULL), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_task", "G"), ESP_OK);
  assert_string_equal(esp_config_string(config, "data_task"), "one");
  esp_config_free(&config);
}

static void defaults(void **state) {
  (void)state;
  size_t before = esp_memory_now();
  esp_config *config;
  int64_t list[8] = {0};
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  assert_int_equal(esp_config_int(config, "tree_leaf"), 8);
  assert_true(esp_config_real(config, "tree_theta") == 0.7);
  assert_int_equal(esp_config_flag(config, "eval_baselines"), 1);
  assert_string_equal(esp_config_string(config, "data_task"), "one");
  assert_string_equal(esp_config_string(config, "data_file"), "");
  assert_int_equal(esp_config_ints(config, "data_test_clouds", list, 2), 3);
  assert_true(list[0] == 2 && list[1] == 4 && list[2] == 0);
  assert_int_equal(esp_config_ints(config, "data_test_clouds", NULL, 0), 3);
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
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  assert_int_equal(esp_config_set(config, "tree_theta", " 1e-1 "), ESP_OK);
  assert_int_equal(esp_config_set(config, "tree_theta", "4"), ESP_OK);
  assert_int_equal(esp_config_set(config, "run_seed", "900719925474099"), ESP_OK);
  assert_int_equal(esp_config_set(config, "eval_baselines", "False"), ESP_OK);
  assert_int_equal(esp_config_set(config, "net_message", "newton"), ESP_OK);
  assert_int_equal(esp_config_set(config, "net_message", "gate"), ESP_OK);
  assert_int_equal(esp_config_set(config, "run_name", "a: \"b\" # c"), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_n", "128, 1024 ,5"), ESP_OK);
  assert_true(esp_config_real(config, "tree_theta") == 4);
  assert_true(esp_config_int(config, "run_seed") == 900719925474099);
  assert_int_equal(esp_config_flag(config, "eval_baselines"), 0);
  assert_string_equal(esp_config_string(config, "net_message"), "gate");
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
  if (esp_config_find(config, name) && value[0] && !strstr(message, value))
    fail_msg("'%s' names not '%s'", message, value);
  esp_error_clear();
}

static void refused(void **state) {
  (void)state;
  esp_config *config;
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  size_t before = esp_memory_now();
  refuse(config, "tree_thta", "1", "tree_theta");
  refuse(config, "tree_theta", "4.01", "number in [0, 4]");
  refuse(config, "tree_theta", "nan", "number in [0, 4]");
  refuse(config, "data_eps", "inf", "number >= 0");
  refuse(config, "tree_theta", "0.5x", "number");
  refuse(config, "tree_theta", "", "number");
  refuse(config, "tree_leaf", "0", "integer in [1, 2147483647]");
  refuse(config, "tree_leaf", "8.5", "integer");
  refuse(config, "tree_leaf", "99999999999999999999", "integer");
  refuse(config, "io_compress", "10", "integer in [0, 9]");
  refuse(config, "eval_baselines", "maybe", "true or false");
  refuse(config, "net_message", "newto", "newton|mlp|gate");
  refuse(config, "data_task", "circle", "one|two");
  refuse(config, "net_layers", "33", "integer in [1, 32]");
  refuse(config, "train_beta2", "1", "number in [1e-06, 0.999999]");
  refuse(config, "net_message", "newton|mlp", "one of");
  refuse(config, "net_message", "", "one of");
  refuse(config, "data_n", "128,,3", "separated by commas");
  refuse(config, "data_n", "128,", "separated by commas");
  refuse(config, "data_n", "128 3", "separated by commas");
  refuse(config, "data_n", "", "separated by commas");
  refuse(config, "data_n", "128,0", "each in [1, 1e+15]");
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
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  assert_int_equal(esp_config_set(config, "run_name", "a \"b\"\\"), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_n", "7,8"), ESP_OK);
  assert_int_equal(esp_config_set(config, "tree_theta", "0.25"), ESP_OK);
  char *text = printed(config);
  assert_non_null(strstr(text, "\nrun_name: \"a \\\"b\\\"\\\\\"\n"));
  assert_non_null(strstr(text, "\ndata_n: [7, 8]\n"));
  assert_non_null(strstr(text, "\n#   number in [0, 4]; default 0.7\ntree_theta: 0.25\n"));
  free(text);
  esp_config_free(&config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names),    cmocka_unit_test(shared),  cmocka_unit_test(old_words), cmocka_unit_test(defaults),
      cmocka_unit_test(accepted), cmocka_unit_test(refused), cmocka_unit_test(printing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
