/* A feature file has the same values in the same order whatever the number of ranks that made it: sets whole on a rank
 * and shared by all, every task, targets over all pairs, within reach, none. */
#include "case.h"

#include <stdio.h>
#include <unistd.h>

#include "io/make_features.h"
#include "tasks/relation/relation_start.h"
#include "verbs/keys.h"

typedef struct {
  const char *key, *value;
} setting;

static esp_config *config_of(const setting *set) {
  esp_config *config;
  assert_int_equal(esp_keys_create(&config), ESP_OK);
  for (; set->key; set++) {
    if (esp_config_set(config, set->key, set->value)) fail_msg("%s", esp_error_message());
  }
  return config;
}

static void file_names(char *all, char *alone, size_t size) {
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(all, size, "test_make_features_%lld_all.h5", (long long)pid);
  snprintf(alone, size, "test_make_features_%lld_alone.h5", (long long)pid);
}

/* Make it twice, by all ranks and by one alone; the file of all ranks stays at `path`. */
static void make_twice(const setting *set, char *path, size_t size, esp_feature_report *report) {
  char alone[256];
  esp_config *config = config_of(set);
  file_names(path, alone, size);
  if (esp_features_generate(comm, config, path, NULL, NULL, report)) fail_msg("%s", esp_error_message());
  if (comm->rank == 0) {
    esp_feature_report one;
    if (esp_features_generate(esp_comm_self(), config, alone, NULL, NULL, &one)) fail_msg("%s", esp_error_message());
    assert_true(one.checksum == report->checksum);
    assert_int_equal(one.groups, report->groups);
    remove(alone);
  }
  esp_config_free(&config);
}

