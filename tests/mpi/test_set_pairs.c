/* Trajectories as pairs of frames: framed columns at the first frame, targets at the later one, the rest the trajectory's; on
 * any number of ranks. A trajectory that is too short gives none; what cannot be is refused by name.
 * ranks: 1 2 4 */
#include "serial_hdf5.h"

#include <stdio.h>
#include <unistd.h>

#include "io/set_file.h"

enum { SETS = 3, D = 2, ROWS = 203, FRAME_ROWS = 200 * 5 + 2 * 3 + 1 };
static const int64_t SIZE[SETS] = {200, 2, 1}, FRAMES[SETS] = {5, 3, 1};
#define PAIRING(lead, stride) ((esp_pairing){lead, stride, 0, {0}})
static char path[64];

static const esp_column columns[] = {{"x", ESP_INPUT, .framed = 1, .min = -INFINITY},
                                     {"v", ESP_SENT, .min = -INFINITY},
                                     {"y", ESP_TARGET, .optional = 1, .of = "x", .ahead = 1, .min = -INFINITY},
                                     {"w", ESP_SENT, .optional = 1, .of = "x", .min = -INFINITY},
                                     {"u", ESP_SENT, .optional = 1, .of = "x", .before = 1, .min = -INFINITY},
                                     {NULL}};
static const esp_number numbers[] = {{"seed", .whole = 1, .count = 1}, {NULL}};
static const esp_layout layout = {columns, numbers, "numbers without a unit"};

/* What stands in row `row` of frames/x. */
static double framed(int64_t row, int k) {
  return (double)(D * row + k);
}

static void write_file(int with_frames) {
  const hid_t id = serial_create(path);
  int64_t sets[SETS][2], frames[SETS][2], seed[SETS], row = 0, frame_row = 0;
  for (int s = 0; s < SETS; s++) {
    sets[s][0] = SIZE[s], sets[s][1] = row, row += SIZE[s];
    frames[s][0] = FRAMES[s], frames[s][1] = frame_row, frame_row += SIZE[s] * FRAMES[s];
    seed[s] = 10 + s;
  }
  assert_true(row == ROWS && frame_row == FRAME_ROWS);
  serial_text(id, "/", "format", ESP_SET_FORMAT);
  serial_data(id, &(dataset){"train/x", H5T_IEEE_F64LE, 2, {ROWS, D}, 0});
  serial_data(id, &(dataset){"train/v", H5T_IEEE_F64LE, 2, {ROWS, 1}, 0});
  serial_write(id, &(dataset){"train/sets", H5T_STD_I64LE, 2, {SETS, 2}, 0}, H5T_NATIVE_INT64, sets);
  serial_write(id, &(dataset){"train/about/seed", H5T_STD_I64LE, 2, {SETS, 1}, 0}, H5T_NATIVE_INT64, seed);
  if (with_frames) {
    serial_data(id, &(dataset){"train/frames/x", H5T_IEEE_F64LE, 2, {FRAME_ROWS, D}, 0});
    serial_write(id, &(dataset){"train/frames/sets", H5T_STD_I64LE, 2, {SETS, 2}, 0}, H5T_NATIVE_INT64, frames);
  }
  H5Fclose(id);
}

static void open_file(int with_frames, esp_set_file *file) {
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, sizeof path, "test_set_pairs_%lld.h5", (long long)pid);
  if (comm->rank == 0) write_file(with_frames);
  comm->agree(comm, 0);
  if (esp_set_open(comm, path, &layout, file)) fail_msg("%s", esp_error_message());
}

