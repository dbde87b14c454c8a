#include "io/make_plan.h"

#include <stdint.h>
#include <string.h>

#include "base/count.h"
#include "domain/domain.h"
#include "io/formats.h"

/* ---- what each size gives ---- */

/* Widths as the layout fixes them; those that the data say are the task's. */
static void fixed_widths(const esp_layout *layout, int *width) {
  for (int k = 0; layout->column[k].name; k++) width[k] = layout->column[k].width;
}

/* Sets, rows and rows of frames of a group, added to those of its part. */
static int add_totals(esp_make_report *report, const esp_plan *plan) {
  const char *part = esp_part_name(plan->part);
  int64_t sets = plan->items, rows, frames;
  ESP_CALL(esp_count_mul(&sets, plan->sets, "/%s: sets of %lld particles", part, (long long)plan->n));
  rows = sets;
  ESP_CALL(esp_count_mul(&rows, plan->n, "/%s: particles of all sets", part));
  frames = rows;
  ESP_CALL(esp_count_mul(&frames, plan->frames, "/%s: particles of all frames", part));
  ESP_CALL(esp_count_add(&report->sets[plan->part], sets, "/%s: sets", part));
  ESP_CALL(esp_count_add(&report->rows[plan->part], rows, "/%s: particles of all sets", part));
  ESP_CALL(esp_count_add(&report->frame_rows[plan->part], frames, "/%s: particles of all frames", part));
  return ESP_OK;
}

static int check_group(const esp_make_plan *p, int g) {
  const esp_plan *plan = &p->report->group[g].plan, *first = &p->report->group[0].plan;
  ESP_CHECK(plan->items >= 0 && plan->sets >= 1 && plan->frames >= 0, ESP_ERR_INTERNAL,
            "%lld items of %lld sets of %lld frames planned", (long long)plan->items, (long long)plan->sets,
            (long long)plan->frames);
  ESP_CHECK(plan->shared || plan->n <= INT32_MAX, ESP_ERR_LIMIT,
            "a set of %lld particles whole on one rank, at most %d: data_shard_n says which are shared",
            (long long)plan->n, INT32_MAX);
  ESP_CHECK(plan->frames <= INT32_MAX, ESP_ERR_LIMIT, "a set of %lld frames, at most %d", (long long)plan->frames,
            INT32_MAX);
  for (int k = 0; p->task->layout->column[k].name; k++)
    ESP_CHECK(plan->width[k] == first->width[k], plan->foreign ? ESP_ERR_VALUE : ESP_ERR_INTERNAL,
              "%d numbers of '%s' a particle here, %d in the other part of the data", plan->width[k],
              p->task->layout->column[k].name, first->width[k]);
  return ESP_OK;
}

/* One group more, in which `plan` says part, n, items and what is foreign. Local. */
static int add_group(esp_make_plan *p, const void *param, const esp_plan *wanted) {
  esp_make_report *report = p->report;
  const int g = report->groups++;
  esp_plan *plan = &report->group[g].plan;
  *plan = *wanted;
  ESP_CALL(p->task->making->plan(param, plan));
  if (plan->foreign) {
    const esp_set *set = &p->foreign[plan->part];
    plan->items = plan->sets = plan->shared = 1;
    plan->frames = set->frames;
    memcpy(plan->width, set->width, sizeof plan->width);
  }
  ESP_CALL(check_group(p, g));
  for (int before = 0; before < g; before++)
    if (report->group[before].plan.part == plan->part) p->first_item[g] += report->group[before].plan.items;
  p->first_set[g] = report->sets[plan->part];
  return add_totals(report, plan);
}

static int add_part(esp_make_plan *p, const void *param, esp_part part) {
  static const char *const size_key[ESP_PARTS] = {"data_n", "data_test_n"};
  static const char *const count_key[ESP_PARTS] = {"data_clouds", "data_test_clouds"};
  const esp_list *n = part == ESP_PART_TRAIN ? &p->keys.n : &p->keys.test_n;
  const esp_list *items = part == ESP_PART_TRAIN ? &p->keys.clouds : &p->keys.test_clouds;
  const int room = ESP_MAKE_GROUPS - p->report->groups;
  ESP_CHECK(n->count >= 1 && n->count <= room, ESP_ERR_CONFIG, "%s has %d sizes, allowed are 1 to %d", size_key[part],
            n->count, room);
  ESP_CHECK(items->count == 1 || items->count == n->count, ESP_ERR_CONFIG,
            "%s has %d numbers for the %d sizes of %s; give one, or one a size", count_key[part], items->count,
            n->count, size_key[part]);
  for (int s = 0; s < n->count; s++) {
    const int64_t count = items->value[items->count == 1 ? 0 : s];
    esp_plan plan = {
        .part = part, .n = n->value[s], .items = count, .sets = 1, .shared = n->value[s] >= p->keys.shard_n};
    fixed_widths(p->task->layout, plan.width);
    ESP_CALL(esp_error_blame(add_group(p, param, &plan), size_key[part]));
  }
  return ESP_OK;
}

/* Another code's particles as a part of the data. */
static int add_foreign(esp_make_plan *p, void *param, esp_part part) {
  const esp_backend backend = {.comm = p->comm, .build = esp_domain_build_mpi, .device = &esp_device_cpu64};
  const esp_adopt wanted = part == ESP_PART_TRAIN ? ESP_ADOPT_TRAINING : ESP_ADOPT_TARGETS;
  const double start = esp_wall();
  ESP_CALL(p->task->making->adopt(param, &backend, wanted, &p->foreign[part]));
  const esp_plan plan = {.part = part, .n = p->foreign[part].n, .items = 1, .foreign = 1, .shared = 1};
  ESP_CALL(add_group(p, param, &plan));
  p->report->group[p->report->groups - 1].seconds = esp_wall() - start;
  return ESP_OK;
}