static void done_with(const char *path) {
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

static void subspace(void **state) {
  (void)state;
  static const setting set[] = {{"data_task", "subspace"}, {"data_n", "2,65,700"},        {"data_clouds", "3,5,2"},
                                {"data_test_n", "200"},    {"data_test_clouds", "3"},     {"data_shard_n", "600"},
                                {"data_features", "6"},    {"data_hidden", "3"},          {"data_values", "2"},
                                {"data_h", "0.5"},         {"run_seed", "1234567890123"}, {NULL, NULL}};
  char path[256];
  esp_feature_report report;
  esp_feature_file file;
  esp_feature_set set0, made;
  make_twice(set, path, sizeof path, &report);
  assert_int_equal(report.groups, 4);
  assert_true(report.sets[0] == 10 && report.rows[0] == 6 + 325 + 1400 && report.sets[1] == 3);
  assert_true(!report.group[1].sharded && report.group[2].sharded && report.group[2].all_pairs);
  assert_int_equal(esp_feature_open(comm, path, &file), ESP_OK);
  assert_string_equal(file.about.task, "subspace");
  assert_true(file.about.h == 0.5 && file.about.seed == 1234567890123 && !file.about.average && !file.about.weighted);
  /* the first test set is a draw of its own; its targets are those of the relation */
  esp_relation_start start = {.n = 200,
                              .features = 6,
                              .hidden = 3,
                              .values = 2,
                              .h = 0.5,
                              .seed = 1234567890123,
                              .draw = INT64_C(1) << 40,
                              .truth = ESP_TRUTH_ALL_PAIRS};
  assert_int_equal(esp_feature_set_read(&file, ESP_PART_TEST, 0, &set0), ESP_OK);
  assert_int_equal(esp_relation_make(esp_comm_self(), &start, &made), ESP_OK);
  assert_memory_equal(set0.x, made.x, 1200 * sizeof(double));
  assert_memory_equal(set0.y, made.y, 400 * sizeof(double));
  assert_memory_equal(set0.z, made.z, 600 * sizeof(double));
  esp_feature_set_free(&made);
  for (int s = 0; s < 10; s++) {
    assert_int_equal(esp_feature_set_read(&file, ESP_PART_TRAIN, s, &made), ESP_OK);
    assert_true(made.x[0] != set0.x[0] && made.n == (s < 3 ? 2 : s < 8 ? 65 : 700));
    esp_feature_set_free(&made);
  }
  esp_feature_set_free(&set0);
  esp_feature_close(&file);
  done_with(path);
}

static void other_tasks(void **state) {
  (void)state;
  static const setting upstream[] = {{"data_task", "upstream"},  {"data_n", "300"},         {"data_clouds", "2"},
                                     {"data_test_n", "100,500"}, {"data_test_clouds", "1"}, {"data_shard_n", "400"},
                                     {"data_truth", "tree"},     {"data_h", "0.055"},       {NULL, NULL}};
  static const setting circles[] = {{"data_task", "circles"}, {"data_n", "150"},         {"data_clouds", "3"},
                                    {"data_test_n", "900"},   {"data_test_clouds", "1"}, {"data_shard_n", "500"},
                                    {"data_average", "true"}, {"data_truth", "direct"},  {NULL, NULL}};
  static const setting hops[] = {
      {"data_task", "twice"},    {"data_n", "150"},       {"data_clouds", "3"},   {"data_test_n", "900"},
      {"data_test_clouds", "1"}, {"data_shard_n", "500"}, {"data_truth", "tree"}, {NULL, NULL}};
  static const setting compare[] = {
      {"data_task", "compare"},  {"data_n", "150"},       {"data_clouds", "3"}, {"data_test_n", "900"},
      {"data_test_clouds", "1"}, {"data_shard_n", "500"}, {"data_values", "3"}, {NULL, NULL}};
  char path[256];
  esp_feature_report report;
  esp_feature_file file;
  make_twice(upstream, path, sizeof path, &report);
  assert_true(report.group[0].targets == 1 && !report.group[0].all_pairs);
  assert_int_equal(esp_feature_open(comm, path, &file), ESP_OK);
  assert_true(file.about.features == 4 && file.about.hidden == 4 && file.about.weighted && file.about.average);
  esp_feature_close(&file);
  make_twice(circles, path, sizeof path, &report);
  assert_true(report.about.features == 8 && report.about.average && report.group[1].sharded);
  make_twice(hops, path, sizeof path, &report);
  assert_true(report.about.targets == 1 && report.about.hidden == 4 && report.group[1].sharded);
  make_twice(compare, path, sizeof path, &report);
  assert_true(report.about.values == 3 && report.about.targets == 2 && report.about.hidden == 2);
  done_with(path);
}

static void without_targets(void **state) {
  (void)state;
  static const setting set[] = {{"data_task", "subspace"},
                                {"data_clouds", "0"},
                                {"data_test_n", "3000"},
                                {"data_shard_n", "100"},
                                {"data_truth", "none"},
                                {"data_test_clouds", "1"},
                                {NULL, NULL}};
  char path[256];
  esp_feature_report report;
  esp_feature_file file;
  make_twice(set, path, sizeof path, &report);
  assert_true(report.sets[0] == 0 && report.about.targets == 0 && report.group[1].targets == 0);
  assert_int_equal(esp_feature_open(comm, path, &file), ESP_OK);
  assert_true(file.about.targets == 0 && file.sets[0] == 0 && file.sets[1] == 1);
  esp_feature_close(&file);
  done_with(path);
}

/* Of so many particles of every set, whoever makes it: 12 of 40, all of what is scored of 5, 12 of the shared 700. */
static void sampled(void **state) {
  (void)state;
  static const setting tasks[2][8] = {{{"data_task", "subspace"},
                                       {"data_n", "40,5"},
                                       {"data_clouds", "3"},
                                       {"data_test_n", "700"},
                                       {"data_test_clouds", "2"},
                                       {"data_shard_n", "600"},
                                       {"data_truth_sample", "12"},
                                       {NULL, NULL}},
                                      {{"data_task", "upstream"},
                                       {"data_n", "40,5"},
                                       {"data_clouds", "3"},
                                       {"data_test_n", "700"},
                                       {"data_test_clouds", "2"},
                                       {"data_shard_n", "600"},
                                       {"data_truth_sample", "12"},
                                       {NULL, NULL}}};
  char path[256];
  esp_feature_report report;
  esp_feature_file file;
  esp_feature_set set;
  for (int task = 0; task < 2; task++) {
    make_twice(tasks[task], path, sizeof path, &report);
    assert_true(report.about.weighted && report.group[2].sharded && report.group[2].sample == 12);
    assert_int_equal(esp_feature_open(comm, path, &file), ESP_OK);
    for (int s = 0; s < 8; s++) {
      const esp_part part = s < 6 ? ESP_PART_TRAIN : ESP_PART_TEST;
      int scored = 0;
      assert_int_equal(esp_feature_set_read(&file, part, s % 6, &set), ESP_OK);
      assert_true(set.weight && set.targets == 1);
      for (int i = 0; i < set.n_home; i++) {
        scored += set.weight[i] == 1;
        assert_true(set.weight[i] == 1 ? set.y[i] != 0 : set.y[i] == 0);
      }
      if (set.n == 5)
        assert_true(task == 1 ? scored <= 5 : scored == 5);
      else
        assert_int_equal(scored, 12);
      esp_feature_set_free(&set);
    }
    esp_feature_close(&file);
    done_with(path);
  }
}

static void refuse(const setting *set, const char *what) {
  esp_config *config = config_of(set);
  esp_feature_report report;
  assert_int_equal(esp_features_generate(comm, config, "never.h5", NULL, NULL, &report), ESP_ERR_CONFIG);
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  assert_int_equal(access("never.h5", F_OK), -1);
  esp_error_clear();
  esp_config_free(&config);
}

static void refused(void **state) {
  (void)state;
  static const setting task[] = {{"data_task", "G"}, {NULL, NULL}};
  static const setting counts[] = {
      {"data_task", "circles"}, {"data_n", "32,64,128"}, {"data_clouds", "2,2"}, {NULL, NULL}};
  static const setting narrow[] = {{"data_task", "circles"}, {"data_features", "3"}, {NULL, NULL}};
  static const setting fine[] = {{"data_task", "circles"}, {NULL, NULL}};
  static const setting sample[] = {
      {"data_task", "circles"}, {"data_truth", "none"}, {"data_truth_sample", "7"}, {NULL, NULL}};
  refuse(sample, "a sample of 7 targets of no truth");
  refuse(task, "data_task is G");
  refuse(counts, "data_clouds has 2 numbers for the 3 sizes");
  refuse(narrow, "3 features, must be >= 4");
  esp_config *config = config_of(fine), *gravity = config_of(task);
  esp_feature_report report;
  assert_true(esp_features_task(config) && !esp_features_task(gravity));
  assert_int_equal(esp_features_generate(comm, config, "no/such/folder/never.h5", NULL, NULL, &report), ESP_ERR_FILE);
  assert_int_equal(esp_file_open_objects(), 0);
  esp_error_clear();
  esp_config_free(&config);
  esp_config_free(&gravity);
}

CASE_MAIN(cmocka_unit_test(subspace), cmocka_unit_test(other_tasks), cmocka_unit_test(without_targets),
          cmocka_unit_test(sampled), cmocka_unit_test(refused))