static void close_file(esp_set_file *file) {
  esp_set_close(file);
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

/* Pair `number` is that of frames f and f + 2 of set s. */
static void check(const esp_set_file *file, int number, int s, int64_t f) {
  int64_t first_row = 0, first_frame_row = 0;
  esp_set set;
  double later[D];
  for (int t = 0; t < s; t++) first_row += SIZE[t], first_frame_row += SIZE[t] * FRAMES[t];
  if (esp_set_read(file, comm, ESP_PART_TRAIN, number, &set)) fail_msg("%s", esp_error_message());
  assert_true(set.n == SIZE[s] && set.width[2] == D && set.about[0].whole == 10 + s);
  for (int i = 0; i < set.n_home; i++) {
    const int64_t place = set.first + i, row = first_frame_row + f * SIZE[s] + place;
    assert_true(set.id[i] == place && set.value[1][i] == (double)(first_row + place));
    for (int k = 0; k < D; k++) {
      assert_true(set.value[0][D * i + k] == framed(row, k));
      assert_true(set.value[2][D * i + k] == framed(row + 2 * SIZE[s], k));
      assert_true(set.value[3][D * i + k] == set.value[0][D * i + k]);
    }
    /* the trajectory itself begins at f, too */
    assert_int_equal(esp_set_read_frame(file, ESP_PART_TRAIN, number, 1, 0, place, 1, later), ESP_OK);
    assert_true(later[1] == framed(row + SIZE[s], 1));
  }
  esp_set_free(&set);
}

static void pairs(void **state) {
  (void)state;
  esp_set_file file;
  open_file(1, &file);
  assert_int_equal(esp_set_pairs(&file, ESP_PART_TEST, &PAIRING(2, 2)), ESP_OK); /* there are none */
  assert_int_equal(esp_set_pairs(&file, ESP_PART_TRAIN, &PAIRING(2, 2)), ESP_OK);
  assert_int_equal(file.sets[ESP_PART_TRAIN], 3);
  assert_int_equal(file.about.width[2], D);
  check(&file, 0, 0, 0);
  check(&file, 1, 0, 2);
  check(&file, 2, 1, 0);
  assert_true(file.frames[ESP_PART_TRAIN][1] == 3);
  close_file(&file);
}

/* Pairs one apart, that hear of the frames two and one before: the first is that of frame 2. */
static void past(void **state) {
  (void)state;
  const esp_pairing pairing = {.lead = 1, .stride = 1, .backs = 2, .back = {2, 1}};
  esp_set_file file;
  esp_set set;
  open_file(1, &file);
  assert_int_equal(esp_set_pairs(&file, ESP_PART_TRAIN, &pairing), ESP_OK);
  assert_int_equal(file.sets[ESP_PART_TRAIN], 2); /* of 5, 3 and 1 frames: 2, 0, 0 */
  assert_int_equal(file.about.width[4], 2 * D);
  if (esp_set_read(&file, comm, ESP_PART_TRAIN, 1, &set)) fail_msg("%s", esp_error_message());
  for (int i = 0; i < set.n_home; i++) {
    const int64_t place = set.first + i;
    for (int k = 0; k < D; k++) {
      assert_true(set.value[0][D * i + k] == framed(3 * SIZE[0] + place, k));
      assert_true(set.value[4][2 * D * i + k] == framed(SIZE[0] + place, k));
      assert_true(set.value[4][2 * D * i + D + k] == framed(2 * SIZE[0] + place, k));
    }
  }
  esp_set_free(&set);
  close_file(&file);
}

static void refusals(void **state) {
  (void)state;
  esp_set_file file;
  open_file(1, &file);
  assert_int_equal(esp_set_pairs(&file, ESP_PART_TRAIN, &PAIRING(0, 1)), ESP_ERR_ARG);
  esp_error_clear();
  assert_int_equal(esp_set_pairs(&file, ESP_PART_TRAIN, &PAIRING(5, 1)), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "/train gives 0 pairs of frames 5 apart"));
  esp_error_clear();
  close_file(&file);
  open_file(0, &file);
  assert_int_equal(esp_set_pairs(&file, ESP_PART_TRAIN, &PAIRING(1, 1)), ESP_ERR_FORMAT);
  assert_non_null(strstr(esp_error_message(), "/train has no frames of x, which y is made of"));
  esp_error_clear();
  close_file(&file);
}

CASE_MAIN(cmocka_unit_test(pairs), cmocka_unit_test(past), cmocka_unit_test(refusals))
