/* Columns of rows of varying length come back from set files, whole and in shares, whoever wrote which; the file is the same
 * for any number of ranks, bytes and fingerprint. Files of other origin are read in whatever order their entries stand; what
 * is broken in them is named, on all ranks, before memory is taken for what they claim. */
#include "set_fixture.h"

#include "base/input.h"
#include "io/info.h"

enum { GRAPH_SETS = 3, WIDE = 9 };
enum { BAG, EDGES, LABEL, GRAPH_COLUMNS };
static const int64_t GRAPH_SIZE[GRAPH_SETS] = {200, 70, 1};

static const esp_column graph_columns[] = {
    {"bag", ESP_INPUT, .min = -INFINITY, .lying = ESP_SPARSE, .unit = "1", .help = "words"},
    {"edges", ESP_EXTRA, .width = 1, .optional = 1, .lying = ESP_EDGES, .help = "who hears whom"},
    {"label", ESP_TARGET, .width = 1, .optional = 1, .min = -INFINITY},
    {NULL},
};
static const esp_number no_number[] = {{NULL}};
static const esp_layout graph = {graph_columns, no_number, ""};

/* Entries of row i of set s: some rows have none, row 64 many. weights: of edges, too. */
static void fill_csr(int s, int k, int64_t first, int rows, int values, esp_csr *csr) {
  const int64_t columns = k == BAG ? WIDE : GRAPH_SIZE[s], most = 9;
  int64_t *row = calloc((size_t)(rows * most + 1), sizeof *row),
          *index = calloc((size_t)(rows * most + 1), sizeof *row);
  double *value = calloc((size_t)(rows * most + 1), sizeof *value);
  int64_t count = 0, twice;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t e = 0; e < (first + i == 64 ? most : (first + i + s) % 4); e++, count++) {
      row[count] = i, index[count] = (7 * (first + i) + 5 * e + k) % columns;
      value[count] = number(s, first + i, k, (int)e);
    }
  assert_ok(esp_csr_of(rows, columns, count, row, index, values ? value : NULL, csr, &twice));
  free(row), free(index), free(value);
}

static void fill_graph(int s, int64_t first, int64_t count, esp_set *set) {
  *set = (esp_set){.n = GRAPH_SIZE[s], .first = first, .n_home = (int)count, .layout = &graph, .width = {WIDE, 1, 1}};
  assert_ok(esp_set_create(set));
  for (int i = 0; i < set->n_home; i++) set->id[i] = first + i, set->value[LABEL][i] = number(s, first + i, LABEL, 0);
  for (int k = BAG; k <= EDGES; k++) {
    esp_csr_free(&set->csr[k]);
    fill_csr(s, k, first, set->n_home, k == BAG, &set->csr[k]);
  }
}

/* Sets 0 and 1 to train, 2 to test. way 0: shared by all; 1: whole sets by ranks; 2: all by the last. */
static void write_graphs(const esp_comm *who, const char *name, int way) {
  const int64_t sets[ESP_PARTS] = {2, 1}, *const n[ESP_PARTS] = {GRAPH_SIZE, GRAPH_SIZE + 2};
  const esp_set_about about = {.task = "circles", .width = {WIDE, 1, 1}};
  esp_set_writer writer;
  assert_ok(esp_set_begin(who, name, &graph, &about, sets, n, NULL, &writer));
  for (int s = GRAPH_SETS - 1; s >= 0; s--) {
    const int giver = way == 1 ? s % who->size : who->size - 1;
    int64_t first = 0, count = GRAPH_SIZE[s];
    esp_set set;
    if (way == 0) esp_set_share(GRAPH_SIZE[s], who->rank, who->size, &first, &count);
    fill_graph(s, first, count, &set);
    assert_ok(
        esp_set_put(&writer, s < 2 ? ESP_PART_TRAIN : ESP_PART_TEST, s % 2, way == 0 || who->rank == giver, &set));
    esp_set_free(&set);
  }
  assert_ok(esp_set_commit(&writer));
}

static void same_rows(const esp_csr *a, const esp_csr *b) {
  const size_t entries = (size_t)a->start[a->rows];
  assert_true(a->rows == b->rows && a->columns == b->columns && !a->value == !b->value);
  assert_memory_equal(a->start, b->start, ((size_t)a->rows + 1) * sizeof *a->start);
  assert_memory_equal(a->index, b->index, entries * sizeof *a->index);
  if (a->value) assert_memory_equal(a->value, b->value, entries * sizeof *a->value);
}

