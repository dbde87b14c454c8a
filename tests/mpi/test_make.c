/* A set file has the same values in the same order whatever the number of ranks that made it, those that each task makes
 * of each item: items whole on a rank and shared by all, every task and law, truth directly and by tree, sampled and none. */
#include "case.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/input_options.h"
#include "io/make.h"
#include "io/make_options.h"
#include "memory_maker.h"

typedef struct {
  const char *key, *value;
} setting;

static esp_config *config_of(const esp_task *task, const setting *set) {
  const esp_options *const tables[] = {&esp_make_options, &esp_input_options, task->options, NULL};
  esp_config *config;
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  for (; set->key; set++)
    if (esp_config_set(config, set->key, set->value)) fail_msg("%s", esp_error_message());
  return config;
}

static void *param_of(const esp_task *task, const esp_config *config) {
  char *param = NULL;
  assert_int_equal(ESP_ALLOC(param, task->options->size), ESP_OK);
  if (esp_options_fill(task->options, config, param)) fail_msg("%s", esp_error_message());
  return param;
}

/* One file for all ranks, and one by rank 0 alone; the same name for this run on every rank. */
static void file_names(char *all, char *alone, size_t size) {
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(all, size, "test_make_%lld_all.h5", (long long)pid);
  snprintf(alone, size, "test_make_%lld_alone.h5", (long long)pid);
}

