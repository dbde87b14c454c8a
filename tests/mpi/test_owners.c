/* The file of who owns what has the same bytes whoever writes it, one rank or many, with one tree or two; its owners are
 * those of a domain over as many ranks; each place occurs once; one that cannot be written leaves nothing.
 * ranks: 1 2 3 7 */
#include "case.h"

#include <stdio.h>
#include <unistd.h>

#include "domain/domain.h"
#include "io/file.h"
#include "io/owners.h"

enum { MOST = 400, COUNTS = 3 };
static const esp_domain_param small = {.leaf = 4, .block = 16, .dim = 3, .lists = {.theta = 0.8}};
static const esp_column none[] = {{0}};
static const esp_number no_number[] = {{0}};
static const esp_layout layout = {none, no_number, ""};
static char path[2][256];

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static int setup(void **state) {
  (void)state;
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  for (int k = 0; k < 2; k++) snprintf(path[k], sizeof path[k], "test_owners_%lld_%d.h5", (long long)pid, k);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  comm->agree(comm, 0);
  for (int k = 0; k < 2 && comm->rank == 0; k++) remove(path[k]);
  return 0;
}

/* This rank's share over `who` of a cloud: places and ids are the whole cloud's from `first` on. */
static void write_cut(const esp_comm *who, const char *name, const cloud *c, int queries, esp_domain **dom,
                      uint64_t *checksum) {
  const int64_t ranks[COUNTS] = {comm->size, 1, 64};
  int64_t count;
  esp_set set = {.n = c->n, .layout = &layout};
  esp_set_share(c->n, who->rank, who->size, &set.first, &count);
  set.n_home = (int)count;
  set.id = c->id + set.first;
  const double *z = c->z + 3 * set.first, *q = queries ? c->q + 3 * set.first : NULL;
  assert_ok((who->size > 1 ? esp_domain_build_mpi : esp_domain_build_self)(who, &small, set.n_home, z, q, set.id, dom));
  assert_ok(esp_owners_write(name, "clouds", &set, *dom, COUNTS, ranks, checksum));
}

/* dom: over all ranks. */
static void check_columns(esp_file *file, const cloud *c, const char *of, const esp_domain *dom, const esp_tree *tree) {
  static int64_t slot[MOST], id_at[MOST];
  static int owner[MOST][COUNTS];
  char name[2][32], seen[MOST] = {0};
  snprintf(name[0], sizeof name[0], "%sslot", of);
  snprintf(name[1], sizeof name[1], "%sowner", of);
  assert_ok(esp_file_read(file, name[0], ESP_FILE_I64, 0, c->n, 0, c->n, slot));
  assert_ok(esp_file_read(file, name[1], ESP_FILE_I32, COUNTS, c->n, 0, c->n, owner));
  for (int i = 0; i < c->n; i++) {
    assert_true(slot[i] >= 0 && slot[i] < c->n && !seen[slot[i]]);
    seen[slot[i]] = 1;
    id_at[slot[i]] = c->id[i];
    const int mine = slot[i] >= tree->slot_first && slot[i] < tree->slot_first + tree->n_own;
    assert_int_equal(owner[i][0] == comm->rank, mine);
    assert_int_equal(owner[i][1], 0);
    for (int j = 0; j < i; j++)
      assert_true((slot[i] < slot[j]) == (owner[i][2] < owner[j][2]) || owner[i][2] == owner[j][2]);
    assert_in_range(owner[i][2], 0, 63);
  }
  for (int s = 0; s < dom->n_own && tree == &dom->tree; s++) assert_int_equal(id_at[tree->slot_first + s], dom->id[s]);
}

static void check(const cloud *c, int queries) {
  esp_domain *dom = NULL, *self = NULL;
  esp_file *file;
  uint64_t sum, alone = 0;
  int64_t ranks[COUNTS], ids[MOST + 1];
  char text[32], told[32];
  write_cut(comm, path[0], c, queries, &dom, &sum);
  if (comm->rank == 0) {
    write_cut(esp_comm_self(), path[1], c, queries, &self, &alone);
    case_same_bytes(path[0], path[1]);
    assert_true(sum == alone);
  }
  assert_ok(esp_file_open(comm, path[0], &file));
  assert_ok(esp_file_attr_read(file, "/", "ranks", ESP_FILE_I64, COUNTS, ranks));
  assert_true(ranks[0] == comm->size && ranks[2] == 64);
  assert_ok(esp_file_attr_read_string(file, "/", "checksum", text, sizeof text));
  snprintf(told, sizeof told, "%016llx", (unsigned long long)sum);
  assert_string_equal(text, told);
  assert_ok(esp_file_read(file, "id", ESP_FILE_U64, 0, c->n, 0, c->n, ids));
  assert_memory_equal(ids, c->id, (size_t)c->n * sizeof *ids);
  check_columns(file, c, "", dom, &dom->tree);
  if (queries) check_columns(file, c, "receiver_", dom, dom->queries);
  esp_file_close(&file);
  esp_domain_free(&dom);
  esp_domain_free(&self);
}

static void written(void **state) {
  (void)state;
  static const int sizes[] = {0, 1, 5, MOST};
  uint64_t sum[2];
  for (int k = 0; k < 4; k++)
    for (int queries = 0; queries < 2; queries++) {
      cloud c = cloud_make(sizes[k], 3, KEYS_PLUMMER, SHARE_EVEN);
      cloud_query(&c, KEYS_BALL);
      for (int i = 0; i < c.n; i += 7) c.id[i] |= INT64_MIN; /* ids of 64 bits */
      check(&c, queries);
      cloud_free(&c);
    }
  /* another place, another sum */
  for (int k = 0; k < 2; k++) {
    esp_domain *dom = NULL;
    cloud c = cloud_make(64, 3, KEYS_BALL, SHARE_EVEN);
    if (k) c.z[0] = 1 - c.z[0];
    write_cut(comm, path[0], &c, 0, &dom, &sum[k]);
    esp_domain_free(&dom);
    cloud_free(&c);
  }
  assert_true(sum[0] != sum[1]);
  assert_int_equal(esp_file_open_objects(), 0);
}

static void nowhere(void **state) {
  (void)state;
  const int64_t ranks[] = {2};
  uint64_t sum;
  esp_domain *dom = NULL;
  cloud c = cloud_make(0, 3, KEYS_BALL, SHARE_EVEN);
  esp_set set = {.layout = &layout};
  assert_ok(esp_domain_build_mpi(comm, &small, 0, c.home_z, NULL, c.home_id, &dom));
  assert_int_equal(esp_owners_write("no/such/folder/cut.h5", "", &set, dom, 1, ranks, &sum), ESP_ERR_FILE);
  assert_non_null(strstr(esp_error_message(), "no/such/folder/cut.h5"));
  esp_error_clear();
  esp_domain_free(&dom);
  cloud_free(&c);
}

CASE_MAIN_WITH(setup, teardown, cmocka_unit_test(written), cmocka_unit_test(nowhere))
