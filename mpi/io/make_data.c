#include "io/make_data.h"

#include <math.h>
#include <string.h>

#include "domain/domain.h"
#include "io/make_data_item.h"
#include "io/snapshot.h"

/* Bodies a rank gathers before it takes part in a write. */
static const int64_t BATCH_BODIES = 65536;

/* A size of a set, and where its items begin in the file. */
typedef struct {
  esp_data_group *out;
  int64_t first_item, first_entry, first_row, first_frame_row;
  int snapshot; /* the one of key `input` */
} group_plan;

typedef struct {
  const esp_comm *comm;
  const esp_config *config;
  esp_data_recipe recipe;
  group_plan plan[ESP_DATA_GROUPS];
  esp_ensemble_writer writer;
  esp_data_report *report;
} maker;

/* ---- the plan ---- */

static int plan_set(maker *m, const esp_config *config, esp_part set) {
  const char *const size_key[ESP_PARTS] = {"data_n", "data_test_n"};
  const char *const count_key[ESP_PARTS] = {"data_clouds", "data_test_clouds"};
  int64_t n[ESP_DATA_GROUPS], items[ESP_DATA_GROUPS], first_item = 0;
  esp_data_report *report = m->report;
  int sizes = esp_config_ints(config, size_key[set], n, ESP_DATA_GROUPS);
  int counts = esp_config_ints(config, count_key[set], items, ESP_DATA_GROUPS);
  int train_box = m->recipe.box && set == ESP_PART_TRAIN;
  if (train_box) counts = 1, items[0] = esp_config_int(config, "data_box_train");
  ESP_CHECK(sizes >= 1 && report->groups + sizes <= ESP_DATA_GROUPS, ESP_ERR_CONFIG,
            "%s has %d sizes, allowed are 1 to %d", size_key[set], sizes, ESP_DATA_GROUPS - report->groups);
  ESP_CHECK(counts == 1 || counts == sizes, ESP_ERR_CONFIG,
            "%s has %d numbers for the %d sizes of %s; give one, or one a size", count_key[set], counts, sizes,
            size_key[set]);
  for (int s = 0; s < sizes; s++) {
    ESP_CHECK(n[s] >= (m->recipe.box ? 1 : 2), ESP_ERR_CONFIG, "%s holds %lld; a cloud of task G has at least 2 bodies",
              size_key[set], (long long)n[s]);
    group_plan *plan = &m->plan[report->groups];
    plan->out = &report->group[report->groups++];
    *plan->out = (esp_data_group){.set = set, .n = n[s], .items = items[counts == 1 ? 0 : s]};
    plan->out->entries = plan->out->items * esp_data_item_entries(&m->recipe, set);
    plan->out->sharded = !m->recipe.box && n[s] >= m->recipe.shard_n;
    plan->out->tree = !m->recipe.box && esp_data_by_tree(&m->recipe, n[s]);
    plan->first_item = first_item;
    plan->first_entry = report->clouds[set];
    plan->first_row = report->bodies[set];
    plan->first_frame_row = report->frame_rows[set];
    first_item += plan->out->items;
    report->clouds[set] += plan->out->entries;
    report->bodies[set] += plan->out->items * esp_data_item_rows(&m->recipe, set, n[s]);
    report->frame_rows[set] += plan->out->items * esp_data_item_frame_rows(&m->recipe, set, n[s]);
  }
  return ESP_OK;
}

/* With a snapshot given, it is the test set. */
static int plan_snapshot(maker *m, const esp_config *config) {
  esp_snapshot_header header;
  esp_data_report *report = m->report;
  uint32_t types;
  ESP_CALL(esp_snapshot_types(esp_config_string(config, "io_types"), &types));
  ESP_CALL(esp_snapshot_read_header(m->comm, esp_config_string(config, "input"), &header));
  group_plan *plan = &m->plan[report->groups];
  plan->out = &report->group[report->groups++];
  *plan->out = (esp_data_group){.set = ESP_PART_TEST, .items = 1, .entries = 1, .sharded = 1};
  for (int type = 0; type < header.types; type++)
    if (!types || (types >> type & 1)) plan->out->n += header.count[type];
  plan->out->tree = esp_data_by_tree(&m->recipe, plan->out->n);
  plan->snapshot = 1;
  report->clouds[ESP_PART_TEST] = 1;
  report->bodies[ESP_PART_TEST] = plan->out->n;
  return ESP_OK;
}

