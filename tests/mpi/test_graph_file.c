/* Proves that a graph's files hold what the graph does, the weights among it, and are the same bytes whoever writes them,
 * ranks without particles and weights of every length included; and that what cannot be written leaves what was there. */
#include "case.h"

#include <unistd.h>

#include "base/functions.h"
#include "io/file.h"
#include "io/graph_file.h"

enum { N = 10, MOST = N * N };

static void ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static const esp_graph_about about = {.task = "clouds",
                                      .network = "none",
                                      .neighbours = 3,
                                      .layer = 2,
                                      .dim = 5,
                                      .scale = 0.5,
                                      .checkpoint = 0xabc,
                                      .data = 7,
                                      .checksum = 1};

/* Row i has i edges, to anyone, ever farther away; rows by ranks as they come, rank 0 without any where there are others. */
static esp_graph graph_of(const esp_comm *who) {
  const int alone = who->size == 1, rank = alone ? 0 : who->rank - 1, ranks = alone ? 1 : who->size - 1;
  esp_graph g = {.n = N, .edges = N * (N - 1) / 2};
  const int from = rank < 0 ? 0 : N * rank / ranks, to = rank < 0 ? 0 : N * (rank + 1) / ranks;
  g.first = from, g.before = from * (from - 1) / 2, g.n_home = to - from;
  ok(ESP_ALLOC(g.start, g.n_home + 1));
  ok(ESP_ALLOC(g.sender, MOST));
  ok(ESP_ALLOC(g.distance, MOST));
  int64_t e = 0;
  for (int i = from; i < to; i++) {
    for (int k = 0; k < i; k++, e++)
      g.sender[e] = (i * 7 + k) % N, g.distance[e] = 0.1 * i + (k % 5 ? 1.25 * k * k : 0.25 * k);
    g.start[i - from + 1] = e;
  }
  return g;
}

static void write_one(const esp_comm *who, const char *path) {
  esp_graph g = graph_of(who);
  int64_t id[N];
  for (int i = 0; i < g.n_home; i++) id[i] = 100 - (g.first + i);
  ok(esp_graph_write(who, path, &g, id, &about));
  esp_graph_free(&g);
}

static void same_bytes(const char *one, const char *other) {
  write_one(comm, one);
  if (comm->rank == 0) {
    write_one(esp_comm_self(), other);
    case_same_bytes(one, other);
  }
  sum_over_ranks(0);
}

static double weight_of(double distance) {
  return esp_exp64(-0.5 * (distance / 0.5 * (distance / 0.5)));
}

static void hdf5(void **state) {
  (void)state;
  same_bytes("graph_all.h5", "graph_one.h5");
  esp_graph g = graph_of(esp_comm_self());
  esp_file *file;
  int64_t start[N + 1], sender[MOST], id[N], shape[2];
  double weight[MOST], distance[MOST], scale;
  char text[64];
  ok(esp_file_open(comm, "graph_all.h5", &file));
  ok(esp_file_read(file, "indptr", ESP_FILE_I64, 0, N + 1, 0, N + 1, start));
  ok(esp_file_read(file, "indices", ESP_FILE_I64, 0, g.edges, 0, g.edges, sender));
  ok(esp_file_read(file, "weight", ESP_FILE_F64, 0, g.edges, 0, g.edges, weight));
  ok(esp_file_read(file, "distance", ESP_FILE_F64, 0, g.edges, 0, g.edges, distance));
  ok(esp_file_read(file, "id", ESP_FILE_I64, 0, N, 0, N, id));
  ok(esp_file_attr_read(file, "/", "shape", ESP_FILE_I64, 2, shape));
  ok(esp_file_attr_read(file, "/", "scale", ESP_FILE_F64, 1, &scale));
  ok(esp_file_attr_read_string(file, "/", "checkpoint", text, sizeof text));
  assert_string_equal(text, "0000000000000abc");
  assert_true(scale == 0.5 && shape[0] == N && shape[1] == N);
  assert_memory_equal(start, g.start, sizeof start);
  assert_memory_equal(sender, g.sender, (size_t)g.edges * sizeof *sender);
  assert_memory_equal(distance, g.distance, (size_t)g.edges * sizeof *distance);
  for (int e = 0; e < g.edges; e++) assert_true(weight[e] == weight_of(distance[e]));
  for (int i = 0; i < N; i++) assert_int_equal(id[i], 100 - i);
  esp_file_close(&file);
  esp_graph_free(&g);
}

static void text_file(void **state) {
  (void)state;
  same_bytes("graph_all.mtx", "graph_one.mtx");
  if (comm->rank) return;
  esp_graph g = graph_of(esp_comm_self());
  FILE *file = fopen("graph_all.mtx", "r");
  char line[256];
  int row, column, edges, small = 0, none = 0;
  double weight;
  assert_non_null(file);
  do assert_non_null(fgets(line, sizeof line, file));
  while (line[0] == '%');
  assert_int_equal(sscanf(line, "%d %d %d", &row, &column, &edges), 3);
  assert_true(row == N && column == N && edges == g.edges);
  for (int i = 0; i < N; i++)
    for (int64_t e = g.start[i]; e < g.start[i + 1]; e++) {
      assert_int_equal(fscanf(file, "%d %d %lf", &row, &column, &weight), 3);
      assert_true(row == i + 1 && column == g.sender[e] + 1);
      assert_true(weight == weight_of(g.distance[e]));
      small += weight > 0 && weight < 1e-100;
      none += weight == 0;
    }
  assert_int_equal(fscanf(file, "%255s", line), EOF);
  assert_true(small > 0 && none > 0);
  fclose(file);
  esp_graph_free(&g);
}

static void refused(void **state) {
  (void)state;
  const char *const wrong[] = {"graph.csv", "graph", "a.h5/graph", ".mtx.gz", ""};
  for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
    assert_int_equal(esp_graph_file_check(wrong[k]), ESP_ERR_CONFIG);
  esp_graph g = graph_of(comm);
  const int64_t id[N] = {0};
  assert_int_equal(esp_graph_write(comm, "nowhere/graph.mtx", &g, id, &about), ESP_ERR_FILE);
  assert_int_equal(esp_graph_write(comm, "nowhere/graph.h5", &g, id, &about), ESP_ERR_FILE);
  esp_error_clear();
  esp_graph_free(&g);
}

static int enter(void **state) {
  static char folder[64];
  (void)state;
  if (comm->rank == 0) snprintf(folder, sizeof folder, "/tmp/espalier-graph.XXXXXX");
  if (comm->rank == 0 && !mkdtemp(folder)) return 1;
  return comm->broadcast(comm, folder, sizeof folder, 0) || chdir(folder);
}
static int leave(void **state) {
  (void)state;
  const char *const made[] = {"graph_all.h5", "graph_one.h5", "graph_all.mtx", "graph_one.mtx"};
  char folder[256];
  sum_over_ranks(0);
  for (size_t k = 0; k < 4 && comm->rank == 0; k++) unlink(made[k]);
  return comm->rank == 0 && getcwd(folder, sizeof folder) && rmdir(folder);
}

CASE_MAIN_WITH(enter, leave, cmocka_unit_test(hdf5), cmocka_unit_test(text_file), cmocka_unit_test(refused))