static void check_graphs(const esp_comm *who, const esp_set_file *file) {
  for (int s = 0; s < GRAPH_SETS; s++) {
    esp_set set, made;
    assert_ok(esp_set_read(file, who, s < 2 ? ESP_PART_TRAIN : ESP_PART_TEST, s % 2, &set));
    fill_graph(s, set.first, set.n_home, &made);
    for (int k = BAG; k <= EDGES; k++) same_rows(&set.csr[k], &made.csr[k]);
    assert_true(!set.value[BAG] && set.n == GRAPH_SIZE[s]);
    assert_memory_equal(set.value[LABEL], made.value[LABEL], (size_t)set.n_home * sizeof(double));
    esp_set_free(&set);
    esp_set_free(&made);
  }
}

static void same_bytes(const char *a, const char *b) {
  char *text[2];
  size_t length[2];
  if (comm->rank) return;
  assert_ok(esp_input_text(a, 1 << 24, &text[0], &length[0]));
  assert_ok(esp_input_text(b, 1 << 24, &text[1], &length[1]));
  assert_true(length[0] == length[1]);
  assert_memory_equal(text[0], text[1], length[0]);
  ESP_FREE(text[0]);
  ESP_FREE(text[1]);
}

static void comes_back(void **state) {
  (void)state;
  uint64_t sum = 0;
  if (comm->rank == 0) {
    write_graphs(esp_comm_self(), alone, 0);
    sum = checksum(esp_comm_self(), alone, &graph);
  }
  comm->broadcast(comm, &sum, sizeof sum, 0);
  for (int way = 0; way < 3; way++) {
    esp_set_file file;
    write_graphs(comm, path, way);
    assert_true(checksum(comm, path, &graph) == sum && checksum(comm, path, NULL) == sum);
    assert_ok(esp_set_open(comm, path, &graph, &file));
    assert_true(file.about.width[BAG] == WIDE && file.about.width[EDGES] == 1 && file.rows[ESP_PART_TRAIN] == 270);
    check_graphs(comm, &file);
    check_graphs(esp_comm_self(), &file);
    esp_set_close(&file);
    same_bytes(path, alone);
    comm->agree(comm, 0);
  }
  assert_int_equal(esp_file_open_objects(), 0);
}

/* One value, one index, one entry's row, weights that are not there and are 1 all show in the fingerprint, or do not. */
static void fingerprint(void **state) {
  (void)state;
  const int64_t sets[ESP_PARTS] = {1, 0}, *const n[ESP_PARTS] = {GRAPH_SIZE + 1, NULL};
  const esp_set_about about = {.width = {WIDE, 1, 1}};
  uint64_t sum[5];
  for (int way = 0; way < 5; way++) {
    esp_set_writer writer;
    esp_set set;
    fill_graph(1, 0, comm->rank == 0 ? GRAPH_SIZE[1] : 0, &set);
    esp_csr *bag = &set.csr[BAG], *edges = &set.csr[EDGES];
    const int mine = set.n_home > 0;
    if (mine && way == 1) bag->value[20] += 1;
    if (mine && way == 2) edges->index[0] = (edges->index[0] + 1) % GRAPH_SIZE[1];
    if (mine && way == 3) edges->start[1]++;
    if (mine && way == 4) assert_ok(ESP_ALLOC(edges->value, edges->start[set.n_home]));
    for (int64_t e = 0; mine && way == 4 && e < edges->start[set.n_home]; e++) edges->value[e] = 1;
    assert_ok(esp_set_begin(comm, path, &graph, &about, sets, n, NULL, &writer));
    assert_ok(esp_set_put(&writer, ESP_PART_TRAIN, 0, mine, &set));
    assert_ok(esp_set_commit(&writer));
    esp_set_free(&set);
    sum[way] = checksum(comm, path, &graph);
    for (int other = 0; other < way; other++) assert_true((sum[other] == sum[way]) == (other == 0 && way == 4));
    comm->agree(comm, 0);
  }
}

static const esp_layout *layout_of(const char *task) {
  (void)task;
  return &graph;
}

static void told(void **state) {
  (void)state;
  char *text = NULL;
  size_t size = 0;
  write_graphs(comm, path, 0);
  FILE *out = open_memstream(&text, &size);
  assert_ok(esp_info_print(comm, path, layout_of, out));
  fclose(out);
  if (comm->rank == 0 && !strstr(text, "bag        9 columns, sparse, 422 entries, 1.56 a row, at most 9, -0."))
    fail_msg("%s", text);
  if (comm->rank == 0 && !strstr(text, "edges      422 edges, 1.56 a row, at most 9\n")) fail_msg("%s", text);
  free(text);
}

