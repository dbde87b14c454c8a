/* An ensemble has the same values in the same order whatever the number of ranks that made it: clouds whole on a rank
 * and shared by all, truth by direct sum and by tree, gravity clouds and periodic boxes. */
#include "case.h"

#include <stdio.h>
#include <unistd.h>

#include "io/make_data.h"
#include "tasks/box/box_start.h"
#include "verbs/keys.h"

typedef struct {
  const char *key, *value;
} setting;

static esp_config *config_of(const setting *set) {
  esp_config *config;
  assert_int_equal(esp_keys_create(&config), ESP_OK);
  for (; set->key; set++) assert_int_equal(esp_config_set(config, set->key, set->value), ESP_OK);
  return config;
}

/* One file for all ranks, and one by rank 0 alone; the same name for this run on every rank. */
static void file_names(char *all, char *alone, size_t size) {
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(all, size, "test_generate_%lld_all.h5", (long long)pid);
  snprintf(alone, size, "test_generate_%lld_alone.h5", (long long)pid);
}

/* Make it twice; report of all ranks in *report; the file of all ranks stays at `path`. */
static void make_twice(const setting *set, char *path, size_t size, esp_data_report *report) {
  char alone[256];
  esp_config *config = config_of(set);
  file_names(path, alone, size);
  if (esp_data_generate(comm, config, path, NULL, NULL, report)) fail_msg("%s", esp_error_message());
  if (comm->rank == 0) {
    esp_data_report one;
    if (esp_data_generate(esp_comm_self(), config, alone, NULL, NULL, &one)) fail_msg("%s", esp_error_message());
    assert_true(one.checksum == report->checksum);
    assert_int_equal(one.groups, report->groups);
    for (int g = 0; g < one.groups; g++) {
      assert_true(one.group[g].energy_error == report->group[g].energy_error);
      assert_true(one.group[g].displacement_error == report->group[g].displacement_error);
    }
    remove(alone);
  }
  esp_config_free(&config);
}

