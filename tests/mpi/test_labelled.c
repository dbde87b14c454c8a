/* Graphs with classes in HDF5 become sets on any number of ranks: both directions of edges, self edges and those that stand twice
 * left out and counted, labels, splits; features of both kinds and a split without test nodes are told; public sets have the counts
 * they are known to have. What is broken is named on all ranks. A task makes its data of such a file, and of graphs that are drawn:
 * the same bytes on any number of ranks. Predictions are written with labels and probabilities. */
#include "labelled_case.h"

#include <inttypes.h>

#include "base/input.h"
#include "io/info.h"
#include "io/make.h"
#include "io/make_options.h"

enum { N = 200, WORDS = 11, EDGES = 300 };

/* ---- a file in HDF5 ---- */

typedef struct {
  int64_t label[N], split[4][N], splits[4]; /* lists of split k */
  int64_t start[N + 1], index[3 * N], edge[EDGES][2];
  double value[3 * N], x[N][2];
  int edges, masks, dense, words, told, labels, values; /* values: as many as there should be, more or less */
  int short_of;                                         /* masks: so many too few */
} graph_file;

static graph_file *good(void) {
  graph_file *g = calloc(1, sizeof *g);
  int64_t at = 0;
  for (int64_t i = 0; i < N; i++) {
    g->label[i] = i % 17 == 5 ? -1 : i % 3;
    if (i % 10 < 7) g->split[1 + i % 10 / 3][g->splits[1 + i % 10 / 3]++] = i;
    for (int e = 0; e < i % 4; e++, at++) g->index[at] = (3 * i + 5 * (3 - e)) % WORDS, g->value[at] = 1 + e;
    g->start[i + 1] = at;
    g->x[i][0] = (double)i, g->x[i][1] = -0.5 * (double)(i % 5);
  }
  for (int e = 0; e < EDGES; e++) g->edge[e][0] = e % N, g->edge[e][1] = (7 * e + 1) % N;
  g->edge[0][0] = g->edge[0][1] = 3;                                       /* to itself */
  g->edge[1][0] = g->edge[2][1] = 40, g->edge[1][1] = g->edge[2][0] = 9;   /* twice, the other way round */
  g->edge[3][0] = g->edge[4][0] = 150, g->edge[3][1] = g->edge[4][1] = 30; /* twice */
  g->edges = EDGES, g->words = g->told = g->labels = 1;
  return g;
}

static void write_hdf5(const graph_file *g) {
  static const char *const names[] = {"", "train", "val", "test"};
  const int64_t columns = WORDS, entries = g->start[N] > 0 ? g->start[N] : 1;
  comm->agree(comm, 0);
  if (comm->rank == 0) {
    hid_t id = serial_create(path);
    const hid_t bool_type = H5Tenum_create(H5T_NATIVE_INT8); /* as Python writes its bool */
    const int8_t no = 0, yes = 1;
    assert_true(H5Tenum_insert(bool_type, "FALSE", &no) >= 0 && H5Tenum_insert(bool_type, "TRUE", &yes) >= 0);
    const dataset label = {"label", H5T_STD_I32LE, 1, {N, 0}, 0}, x = {"x", H5T_IEEE_F32LE, 2, {N, 2}, 0};
    const dataset start = {"x_indptr", H5T_STD_I32LE, 1, {N + 1, 0}, 0};
    const dataset index = {"x_indices", H5T_STD_I32LE, 1, {(hsize_t)entries, 0}, 0};
    const dataset value = {"x_values", H5T_IEEE_F32LE, 1, {(hsize_t)(entries + g->values), 0}, 0};
    const dataset edge = {"edges", H5T_STD_I32LE, 2, {(hsize_t)g->edges, 2}, 0};
    if (g->labels) serial_write(id, &label, H5T_NATIVE_INT64, g->label);
    if (g->dense) serial_write(id, &x, H5T_NATIVE_DOUBLE, g->x);
    if (g->words) {
      serial_write(id, &start, H5T_NATIVE_INT64, g->start);
      serial_write(id, &index, H5T_NATIVE_INT64, g->index);
      serial_write(id, &value, H5T_NATIVE_DOUBLE, g->value);
    }
    if (g->told) serial_number(id, "n_features", H5T_NATIVE_INT64, &columns);
    if (g->edges) serial_write(id, &edge, H5T_NATIVE_INT64, g->edge);
    for (int k = 1; k < 4; k++) {
      int8_t mask[N] = {0};
      const dataset split = {names[k], H5T_STD_I32LE, 1, {(hsize_t)g->splits[k], 0}, 0};
      const dataset bools = {names[k], bool_type, 1, {(hsize_t)(N - g->short_of), 0}, 0};
      for (int64_t i = 0; i < g->splits[k]; i++) mask[g->split[k][i]] = 1;
      if (g->splits[k] && g->masks) serial_write(id, &bools, bool_type, mask);
      if (g->splits[k] && !g->masks) serial_write(id, &split, H5T_NATIVE_INT64, g->split[k]);
    }
    H5Tclose(bool_type);
    H5Fclose(id);
  }
  comm->agree(comm, 0);
}