/* Shares out of order, twice, or not at all. */
static void wrong_puts(void **state) {
  (void)state;
  const int64_t sets[ESP_PARTS] = {1, 0}, *const n[ESP_PARTS] = {GRAPH_SIZE, NULL};
  const esp_set_about about = {.width = {WIDE, 1, 1}};
  for (int way = 0; way < 4; way++) {
    esp_set_writer writer;
    esp_set set;
    int64_t first, count;
    const int rank = way == 1 ? comm->size - 1 - comm->rank : comm->rank;
    const int wrong = way == 1 ? comm->size > 1 : 1, twice = way == 2;
    comm->agree(comm, 0);
    if (comm->rank == 0) remove(path);
    assert_ok(esp_set_begin(comm, path, &graph, &about, sets, n, NULL, &writer));
    esp_set_share(GRAPH_SIZE[0], rank, comm->size, &first, &count);
    fill_graph(0, first, count, &set);
    if (way == 3) esp_csr_free(&set.csr[BAG]);
    for (int k = 0; k <= twice; k++) {
      const int rc = esp_set_put(&writer, ESP_PART_TRAIN, 0, way != 0, &set);
      if (way < 3) assert_ok(rc);
      if (way == 3) assert_int_equal(rc, ESP_ERR_ARG);
    }
    esp_set_free(&set);
    if (way == 3) {
      assert_non_null(strstr(esp_error_message(), "column bag is announced and has no rows"));
      esp_set_abort(&writer);
    } else {
      assert_int_equal(esp_set_commit(&writer), wrong ? ESP_ERR_ARG : ESP_OK);
    }
    if (way == 0) assert_non_null(strstr(esp_error_message(), "0 rows of bag were put, announced are 200"));
    if (twice) assert_non_null(strstr(esp_error_message(), "put 2 times"));
    esp_error_clear();
    if (wrong) assert_int_equal(access(path, F_OK), -1);
  }
  assert_int_equal(esp_file_open_objects(), 0);
}

/* ---- of any origin ---- */

typedef struct {
  int64_t start[5], index[6], columns;
  double data[6];
  int rows, indices, values, told, whole; /* lengths; attribute; indptr of integers */
  int edges;
  int64_t to[6];
} foreign;

static foreign good(void) {
  return (foreign){.start = {0, 2, 2, 5, 6},
                   .index = {3, 0, 8, 1, 4, 2},
                   .columns = WIDE,
                   .data = {1, 2, 3, 4, 5, 6},
                   .rows = 4,
                   .indices = 6,
                   .values = 6,
                   .told = 1,
                   .whole = 1,
                   .edges = 1,
                   .to = {1, 3, 0, 2, 1, 0}};
}

static void write_foreign(const foreign *f) {
  comm->agree(comm, 0);
  if (comm->rank == 0) {
    hid_t id = serial_create(path);
    serial_text(id, "/", "format", ESP_SET_FORMAT);
    const dataset start = {"train/bag/indptr", f->whole ? I64 : F64, 1, {(hsize_t)f->rows + 1, 0}, 0};
    const dataset index = {"train/bag/indices", H5T_STD_I32LE, 1, {(hsize_t)f->indices, 0}, 0};
    const dataset data = {"train/bag/data", H5T_IEEE_F32LE, 1, {(hsize_t)f->values, 0}, 0};
    const dataset ptr = {"train/edges/indptr", I64, 1, {(hsize_t)f->rows + 1, 0}, 0};
    const dataset to = {"train/edges/indices", I64, 1, {(hsize_t)f->indices, 0}, 0};
    serial_write(id, &start, H5T_NATIVE_INT64, f->start);
    if (f->indices) serial_write(id, &index, H5T_NATIVE_INT64, f->index);
    if (f->values) serial_write(id, &data, H5T_NATIVE_DOUBLE, f->data);
    if (f->edges) serial_write(id, &ptr, H5T_NATIVE_INT64, f->start);
    if (f->edges) serial_write(id, &to, H5T_NATIVE_INT64, f->to);
    if (f->told) {
      hid_t group = H5Gopen2(id, "train/bag", H5P_DEFAULT);
      serial_number(group, "columns", H5T_NATIVE_INT64, &f->columns);
      H5Gclose(group);
    }
    H5Fclose(id);
  }
  comm->agree(comm, 0);
}

