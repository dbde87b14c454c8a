/* Sets come back bit for bit, whole, in shares and by frames, whoever wrote which part; the file is the same for any number
 * of ranks; what was not announced is not written, and a failure leaves no file.
 * ranks: 1 2 3 4 5 7 */
#include "set_fixture.h"

#include <signal.h>
#include <sys/resource.h>

/* Every set, in shares and whole, is what `fill` makes. */
static void check_file(int weighted) {
  esp_set_file file;
  esp_set set;
  assert_ok(esp_set_open(comm, path, &layout, &file));
  assert_string_equal(file.about.task, "circles");
  for (int k = 0; k < COLUMNS; k++) assert_true(file.about.width[k] == (k == WEIGHT && !weighted ? 0 : WIDTH[k]));
  assert_true(file.sets[0] == 3 && file.sets[1] == 2 && file.n[0][2] == 0 && file.n[1][1] == 200);
  assert_true(esp_set_largest(&file, ESP_PART_TRAIN) == 0 && esp_set_largest(&file, ESP_PART_TEST) == 1);
  for (int s = 0; s < SETS; s++) {
    const esp_part part = s < TRAIN ? ESP_PART_TRAIN : ESP_PART_TEST;
    assert_ok(esp_set_read(&file, comm, part, s < TRAIN ? s : s - TRAIN, &set));
    compare(s, weighted, &set);
    assert_int_equal(sum_over_ranks(set.n_home), SIZE[s]);
    esp_set_free(&set);
    if (s % comm->size != comm->rank) continue; /* local: the others do not take part */
    assert_ok(esp_set_read(&file, esp_comm_self(), part, s < TRAIN ? s : s - TRAIN, &set));
    assert_true(set.n_home == SIZE[s]);
    compare(s, weighted, &set);
    esp_set_free(&set);
    if (s >= TRAIN) check_frames(&file, s);
  }
  assert_int_equal(esp_set_read(&file, comm, ESP_PART_TEST, 2, &set), ESP_ERR_ARG);
  esp_error_clear();
  esp_set_close(&file);
}

static void comes_back(void **state) {
  (void)state;
  uint64_t sums[2];
  for (int weighted = 0; weighted < 2; weighted++) {
    if (comm->rank == 0) {
      write_file(esp_comm_self(), alone, weighted, 0);
      sums[weighted] = checksum(esp_comm_self(), alone, &layout);
    }
    comm->broadcast(comm, &sums[weighted], sizeof *sums, 0);
    for (int way = 0; way < 3; way++) {
      write_file(comm, path, weighted, way);
      check_file(weighted);
      assert_true(checksum(comm, path, &layout) == sums[weighted]);
      assert_true(checksum(comm, path, NULL) == sums[weighted]);
      comm->agree(comm, 0);
    }
  }
  assert_true(sums[0] != sums[1]);
  assert_int_equal(esp_file_open_objects(), 0);
}

/* No set at all, in one part or in both; a set of no particle; layouts without numbers. */
static void empty(void **state) {
  (void)state;
  static const esp_number none[] = {{NULL}};
  static const esp_layout bare = {columns, none, ""};
  const esp_set_about about = {.width = {D, F}};
  const int64_t zero = 0, *const n[ESP_PARTS] = {&zero, NULL};
  for (int64_t train = 0; train < 2; train++) {
    const int64_t sets[ESP_PARTS] = {train, 0};
    esp_set_writer writer;
    esp_set_file file;
    esp_set set = {.layout = &bare, .width = {D, F}};
    assert_ok(esp_set_create(&set));
    assert_ok(esp_set_begin(comm, path, train ? &bare : &layout, &about, sets, n, NULL, &writer));
    assert_ok(esp_set_put(&writer, ESP_PART_TRAIN, 0, (int)train, &set));
    assert_ok(esp_set_put(&writer, ESP_PART_TEST, 0, 0, NULL));
    assert_ok(esp_set_commit(&writer));
    esp_set_free(&set);
    assert_ok(esp_set_open(comm, path, train ? &bare : &layout, &file));
    assert_true(file.sets[0] == train && file.sets[1] == 0 && file.about.width[X] == D && !file.about.width[Y]);
    assert_true(esp_set_largest(&file, ESP_PART_TEST) == -1 && esp_set_largest(&file, ESP_PART_TRAIN) == train - 1);
    if (train) {
      assert_ok(esp_set_read(&file, comm, ESP_PART_TRAIN, 0, &set));
      assert_true(set.n == 0 && set.width[X] == D);
      esp_set_free(&set);
    }
    esp_set_close(&file);
    comm->agree(comm, 0);
  }
}
/* One number more, or two numbers' places, or an id, or a frame's number show in the fingerprint. */
static void fingerprint(void **state) {
  (void)state;
  uint64_t sum[7];
  for (int way = 0; way < 7; way++) {
    esp_set_writer writer;
    begin(comm, path, 1, &writer);
    for (int s = 0; s < SETS; s++) {
      esp_set set;
      fill(s, 0, SIZE[s], 1, 1, &set);
      if (s == 4 && way == 1) set.value[V][2 * F] = nextafter(set.value[V][2 * F], 1);
      if (s == 4 && way == 2) set.value[X][0] = number(s, 0, X, 1), set.value[X][1] = number(s, 0, X, 0);
      if (s == 4 && way == 3) set.id[5]++;
      if (s == 4 && way == 4) set.frame[Z][0] += 1;
      if (s == 4 && way == 5) set.about[BOX].real = 1;
      if (s == 2 && way == 6) set.about[LAW].whole = -1;
      assert_ok(esp_set_put(&writer, s < TRAIN ? ESP_PART_TRAIN : ESP_PART_TEST, s < TRAIN ? s : s - TRAIN,
                            comm->rank == 0, &set));
      esp_set_free(&set);
    }
    assert_ok(esp_set_commit(&writer));
    sum[way] = checksum(comm, path, &layout);
    for (int other = 0; other < way; other++) assert_true(sum[other] != sum[way]);
    comm->agree(comm, 0);
  }
}

