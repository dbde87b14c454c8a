#include "io/make_options.h"

#include <math.h>

#include "tasks/task.h"

static const char *task_name(int k) {
  for (int t = 0; t <= k; t++)
    if (!esp_tasks[t]) return NULL;
  return k < 0 ? NULL : esp_tasks[k]->name;
}

#define OF esp_make_param

const esp_options esp_make_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_NAMES_ROW(OF, task, "data_task", esp_task_default, task_name, "what is learned"),
        ESP_TEXT_ROW(OF, file, "data_file", "",
                     "data file to use instead of generating one; empty: data.h5 of the run"),
        ESP_LIST_ROW(OF, n, "data_n", "128", 1, ESP_TOTAL_MAX, "particles", "sizes of the training sets"),
        ESP_LIST_ROW(OF, clouds, "data_clouds", "64", 0, ESP_COUNT_MAX, "clouds", "training clouds of each size"),
        ESP_LIST_ROW(OF, test_n, "data_test_n", "256", 1, ESP_TOTAL_MAX, "particles", "sizes of the test sets"),
        ESP_LIST_ROW(OF, test_clouds, "data_test_clouds", "8", 0, ESP_COUNT_MAX, "clouds", "test clouds of each size"),
        ESP_WHOLE_ROW(OF, shard_n, "data_shard_n", "8192", 2, ESP_TOTAL_MAX, "particles",
                      "clouds of at least this many are made by all ranks together"),
        ESP_INT_ROW(
            OF, keep, "run_keep", "0", 0, ESP_COUNT_MAX, "frames",
            "a trajectory of a task that can go on (weather) is kept every so many frames while it is made: the "
            "same command goes on from there, on any number of ranks; 0: never"),
        {0}},
    NULL};