static void any_order(void **state) {
  (void)state;
  foreign f = good();
  const int64_t start[] = {0, 2, 2, 5, 6}, index[] = {0, 3, 1, 4, 8, 2}, to[] = {1, 3, 0, 1, 2, 0};
  const double data[] = {2, 1, 4, 5, 3, 6};
  for (int values = 0; values < 2; values++) {
    esp_set_file file;
    esp_set set;
    f.values = values ? 6 : 0;
    write_foreign(&f);
    assert_ok(esp_set_open(comm, path, &graph, &file));
    assert_ok(esp_set_read(&file, esp_comm_self(), ESP_PART_TRAIN, 0, &set));
    assert_memory_equal(set.csr[BAG].start, start, sizeof start);
    assert_memory_equal(set.csr[BAG].index, index, sizeof index);
    assert_memory_equal(set.csr[EDGES].index, to, sizeof to);
    assert_true(!set.csr[BAG].value == !values && !set.csr[EDGES].value && set.width[EDGES] == 1);
    if (values) assert_memory_equal(set.csr[BAG].value, data, sizeof data);
    esp_set_free(&set);
    esp_set_close(&file);
  }
  f.edges = 0;
  esp_set_file file;
  write_foreign(&f);
  assert_ok(esp_set_open(comm, path, &graph, &file));
  assert_true(file.about.width[EDGES] == 0);
  esp_set_close(&file);
}

/* Opens as it should, or tells this; then the set reads, or tells that. */
static void refuse_graph(const foreign *f, int code, const char *what, int when_read) {
  esp_set_file file;
  esp_set set;
  write_foreign(f);
  int rc = esp_set_open(comm, path, &graph, &file);
  if (when_read) {
    assert_ok(rc);
    rc = esp_set_read(&file, comm, ESP_PART_TRAIN, 0, &set);
    esp_set_close(&file);
  }
  if (rc != code || !strstr(esp_error_message(), what) || !strstr(esp_error_message(), path))
    fail_msg("code %d, not %d with '%s': %s", rc, code, what, esp_error_message());
  esp_error_clear();
}
#define BROKEN(change, code, what, when_read) \
  do {                                        \
    foreign f = good();                       \
    change;                                   \
    refuse_graph(&f, code, what, when_read);  \
  } while (0)

static void broken(void **state) {
  (void)state;
  BROKEN(f.start[1] = 6, ESP_ERR_FORMAT, "/train/bag/indptr is 2 at 2, must ascend: 6 to 6", 1);
  BROKEN(f.start[2] = -1, ESP_ERR_FORMAT, "/train/bag/indptr is -1 at 2", 1);
  BROKEN(f.start[2] = INT64_C(1) << 60, ESP_ERR_FORMAT, "is 1152921504606846976 at 2, must ascend: 2 to 6", 1);
  BROKEN(f.start[0] = 1, ESP_ERR_FORMAT, "/train/bag/indptr goes from 1 to 6, must from 0 to", 0);
  BROKEN(f.start[4] = 7, ESP_ERR_FORMAT, "goes from 0 to 7, must from 0 to the number of indices, 6", 0);
  BROKEN(f.index[4] = WIDE, ESP_ERR_VALUE, "row 2: bag has an entry at 9: must be 0 to 8", 1);
  BROKEN(f.index[0] = -1, ESP_ERR_VALUE, "row 0: bag has an entry at -1", 1);
  BROKEN(f.index[4] = 1, ESP_ERR_VALUE, "row 2: bag has two entries at 1, must have one", 1);
  BROKEN(f.to[5] = 4, ESP_ERR_VALUE, "row 3: edges has an entry at 4: must be 0 to 3", 1);
  BROKEN(f.data[3] = NAN, ESP_ERR_VALUE, "particle 2: bag, column 1, is nan", 1);
  BROKEN(f.told = 0, ESP_ERR_FORMAT, "/train/bag has no attribute columns", 0);
  BROKEN(f.columns = 0, ESP_ERR_FORMAT, "/train/bag has 0 columns, must be 1 to", 0);
  BROKEN(f.columns = INT64_C(1) << 40, ESP_ERR_FORMAT, "has 1099511627776 columns", 0);
  BROKEN(f.values = 5, ESP_ERR_FORMAT, "/train/bag/data has 5 numbers, must have as many as there are indices, 6", 0);
  BROKEN(f.indices = 0, ESP_ERR_FORMAT, "/train/bag/indices is missing", 0);
  BROKEN(f.whole = 0, ESP_ERR_FORMAT, "/train/bag/indptr holds neither integers", 0);
  assert_int_equal(esp_file_open_objects(), 0);
}

CASE_MAIN_WITH(setup, teardown, cmocka_unit_test(comes_back), cmocka_unit_test(fingerprint), cmocka_unit_test(told),
               cmocka_unit_test(wrong_puts), cmocka_unit_test(any_order), cmocka_unit_test(broken))
