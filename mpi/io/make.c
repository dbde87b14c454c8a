#include "io/make.h"

#include <math.h>
#include <string.h>

#include "base/count.h"
#include "domain/domain.h"
#include "io/keep.h"
#include "io/make_plan.h"

/* Rows a rank gathers before it takes part in a write. */
static const int64_t BATCH_ROWS = 65536;

typedef struct {
  esp_maker maker; /* first: what the task sees */
  esp_make_plan plan;
  void *param; /* this rank's own */
  esp_set_writer writer;
  esp_keep keep; /* of the item at hand */
  /* the group at hand */
  esp_make_group *group;
  int64_t next;   /* number in its part of the next set that is put */
  esp_set *batch; /* [count] made and not yet written */
  size_t capacity;
  int count;
} making;

/* ---- where the task puts sets ---- */

/* The largest of each number that is told. */
static void note_numbers(making *m, const esp_set *set) {
  int at = 0;
  for (const esp_number *number = set->layout->number; number->name; number++)
    for (int c = 0; c < number->count; c++, at++) {
      const double value = number->whole ? (double)set->about[at].whole : set->about[at].real;
      if (number->told) m->group->most[at] = fmax(m->group->most[at], value);
    }
}

static int put(esp_maker *maker, esp_set *set) {
  making *m = (making *)maker;
  note_numbers(m, set);
  if (m->group->plan.shared) {
    int rc = esp_set_put(&m->writer, m->group->plan.part, m->next++, 1, set);
    esp_set_free(set);
    return rc;
  }
  ESP_CALL(ESP_GROW(m->batch, m->capacity, m->count + 1));
  m->batch[m->count++] = *set;
  *set = (esp_set){0};
  return ESP_OK;
}

static int keep(esp_maker *maker, const esp_comm *comm, int64_t at, const esp_kept *kept) {
  return esp_keep_write(comm, &((making *)maker)->keep, at, kept);
}

static int take(esp_maker *maker, const esp_comm *comm, int64_t at, esp_kept *kept, int *found) {
  making *m = (making *)maker;
  ESP_CALL(esp_keep_read(comm, &m->keep, at, kept, found));
  m->plan.report->taken += *found;
  return ESP_OK;
}

/* When the set file is there. */
static void remove_kept(making *m) {
  for (int g = 0; m->maker.keep_every && m->plan.comm->rank == 0 && g < m->plan.report->groups; g++) {
    const esp_plan *plan = &m->plan.report->group[g].plan;
    for (int64_t index = 0; index < plan->items; index++) {
      m->keep.part = plan->part, m->keep.number = m->plan.first_item[g] + index;
      esp_keep_remove(&m->keep);
    }
  }
}

static void empty_batch(making *m) {
  for (int s = 0; s < m->count; s++) esp_set_free(&m->batch[s]);
  m->count = 0;
}

/* ---- items ---- */

static int make_item(making *m, int g, const esp_backend *backend, int64_t index) {
  const esp_plan *plan = &m->group->plan;
  const esp_item item = {plan->part, plan->n, m->plan.first_item[g] + index, index};
  const int64_t before = plan->shared ? m->next : m->count;
  m->keep.part = item.part, m->keep.number = item.number;
  ESP_CALL(m->plan.task->making->make(m->param, backend, &item, &m->maker));
  const int64_t sets = (plan->shared ? m->next : m->count) - before;
  ESP_CHECK(sets == plan->sets, ESP_ERR_INTERNAL, "an item of task %s gave %lld sets, %lld were planned",
            m->plan.task->name, (long long)sets, (long long)plan->sets);
  return ESP_OK;
}

/* One round: this rank's items [first, end), none on some ranks. */
static int make_round(making *m, int g, int64_t first, int64_t end) {
  esp_backend backend = esp_backend_self();
  const esp_plan *plan = &m->group->plan;
  int rc = ESP_OK;
  backend.device = &esp_device_cpu64;
  for (int64_t index = first; index < end && !rc; index++) rc = make_item(m, g, &backend, index);
  ESP_TRY(m->plan.comm->agree(m->plan.comm, rc));
  ESP_TRY(esp_set_put(&m->writer, plan->part, m->plan.first_set[g] + first * plan->sets, m->count, m->batch));
done:
  empty_batch(m);
  return rc;
}