/* Every parameter of the data as an attribute of /, named as its key. */
static int write_parameters(esp_file *file, const esp_config *config) {
  for (int k = 0; k < esp_config_keys(config); k++) {
    const esp_option *key = esp_config_key(config, k);
    const char *name = key->name;
    if ((strncmp(name, "data_", 5) && strcmp(name, "run_seed")) || !strcmp(name, "data_file")) continue;
    if (key->type == ESP_OPTION_REAL) {
      double value = esp_config_real(config, name);
      ESP_CALL(esp_file_attr_write(file, "/", name, ESP_FILE_F64, 0, &value));
    } else if (key->type == ESP_OPTION_INT || key->type == ESP_OPTION_WHOLE) {
      int64_t value = esp_config_int(config, name);
      ESP_CALL(esp_file_attr_write(file, "/", name, ESP_FILE_I64, 0, &value));
    } else if (key->type == ESP_OPTION_LIST) {
      int64_t value[ESP_DATA_GROUPS];
      int count = esp_config_ints(config, name, value, ESP_DATA_GROUPS);
      if (count > 0)
        ESP_CALL(esp_file_attr_write(file, "/", name, ESP_FILE_I64, esp_imin(count, ESP_DATA_GROUPS), value));
    } else if (key->type != ESP_OPTION_FLAG) {
      ESP_CALL(esp_file_attr_write_string(file, "/", name, esp_config_string(config, name)));
    }
  }
  int box = !strcmp(esp_config_string(config, "data_task"), "box");
  ESP_CALL(esp_file_attr_write_string(file, "/", "units",
                                      box ? "units of the task: G = 2, mass of a body 1, area a body 12"
                                          : "units of the task: G = 1, mass of a cloud 1, radius of a ball 1"));
  return ESP_OK;
}

/* ---- whole clouds and trajectories, a batch a write ---- */

typedef struct {
  esp_cloud rows;
  esp_ensemble_entry *entry;
  double (*frame_x)[3], (*frame_v)[3];
} batch;

static void batch_free(batch *b) {
  esp_cloud_free(&b->rows);
  ESP_FREE(b->entry);
  ESP_FREE(b->frame_x);
  ESP_FREE(b->frame_v);
}

static int batch_create(int64_t rows, int64_t entries, int64_t frame_rows, batch *b) {
  int rc = ESP_OK;
  memset(b, 0, sizeof *b);
  ESP_CHECK(rows <= INT32_MAX, ESP_ERR_LIMIT, "%lld bodies to write at once on one rank, at most %d", (long long)rows,
            INT32_MAX);
  ESP_TRY(esp_cloud_create(rows, (int)rows, 1, &b->rows));
  ESP_TRY(ESP_ALLOC(b->entry, entries));
  ESP_TRY(ESP_ALLOC(b->frame_x, frame_rows));
  ESP_TRY(ESP_ALLOC(b->frame_v, frame_rows));
done:
  if (rc) batch_free(b);
  return rc;
}

static int fill_cloud(maker *m, const group_plan *plan, int64_t item, int64_t slot, batch *b) {
  esp_cloud cloud;
  const esp_data_group *group = plan->out;
  esp_backend backend = esp_backend_self();
  backend.device = &esp_device_cpu64;
  ESP_CALL(esp_data_cloud(&backend, &m->recipe, group->set, plan->first_item + item, item, group->n, &cloud,
                          b->entry + slot));
  int64_t at = slot * group->n;
  size_t n = (size_t)group->n;
  memcpy(b->rows.id + at, cloud.id, n * sizeof *cloud.id);
  memcpy(b->rows.m + at, cloud.m, n * sizeof *cloud.m);
  memcpy(b->rows.x + at, cloud.x, n * sizeof *cloud.x);
  memcpy(b->rows.v + at, cloud.v, n * sizeof *cloud.v);
  memcpy(b->rows.D + at, cloud.D, n * sizeof *cloud.D);
  memcpy(b->rows.K + at, cloud.K, n * sizeof *cloud.K);
  esp_cloud_free(&cloud);
  return ESP_OK;
}

