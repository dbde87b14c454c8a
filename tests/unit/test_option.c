/* One row is one key and the one member it sets: text to member and back, structures filled from a configuration, parts in
 * their place, and a checkpoint's structure replaced or continued. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"

typedef struct {
  int leaf;
  double theta;
  int64_t budget;
} inner;

typedef struct {
  const char *name;
  uint64_t seed;
  inner tree;
  int kind, flag, halves;
  esp_list sizes;
  inner other;
} outer;

static const char *kind_name(int k) {
  static const char *const names[] = {"first", "second", "third", NULL};
  assert_true(k <= 3); /* nobody may ask beyond */
  return names[k];
}

static int check_inner(const esp_config *config, const void *before, void *filled) {
  inner *p = filled;
  const inner *had = before;
  if (before && !config && p->budget > 0) p->theta = had->theta;
  if (before && config && esp_config_is_set(config, "tree_theta")) p->budget = 0;
  return ESP_OK;
}

static const esp_option inner_rows[] = {
    ESP_INT_ROW(inner, leaf, "tree_leaf", "8", 1, ESP_COUNT_MAX, "particles", "a", .flags = ESP_OF_MODEL),
    ESP_REAL_ROW(inner, theta, "tree_theta", "0.7", 0, 4, "", "b", .flags = ESP_OF_TREE),
    ESP_WHOLE_ROW(inner, budget, "tree_budget", "50", 0, INFINITY, "", "c", .flags = ESP_OF_MODEL | ESP_OF_TREE),
    {0}};
static const esp_options inner_options = {sizeof(inner), inner_rows, check_inner};

static int check_outer(const esp_config *config, const void *before, void *filled) {
  const outer *p = filled;
  (void)config, (void)before;
  ESP_CHECK(!p->flag || p->kind != 2, ESP_ERR_CONFIG, "data_flag with data_kind third");
  return ESP_OK;
}

static const esp_option outer_rows[] = {ESP_TEXT_ROW(outer, name, "run_name", "run", "d"),
                                        ESP_SEED_ROW(outer, seed, .flags = ESP_OF_MODEL),
                                        ESP_PART_ROW(outer, tree, inner_options),
                                        ESP_NAMES_ROW(outer, kind, "data_kind", "second", kind_name, "e"),
                                        ESP_FLAG_ROW(outer, flag, "data_flag", "no", "f"),
                                        ESP_DATA_ROW(outer, halves, "halves", "g"),
                                        ESP_LIST_ROW(outer, sizes, "data_sizes", "1,2", 1, 9, "", "h"),
                                        {0}};
static const esp_options outer_options = {sizeof(outer), outer_rows, check_outer};
static const esp_options *const tables[] = {&outer_options, NULL};

static esp_config *config_of(const char *const *set) {
  esp_config *config;
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  for (; set && set[0]; set += 2)
    if (esp_config_set(config, set[0], set[1])) fail_msg("%s", esp_error_message());
  return config;
}
#define CONFIG(...) config_of((const char *const[]){__VA_ARGS__, NULL})

static void fills(void **state) {
  (void)state;
  outer p = {.halves = 3, .other.leaf = 77};
  esp_config *config = config_of(NULL);
  assert_int_equal(esp_options_fill(&outer_options, config, &p), ESP_OK);
  assert_string_equal(p.name, "run");
  assert_true(p.seed == 1 && p.tree.leaf == 8 && p.tree.theta == 0.7 && p.tree.budget == 50 && p.kind == 1);
  assert_true(!p.flag && p.halves == 0 && p.other.leaf == 0 && p.sizes.count == 2 && p.sizes.value[1] == 2);
  esp_config_free(&config);
  config = CONFIG("tree_leaf", "3", "data_kind", "third", "data_sizes", "4, 5,6", "run_name", "a b");
  assert_int_equal(esp_options_fill(&outer_options, config, &p), ESP_OK);
  assert_true(p.tree.leaf == 3 && p.kind == 2 && p.sizes.count == 3 && p.sizes.value[2] == 6);
  assert_string_equal(p.name, "a b");
  assert_int_equal(esp_config_set(config, "data_flag", "on"), ESP_OK);
  assert_int_equal(esp_options_fill(&outer_options, config, &p), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "data_flag with data_kind third"));
  esp_error_clear();
  esp_config_free(&config);
}