static void gravity_clouds(void **state) {
  (void)state;
  static const setting set[] = {
      {"data_n", "2,33,700"},  {"data_clouds", "3,5,2"},   {"data_test_n", "64"},  {"data_test_clouds", "3"},
      {"data_shard_n", "600"}, {"data_truth_steps", "12"}, {"data_kind", "mixed"}, {NULL, NULL}};
  char path[256];
  esp_data_report report;
  make_twice(set, path, sizeof path, &report);
  assert_int_equal(report.groups, 4);
  assert_int_equal(report.clouds[ESP_PART_TRAIN], 10);
  assert_int_equal(report.bodies[ESP_PART_TRAIN], 6 + 165 + 1400);
  assert_int_equal(report.group[2].sharded, 1);
  for (int g = 0; g < 4; g++) assert_true(report.group[g].energy_error >= 0 && report.group[g].momentum < 1e-14);
  assert_true(report.group[2].energy_error < 1e-3);
  esp_ensemble ensemble;
  assert_int_equal(esp_ensemble_open(comm, path, &ensemble), ESP_OK);
  for (int c = 0; c < 10; c++) {
    const esp_ensemble_entry *e = &ensemble.entry[ESP_PART_TRAIN][c];
    assert_int_equal(e->kind, c < 3 ? c % 2 : c < 8 ? (c - 3) % 2 : c % 2);
    assert_true(e->Q > 0.4 && e->Q < 1 && e->eps == 0.5 * e->d && e->G == 1 && e->steps == 12 && e->truth == 0);
    assert_true(c == 0 || e->seed != e[-1].seed);
  }
  esp_ensemble_close(&ensemble);
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

static void truth_by_tree(void **state) {
  (void)state;
  static const setting set[] = {{"data_n", "1500"},        {"data_clouds", "1"},
                                {"data_test_n", "300"},    {"data_test_clouds", "2"},
                                {"data_shard_n", "1000"},  {"data_truth", "tree"},
                                {"data_truth_steps", "4"}, {"data_kind", "plummer"},
                                {"data_truth_theta", "1"}, {NULL, NULL}};
  char path[256];
  esp_data_report report;
  make_twice(set, path, sizeof path, &report);
  for (int g = 0; g < 2; g++) {
    assert_int_equal(report.group[g].tree, 1);
    assert_int_equal(report.group[g].displacement_bodies, report.group[g].n);
    assert_true(report.group[g].displacement_error < 2e-2 && report.group[g].force_l2 < 3e-2);
    assert_true(g == 1 || (report.group[g].displacement_error > 1e-8 && report.group[g].force_rms > 1e-8));
  }
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

static void periodic_boxes(void **state) {
  (void)state;
  static const setting set[] = {{"data_task", "M"},         {"data_n", "20"},
                                {"data_test_n", "30,7"},    {"data_test_clouds", "2,1"},
                                {"data_box_train", "3"},    {"data_box_train_frames", "10"},
                                {"data_box_stride", "4"},   {"data_box_frames", "6"},
                                {"data_box_substeps", "8"}, {NULL, NULL}};
  char path[256];
  esp_data_report report;
  make_twice(set, path, sizeof path, &report);
  assert_int_equal(report.clouds[ESP_PART_TRAIN], 9);
  assert_int_equal(report.clouds[ESP_PART_TEST], 3);
  assert_int_equal(report.frame_rows[ESP_PART_TEST], 7 * (30 + 30 + 7));
  esp_ensemble ensemble;
  assert_int_equal(esp_ensemble_open(comm, path, &ensemble), ESP_OK);
  for (int c = 0; c < 3; c++) {
    esp_cloud cloud;
    double x[2][30][3], v[2][30][3];
    assert_int_equal(esp_ensemble_cloud(&ensemble, ESP_PART_TEST, c, &cloud), ESP_OK);
    for (int f = 0; f < 2; f++) {
      assert_int_equal(esp_ensemble_frame(&ensemble, ESP_PART_TEST, c, f, 0, cloud.n_home, x[f], v[f]), ESP_OK);
    }
    assert_memory_equal(x[0], cloud.x, (size_t)cloud.n_home * sizeof *cloud.x);
    assert_memory_equal(v[0], cloud.v, (size_t)cloud.n_home * sizeof *cloud.v);
    for (int i = 0; i < cloud.n_home; i++) { /* the target leads to the next frame */
      double next[1][3];
      for (int k = 0; k < 3; k++) {
        assert_true(fabs(cloud.v[i][k] + cloud.K[i][k] - v[1][i][k]) < 1e-14);
        next[0][k] = cloud.x[i][k] + cloud.v[i][k] * cloud.T + cloud.D[i][k];
      }
      esp_box_wrap(cloud.box, 1, next);
      for (int k = 0; k < 3; k++) assert_true(fabs(next[0][k] - x[1][i][k]) < 1e-12);
    }
    esp_cloud_free(&cloud);
    assert_int_equal(esp_ensemble_frame(&ensemble, ESP_PART_TEST, c, 7, 0, 1, x[0], v[0]), ESP_ERR_ARG);
  }
  esp_ensemble_close(&ensemble);
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

static void nothing_to_make(void **state) {
  (void)state;
  static const setting set[] = {{"data_clouds", "0"}, {"data_test_clouds", "0"}, {NULL, NULL}};
  char path[256];
  esp_data_report report;
  make_twice(set, path, sizeof path, &report);
  assert_int_equal(report.clouds[0] + report.clouds[1], 0);
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

static void refused(void **state) {
  (void)state;
  static const setting counts[] = {{"data_n", "32,64,128"}, {"data_clouds", "2,2"}, {NULL, NULL}};
  static const setting single[] = {{"data_test_n", "1"}, {NULL, NULL}};
  esp_data_report report;
  esp_config *config = config_of(counts);
  esp_error_clear();
  assert_int_equal(esp_data_generate(comm, config, "never.h5", NULL, NULL, &report), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "data_clouds"));
  esp_config_free(&config);
  config = config_of(single);
  esp_error_clear();
  assert_int_equal(esp_data_generate(comm, config, "never.h5", NULL, NULL, &report), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "data_test_n"));
  esp_error_clear();
  assert_int_equal(esp_data_generate(comm, config, "no/such/folder/never.h5", NULL, NULL, &report), ESP_ERR_CONFIG);
  esp_config_free(&config);
  config = config_of(single + 1);
  esp_error_clear();
  assert_int_equal(esp_data_generate(comm, config, "no/such/folder/never.h5", NULL, NULL, &report), ESP_ERR_FILE);
  assert_int_equal(esp_file_open_objects(), 0);
  esp_config_free(&config);
}

CASE_MAIN(cmocka_unit_test(nothing_to_make), cmocka_unit_test(gravity_clouds), cmocka_unit_test(truth_by_tree),
          cmocka_unit_test(periodic_boxes), cmocka_unit_test(refused))