/* Node i of the share hears j. */
static int hears(const esp_set *set, int64_t i, int64_t j) {
  const esp_csr *csr = &set->csr[ESP_NODES_EDGES];
  i -= set->first;
  if (i < 0 || i >= set->n_home) return 1;
  for (int64_t e = csr->start[i]; e < csr->start[i + 1]; e++)
    if (csr->index[e] == j) return 1;
  return 0;
}

static void from_hdf5(void **state) {
  (void)state;
  for (int way = 0; way < 4; way++) {
    graph_file *g = good();
    const esp_input_param input = {.file = path, .types = "all"};
    esp_origin origin;
    esp_set set;
    g->masks = way == 1, g->dense = way >= 2, g->words = way < 2, g->told = way == 0;
    if (way == 3) g->edges = 0, g->splits[1] = g->splits[2] = g->splits[3] = 0;
    write_hdf5(g);
    assert_ok(esp_format_read(comm, &input, &esp_nodes_layout, &set, &origin));
    assert_string_equal(origin.format->name, "graph_hdf5");
    assert_true(set.n == N && set.width[ESP_NODES_CLASS] == 3 && set.width[ESP_NODES_EDGES] == (way < 3));
    assert_true(set.width[ESP_NODES_WORDS] == (way < 2 ? WORDS : 0) && set.width[ESP_NODES_X] == (way < 2 ? 0 : 2));
    for (int64_t i = set.first; i < set.first + set.n_home; i++) {
      const double *class = set.value[ESP_NODES_CLASS] + 3 * (i - set.first);
      for (int c = 0; c < 3; c++) assert_true(class[c] == (g->label[i] == c));
      const int split = way == 3 || i % 10 >= 7 ? 0 : 1 + (int)(i % 10) / 3;
      assert_true(set.value[ESP_NODES_SPLIT][i - set.first] == split);
    }
    for (int e = 0; e < EDGES && way < 3; e++) {
      const int64_t i = g->edge[e][0], j = g->edge[e][1];
      assert_true(i == j || (hears(&set, i, j) && hears(&set, j, i)));
    }
    int64_t entries = way < 3 ? sum_over_ranks((int)set.csr[ESP_NODES_EDGES].start[set.n_home]) : 0;
    if (way < 3 && !strstr(origin.note, "1 self edges and ")) fail_msg("%s", origin.note);
    if (way == 3) assert_string_equal(origin.note, "");
    int64_t left = 0;
    if (way < 3) assert_int_equal(sscanf(strstr(origin.note, "and ") + 4, "%" SCNd64, &left), 1);
    assert_true(way == 3 || (left >= 2 && entries == 2 * (EDGES - 1 - left)));
    if (!strstr(origin.told,
                way < 2 ? "200 particles, 3 classes, 11 sparse features" : "200 particles, 3 classes, 2 features"))
      fail_msg("%s", origin.told);
    if (way < 3 && !strstr(origin.told, "; 60 train, 60 validate, 20 test")) fail_msg("%s", origin.told);
    same_as_alone(&set, &input);
    esp_set_free(&set);
    free(g);
  }
  assert_int_equal(esp_file_open_objects(), 0);
}