/* Items [first, end) of this rank into the batch; offsets become those of the file. */
static int fill_batch(maker *m, const group_plan *plan, int64_t first, int64_t end, batch *b) {
  const esp_data_group *group = plan->out;
  const esp_data_recipe *recipe = &m->recipe;
  int64_t rows = esp_data_item_rows(recipe, group->set, group->n), entries = esp_data_item_entries(recipe, group->set);
  int64_t frame_rows = esp_data_item_frame_rows(recipe, group->set, group->n);
  esp_backend backend = esp_backend_self();
  for (int64_t item = first; item < end; item++) {
    int64_t slot = item - first;
    if (recipe->box) {
      ESP_CALL(esp_data_trajectory(&backend, recipe, group->set, plan->first_item + item, group->n, slot * rows,
                                   &b->rows, b->entry + slot * entries, b->frame_x + slot * frame_rows,
                                   b->frame_v + slot * frame_rows));
    } else {
      ESP_CALL(fill_cloud(m, plan, item, slot, b));
    }
    for (int64_t e = 0; e < entries; e++) {
      b->entry[slot * entries + e].offset += plan->first_row + item * rows;
      if (frame_rows) b->entry[slot * entries + e].frame_offset = plan->first_frame_row + item * frame_rows;
    }
  }
  return ESP_OK;
}

static void note_errors(esp_data_group *group, const esp_ensemble_entry *entry, int64_t count) {
  for (int64_t e = 0; e < count; e++) {
    group->energy_error = fmax(group->energy_error, entry[e].energy_error);
    group->momentum = fmax(group->momentum, entry[e].momentum);
    group->force_rms = fmax(group->force_rms, entry[e].force_rms);
    group->force_l2 = fmax(group->force_l2, entry[e].force_l2);
    group->displacement_error = fmax(group->displacement_error, entry[e].displacement_error);
    if (entry[e].displacement_bodies > group->displacement_bodies)
      group->displacement_bodies = entry[e].displacement_bodies;
  }
}

/* One round: this rank's items [first, end), none on some ranks. */
static int make_round(maker *m, group_plan *plan, int64_t first, int64_t end) {
  const esp_part set = plan->out->set;
  const esp_data_recipe *recipe = &m->recipe;
  int64_t rows = esp_data_item_rows(recipe, set, plan->out->n), entries = esp_data_item_entries(recipe, set);
  int64_t frame_rows = esp_data_item_frame_rows(recipe, set, plan->out->n), items = end - first;
  batch b;
  int rc = batch_create(items * rows, items * entries, items * frame_rows, &b);
  if (!rc) rc = fill_batch(m, plan, first, end, &b);
  ESP_TRY(m->comm->agree(m->comm, rc));
  esp_ensemble_part part = {.first_entry = items ? plan->first_entry + first * entries : 0,
                            .entries = items * entries,
                            .entry = b.entry,
                            .first_row = items ? plan->first_row + first * rows : 0,
                            .rows = items * rows,
                            .cloud = &b.rows,
                            .first_frame_row = frame_rows && items ? plan->first_frame_row + first * frame_rows : 0,
                            .frame_rows = items * frame_rows,
                            .frame_x = (const double(*)[3])b.frame_x,
                            .frame_v = (const double(*)[3])b.frame_v};
  ESP_TRY(esp_ensemble_put(&m->writer, set, &part));
  note_errors(plan->out, b.entry, part.entries);
done:
  batch_free(&b);
  return rc;
}

static int make_whole(maker *m, group_plan *plan) {
  int64_t items = plan->out->items, rank = m->comm->rank, size = m->comm->size;
  int64_t rows = esp_data_item_rows(&m->recipe, plan->out->set, plan->out->n) +
                 esp_data_item_frame_rows(&m->recipe, plan->out->set, plan->out->n);
  int64_t some = rows < BATCH_BODIES ? BATCH_BODIES / rows : 1;
  int64_t first = items * rank / size, end = items * (rank + 1) / size, most = (items + size - 1) / size;
  for (int64_t done = 0; done < most; done += some) {
    int64_t from = first + done < end ? first + done : end, to = from + some < end ? from + some : end;
    ESP_CALL(make_round(m, plan, from, to));
  }
  return ESP_OK;
}

