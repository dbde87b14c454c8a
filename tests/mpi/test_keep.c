/* A trajectory whose making breaks off goes on from what was kept, on another number of ranks, to the same bits as in one go;
 * states of other keys are not taken, and none is left behind. Items shared by all ranks and items whole on one.
 * ranks: 1 3 */
#include "case.h"

#include <unistd.h>

#include "io/input_options.h"
#include "io/make.h"
#include "io/make_options.h"
#include "tasks/weather/weather.h"

/* The weather's own making, through a maker that keeps one state and breaks at the next. */
typedef struct {
  esp_maker maker, *to;
} breaking;

static int keep_once(esp_maker *maker, const esp_comm *who, int64_t at, const esp_kept *kept) {
  breaking *b = (breaking *)maker;
  if (at > 0) return ESP_FAIL(ESP_ERR_FILE, "broken off");
  return b->to->keep(b->to, who, at, kept);
}

static int take_through(esp_maker *maker, const esp_comm *who, int64_t at, esp_kept *kept, int *found) {
  breaking *b = (breaking *)maker;
  return b->to->take(b->to, who, at, kept, found);
}

static int make_broken(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to) {
  breaking b = {*to, to};
  b.maker.keep = keep_once, b.maker.take = take_through;
  return esp_weather_make(param, backend, item, &b.maker);
}

typedef struct {
  const char *shard, *seed, *keep;
} keys;

/* Makes PATH with the keys; what esp_make returns. */
static int make(const esp_comm *who, int broken, const keys *k, const char *path, esp_make_report *report) {
  const char *const set[][2] = {{"data_task", "weather"},      {"data_n", "162"},
                                {"data_clouds", "2"},          {"data_test_n", "162"},
                                {"data_test_clouds", "1"},     {"data_weather_days", "1"},
                                {"data_weather_spin_up", "0"}, {"data_weather_sweeps", "2"},
                                {"data_weather_every", "4"},   {"data_shard_n", k->shard},
                                {"run_seed", k->seed},         {"run_keep", k->keep}};
  esp_task task = esp_task_weather;
  esp_making making = *task.making;
  const esp_options *const tables[] = {&esp_make_options, &esp_input_options, task.options, NULL};
  esp_config *config;
  esp_weather_param param;
  if (broken) making.make = make_broken;
  task.making = &making;
  assert_int_equal(esp_config_create(tables, &config), ESP_OK);
  for (size_t s = 0; s < sizeof set / sizeof *set; s++)
    if (esp_config_set(config, set[s][0], set[s][1])) fail_msg("%s", esp_error_message());
  assert_int_equal(esp_options_fill(task.options, config, &param), ESP_OK);
  const int rc = esp_make(who, config, &task, &param, path, NULL, NULL, report);
  esp_config_free(&config);
  return rc;
}

static int is_kept(const char *path, const char *item) {
  char name[512];
  int there;
  snprintf(name, sizeof name, "%s.kept-%s-0", path, item);
  comm->agree(comm, 0);
  there = access(name, F_OK) == 0;
  comm->agree(comm, 0);
  return there;
}

/* Said on every rank where any says so: a test that fails on one rank alone would leave the others waiting. */
static int on_all(int fine) {
  const int rc = comm->agree(comm, fine ? ESP_OK : ESP_FAIL(ESP_ERR_INTERNAL, "another rank failed"));
  esp_error_clear();
  return rc == ESP_OK;
}

/* Begun by all ranks or by rank 0 alone, ended by the others. */
static void goes_on(int begun_by_all, const char *shard) {
  const keys k = {shard, "5", "3"}, none = {shard, "5", "0"}, other = {shard, "6", "3"};
  const esp_comm *const who[2] = {esp_comm_self(), comm};
  char path[256];
  int64_t pid = getpid();
  esp_make_report whole, report;
  int fine = 1;
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, sizeof path, "test_keep_%lld.h5", (long long)pid);
  assert_true(on_all(make(comm, 0, &none, path, &whole) == ESP_OK && whole.taken == 0));
  if (begun_by_all || comm->rank == 0) {
    fine = make(who[begun_by_all], 1, &k, path, &report) == ESP_ERR_FILE;
    fine = fine && strstr(esp_error_message(), "broken off");
  }
  assert_true(on_all(fine));
  assert_true(is_kept(path, "train-0"));
  if (!begun_by_all || comm->rank == 0)
    fine = make(who[!begun_by_all], 0, &k, path, &report) == ESP_OK && report.checksum == whole.checksum &&
           report.taken > 0;
  assert_true(on_all(fine));
  assert_true(!is_kept(path, "train-0") && !is_kept(path, "train-1") && !is_kept(path, "test-0"));
  /* of another seed */
  assert_true(on_all(make(comm, 1, &k, path, &report) == ESP_ERR_FILE));
  assert_true(on_all(make(comm, 0, &other, path, &report) == ESP_OK && report.taken == 0));
  assert_true(!is_kept(path, "train-0"));
  if (comm->rank == 0) remove(path);
}

static void shared(void **state) {
  (void)state;
  goes_on(1, "100");
  goes_on(0, "100");
}

static void whole(void **state) {
  (void)state;
  goes_on(0, "1000");
}

CASE_MAIN(cmocka_unit_test(shared), cmocka_unit_test(whole))