/* Reads it; with `both`, it is there for each part. */
static int read_foreign(esp_make_plan *p, int both) {
  esp_origin origin;
  esp_set *test = &p->foreign[ESP_PART_TEST];
  ESP_CALL(esp_task_check_input(p->task, 0));
  ESP_CALL(esp_format_read(p->comm, &p->input, p->task->layout, test, &origin));
  memcpy(p->report->note, origin.note, sizeof p->report->note);
  memcpy(p->report->told, origin.told, sizeof p->report->told);
  return both ? p->comm->agree(p->comm, esp_set_copy(test, &p->foreign[ESP_PART_TRAIN])) : ESP_OK;
}

int esp_make_plan_all(void *param, esp_make_plan *p) {
  const esp_making *making = p->task->making;
  const int foreign = p->input.file[0] != 0, record = foreign && making->record && making->record(param);
  if (foreign) ESP_CALL(read_foreign(p, record));
  ESP_CALL(record ? esp_error_blame(add_foreign(p, param, ESP_PART_TRAIN), p->input.file)
                  : add_part(p, param, ESP_PART_TRAIN));
  ESP_CALL(foreign ? esp_error_blame(add_foreign(p, param, ESP_PART_TEST), p->input.file)
                   : add_part(p, param, ESP_PART_TEST));
  memcpy(p->about.width, p->report->group[0].plan.width, sizeof p->about.width);
  ESP_CHECK(strlen(p->task->name) < sizeof p->about.task, ESP_ERR_INTERNAL, "task '%s': the name is too long",
            p->task->name);
  strcpy(p->about.task, p->task->name);
  return ESP_OK;
}

/* ---- the file's beginning ---- */

typedef struct {
  esp_file *file;
  const char *from; /* the structure */
} writing;

static int write_number(const writing *w, const esp_option *row, const void *value) {
  if (row->type == ESP_OPTION_REAL) return esp_file_attr_write(w->file, "/", row->name, ESP_FILE_F64, 0, value);
  const int64_t whole = row->type == ESP_OPTION_WHOLE ? *(const int64_t *)value : *(const int *)value;
  return esp_file_attr_write(w->file, "/", row->name, ESP_FILE_I64, 0, &whole);
}

static int write_row(void *context, const esp_option *row, size_t offset) {
  const writing *w = context;
  const void *value = w->from + offset;
  char word[64];
  if ((strncmp(row->name, "data_", 5) && strcmp(row->name, "run_seed")) || !strcmp(row->name, "data_file"))
    return ESP_OK;
  if (row->type == ESP_OPTION_CHOICE)
    return esp_file_attr_write_string(w->file, "/", row->name, esp_option_choice(row, *(const int *)value, word));
  if (row->type == ESP_OPTION_TEXT)
    return esp_file_attr_write_string(w->file, "/", row->name, *(const char *const *)value);
  if (row->type != ESP_OPTION_LIST) return write_number(w, row, value);
  const esp_list *list = value;
  if (list->count == 0) return ESP_OK;
  return esp_file_attr_write(w->file, "/", row->name, ESP_FILE_I64, list->count, list->value);
}

static int write_keys(const esp_make_plan *p, const void *param, esp_file *file) {
  writing shared = {file, (const char *)&p->keys}, own = {file, param};
  ESP_CALL(esp_options_each(&esp_make_options, write_row, &shared));
  return esp_options_each(p->task->options, write_row, &own);
}

/* Particles and frames of every set. */
static void fill_sizes(const esp_make_plan *p, int64_t *const *n, int64_t *const *frames) {
  for (int g = 0; g < p->report->groups; g++) {
    const esp_plan *plan = &p->report->group[g].plan;
    for (int64_t s = 0; s < plan->items * plan->sets; s++) {
      n[plan->part][p->first_set[g] + s] = plan->n;
      frames[plan->part][p->first_set[g] + s] = plan->frames;
    }
  }
}

int esp_make_plan_begin(const esp_make_plan *p, const void *param, const char *path, esp_set_writer *writer) {
  int64_t *n[ESP_PARTS] = {NULL}, *frames[ESP_PARTS] = {NULL};
  int rc = ESP_OK;
  for (int part = 0; part < ESP_PARTS && !rc; part++) {
    rc = ESP_ALLOC(n[part], p->report->sets[part]);
    if (!rc) rc = ESP_ALLOC(frames[part], p->report->sets[part]);
  }
  ESP_TRY(p->comm->agree(p->comm, rc));
  fill_sizes(p, n, frames);
  const int64_t *const sizes[ESP_PARTS] = {n[0], n[1]}, *const lengths[ESP_PARTS] = {frames[0], frames[1]};
  ESP_TRY(esp_set_begin(p->comm, path, p->task->layout, &p->about, p->report->sets, sizes, lengths, writer));
  rc = write_keys(p, param, writer->file);
  if (rc) esp_set_abort(writer);
done:
  for (int part = 0; part < ESP_PARTS; part++) {
    ESP_FREE(n[part]);
    ESP_FREE(frames[part]);
  }
  return rc;
}