/* ---- sharded clouds ---- */

static int make_shared(maker *m, group_plan *plan, int64_t item) {
  esp_backend backend = {.comm = m->comm, .build = esp_domain_build_mpi, .device = &esp_device_cpu64};
  const esp_data_group *group = plan->out;
  esp_cloud cloud;
  esp_ensemble_entry entry;
  if (plan->snapshot)
    ESP_CALL(esp_data_snapshot(&backend, &m->recipe, m->config, &cloud, &entry));
  else
    ESP_CALL(esp_data_cloud(&backend, &m->recipe, group->set, plan->first_item + item, item, group->n, &cloud, &entry));
  int64_t share, count;
  esp_set_share(group->n, m->comm->rank, m->comm->size, &share, &count);
  entry.offset = plan->first_row + item * group->n;
  esp_ensemble_part part = {.first_entry = m->comm->rank == 0 ? plan->first_entry + item : 0,
                            .entries = m->comm->rank == 0,
                            .entry = &entry,
                            .first_row = entry.offset + share,
                            .rows = cloud.n_home,
                            .cloud = &cloud};
  int rc = esp_ensemble_put(&m->writer, group->set, &part);
  esp_cloud_free(&cloud);
  ESP_CALL(rc);
  note_errors(plan->out, &entry, 1);
  return ESP_OK;
}

/* ---- all ---- */

static int make_group(maker *m, group_plan *plan) {
  esp_data_group *group = plan->out;
  double start = esp_wall();
  group->energy_error = -1;
  if (!group->sharded) ESP_CALL(make_whole(m, plan));
  for (int64_t item = 0; item < group->items && group->sharded; item++) ESP_CALL(make_shared(m, plan, item));
  double most[6] = {esp_wall() - start, group->energy_error, group->momentum,
                    group->force_rms,   group->force_l2,     group->displacement_error};
  ESP_CALL(m->comm->max_f64(m->comm, most, 6));
  ESP_CALL(m->comm->max_i64(m->comm, &group->displacement_bodies, 1));
  group->seconds = most[0];
  group->energy_error = most[1];
  group->momentum = most[2];
  group->force_rms = most[3];
  group->force_l2 = most[4];
  group->displacement_error = most[5];
  return ESP_OK;
}

static int read_back(const esp_comm *comm, const char *path, uint64_t *checksum) {
  esp_ensemble ensemble;
  ESP_CALL(esp_ensemble_open(comm, path, &ensemble));
  int rc = esp_ensemble_checksum(&ensemble, checksum);
  esp_ensemble_close(&ensemble);
  ESP_CALL(rc);
  return ESP_OK;
}

int esp_data_generate(const esp_comm *comm, const esp_config *config, const char *path, esp_data_progress progress,
                      void *context, esp_data_report *report) {
  int rc = ESP_OK;
  double start = esp_wall();
  maker *m = NULL;
  memset(report, 0, sizeof *report);
  ESP_AGREE(comm, ESP_ALLOC(m, 1));
  m->comm = comm;
  m->report = report;
  esp_data_recipe_read(config, &m->recipe);
  m->config = config;
  ESP_TRY(plan_set(m, config, ESP_PART_TRAIN));
  ESP_TRY(esp_config_string(config, "input")[0] ? plan_snapshot(m, config) : plan_set(m, config, ESP_PART_TEST));
  ESP_TRY(esp_ensemble_begin(comm, path, report->clouds, report->bodies, report->frame_rows, &m->writer));
  ESP_TRY(write_parameters(m->writer.file, config));
  for (int g = 0; g < report->groups; g++) {
    ESP_TRY(make_group(m, &m->plan[g]));
    if (progress) progress(context, m->plan[g].out);
  }
  ESP_TRY(esp_ensemble_commit(&m->writer));
  ESP_TRY(read_back(comm, path, &report->checksum));
  report->seconds = esp_wall() - start;
done:
  if (rc) esp_ensemble_abort(&m->writer);
  ESP_FREE(m);
  return rc;
}