static int make_whole(making *m, int g) {
  const esp_plan *plan = &m->group->plan;
  const int64_t items = plan->items, rank = m->plan.comm->rank, size = m->plan.comm->size;
  int64_t rows = plan->n;
  ESP_CALL(esp_count_mul(&rows, plan->sets, "particles of an item"));
  ESP_CALL(esp_count_mul(&rows, 1 + plan->frames, "particles of an item in all frames"));
  const int64_t some = rows < BATCH_ROWS ? BATCH_ROWS / (rows > 1 ? rows : 1) : 1;
  const int64_t first = items * rank / size, end = items * (rank + 1) / size, most = (items + size - 1) / size;
  for (int64_t done = 0; done < most; done += some) {
    const int64_t from = first + done < end ? first + done : end, to = from + some < end ? from + some : end;
    ESP_CALL(make_round(m, g, from, to));
  }
  return ESP_OK;
}

static int make_shared(making *m, int g) {
  const esp_backend backend = {.comm = m->plan.comm, .build = esp_domain_build_mpi, .device = &esp_device_cpu64};
  const esp_plan *plan = &m->group->plan;
  m->next = m->plan.first_set[g];
  if (plan->foreign) return put(&m->maker, &m->plan.foreign[plan->part]);
  for (int64_t index = 0; index < plan->items; index++) ESP_CALL(make_item(m, g, &backend, index));
  return ESP_OK;
}

static int make_group(making *m, int g) {
  esp_make_group *group = m->group = &m->plan.report->group[g];
  const double start = esp_wall() - group->seconds; /* adopting */
  double most[ESP_NUMBERS + 1];
  for (int k = 0; k < ESP_NUMBERS; k++) group->most[k] = -INFINITY;
  ESP_CALL(group->plan.shared ? make_shared(m, g) : make_whole(m, g));
  memcpy(most, group->most, sizeof group->most);
  most[ESP_NUMBERS] = esp_wall() - start;
  ESP_CALL(m->plan.comm->max_f64(m->plan.comm, most, ESP_NUMBERS + 1));
  memcpy(group->most, most, sizeof group->most);
  group->seconds = most[ESP_NUMBERS];
  return ESP_OK;
}

/* ---- all ---- */

static int read_back(const esp_comm *comm, const char *path, const esp_layout *layout, uint64_t *checksum) {
  esp_set_file file;
  ESP_CALL(esp_set_open(comm, path, layout, &file));
  int rc = esp_set_file_checksum(&file, checksum);
  esp_set_close(&file);
  return rc;
}

/* What is given, and a copy of the task's structure. Local. */
static int begin(making *m, const esp_config *config, const void *param, const char *path) {
  ESP_CALL(esp_options_fill(&esp_make_options, config, &m->plan.keys));
  m->maker = (esp_maker){.put = put, .keep_every = m->plan.keys.keep, .keep = keep, .take = take};
  m->keep = (esp_keep){.path = path, .keys = esp_keep_keys(config, m->plan.task)};
  ESP_CALL(esp_options_fill(&esp_input_options, config, &m->plan.input));
  char *copy = NULL;
  ESP_CALL(ESP_ALLOC(copy, m->plan.task->options->size));
  memcpy(copy, param, m->plan.task->options->size);
  m->param = copy;
  return ESP_OK;
}

int esp_make(const esp_comm *comm, const esp_config *config, const esp_task *task, const void *param, const char *path,
             esp_make_progress progress, void *context, esp_make_report *report) {
  int rc = ESP_OK, begun = 0;
  const double start = esp_wall();
  making *m = NULL;
  memset(report, 0, sizeof *report);
  ESP_AGREE(comm, ESP_ALLOC(m, 1));
  m->plan = (esp_make_plan){.comm = comm, .task = task, .report = report};
  ESP_TRY(comm->agree(comm, begin(m, config, param, path)));
  ESP_TRY(esp_make_plan_all(m->param, &m->plan));
  ESP_TRY(esp_make_plan_begin(&m->plan, param, path, &m->writer));
  begun = 1;
  for (int g = 0; g < report->groups; g++) {
    ESP_TRY(make_group(m, g));
    if (progress) progress(context, &report->group[g]);
  }
  begun = 0;
  ESP_TRY(esp_set_commit(&m->writer));
  ESP_TRY(read_back(comm, path, task->layout, &report->checksum));
  remove_kept(m);
  ESP_TRY(comm->max_i64(comm, &report->taken, 1));
  report->seconds = esp_wall() - start;
done:
  if (begun) esp_set_abort(&m->writer);
  for (int part = 0; part < ESP_PARTS; part++) esp_set_free(&m->plan.foreign[part]);
  ESP_FREE(m->batch);
  ESP_FREE(m->param);
  ESP_FREE(m);
  return rc;
}