/* What is taken, and told: features of both kinds, a split that leaves nobody with a class for the test. */
static void notes_of_hdf5(void **state) {
  (void)state;
  const char *kinds = "features of both kinds, 2 numbers (x) and 11 sparse ones (x_indptr), are taken side by side",
             *split = "the split leaves no particle with a class for the test";
  for (int way = 0; way < 5; way++) {
    graph_file *g = good();
    const esp_input_param input = {.file = path, .types = "all"};
    esp_origin origin;
    esp_set set;
    g->dense = way == 1;
    if (way == 2) g->splits[3] = 0;
    if (way == 3) g->splits[3] = 1, g->split[3][0] = 158; /* of no class */
    if (way == 4) g->splits[1] = g->splits[2] = g->splits[3] = 0;
    write_hdf5(g);
    assert_ok(esp_format_read(comm, &input, &esp_nodes_layout, &set, &origin));
    assert_true(set.width[ESP_NODES_WORDS] == WORDS && set.width[ESP_NODES_X] == (way == 1 ? 2 : 0));
    assert_true(!strstr(origin.note, kinds) == (way != 1));
    assert_true(!strstr(origin.note, split) == (way != 2 && way != 3));
    assert_true(!strstr(origin.note, "no twin"));
    esp_set_free(&set);
    free(g);
  }
  assert_int_equal(esp_file_open_objects(), 0);
}

#define BROKEN(change, code, what)  \
  do {                              \
    graph_file *g = good();         \
    change;                         \
    write_hdf5(g);                  \
    read_refused(path, code, what); \
    free(g);                        \
  } while (0)

static void broken_hdf5(void **state) {
  (void)state;
  BROKEN(g->edge[299][1] = N, ESP_ERR_VALUE, "edges, row 299: 99 to 200, must be 0 to 199");
  BROKEN(g->edge[7][0] = -1, ESP_ERR_VALUE, "edges, row 7: -1 to");
  BROKEN(g->index[20] = WORDS, ESP_ERR_VALUE, "column 11, must be 0 to 10");
  BROKEN(g->index[20] = -4, ESP_ERR_VALUE, "column -4, must be");
  BROKEN(g->index[4] = g->index[3], ESP_ERR_VALUE, "two entries in column");
  BROKEN(g->value[4] = NAN, ESP_ERR_VALUE, "particle 3: words, column");
  BROKEN(g->start[100] = 0, ESP_ERR_FORMAT, "x_indptr is 0 at 100, must ascend");
  BROKEN(g->start[0] = 1, ESP_ERR_FORMAT, "x_indptr is 1 at 0");
  BROKEN(g->start[7] = INT64_C(1) << 30, ESP_ERR_FORMAT, "x_indptr is 1073741824 at 7");
  BROKEN(g->values = 1, ESP_ERR_FORMAT, "dataset x_values has 301 rows, should have 300");
  BROKEN(g->label[120] = -2, ESP_ERR_VALUE, "label of row 120 is -2, must be -1 (none) to 4095");
  BROKEN(g->label[120] = 5000, ESP_ERR_VALUE, "label of row 120 is 5000");
  BROKEN(for (int i = 0; i < N; i++) g->label[i] = -1, ESP_ERR_VALUE, "no particle has a label");
  BROKEN(g->split[3][2] = g->split[1][1], ESP_ERR_VALUE, "train and test both have particle 1");
  BROKEN(g->split[2][5] = N, ESP_ERR_VALUE, "val, row 5 is 200, must be 0 to 199");
  BROKEN(g->split[1][5] = g->split[1][3], ESP_ERR_VALUE, "particle 10 stands there already");
  BROKEN((g->masks = 1, g->short_of = 1), ESP_ERR_VALUE, "a mask 200 numbers, each 0 or 1");
  BROKEN(g->labels = 0, ESP_ERR_FORMAT, "dataset label is missing");
  BROKEN((g->words = 0, g->edges = 0), ESP_ERR_FORMAT, "label alone says nothing");
  BROKEN((g->dense = 1, g->x[77][1] = INFINITY), ESP_ERR_VALUE, "particle 77: x, column 1, is inf");
  assert_int_equal(esp_file_open_objects(), 0);
}

/* ---- another task's layout; info; predictions ---- */

