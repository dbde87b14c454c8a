/* A set goes through another code's file and comes back, on any number of ranks, column by foreign name and number by
 * name, with its particle types and ids; layouts that a file cannot serve are refused; a file of another code serves as the
 * test set of what is made. */
#include "case.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/formats.h"
#include "io/make.h"
#include "io/make_options.h"
#include "tasks/gravity/cloud.h"
#include "tasks/task.h"

enum { N = 150 };
static const esp_origin kpc = {.units = {3.085678e21, 1.989e43, 1e5}, .time = 2};

static void file_name(char *path, size_t size) {
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, size, "test_formats_%lld.hdf5", (long long)pid);
}

static void done_with(const char *path) {
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

/* This rank's share of some bodies. */
static esp_set bodies(void) {
  esp_set set = {.n = N, .layout = esp_task_find("gravity")->layout};
  int64_t count;
  esp_set_share(N, comm->rank, comm->size, &set.first, &count);
  set.n_home = (int)count;
  assert_int_equal(esp_set_create(&set), ESP_OK);
  set.about[ESP_CLOUD_DIM].whole = 3;
  set.about[ESP_CLOUD_G].real = 1.5;
  for (int i = 0; i < set.n_home; i++) {
    set.id[i] = 1000 + set.first + i;
    set.value[ESP_CLOUD_M][i] = 1 + case_uniform((uint64_t)(set.first + i));
    for (int a = 0; a < 3; a++) {
      set.value[ESP_CLOUD_X][3 * i + a] = case_uniform((uint64_t)(3 * (set.first + i) + a) + 1000);
      set.value[ESP_CLOUD_V][3 * i + a] = case_uniform((uint64_t)(3 * (set.first + i) + a) + 2000);
    }
  }
  return set;
}

static void same_columns(const esp_set *a, const esp_set *b, int last) {
  assert_true(a->n == b->n && a->first == b->first && a->n_home == b->n_home);
  assert_memory_equal(a->id, b->id, (size_t)a->n_home * sizeof *a->id);
  for (int k = 0; k <= last; k++)
    assert_memory_equal(a->value[k], b->value[k], (size_t)a->n_home * (size_t)a->width[k] * sizeof(double));
}

static void there_and_back(void **state) {
  (void)state;
  char path[256];
  esp_origin origin;
  const esp_format *format;
  esp_set set = bodies(), back;
  file_name(path, sizeof path);
  const esp_input_param input = {.file = path, .types = "all"};
  for (int periodic = 0; periodic < 2; periodic++) {
    for (int a = 0; a < 3; a++) set.about[ESP_CLOUD_BOX + a].real = periodic;
    assert_int_equal(esp_format_write(comm, path, &set, &kpc, 3.5, 0), ESP_OK);
    assert_int_equal(esp_format_find(comm, path, &format), ESP_OK);
    assert_string_equal(format->name, "gadget_hdf5");
    if (esp_format_read(comm, &input, set.layout, &back, &origin)) fail_msg("%s", esp_error_message());
    same_columns(&set, &back, ESP_CLOUD_V);
    assert_true(!back.value[ESP_CLOUD_D] && back.width[ESP_CLOUD_K] == 0 && !back.ready && back.frames == 0);
    assert_true(back.about[ESP_CLOUD_DIM].whole == 3 && back.about[ESP_CLOUD_G].real == 1.5);
    assert_true(back.about[ESP_CLOUD_BOX + 2].real == periodic && back.about[ESP_CLOUD_UNIT_D].real == 0);
    assert_true(origin.format == format && origin.time == 3.5 && !origin.comoving);
    assert_true(origin.units.length == kpc.units.length);
    esp_set_free(&back);
  }
  esp_set_free(&set);
  done_with(path);
}

/* Particle types, of which a share may have parts of several, and ids of 64 bits: kept in order, by the same bytes from any
 * number of ranks. */
static void types(void **state) {
  (void)state;
  static const int64_t by_type[][ESP_SNAPSHOT_TYPES] = {
      {20, 0, 0, 0, 100, 30}, {[2] = N}, {1, 70, [6] = 79}, {[15] = N}, {1, 1, 1, 1, 1, N - 5}};
  char path[256], alone[300], one[4];
  esp_origin origin = kpc, seen;
  esp_set set = bodies(), back;
  file_name(path, sizeof path);
  snprintf(alone, sizeof alone, "%s.alone", path);
  for (int i = 0; i < set.n_home; i += 3) set.id[i] |= INT64_MIN;
  for (int k = 0; k < 5; k++) {
    const esp_input_param all = {.file = path, .types = "all"}, last = {.file = path, .types = one};
    int64_t count;
    int most = 15;
    memcpy(origin.by_type, by_type[k], sizeof origin.by_type);
    while (!by_type[k][most]) most--;
    snprintf(one, sizeof one, "%d", most);
    assert_int_equal(esp_format_write(comm, path, &set, &origin, 1, k % 2), ESP_OK);
    if (esp_format_read(comm, &all, set.layout, &back, &seen)) fail_msg("%s", esp_error_message());
    same_columns(&set, &back, ESP_CLOUD_V);
    assert_memory_equal(seen.by_type, by_type[k], sizeof seen.by_type);
    esp_set_free(&back);
    if (comm->rank == 0) {
      if (esp_format_read(esp_comm_self(), &all, set.layout, &back, &seen)) fail_msg("%s", esp_error_message());
      assert_int_equal(esp_format_write(esp_comm_self(), alone, &back, &seen, 1, k % 2), ESP_OK);
      if (k % 2 == 0) case_same_bytes(path, alone); /* compressed ones lie as the ranks met */
      esp_set_free(&back);
    }
    comm->agree(comm, 0);
    if (esp_format_read(comm, &last, set.layout, &back, &seen)) fail_msg("%s", esp_error_message());
    esp_set_share(by_type[k][most], comm->rank, comm->size, &back.first, &count);
    assert_true(back.n == by_type[k][most] && seen.by_type[most] == back.n && (most == 0 || !seen.by_type[most - 1]));
    for (int i = 0; i < back.n_home; i++)
      assert_int_equal(back.id[i] & INT64_MAX, 1000 + N - by_type[k][most] + back.first + i);
    esp_set_free(&back);
  }
  origin.by_type[0]++; /* a particle more than there are */
  assert_int_equal(esp_format_write(comm, path, &set, &origin, 1, 0), ESP_ERR_ARG);
  esp_error_clear();
  esp_set_free(&set);
  done_with(alone);
  done_with(path);
}

/* Other columns than bodies have: fewer, further ones of their own, one that no snapshot has. */
static void layouts(void **state) {
  (void)state;
  static const esp_number none[] = {{0}};
  static const esp_column places[] = {{"x", ESP_INPUT, .width = 3, .min = -INFINITY, .foreign = "position"},
                                      {"mark", ESP_SENT, .width = 2},
                                      {"heat", ESP_SENT, .width = 1, .optional = 1, .foreign = "temperature"},
                                      {0}};
  static const esp_column heat[] = {{"heat", ESP_SENT, .width = 1, .foreign = "temperature"}, {0}};
  static const esp_column flat[] = {{"x", ESP_INPUT, .width = 2, .min = -INFINITY, .foreign = "position"}, {0}};
  const esp_layout few = {places, none, ""}, unknown = {heat, none, ""}, two = {flat, none, ""};
  char path[256];
  esp_set set = bodies(), back;
  file_name(path, sizeof path);
  const esp_input_param input = {.file = path, .types = "all"}, nothing = {.file = "", .types = "all"};
  assert_int_equal(esp_format_write(comm, path, &set, &kpc, 0, 0), ESP_OK);
  if (esp_format_read(comm, &input, &few, &back, NULL)) fail_msg("%s", esp_error_message());
  assert_memory_equal(back.value[0], set.value[ESP_CLOUD_X], (size_t)set.n_home * 3 * sizeof(double));
  assert_true(back.width[1] == 2 && back.value[1] && back.width[2] == 0 && !back.value[2]);
  for (int i = 0; i < 2 * back.n_home; i++) assert_true(back.value[1][i] == 0);
  assert_int_equal(esp_format_write(comm, path, &back, &kpc, 0, 0), ESP_ERR_ARG); /* no masses */
  esp_set_free(&back);
  assert_int_equal(esp_format_read(comm, &input, &unknown, &back, NULL), ESP_ERR_FORMAT);
  assert_int_equal(esp_format_read(comm, &input, &two, &back, NULL), ESP_ERR_FORMAT);
  esp_error_clear();
  assert_int_equal(esp_format_read(comm, &nothing, &few, &back, NULL), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "-input FILE"));
  esp_error_clear();
  esp_set_free(&set);
  done_with(path);
}

