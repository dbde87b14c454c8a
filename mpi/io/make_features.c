#include "io/make_features.h"

#include <stdio.h>
#include <string.h>

#include "tasks/relation/relation_start.h"

/* Draws of test sets begin here: no training set is one of them. */
static const int64_t FIRST_DRAW[ESP_PARTS] = {0, INT64_C(1) << 40};

typedef struct {
  const esp_comm *comm;
  esp_relation_start start; /* but for n and draw */
  int64_t shard_n;
  int64_t first_set[ESP_FEATURE_GROUPS]; /* number of a group's first set in its part */
  esp_feature_writer writer;
  esp_feature_report *report;
} maker;

/* ---- the plan ---- */

static int task_of(const esp_config *config) {
  const char *task = esp_config_string(config, "data_law");
  if (strcmp(esp_config_string(config, "data_task"), "relation")) return -1;
  for (int kind = ESP_RELATION_SUBSPACE; kind < ESP_RELATION_KINDS; kind++) {
    if (!strcmp(task, esp_relation_kind_name((esp_relation_kind)kind))) return kind;
  }
  return -1;
}

int esp_features_task(const esp_config *config) {
  return task_of(config) >= 0;
}

static int read_start(const esp_config *config, maker *m) {
  const char *truth = esp_config_string(config, "data_truth");
  const int kind = task_of(config), upstream = kind == ESP_RELATION_UPSTREAM;
  ESP_CHECK(kind >= 0, ESP_ERR_CONFIG, "data_task is %s; feature sets are made for hidden relations",
            esp_config_string(config, "data_task"));
  m->start = (esp_relation_start){.kind = (esp_relation_kind)kind,
                                  .features = upstream ? 4 : (int)esp_config_int(config, "data_features"),
                                  .hidden = upstream ? 2 : (int)esp_config_int(config, "data_hidden"),
                                  .values = (int)esp_config_int(config, "data_values"),
                                  .h = esp_config_real(config, "data_h"),
                                  .average = upstream || esp_config_flag(config, "data_average"),
                                  .seed = (uint64_t)esp_config_int(config, "run_seed"),
                                  .truth = !strcmp(truth, "none")     ? ESP_TRUTH_NONE
                                           : !strcmp(truth, "direct") ? ESP_TRUTH_ALL_PAIRS
                                           : !strcmp(truth, "tree")   ? ESP_TRUTH_WITHIN_REACH
                                                                      : ESP_TRUTH_BY_SIZE};
  m->start.sample = esp_config_int(config, "data_truth_sample");
  m->shard_n = esp_config_int(config, "data_shard_n");
  ESP_CALL(esp_relation_start_check(&m->start));
  esp_feature_about *about = &m->report->about;
  *about = (esp_feature_about){.features = m->start.features,
                               .values = m->start.values,
                               .targets = m->start.truth == ESP_TRUTH_NONE ? 0 : esp_relation_targets(&m->start),
                               .hidden = esp_relation_columns(&m->start),
                               .weighted = upstream || m->start.sample > 0,
                               .average = m->start.average,
                               .h = m->start.h,
                               .seed = (int64_t)m->start.seed};
  snprintf(about->task, sizeof about->task, "%s", esp_relation_kind_name(m->start.kind));
  return ESP_OK;
}

static int plan_part(maker *m, const esp_config *config, esp_part part) {
  const char *const size_key[ESP_PARTS] = {"data_n", "data_test_n"};
  const char *const count_key[ESP_PARTS] = {"data_clouds", "data_test_clouds"};
  int64_t n[ESP_FEATURE_GROUPS], sets[ESP_FEATURE_GROUPS];
  esp_feature_report *report = m->report;
  const int sizes = esp_config_ints(config, size_key[part], n, ESP_FEATURE_GROUPS);
  const int counts = esp_config_ints(config, count_key[part], sets, ESP_FEATURE_GROUPS);
  ESP_CHECK(sizes >= 1 && report->groups + sizes <= ESP_FEATURE_GROUPS, ESP_ERR_CONFIG,
            "%s has %d sizes, allowed are 1 to %d", size_key[part], sizes, ESP_FEATURE_GROUPS - report->groups);
  ESP_CHECK(counts == 1 || counts == sizes, ESP_ERR_CONFIG,
            "%s has %d numbers for the %d sizes of %s; give one, or one a size", count_key[part], counts, sizes,
            size_key[part]);
  for (int s = 0; s < sizes; s++) {
    const int g = report->groups++;
    esp_relation_start start = m->start;
    start.n = n[s];
    report->group[g] = (esp_feature_group){.part = part,
                                           .n = n[s],
                                           .sets = sets[counts == 1 ? 0 : s],
                                           .sharded = n[s] >= m->shard_n,
                                           .targets = report->about.targets,
                                           .sample = m->start.sample,
                                           .all_pairs = esp_relation_all_pairs(&start)};
    m->first_set[g] = report->sets[part];
    report->sets[part] += report->group[g].sets;
    report->rows[part] += report->group[g].sets * n[s];
  }
  return ESP_OK;
}