static const esp_layout *no_layout(const char *task) {
  (void)task;
  return NULL;
}

static void others(void **state) {
  (void)state;
  const esp_input_param input = {.file = path, .types = "all"};
  char *text = NULL;
  size_t size = 0;
  esp_set set;
  esp_origin origin;
  graph_file *g = good();
  write_hdf5(g);
  refused(esp_format_read(comm, &input, esp_task_find("gravity")->layout, &set, NULL), ESP_ERR_FORMAT,
          "the data need a column 'mass'; a graph has features, edges, class and split");
  FILE *out = open_memstream(&text, &size);
  assert_ok(esp_info_print(comm, path, no_layout, out));
  fclose(out);
  if (comm->rank == 0 && !strstr(text, "graph        HDF5 with classes\n  label      200\n")) fail_msg("%s", text);
  free(text);
  assert_ok(esp_format_read(comm, &input, &esp_nodes_layout, &set, &origin));
  for (int i = 0; i < 3 * set.n_home; i++) set.value[ESP_NODES_CLASS][i] = i % 3 == 1 ? 0.5 : 0.25;
  assert_string_equal(esp_format_writer(&origin)->extension, ".h5");
  assert_ok(esp_format_write(comm, alone, &set, &origin, 0, 0));
  esp_set_free(&set);
  esp_file *file;
  int64_t label[2];
  double p[6];
  assert_ok(esp_file_open(comm, alone, &file));
  assert_ok(esp_file_read(file, "label", ESP_FILE_I64, 0, N, N - 2, 2, label));
  assert_ok(esp_file_read(file, "probability", ESP_FILE_F64, 3, N, N - 2, 2, p));
  esp_file_close(&file);
  assert_true(label[0] == 1 && label[1] == 1 && p[0] == 0.25 && p[4] == 0.5);
  free(g);
}

/* ---- data of a task ---- */

static const esp_task nodes = {
    .name = "nodes", .options = &esp_nodes_options, .layout = &esp_nodes_layout, .making = &esp_nodes_making};

/* Data by these keys, of all ranks and of rank 0 alone: the same bytes. */
static void make_both(const char *const (*set)[2], esp_make_report *report) {
  const esp_options *const tables[] = {&esp_make_options, &esp_input_options, &esp_nodes_options, NULL};
  esp_nodes_data data;
  esp_config *config;
  char all[300];
  snprintf(all, sizeof all, "%s.all.h5", path);
  assert_ok(esp_config_create(tables, &config));
  for (; (*set)[0]; set++) assert_ok(esp_config_set(config, (*set)[0], (*set)[1]));
  assert_ok(esp_options_fill(&esp_nodes_options, config, &data));
  assert_ok(esp_make(comm, config, &nodes, &data, all, NULL, NULL, report));
  if (comm->rank == 0) {
    esp_make_report one;
    char *text[2];
    size_t length[2];
    assert_ok(esp_make(esp_comm_self(), config, &nodes, &data, alone, NULL, NULL, &one));
    assert_true(one.checksum == report->checksum);
    assert_ok(esp_input_text(all, 1 << 26, &text[0], &length[0]));
    assert_ok(esp_input_text(alone, 1 << 26, &text[1], &length[1]));
    assert_true(length[0] == length[1]);
    assert_memory_equal(text[0], text[1], length[0]);
    ESP_FREE(text[0]);
    ESP_FREE(text[1]);
    remove(all);
  }
  esp_config_free(&config);
  comm->agree(comm, 0);
}

/* How many of a column of a part are `value`, of the file that rank 0 alone made. */
static int64_t count(esp_part part, int column, double value) {
  esp_set_file file;
  esp_set set;
  int64_t found = 0;
  assert_ok(esp_set_open(comm, alone, &esp_nodes_layout, &file));
  assert_ok(esp_set_read(&file, comm, part, 0, &set));
  for (int i = 0; i < set.n_home; i++) found += set.value[column][i] == value;
  esp_set_free(&set);
  esp_set_close(&file);
  return sum_over_ranks((int)found);
}