static void as_test_set(void **state) {
  (void)state;
  const esp_task *task = esp_task_find("gravity");
  const esp_options *const tables[] = {&esp_make_options, &esp_input_options, task->options, NULL};
  char path[256], data[300], alone[300];
  esp_config *config;
  void *param = NULL;
  esp_make_report report, one;
  esp_set set = bodies(), read;
  esp_set_file file;
  file_name(path, sizeof path);
  snprintf(data, sizeof data, "%s.all.h5", path);
  snprintf(alone, sizeof alone, "%s.alone.h5", path);
  assert_int_equal(esp_format_write(comm, path, &set, &kpc, 0, 0), ESP_OK);
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  assert_int_equal(esp_config_set(config, "input", path), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_clouds", "1"), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_n", "8"), ESP_OK);
  assert_int_equal(esp_config_set(config, "data_truth_steps", "4"), ESP_OK);
  char *filled = NULL;
  assert_int_equal(ESP_ALLOC(filled, task->options->size), ESP_OK);
  assert_int_equal(esp_options_fill(task->options, config, filled), ESP_OK);
  param = filled;
  if (esp_make(comm, config, task, param, data, NULL, NULL, &report)) fail_msg("%s", esp_error_message());
  assert_true(report.groups == 2 && report.sets[1] == 1 && report.rows[1] == N && report.group[1].plan.shared);
  if (comm->rank == 0) {
    if (esp_make(esp_comm_self(), config, task, param, alone, NULL, NULL, &one)) fail_msg("%s", esp_error_message());
    assert_true(one.checksum == report.checksum);
    remove(alone);
  }
  assert_int_equal(esp_set_open(comm, data, task->layout, &file), ESP_OK);
  assert_int_equal(esp_set_read(&file, comm, ESP_PART_TEST, 0, &read), ESP_OK);
  same_columns(&set, &read, ESP_CLOUD_V);
  assert_true(read.about[ESP_CLOUD_KIND].whole == ESP_KIND_SNAPSHOT && read.about[ESP_CLOUD_UNIT_T].real > 0);
  assert_true(read.about[ESP_CLOUD_ENERGY_ERROR].real >= 0 && read.about[ESP_CLOUD_STEPS].whole == 4);
  for (int k = 0; k < 3 * read.n_home; k++) assert_true(read.value[ESP_CLOUD_D][k] != 0);
  esp_set_free(&read);
  esp_set_close(&file);
  ESP_FREE(filled);
  esp_config_free(&config);
  esp_set_free(&set);
  done_with(data);
  done_with(path);
}

CASE_MAIN(cmocka_unit_test(there_and_back), cmocka_unit_test(types), cmocka_unit_test(layouts),
          cmocka_unit_test(as_test_set))