static void done_with(const char *path) {
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

/* Make it twice; report of all ranks in *report; the file of all ranks stays at `path`. */
static void make_twice(const esp_task *task, const setting *set, char *path, size_t size, esp_make_report *report) {
  char alone[256];
  esp_config *config = config_of(task, set);
  void *param = param_of(task, config);
  file_names(path, alone, size);
  if (esp_make(comm, config, task, param, path, NULL, NULL, report)) fail_msg("%s", esp_error_message());
  if (comm->rank == 0) {
    esp_make_report one;
    if (esp_make(esp_comm_self(), config, task, param, alone, NULL, NULL, &one)) fail_msg("%s", esp_error_message());
    assert_true(one.checksum == report->checksum);
    assert_int_equal(one.groups, report->groups);
    for (int g = 0; g < one.groups; g++)
      for (int k = 0; k < ESP_NUMBERS; k++) assert_true(one.group[g].most[k] == report->group[g].most[k]);
    remove(alone);
  }
  ESP_FREE(param);
  esp_config_free(&config);
}

static void same_set(const esp_set *a, const esp_set *b) {
  assert_true(a->n == b->n && a->n_home == b->n_home);
  assert_memory_equal(a->id, b->id, (size_t)a->n * sizeof *a->id);
  for (int k = 0; a->layout->column[k].name; k++) {
    assert_int_equal(a->width[k], b->width[k]);
    if (a->value[k]) assert_memory_equal(a->value[k], b->value[k], (size_t)a->n * (size_t)a->width[k] * sizeof(double));
  }
  assert_memory_equal(a->about, b->about, (size_t)esp_set_numbers(a->layout) * sizeof *a->about);
}

static void same_frames(const esp_set_file *file, esp_part part, int s, const esp_set *set) {
  for (int k = 0; set->layout->column[k].name; k++) {
    const size_t row = (size_t)set->n * (size_t)set->width[k];
    double rows[400];
    for (int f = 0; f < set->frames && set->frame[k]; f++) {
      assert_true(row <= 400);
      assert_int_equal(esp_set_read_frame(file, part, s, f, k, 0, set->n_home, rows), ESP_OK);
      assert_memory_equal(rows, set->frame[k] + (size_t)f * row, row * sizeof(double));
    }
  }
}

/* Set after set what the task makes of item after item, alone. */
static void compare(const esp_task *task, const setting *set, const char *path, const esp_make_report *report) {
  esp_set_file file;
  esp_config *config = config_of(task, set);
  void *param = param_of(task, config);
  const esp_backend backend = truth_backend();
  int s[ESP_PARTS] = {0};
  int64_t number[ESP_PARTS] = {0};
  assert_int_equal(esp_set_open(comm, path, task->layout, &file), ESP_OK);
  assert_string_equal(file.about.task, task->name);
  for (int g = 0; g < report->groups; g++) {
    const esp_plan *plan = &report->group[g].plan;
    for (int64_t index = 0; index < plan->items; index++) {
      memory_maker made = memory_maker_new();
      const esp_item item = {plan->part, plan->n, number[plan->part]++, index};
      if (task->making->make(param, &backend, &item, &made.maker)) fail_msg("%s", esp_error_message());
      assert_int_equal(made.count, plan->sets);
      for (int k = 0; k < made.count; k++, s[plan->part]++) {
        esp_set read;
        if (esp_set_read(&file, esp_comm_self(), plan->part, s[plan->part], &read)) fail_msg("%s", esp_error_message());
        same_set(&read, &made.set[k]);
        same_frames(&file, plan->part, s[plan->part], &made.set[k]);
        esp_set_free(&read);
      }
      memory_maker_free(&made);
    }
  }
  for (int part = 0; part < ESP_PARTS; part++) assert_true(s[part] == file.sets[part] && s[part] == report->sets[part]);
  esp_set_close(&file);
  ESP_FREE(param);
  esp_config_free(&config);
}

#define SIZES                                                                \
  {"data_n", "2,33,170"}, {"data_clouds", "3,5,2"}, {"data_test_n", "64"}, { \
    "data_test_clouds", "3"                                                  \
  }
#define LAW(law)                                                               \
  {                                                                            \
    {"data_law", law}, SIZES, {"data_shard_n", "150"}, {"data_values", "2"}, { \
      NULL, NULL                                                               \
    }                                                                          \
  }

static const struct {
  const char *task;
  setting set[12];
} cases[] = {
    {"gravity", {SIZES, {"data_shard_n", "150"}, {"data_truth_steps", "6"}, {NULL, NULL}}},
    {"gravity",
     {{"data_n", "300"},
      {"data_clouds", "1"},
      {"data_test_n", "100"},
      {"data_test_clouds", "2"},
      {"data_shard_n", "200"},
      {"data_truth", "tree"},
      {"data_truth_steps", "4"},
      {"data_kind", "plummer"},
      {"data_truth_order", "3"},
      {NULL, NULL}}},
    {"gravity", {{"data_clouds", "0"}, {"data_test_clouds", "0"}, {NULL, NULL}}},
    {"box",
     {{"data_n", "20"},
      {"data_test_n", "30,7"},
      {"data_test_clouds", "2,1"},
      {"data_box_train", "3"},
      {"data_box_train_frames", "10"},
      {"data_box_stride", "4"},
      {"data_box_frames", "6"},
      {"data_box_substeps", "8"},
      {NULL, NULL}}},
    {"relation", LAW("subspace")},
    {"relation", LAW("circles")},
    {"relation", LAW("upstream")},
    {"relation", LAW("twice")},
    {"relation", LAW("compare")},
    {"relation", {SIZES, {"data_shard_n", "150"}, {"data_truth", "tree"}, {"data_average", "true"}, {NULL, NULL}}},
    {"relation", {SIZES, {"data_shard_n", "150"}, {"data_truth", "none"}, {NULL, NULL}}},
    {"relation", {SIZES, {"data_shard_n", "150"}, {"data_truth_sample", "12"}, {"data_law", "upstream"}, {NULL, NULL}}},
};

static void every_task(void **state) {
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    const esp_task *task = esp_task_find(cases[k].task);
    char path[256];
    esp_make_report report;
    make_twice(task, cases[k].set, path, sizeof path, &report);
    compare(task, cases[k].set, path, &report);
    done_with(path);
  }
}