static void data_of_a_file(void **state) {
  (void)state;
  esp_make_report report;
  graph_file *g = good();
  for (int way = 0; way < 2; way++) {
    if (way) g->splits[1] = g->splits[2] = g->splits[3] = 0;
    write_hdf5(g);
    make_both(
        (const char *const[][2]){{"input", path}, {"data_nodes_train", "20"}, {"data_nodes_validation", "30"}, {0}},
        &report);
    assert_true(report.sets[0] == 1 && report.sets[1] == 1 && report.rows[0] == N);
    assert_true(count(ESP_PART_TRAIN, ESP_NODES_WEIGHT, 1) == (way ? 20 : 56)); /* some of no class */
    assert_true(count(ESP_PART_TEST, ESP_NODES_WEIGHT, 1) == (way ? 138 : 19));
    assert_true(count(ESP_PART_TRAIN, ESP_NODES_VALIDATION, 1) == (way ? 30 : 56));
  }
  free(g);
}

static void data_drawn(void **state) {
  (void)state;
  esp_make_report report;
  make_both((const char *const[][2]){{"data_nodes_of", "drawn"},
                                     {"data_n", "1000"},
                                     {"data_test_n", "1000"},
                                     {"data_clouds", "2"},
                                     {"data_test_clouds", "1"},
                                     {"data_nodes_noise", "0"},
                                     {0}},
            &report);
  assert_true(report.sets[0] == 2 && report.sets[1] == 1);
  assert_true(count(ESP_PART_TRAIN, ESP_NODES_WEIGHT, 1) == 50 && count(ESP_PART_TEST, ESP_NODES_WEIGHT, 1) == 850);
}

/* ---- public sets ---- */

static void public_sets(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int64_t n, entries, edges, none;
    int words, numbers, classes;
    int64_t split[4];
  } known[] = {{"cora_planetoid", 2708, 49216, 5278, 0, 1433, 0, 7, {1068, 140, 500, 1000}},
               {"citeseer_planetoid", 3327, 105165, 4552, 15, 3703, 0, 6, {1707, 120, 500, 1000}},
               {"digits", 1797, 0, 0, 0, 0, 64, 10, {1797, 0, 0, 0}}};
  const char *data = getenv("ESPALIER_DATA");
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    char file[1024];
    snprintf(file, sizeof file, "%s/graph/%s.h5", data ? data : "", known[k].name);
    if (!data || access(file, R_OK)) {
      if (comm->rank == 0) printf("not tried, no $ESPALIER_DATA/graph/%s.h5\n", known[k].name);
      continue;
    }
    const esp_input_param input = {.file = file, .types = "all"};
    esp_set set;
    assert_ok(esp_format_read(comm, &input, &esp_nodes_layout, &set, NULL));
    const esp_csr *w = &set.csr[ESP_NODES_WORDS], *e = &set.csr[ESP_NODES_EDGES];
    const int K = set.width[ESP_NODES_CLASS];
    assert_true(set.n == known[k].n && K == known[k].classes && set.width[ESP_NODES_X] == known[k].numbers);
    assert_true(set.width[ESP_NODES_WORDS] == known[k].words);
    assert_true(sum_over_ranks(w->start ? (int)w->start[set.n_home] : 0) == known[k].entries);
    assert_true(sum_over_ranks(e->start ? (int)e->start[set.n_home] : 0) == 2 * known[k].edges);
    int none = 0, split[4] = {0};
    for (int i = 0; i < set.n_home; i++) {
      double sum = 0;
      for (int c = 0; c < K; c++) sum += set.value[ESP_NODES_CLASS][i * K + c];
      none += sum == 0;
      split[(int)set.value[ESP_NODES_SPLIT][i]]++;
    }
    assert_true(sum_over_ranks(none) == known[k].none);
    for (int s = 0; s < 4; s++) assert_true(sum_over_ranks(split[s]) == known[k].split[s]);
    same_as_alone(&set, &input);
    esp_set_free(&set);
  }
}

CASE_MAIN_WITH(setup, teardown, cmocka_unit_test(from_hdf5), cmocka_unit_test(notes_of_hdf5),
               cmocka_unit_test(broken_hdf5), cmocka_unit_test(others), cmocka_unit_test(data_of_a_file),
               cmocka_unit_test(data_drawn), cmocka_unit_test(public_sets))
