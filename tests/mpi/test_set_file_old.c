/* Files of version 1 give the same sets and the same fingerprint as those of version 2; broken ones are refused by name.
 * ranks: 1 2 3 5 */
#include "set_fixture.h"

/* The file `write_file` makes, but for frames, box and each set's seed: in version 2 by hand, and as "espalier features". */
static void features(void **state) {
  (void)state;
  const int64_t average = 1, seed = -5, wide = D, version = 1;
  const double h = 0.25;
  uint64_t sum[2];
  for (int weighted = 0; weighted < 2; weighted++) {
    for (int old = 0; old < 2; old++) {
      comm->agree(comm, 0);
      if (comm->rank == 0) {
        hid_t id = serial_create(path);
        serial_text(id, "/", "format", old ? "espalier features" : ESP_SET_FORMAT);
        serial_text(id, "/", "task", "circles");
        for (int part = 0; part < ESP_PARTS; part++) {
          const int64_t sets = part == ESP_PART_TRAIN ? TRAIN : SETS - TRAIN, law[] = {0, 0, 0};
          const double all[] = {h, h, h};
          char name[64];
          serial_part(id, (esp_part)part, weighted, 1);
          if (old) continue;
          const int64_t ones[] = {1, 1, 1}, seeds[] = {seed, seed, seed};
          snprintf(name, sizeof name, "/%s/about/average", esp_part_name((esp_part)part));
          dataset d = as_set(name, H5T_STD_I32LE, sets, 1);
          serial_write(id, &d, H5T_NATIVE_INT64, ones);
          snprintf(name, sizeof name, "/%s/about/h", esp_part_name((esp_part)part));
          d.type = H5T_IEEE_F32LE;
          serial_write(id, &d, H5T_NATIVE_DOUBLE, all);
          snprintf(name, sizeof name, "/%s/about/seed", esp_part_name((esp_part)part));
          d.type = H5T_STD_I64LE;
          serial_write(id, &d, H5T_NATIVE_INT64, seeds);
          snprintf(name, sizeof name, "/%s/about/law", esp_part_name((esp_part)part));
          serial_write(id, &d, H5T_NATIVE_INT64, law);
          serial_text(id, name, "words", "circles|plane|older");
        }
        if (old) {
          serial_number(id, "version", H5T_NATIVE_INT64, &version);
          serial_number(id, "features", H5T_NATIVE_INT64, &wide);
          serial_number(id, "average", H5T_NATIVE_INT64, &average);
          serial_number(id, "seed", H5T_NATIVE_INT64, &seed);
          serial_number(id, "h", H5T_NATIVE_DOUBLE, &h);
        }
        H5Fclose(id);
      }
      comm->agree(comm, 0);
      esp_set_file file;
      esp_set set;
      assert_ok(esp_set_open(comm, path, &layout, &file));
      assert_int_equal(file.version, old ? 1 : 2);
      for (int s = 0; s < SETS; s++) {
        assert_ok(
            esp_set_read(&file, comm, s < TRAIN ? ESP_PART_TRAIN : ESP_PART_TEST, s < TRAIN ? s : s - TRAIN, &set));
        assert_true(set.about[SEED].whole == seed);
        set.about[SEED].whole -= s, set.about[BOX + 2].real = s;
        compare(s, weighted, &set);
        esp_set_free(&set);
      }
      assert_ok(esp_set_file_checksum(&file, &sum[old]));
      esp_set_close(&file);
    }
    assert_true(sum[0] == sum[1]);
  }
}
/* As `write_file` makes it with neither average nor law, which the table does not have. */
static void ensemble(void **state) {
  (void)state;
  esp_set_file file;
  esp_set set;
  esp_set_writer writer;
  uint64_t sum;
  serial_ensemble(0);
  assert_ok(esp_set_open(comm, path, &layout, &file));
  assert_true(file.version == 1 && file.frames[1][1] == 3);
  for (int s = 0; s < SETS; s++) {
    assert_ok(esp_set_read(&file, comm, s < TRAIN ? ESP_PART_TRAIN : ESP_PART_TEST, s < TRAIN ? s : s - TRAIN, &set));
    assert_true(set.about[AVERAGE].whole == 0 && set.about[LAW].whole == 0);
    set.about[AVERAGE].whole = set.about[LAW].whole = 1;
    compare(s, 1, &set);
    esp_set_free(&set);
    if (s >= TRAIN) check_frames(&file, s);
  }
  assert_ok(esp_set_file_checksum(&file, &sum));
  esp_set_close(&file);
  comm->agree(comm, 0);
  begin(comm, path, 1, &writer);
  for (int s = 0; s < SETS; s++) {
    fill(s, 0, SIZE[s], 1, 1, &set);
    set.about[AVERAGE].whole = set.about[LAW].whole = 0;
    assert_ok(esp_set_put(&writer, s < TRAIN ? ESP_PART_TRAIN : ESP_PART_TEST, s < TRAIN ? s : s - TRAIN,
                          comm->rank == 0, &set));
    esp_set_free(&set);
  }
  assert_ok(esp_set_commit(&writer));
  assert_true(checksum(comm, path, &layout) == sum);
  assert_int_equal(esp_file_open_objects(), 0);
}

static void bad_ensembles(void **state) {
  (void)state;
  static const char *const words[] = {
      "/train/clouds lacks the field offset",        "/train/clouds: field seed must be 1 64-bit integers",
      "/train set 1 has rows [131, +1) of 131",      "/train set 0 has 1 frames from row 0 of 0",
      "/train set 0: h is -1, allowed are 0 to inf", "/train/clouds is no table"};
  for (int spoilt = 1; spoilt <= 6; spoilt++) {
    serial_ensemble(spoilt);
    refuse(ESP_ERR_FORMAT, words[spoilt - 1]);
    assert_int_equal(esp_file_open_objects(), 0);
  }
  MAKE_AS("espalier ensemble", TRAIN_X, TRAIN_V);
  refuse(ESP_ERR_FORMAT, "table /train/clouds is missing");
}

CASE_MAIN_WITH(setup, teardown, cmocka_unit_test(features), cmocka_unit_test(ensemble), cmocka_unit_test(bad_ensembles))