/* What was not announced is not written, and a failure, of one rank alone, too, leaves no file. */
static void wrong_sets(void **state) {
  (void)state;
  const int64_t sets[ESP_PARTS] = {1, 0}, *const n[ESP_PARTS] = {SIZE, NULL};
  const esp_set_about about = {.width = {D}};
  esp_set_writer writer;
  esp_set set;
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
  begin(comm, path, 0, &writer);
  fill(4, 0, SIZE[4], 0, 1, &set);
  assert_int_equal(esp_set_put(&writer, ESP_PART_TRAIN, 0, comm->rank == 0, &set), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "of 200 for set 0 of /train, which has 130"));
  esp_error_clear();
  assert_int_equal(esp_set_put(&writer, ESP_PART_TRAIN, 3, 1, &set), ESP_ERR_ARG);
  esp_error_clear();
  set.frames = 1;
  assert_int_equal(esp_set_put(&writer, ESP_PART_TEST, 1, 1, &set), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "has 1 frames; announced are 3"));
  esp_error_clear();
  set.frames = 3, set.width[V] = 1;
  assert_int_equal(esp_set_put(&writer, ESP_PART_TEST, 1, 1, &set), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "column v has width 1; announced is 2"));
  esp_error_clear();
  esp_set_free(&set);
  esp_set_abort(&writer);
  esp_set_abort(&writer);
  assert_int_equal(access(path, F_OK), -1);
  assert_int_equal(esp_set_begin(comm, path, &layout, &about, sets, n, NULL, &writer), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "column v of width 0"));
  esp_error_clear();
  assert_int_equal(esp_file_open_objects(), 0);
}

/* Where one rank may not write so much, no rank writes, and what stood there stays. */
static void no_space(void **state) {
  (void)state;
  const int64_t sizes[] = {0, 20000}, many[] = {0, 3000};
  struct rlimit old, small;
  signal(SIGXFSZ, SIG_IGN);
  write_file(comm, path, 0, 0);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  for (int way = 0; way < 2; way++) { /* particles, then numbers are too many */
    const int64_t sets[ESP_PARTS] = {1, many[way]};
    const esp_set_about about = {.width = {D, F}};
    int64_t *none = calloc(3000, sizeof *none);
    const int64_t *const n[ESP_PARTS] = {&sizes[1 - way], none};
    esp_set_writer writer;
    comm->agree(comm, 0);
    small = old;
    if (comm->rank == comm->size - 1) small.rlim_cur = way ? 200000 : 500000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const int rc = esp_set_begin(comm, path, &layout, &about, sets, n, NULL, &writer);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, ESP_ERR_FILE);
    assert_non_null(strstr(esp_error_message(), "file size limit"));
    esp_error_clear();
    free(none);
  }
  comm->agree(comm, 0);
  check_file(0);
  assert_int_equal(esp_file_open_objects(), 0);
}

CASE_MAIN_WITH(setup, teardown, cmocka_unit_test(comes_back), cmocka_unit_test(empty), cmocka_unit_test(fingerprint),
               cmocka_unit_test(wrong_sets), cmocka_unit_test(no_space))