static int begin(maker *m, const char *path) {
  const esp_feature_report *report = m->report;
  int64_t *n[ESP_PARTS] = {NULL, NULL};
  int rc = ESP_OK;
  for (int part = 0; part < ESP_PARTS && !rc; part++) rc = ESP_ALLOC(n[part], report->sets[part]);
  ESP_TRY(m->comm->agree(m->comm, rc));
  for (int g = 0; g < report->groups; g++) {
    const esp_feature_group *group = &report->group[g];
    for (int64_t s = 0; s < group->sets; s++) n[group->part][m->first_set[g] + s] = group->n;
  }
  const int64_t *const sizes[ESP_PARTS] = {n[0], n[1]};
  ESP_TRY(esp_feature_begin(m->comm, path, &report->about, report->sets, sizes, &m->writer));
done:
  for (int part = 0; part < ESP_PARTS; part++) ESP_FREE(n[part]);
  return rc;
}

/* ---- the sets ---- */

static esp_relation_start start_of(const maker *m, const esp_feature_group *group, int64_t number) {
  esp_relation_start start = m->start;
  start.n = group->n;
  start.draw = FIRST_DRAW[group->part] + number;
  return start;
}

static int make_shared(maker *m, const esp_feature_group *group, int64_t number) {
  const esp_relation_start start = start_of(m, group, number);
  esp_feature_set set;
  ESP_CALL(esp_relation_make(m->comm, &start, &set));
  int rc = esp_feature_put(&m->writer, group->part, number, &set);
  esp_feature_set_free(&set);
  return rc;
}

/* A set a rank, from number `first` on; none on the ranks behind `end`. */
static int make_round(maker *m, const esp_feature_group *group, int64_t first, int64_t end) {
  const int64_t number = first + m->comm->rank;
  const int mine = number < end;
  esp_feature_set set = {0};
  int rc = ESP_OK;
  if (mine) {
    const esp_relation_start start = start_of(m, group, number);
    rc = esp_relation_make(esp_comm_self(), &start, &set);
  }
  ESP_TRY(m->comm->agree(m->comm, rc));
  ESP_TRY(esp_feature_put(&m->writer, group->part, number, mine ? &set : NULL));
done:
  esp_feature_set_free(&set);
  return rc;
}

static int make_group(maker *m, int g) {
  esp_feature_group *group = &m->report->group[g];
  const double start = esp_wall();
  const int64_t first = m->first_set[g], end = first + group->sets;
  for (int64_t number = first; number < end; number += group->sharded ? 1 : m->comm->size) {
    if (group->sharded)
      ESP_CALL(make_shared(m, group, number));
    else
      ESP_CALL(make_round(m, group, number, end));
  }
  group->seconds = esp_wall() - start;
  return m->comm->max_f64(m->comm, &group->seconds, 1);
}

static int read_back(const esp_comm *comm, const char *path, uint64_t *checksum) {
  esp_feature_file file;
  ESP_CALL(esp_feature_open(comm, path, &file));
  int rc = esp_feature_checksum(&file, checksum);
  esp_feature_close(&file);
  return rc;
}

int esp_features_generate(const esp_comm *comm, const esp_config *config, const char *path,
                          esp_feature_progress progress, void *context, esp_feature_report *report) {
  int rc = ESP_OK;
  const double start = esp_wall();
  maker *m = NULL;
  memset(report, 0, sizeof *report);
  ESP_AGREE(comm, ESP_ALLOC(m, 1));
  m->comm = comm;
  m->report = report;
  ESP_TRY(read_start(config, m));
  for (int part = 0; part < ESP_PARTS; part++) ESP_TRY(plan_part(m, config, (esp_part)part));
  ESP_TRY(begin(m, path));
  for (int g = 0; g < report->groups; g++) {
    ESP_TRY(make_group(m, g));
    if (progress) progress(context, &report->group[g]);
  }
  ESP_TRY(esp_feature_commit(&m->writer));
  ESP_TRY(read_back(comm, path, &report->checksum));
  report->seconds = esp_wall() - start;
done:
  if (rc) esp_feature_abort(&m->writer);
  ESP_FREE(m);
  return rc;
}
