#include "verbs/data.h"

#include "domain/settle.h"
#include "verbs/setup.h"

/* Columns of one name mean different things to different tasks: a file says which it is of; one of other origin does not. */
static int check_task(const esp_data *data) {
  const esp_task *made = esp_task_of_file(data->file.about.task);
  ESP_CHECK(!made || made->layout->column == data->task->layout->column, ESP_ERR_CONFIG,
            "%s: data of task %s; data_task is %s", data->path, made->name, data->task->name);
  return ESP_OK;
}

static int take_pairs(esp_data *data) {
  const esp_task *task = data->task;
  for (int part = 0; part < ESP_PARTS && task->making->pairs; part++) {
    esp_pairing pairing = {0};
    ESP_CALL(task->making->pairs(data->param, (esp_part)part, &pairing));
    ESP_CALL(esp_set_pairs(&data->file, (esp_part)part, &pairing));
  }
  return ESP_OK;
}

int esp_data_open(const esp_run *run, esp_part part, int least, esp_data *data) {
  static const char *const keys[ESP_PARTS] = {"data_clouds", "data_test_clouds"};
  *data = (esp_data){.run = run};
  int rc, opened = 0;
  ESP_TRY(esp_run_data(run, data->path, sizeof data->path));
  data->task = esp_setup_task(run);
  ESP_TRY(run->comm->agree(run->comm, esp_setup_data(run, &data->param)));
  ESP_TRY(esp_set_open(run->comm, data->path, data->task->layout, &data->file));
  opened = 1;
  ESP_TRY(check_task(data));
  ESP_TRY(run->comm->agree(run->comm, take_pairs(data)));
  ESP_NEED(data->file.sets[part] >= least, ESP_ERR_VALUE, "%s: %d sets to %s on, at least %d needed; set %s",
           data->path, data->file.sets[part], esp_part_name(part), least, keys[part]);
done:
  if (rc && opened) esp_set_close(&data->file);
  if (rc) ESP_FREE(data->param);
  return rc;
}

void esp_data_close(esp_data *data) {
  if (!data->param) return;
  esp_set_close(&data->file);
  ESP_FREE(data->param);
}

int esp_data_set(const esp_data *data, const esp_comm *comm, esp_part part, int s, esp_set *set) {
  ESP_CALL(esp_set_read(&data->file, comm, part, s, set));
  int rc = data->task->ready ? comm->agree(comm, data->task->ready(data->param, set)) : ESP_OK;
  if (rc) esp_set_free(set);
  ESP_CALL(rc);
  return ESP_OK;
}

int esp_data_foreign(esp_run *run, const char *verb, const esp_input_param *input, void *param,
                     const esp_device *device, esp_set *set, esp_origin *origin) {
  const esp_task *task = esp_setup_task(run);
  const esp_backend backend = esp_setup_sharded(run, device);
  char text[256];
  ESP_CALL(esp_format_read(run->comm, input, task->layout, set, origin));
  esp_run_say_notes(run, verb, input->file, origin->note);
  ESP_CALL(esp_error_blame(task->making->adopt(param, &backend, ESP_ADOPT_INPUT, set), input->file));
  esp_format_horizon(set, origin, text, sizeof text);
  esp_run_say(run, "%s: %s: %s%s\n", verb, input->file, origin->told, text);
  return ESP_OK;
}

/* ---- all of a part ---- */

enum { KEEP_NUMBERS = 1 << 27 }; /* 1 GiB */

/* Shares differ by rank, but all ranks must keep the same sets: reading one again is collective. */
static int64_t numbers_held(const esp_data_sets *all, const esp_set *set) {
  const esp_set_file *file = &all->data->file;
  const int ranks = all->sets.shared ? all->backend->comm->size : 1, part = all->part;
  int64_t width = 2, rows = set->n, entries = 0;
  if (all->sets.shared) rows = set->n / ranks + ESP_GROUP;
  for (int k = 0; set->layout->column[k].name; k++) {
    if (set->layout->column[k].lying == ESP_DENSE)
      width += set->width[k];
    else /* an index and a value each; of sets of a part about as many */
      width++, entries += 2 * (file->sparse[part][k].entries / (file->sets[part] * ranks) + 1);
  }
  return rows * width + entries;
}

static int get(void *context, int s, const esp_set **set) {
  ESP_MEMORY_FOR(ESP_MEMORY_OTHER);
  esp_data_sets *all = context;
  esp_set read;
  *set = &all->kept[s];
  if (all->kept[s].id) return ESP_OK;
  ESP_CALL(esp_data_set(all->data, all->sets.shared ? all->backend->comm : esp_comm_self(), all->part, s, &read));
  int rc = all->sets.shared && all->model ? esp_set_settle(all->backend, all->model, &read) : ESP_OK;
  if (rc) esp_set_free(&read);
  ESP_CALL(rc);
  const int64_t held = numbers_held(all, &read);
  if (all->numbers + held <= KEEP_NUMBERS) {
    all->numbers += held;
    all->kept[s] = read;
  } else {
    all->passing = read;
    *set = &all->passing;
  }
  return ESP_OK;
}

static void put(void *context, int s, const esp_set *set) {
  (void)s;
  esp_data_sets *all = context;
  if (set == &all->passing) esp_set_free(&all->passing);
}

int esp_data_sets_create(const esp_data *data, esp_part part, int shared, esp_data_sets *all) {
  const esp_set_file *file = &data->file;
  const int largest = esp_set_largest(file, part);
  *all = (esp_data_sets){.data = data, .part = part};
  all->sets = (esp_sets){.sets = file->sets[part],
                         .shared = shared,
                         .layout = file->layout,
                         .largest = largest < 0 ? 0 : file->n[part][largest],
                         .get = get,
                         .put = put,
                         .context = all};
  for (int k = 0; k < ESP_COLUMNS; k++) all->sets.width[k] = file->about.width[k];
  return ESP_ALLOC(all->kept, all->sets.sets);
}

void esp_data_sets_free(esp_data_sets *all) {
  for (int s = 0; all->kept && s < all->sets.sets; s++) esp_set_free(&all->kept[s]);
  ESP_FREE(all->kept);
}