static void replaces(void **state) {
  (void)state;
  const outer had = {.tree = {.leaf = 5, .theta = 0.2, .budget = 9}, .kind = 1};
  outer p = had;
  esp_config *config = CONFIG("tree_leaf", "3", "tree_budget", "7");
  assert_int_equal(esp_options_replace(&outer_options, config, &p), ESP_OK);
  assert_true(p.tree.leaf == 5 && p.tree.theta == 0.2 && p.tree.budget == 7);
  esp_config_free(&config);
  config = CONFIG("tree_theta", "0.4", "tree_budget", "7");
  assert_int_equal(esp_options_replace(&outer_options, config, &p), ESP_OK);
  assert_true(p.tree.theta == 0.4 && p.tree.budget == 0);
  esp_config_free(&config);
  p = had, p.tree.theta = 0.9, p.tree.leaf = 6;
  assert_int_equal(esp_options_continue(&outer_options, &had, &p), ESP_OK);
  assert_true(p.tree.theta == 0.2 && p.tree.leaf == 6);
  outer to = {.halves = 7, .tree = {.leaf = 6, .theta = 0.9}};
  esp_options_copy(&outer_options, ESP_OF_TREE, &had, &to);
  assert_true(to.tree.theta == had.tree.theta && to.tree.budget == had.tree.budget);
  assert_true(to.halves == 7 && to.tree.leaf == 6);
}

typedef struct {
  int rows;
  size_t leaf;
} seen;
static int see(void *context, const esp_option *row, size_t offset) {
  seen *s = context;
  s->rows++;
  if (!strcmp(row->name, "tree_leaf")) s->leaf = offset;
  return !strcmp(row->name, "halves") ? 5 : 0;
}

static void walks(void **state) {
  (void)state;
  seen s = {0};
  assert_int_equal(esp_options_each(&outer_options, see, &s), 5); /* stops there */
  assert_int_equal(s.rows, 8);
  assert_int_equal(s.leaf, offsetof(outer, tree) + offsetof(inner, leaf));
}

static void same_text(const esp_option *row, const char *text, const char *expected) {
  char value[sizeof(esp_list)], again[sizeof(esp_list)], printed[64];
  memset(value, 0, sizeof value), memset(again, 0, sizeof again);
  assert_int_equal(esp_option_parse(row, text, value), ESP_OK);
  esp_option_print(row, value, printed, sizeof printed);
  assert_string_equal(printed, expected);
  assert_int_equal(esp_option_parse(row, printed, again), ESP_OK);
  if (row->type != ESP_OPTION_TEXT) assert_memory_equal(value, again, sizeof value);
}

static void words(void **state) {
  (void)state;
  char text[64];
  const esp_option *kind = &outer_rows[3];
  same_text(&outer_rows[0], "any", "any");
  same_text(&outer_rows[1], " 900719925474099", "900719925474099");
  same_text(&inner_rows[0], "12 ", "12");
  same_text(&inner_rows[1], "0.1", "0.10000000000000001");
  same_text(kind, "third", "third");
  same_text(&outer_rows[4], "ON", "true");
  same_text(&outer_rows[6], "3 ,4", "3,4");
  assert_string_equal(esp_option_choice(kind, 2, text), "third");
  assert_null(esp_option_choice(kind, 3, text));
  assert_int_equal(esp_option_place(kind, "fourth"), -1);
  esp_option_allowed(kind, text, sizeof text);
  assert_string_equal(text, "one of first|second|third");
  int small = 4;
  assert_int_equal(esp_option_parse(&inner_rows[0], "3000000000", &small), ESP_ERR_CONFIG);
  assert_int_equal(small, 4);
  esp_error_clear();
}

