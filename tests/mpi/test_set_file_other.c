/* Files of other origin with no more than they need are read; broken ones are refused by name, on every rank.
 * ranks: 1 2 3 */
#include "set_fixture.h"

static void own_data(void **state) {
  (void)state;
  static const char *const formats[] = {ESP_SET_FORMAT, "espalier features"};
  const dataset small[] = {{"train/x", H5T_IEEE_F32LE, 2, {150, 2}, 1},
                           {"train/v", H5T_STD_I16LE, 1, {150, 0}, 0},
                           {"train/y", H5T_IEEE_F64LE, 2, {150, 1}, 1}};
  uint64_t sum[2];
  for (int old = 0; old < 2; old++) {
    comm->agree(comm, 0);
    if (comm->rank == 0) {
      hid_t id = serial_create(path);
      serial_text(id, "/", "format", formats[old]);
      for (int k = 0; k < 3; k++) serial_data(id, &small[k]);
      H5Fclose(id);
    }
    comm->agree(comm, 0);
    esp_set_file file;
    esp_set set;
    char task[ESP_SET_WORD];
    int is = 0;
    assert_ok(esp_set_file_is(comm, path, &is));
    assert_int_equal(is, 1);
    assert_ok(esp_set_file_task(comm, path, task));
    assert_string_equal(task, "");
    assert_ok(esp_set_open(comm, path, &layout, &file));
    assert_true(file.sets[0] == 1 && file.sets[1] == 0 && file.n[0][0] == 150);
    assert_true(file.about.width[X] == 2 && file.about.width[V] == 1 && file.about.width[Y] == 1);
    assert_true(file.about.width[Z] == 0 && file.about.width[WEIGHT] == 0);
    assert_ok(esp_set_read(&file, comm, ESP_PART_TRAIN, 0, &set));
    assert_true(!set.value[WEIGHT] && !set.value[Z] && set.about[H].real == 0 && set.about[LAW].whole == -1);
    for (int i = 0; i < set.n_home; i++) {
      const int64_t at = set.first + i;
      assert_true(set.id[i] == at && set.value[V][i] == (double)at && set.value[Y][i] == (double)at);
      assert_true(set.value[X][2 * i] == (double)(2 * at) && set.value[X][2 * i + 1] == (double)(2 * at + 1));
    }
    esp_set_free(&set);
    if (comm->rank == comm->size - 1) { /* a compressed dataset, read by one rank alone */
      assert_ok(esp_set_read(&file, esp_comm_self(), ESP_PART_TRAIN, 0, &set));
      assert_true(set.value[X][299] == 299);
      esp_set_free(&set);
    }
    assert_ok(esp_set_file_checksum(&file, &sum[old]));
    esp_set_close(&file);
    if (comm->rank == 0) assert_true(checksum(esp_comm_self(), path, NULL) == sum[old]);
  }
  assert_true(sum[0] == sum[1]);
}