static void groups_and_keys(void **state) {
  (void)state;
  const esp_task *task = esp_task_find("gravity");
  char path[256], word[16];
  esp_make_report report;
  esp_file *file;
  make_twice(task, cases[0].set, path, sizeof path, &report);
  assert_int_equal(report.groups, 4);
  assert_true(report.sets[0] == 10 && report.sets[1] == 3 && report.rows[0] == 6 + 165 + 340 && report.rows[1] == 192);
  assert_true(!report.group[1].plan.shared && report.group[2].plan.shared);
  const int energy = esp_set_number(task->layout, "energy_error"), d = esp_set_number(task->layout, "d");
  for (int g = 0; g < 4; g++)
    assert_true(report.group[g].most[energy] >= 0 && report.group[g].most[energy] < 1 &&
                isinf(report.group[g].most[d]));
  int64_t sizes[3], steps;
  double eps;
  esp_file_shape shape;
  assert_int_equal(esp_file_open(comm, path, &file), ESP_OK);
  assert_int_equal(esp_file_attr_read(file, "/", "data_n", ESP_FILE_I64, 3, sizes), ESP_OK);
  assert_true(sizes[0] == 2 && sizes[2] == 170);
  assert_int_equal(esp_file_attr_read(file, "/", "data_truth_steps", ESP_FILE_I64, 1, &steps), ESP_OK);
  assert_int_equal(esp_file_attr_read(file, "/", "data_eps", ESP_FILE_F64, 1, &eps), ESP_OK);
  assert_true(steps == 6 && eps == 0.5);
  assert_int_equal(esp_file_attr_read_string(file, "/", "data_kind", word, sizeof word), ESP_OK);
  assert_string_equal(word, "mixed");
  assert_int_equal(esp_file_attr_read_string(file, "/", "data_task", word, sizeof word), ESP_OK);
  assert_string_equal(word, "gravity");
  assert_int_equal(esp_file_attr_shape(file, "/", "run_seed", &shape), ESP_OK);
  assert_true(shape.exists);
  assert_int_equal(esp_file_attr_shape(file, "/", "data_file", &shape), ESP_OK);
  assert_false(shape.exists);
  esp_file_close(&file);
  done_with(path);
}

static void refuse(const char *name, const setting *set, const char *path, int code, const char *what) {
  const esp_task *task = esp_task_find(name);
  esp_config *config = config_of(task, set);
  void *param = param_of(task, config);
  esp_make_report report;
  esp_error_clear();
  assert_int_equal(esp_make(comm, config, task, param, path, NULL, NULL, &report), code);
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  assert_int_equal(access(path, F_OK), -1);
  assert_int_equal(esp_file_open_objects(), 0);
  esp_error_clear();
  ESP_FREE(param);
  esp_config_free(&config);
}

static void refused(void **state) {
  (void)state;
  static const setting counts[] = {{"data_n", "32,64,128"}, {"data_clouds", "2,2"}, {NULL, NULL}};
  static const setting single[] = {{"data_test_n", "1"}, {NULL, NULL}}, fine[] = {{NULL, NULL}};
  static const setting narrow[] = {{"data_law", "circles"}, {"data_features", "3"}, {NULL, NULL}};
  static const setting sample[] = {{"data_truth", "none"}, {"data_truth_sample", "7"}, {NULL, NULL}};
  static const setting input[] = {{"input", "gone.hdf5"}, {NULL, NULL}};
  refuse("gravity", counts, "never.h5", ESP_ERR_CONFIG, "data_clouds has 2 numbers for the 3 sizes of data_n");
  refuse("gravity", single, "never.h5", ESP_ERR_CONFIG, "data_test_n");
  refuse("gravity", fine, "no/such/folder/never.h5", ESP_ERR_FILE, "no/such/folder");
  refuse("gravity", input, "never.h5", ESP_ERR_FILE, "gone.hdf5");
  refuse("box", input, "never.h5", ESP_ERR_CONFIG, "input with data_task box");
  refuse("relation", narrow, "never.h5", ESP_ERR_CONFIG, "3 features, must be >= 4");
  refuse("relation", sample, "never.h5", ESP_ERR_CONFIG, "a sample of 7 targets of no truth");
}

CASE_MAIN(cmocka_unit_test(every_task), cmocka_unit_test(groups_and_keys), cmocka_unit_test(refused))