/* A list longer than a member holds is refused, not cut. */
static void long_list(void **state) {
  (void)state;
  char text[4 * ESP_LIST] = "1";
  esp_list list;
  for (int k = 1; k < ESP_LIST; k++) strcat(text, ",1");
  assert_int_equal(esp_option_parse(&outer_rows[6], text, &list), ESP_OK);
  assert_int_equal(list.count, ESP_LIST);
  strcat(text, ",1");
  assert_int_equal(esp_option_parse(&outer_rows[6], text, &list), ESP_ERR_CONFIG);
  esp_error_clear();
}

/* A member from a file is held against the range of its key, as a text is; seeds may have any bits. */
static void members(void **state) {
  (void)state;
  static const esp_option whole = ESP_WHOLE_ROW(inner, budget, "budget", "0", 0, 9, "", "a"),
                          zero = ESP_INT_ROW(inner, leaf, "unused", "3", 2, 9, "", "a", .beyond = ESP_BEYOND_ZERO);
  const double theta[] = {0, 4, 4.5, -1e-300, 1e300, NAN, INFINITY};
  const int64_t budget[] = {0, 9, 10, -1, INT64_MIN}, any = -1;
  const int leaf[] = {1, INT32_MAX, 0, -1}, none[] = {0, 2, 9, 1, 10}, kind[] = {0, 2, 3, -1, 255, INT32_MAX},
            flag[] = {0, 1, 2, -1};
  const esp_list list[] = {{2, {1, 9}}, {0, {0}}, {2, {1, 10}}, {65, {1}}, {-1, {1}}};
  const struct {
    const esp_option *row;
    const char *value;
    size_t size;
    int good, all; /* the first ones are allowed */
  } cases[] = {{&inner_rows[1], (const char *)theta, sizeof *theta, 2, 7},
               {&whole, (const char *)budget, sizeof *budget, 2, 5},
               {&inner_rows[0], (const char *)leaf, sizeof *leaf, 2, 4},
               {&zero, (const char *)none, sizeof *none, 3, 5},
               {&outer_rows[3], (const char *)kind, sizeof *kind, 2, 6},
               {&outer_rows[4], (const char *)flag, sizeof *flag, 2, 4},
               {&outer_rows[6], (const char *)list, sizeof *list, 2, 5},
               {&outer_rows[1], (const char *)&any, sizeof any, 1, 1}};
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
    for (int k = 0; k < cases[c].all; k++) {
      const int rc = esp_option_check(cases[c].row, cases[c].value + (size_t)k * cases[c].size);
      if (rc != (k < cases[c].good ? ESP_OK : ESP_ERR_CONFIG)) fail_msg("%s, value %d: %d", cases[c].row->name, k, rc);
      if (rc) assert_non_null(strstr(esp_error_message(), cases[c].row->name));
      esp_error_clear();
    }
  assert_int_equal(esp_option_check(&inner_rows[1], &theta[4]), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "tree_theta is '1.0000000000000001e+300': must be number in [0, 4]"));
  esp_error_clear();
}

/* Every bound is said, those that a count cannot pass, too. */
static void bounds(void **state) {
  (void)state;
  char text[128];
  esp_option_allowed(&inner_rows[0], text, sizeof text);
  assert_string_equal(text, "integer in [1, 2147483647]");
  esp_option_allowed(&outer_rows[1], text, sizeof text);
  assert_string_equal(text, "integer in [0, 1e+15]");
  esp_option_allowed(&inner_rows[2], text, sizeof text);
  assert_string_equal(text, "integer >= 0");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(fills), cmocka_unit_test(replaces),  cmocka_unit_test(walks),
                                     cmocka_unit_test(words), cmocka_unit_test(long_list), cmocka_unit_test(members),
                                     cmocka_unit_test(bounds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