static void misshapen(void **state) {
  (void)state;
  MAKE({"train/x", F64, 2, {10, 2}, 0});
  refuse(ESP_ERR_FORMAT, "dataset /train/v is missing");
  MAKE({"test/v", F64, 2, {10, 2}, 0});
  refuse(ESP_ERR_FORMAT, "dataset /test/x is missing");
  MAKE({"other/x", F64, 2, {10, 2}, 0});
  refuse(ESP_ERR_FORMAT, "neither a group /train nor /test");
  MAKE({"train/x", F64, 2, {10, 2}, 0}, {"train/v", F64, 2, {9, 1}, 0});
  refuse(ESP_ERR_FORMAT, "/train/v has shape (9, 1), wanted are 10 rows");
  MAKE({"train/x", F64, 2, {10, 0}, 0}, {"train/v", F64, 2, {10, 1}, 0});
  refuse(ESP_ERR_FORMAT, "/train/x has shape (10, 0), wanted is (rows, columns)");
  MAKE(TRAIN_X, TRAIN_V, {"train/id", F64, 1, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "/train/id holds neither integers");
  MAKE(TRAIN_X, TRAIN_V, {"train/weight", F64, 2, {4, 2}, 0});
  refuse(ESP_ERR_FORMAT, "/train/weight has shape (4, 2), wanted is (rows)");
  MAKE(TRAIN_X, TRAIN_V, {"train/sets", I64, 2, {1, 3}, 0});
  refuse(ESP_ERR_FORMAT, "/train/sets has shape (1, 3), wanted are integers (sets, 2)");
  /* sets (0, 1), (2, 3): the second needs rows up to 5 */
  MAKE(TRAIN_X, TRAIN_V, {"train/sets", I64, 2, {2, 2}, 0});
  refuse(ESP_ERR_FORMAT, "/train set 1 has rows [3, +2) of 4");
  MAKE(TRAIN_X, TRAIN_V, {"test/x", F64, 2, {4, 3}, 0}, {"test/v", F64, 1, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "x has 1 columns in /train and 3 in /test");
  MAKE(TRAIN_X, TRAIN_V, {"test/x", F64, 1, {4, 0}, 0}, {"test/v", F64, 1, {4, 0}, 0}, {"test/y", F64, 1, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "y has 0 columns in /train and 1 in /test");
  MAKE_AS("espalier features", {"train/x", F64, 2, {4, 3}, 0}, TRAIN_V, {"features:", 0, 0, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "attribute features is 4, but x has 3 columns");
  MAKE(TRAIN_X, TRAIN_V, {"train/frames/x", F64, 1, {8, 0}, 0});
  refuse(ESP_ERR_FORMAT, "dataset /train/frames/sets is missing");
  MAKE(TRAIN_X, TRAIN_V, {"train/frames/x", F64, 1, {8, 0}, 0}, {"train/frames/sets", I64, 2, {2, 2}, 0});
  refuse(ESP_ERR_FORMAT, "/train/frames/sets has 2 rows, wanted are those of 1 sets");
  MAKE(TRAIN_X, TRAIN_V, {"train/frames/z", F64, 1, {8, 0}, 0});
  refuse(ESP_ERR_FORMAT, "dataset /train/frames/x is missing");
  MAKE(TRAIN_X, TRAIN_V, {"train/about/seed", F64, 1, {1, 0}, 0});
  refuse(ESP_ERR_FORMAT, "/train/about/seed holds floats of 8 bytes, allowed are integers");
  MAKE(TRAIN_X, TRAIN_V, {"train/about/box", F64, 2, {1, 2}, 0});
  refuse(ESP_ERR_FORMAT, "/train/about/box has rank 2 and 2 columns, allowed is rank 2 with 3 columns");
  MAKE(TRAIN_X, TRAIN_V, {"train/about/h", F64, 1, {2, 0}, 0});
  refuse(ESP_ERR_FORMAT, "/train/about/h has 2 rows, should have 1");
}

static void not_a_set_file(void **state) {
  (void)state;
  char task[ESP_SET_WORD];
  int is = 1;
  if (comm->rank == 0) {
    hid_t id = serial_create(path);
    serial_text(id, "/", "format", "espalier checkpoint");
    H5Fclose(id);
  }
  refuse(ESP_ERR_FORMAT, "attribute format is \"espalier checkpoint\"");
  assert_ok(esp_set_file_is(comm, path, &is));
  assert_int_equal(is, 0);
  assert_int_equal(esp_set_file_task(comm, path, task), ESP_ERR_FORMAT);
  assert_non_null(strstr(esp_error_message(), "espalier checkpoint"));
  esp_error_clear();
  if (comm->rank == 0) H5Fclose(serial_create(path));
  refuse(ESP_ERR_FORMAT, "attribute format of / is missing");
  write_file(comm, path, 0, 0);
  assert_ok(esp_set_file_task(comm, path, task));
  assert_string_equal(task, "circles");
  comm->agree(comm, 0);
  if (comm->rank == 0) assert_int_equal(truncate(path, 9000), 0);
  refuse(ESP_ERR_FORMAT, "");
  if (comm->rank == 0) remove(path);
  refuse(ESP_ERR_FILE, "cannot be read");
  is = 1;
  assert_ok(esp_set_file_is(comm, path, &is));
  assert_true(is == 0 && !esp_error_message()[0]);
  assert_int_equal(esp_file_open_objects(), 0);
}

/* Ids may be any numbers, but for two equal ones of a set, on whichever ranks: also where all other places fit. */
static void equal_ids(void **state) {
  (void)state;
  for (int twins = 0; twins < 2; twins++) {
    esp_set_writer writer;
    esp_set_file file;
    esp_set set;
    begin(comm, path, 1, &writer);
    for (int s = TRAIN; s < SETS; s++) {
      fill(s, 0, SIZE[s], 1, 1, &set);
      for (int i = 0; i < set.n_home && s == 4; i++) set.id[i] = i == 199 ? (twins ? 3 : INT64_MIN) : i;
      assert_ok(esp_set_put(&writer, ESP_PART_TEST, s - TRAIN, comm->rank == 0, &set));
      esp_set_free(&set);
    }
    assert_ok(esp_set_commit(&writer));
    assert_ok(esp_set_open(comm, path, &layout, &file));
    for (int alone_too = 0; alone_too < 2; alone_too++) {
      const int rc = esp_set_read(&file, alone_too ? esp_comm_self() : comm, ESP_PART_TEST, 1, &set);
      assert_int_equal(rc, twins ? ESP_ERR_VALUE : ESP_OK);
      assert_true(!twins || (strstr(esp_error_message(), path) && strstr(esp_error_message(), "/test set 1") &&
                             strstr(esp_error_message(), "particle id 3 occurs more than once")));
      esp_error_clear();
      esp_set_free(&set);
    }
    assert_ok(esp_set_read(&file, comm, ESP_PART_TEST, 0, &set));
    esp_set_free(&set);
    esp_set_close(&file);
  }
}

/* A forbidden number is named with file, set and id, on every rank, by the set that holds it alone. */
static void forbidden_numbers(void **state) {
  (void)state;
  esp_set_writer writer;
  esp_set_file file;
  esp_set set;
  begin(comm, path, 1, &writer);
  for (int s = TRAIN; s < SETS; s++) {
    fill(s, 0, SIZE[s], 1, 1, &set);
    if (s == 4) set.value[V][150 * F + 1] = NAN, set.value[WEIGHT][199] = -1;
    assert_ok(esp_set_put(&writer, ESP_PART_TEST, s - TRAIN, comm->rank == comm->size - 1, &set));
    esp_set_free(&set);
  }
  assert_ok(esp_set_commit(&writer));
  assert_ok(esp_set_open(comm, path, &layout, &file));
  assert_ok(esp_set_read(&file, comm, ESP_PART_TEST, 0, &set));
  esp_set_free(&set);
  assert_int_equal(esp_set_read(&file, comm, ESP_PART_TEST, 1, &set), ESP_ERR_VALUE);
  const char *said = esp_error_message();
  assert_true(strstr(said, path) && strstr(said, "/test set 1") && !set.id);
  assert_true(strstr(said, "particle 5050: v, column 1") || strstr(said, "particle 5393: weight"));
  esp_error_clear();
  assert_int_equal(esp_set_read(&file, esp_comm_self(), ESP_PART_TEST, 1, &set), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "particle 5050: v, column 1"));
  esp_error_clear();
  esp_set_close(&file);
}

CASE_MAIN_WITH(setup, teardown, cmocka_unit_test(own_data), cmocka_unit_test(misshapen),
               cmocka_unit_test(not_a_set_file), cmocka_unit_test(equal_ids), cmocka_unit_test(forbidden_numbers))
