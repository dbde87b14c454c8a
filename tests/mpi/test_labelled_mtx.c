/* Graphs in Matrix Market, with labels and words beside them, become sets on any number of ranks: both directions of symmetric
 * ones, what stands twice left out and counted, edges without a twin the other way told; what is broken is named on all ranks. */
#include "labelled_case.h"

static char mtx[300], labels[300], words[300];

static void write_text(const char *name, const char *text) {
  comm->agree(comm, 0);
  if (comm->rank == 0) {
    FILE *out = fopen(name, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
  }
  comm->agree(comm, 0);
}

static void mtx_names(void) {
  snprintf(mtx, sizeof mtx, "%s.mtx", path);
  snprintf(labels, sizeof labels, "%s_labels.txt", path);
  snprintf(words, sizeof words, "%s_features.mtx", path);
}

static void remove_texts(void) {
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(mtx), remove(labels), remove(words);
  comm->agree(comm, 0);
}

#define HEAD(field, symmetry) "%%MatrixMarket matrix coordinate " field " " symmetry "\n"

static void from_mtx(void **state) {
  (void)state;
  const esp_input_param input = {.file = mtx, .types = "all"};
  const int64_t both[] = {1, 3, 0, 2, 1, 0}, start[] = {0, 2, 4, 5, 6, 6}, general[] = {1, 0, 2, 0};
  const double weight[] = {0.5, 2, 3, 4};
  esp_origin origin;
  esp_set set;
  mtx_names();
  write_text(labels, "0\n2\n\n-1\n1\n2\n");
  write_text(words, HEAD("real", "General") "% words\n\n5 4 3\n1 2 0.5\n5 4 2\n1 1 1e0\n");
  write_text(mtx, HEAD("pattern", "symmetric") "5 5 6\n2 1\n3 2\n4 1\n1 4\n3 3\n2 1\n");
  assert_ok(esp_format_read(comm, &input, &esp_nodes_layout, &set, &origin));
  assert_string_equal(origin.format->name, "matrix_market");
  same_as_alone(&set, &input);
  assert_string_equal(origin.note, "1 self edges and 2 edges that stood there already are left out");
  assert_string_equal(origin.told, "5 particles, 3 classes, 4 sparse features, 3 edges");
  if (set.n_home) {
    assert_memory_equal(set.csr[ESP_NODES_EDGES].start, start, sizeof start);
    assert_memory_equal(set.csr[ESP_NODES_EDGES].index, both, sizeof both);
    assert_true(!set.csr[ESP_NODES_EDGES].value && set.csr[ESP_NODES_WORDS].value[0] == 1);
    assert_true(set.csr[ESP_NODES_WORDS].columns == 4 && set.csr[ESP_NODES_WORDS].index[1] == 1);
    assert_true(set.value[ESP_NODES_CLASS][3 * 1 + 2] == 1 && set.value[ESP_NODES_CLASS][3 * 2] == 0);
  }
  esp_set_free(&set);
  write_text(mtx, HEAD("real", "general") "5 5 4\n1 2 0.5\n2 1 2\n2 3 3\n4 1 4\n");
  assert_ok(esp_format_read(comm, &input, &esp_nodes_layout, &set, &origin));
  if (set.n_home) assert_memory_equal(set.csr[ESP_NODES_EDGES].index, general, sizeof general);
  if (set.n_home) assert_memory_equal(set.csr[ESP_NODES_EDGES].value, weight, sizeof weight);
  same_as_alone(&set, &input);
  esp_set_free(&set);
  remove_texts();
}

/* A ring of 400 whose every fourth edge goes both ways, two of them told twice; words of two rows stand in the file again. */
static void across_ranks(void **state) {
  (void)state;
  enum { RING = 400 };
  const esp_input_param input = {.file = mtx, .types = "all"};
  char *text = malloc(1 << 14), *to = text;
  esp_origin origin;
  esp_set set;
  mtx_names();
  to += sprintf(to, "%s%d %d 502\n", HEAD("pattern", "general"), RING, RING);
  for (int i = 0; i < RING; i++) {
    const int j = (i + 1) % RING;
    to += sprintf(to, "%d %d\n", i + 1, j + 1);
    if (i % 4 == 0) to += sprintf(to, "%d %d\n", j + 1, i + 1);
    if (i == 127 || i == 128) to += sprintf(to, "%d %d\n", i + 1, j + 1);
  }
  write_text(mtx, text);
  to = text;
  for (int i = 0; i < RING; i++) to += sprintf(to, "%d\n", i % 2);
  write_text(labels, text);
  write_text(words, HEAD("pattern", "general") "400 4 2\n1 2\n400 1\n");
  assert_ok(esp_format_read(comm, &input, &esp_nodes_layout, &set, &origin));
  same_as_alone(&set, &input);
  assert_string_equal(origin.note,
                      "0 self edges and 2 edges that stood there already are left out\n"
                      "300 of 500 edges have no twin the other way: they are heard one way alone, and "
                      "weights that a network makes symmetric go by what each end hears");
  esp_set_free(&set);
  write_text(words, HEAD("pattern", "general") "400 4 8\n301 2\n301 2\n1 1\n151 4\n151 3\n151 3\n151 3\n151 1\n");
  read_refused(mtx, ESP_ERR_VALUE, "_features.mtx: entry (151, 3) stands twice, the first of 3 that do");
  remove_texts();
  free(text);
}

static void broken_mtx(void **state) {
  (void)state;
  static const struct {
    const char *graph, *label, *word, *what;
    int code;
  } cases[] = {
      {HEAD("complex", "general") "1 1 0\n", "0\n", NULL, "is matrix coordinate complex general; read is",
       ESP_ERR_FORMAT},
      {HEAD("real", "hermitian") "1 1 0\n", "0\n", NULL, "hermitian; read is", ESP_ERR_FORMAT},
      {"%%MatrixMarket matrix array real general\n1 1\n1\n", "0\n", NULL, "array real general", ESP_ERR_FORMAT},
      {HEAD("pattern", "general"), "0\n", NULL, "has no line of sizes", ESP_ERR_FORMAT},
      {HEAD("pattern", "general") "2 3 0\n", "0\n1\n", NULL, "2 rows and 3 columns", ESP_ERR_FORMAT},
      {HEAD("pattern", "general") "2 2 900000000000\n1 1\n", "0\n1\n", NULL, "claims 900000000000 entries",
       ESP_ERR_FORMAT},
      {HEAD("pattern", "general") "2000000000 2000000000 1\n1 1\n", "0\n1\n", NULL, "claims 2000000000 rows",
       ESP_ERR_FORMAT},
      {HEAD("pattern", "general") "2 2 2\n1 2\n", "0\n1\n", NULL, "ends behind line 3, 1 entries of 2", ESP_ERR_FORMAT},
      {HEAD("pattern", "general") "2 2 1\n1 2\n2 1\n", "0\n1\n", NULL, "line 4: more than 1 entries", ESP_ERR_FORMAT},
      {HEAD("pattern", "general") "2 2 1\n1 3\n", "0\n1\n", NULL, "line 3: entry (1, 3), must be (1, 1) to (2, 2)",
       ESP_ERR_VALUE},
      {HEAD("pattern", "general") "2 2 1\n0 1\n", "0\n1\n", NULL, "entry (0, 1)", ESP_ERR_VALUE},
      {HEAD("pattern", "general") "2 2 1\n1 2 3\n", "0\n1\n", NULL, "line 3: more than its numbers", ESP_ERR_FORMAT},
      {HEAD("pattern", "general") "2 2 1\n1 b\n", "0\n1\n", NULL, "line 3: number 2 is missing", ESP_ERR_FORMAT},
      {HEAD("real", "general") "2 2 1\n1 2\n", "0\n1\n", NULL, "line 3: the value is missing", ESP_ERR_FORMAT},
      {HEAD("real", "general") "2 2 1\n1 2 nan\n", "0\n1\n", NULL, "line 3: the value is nan, must be finite",
       ESP_ERR_VALUE},
      {HEAD("real", "general") "2 2 1\n1 2 -1\n", "0\n1\n", NULL, "line 3: the weight is -1, must be >= 0",
       ESP_ERR_VALUE},
      {HEAD("pattern", "general") "2 2 0\n", NULL, NULL, "_labels.txt", ESP_ERR_FILE},
      {HEAD("pattern", "general") "2 2 0\n", "0\n1\n1\n", NULL, "3 labels for a graph of 2", ESP_ERR_FORMAT},
      {HEAD("pattern", "general") "2 2 0\n", "0\n1.5\n", NULL, "_labels.txt: line 2", ESP_ERR_FORMAT},
      {HEAD("pattern", "general") "2 2 0\n", "0\n1\n", HEAD("real", "general") "3 2 0\n",
       "3 rows; features of this graph are", ESP_ERR_FORMAT},
      {HEAD("pattern", "general") "2 2 0\n", "0\n1\n", HEAD("real", "general") "2 2 2\n1 1 1\n1 1 2\n",
       "entry (1, 1) stands twice, the first of 1 that do", ESP_ERR_VALUE},
  };
  mtx_names();
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    remove_texts();
    write_text(mtx, cases[k].graph);
    if (cases[k].label) write_text(labels, cases[k].label);
    if (cases[k].word) write_text(words, cases[k].word);
    read_refused(mtx, cases[k].code, cases[k].what);
  }
  remove_texts();
}
CASE_MAIN_WITH(setup, teardown, cmocka_unit_test(from_mtx), cmocka_unit_test(across_ranks),
               cmocka_unit_test(broken_mtx))
