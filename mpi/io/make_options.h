/* Keys of making data: what every task shares. */
#ifndef ESP_MAKE_OPTIONS_H
#define ESP_MAKE_OPTIONS_H

#include "base/option.h"

typedef struct {
  int task;                                /* place among the tasks */
  const char *file;                        /* data_file */
  esp_list n, clouds, test_n, test_clouds; /* sizes of items, and how many of each */
  int64_t shard_n;                         /* items of at least so many particles are made by all ranks together */
  int keep;                                /* frames between two states that are kept; 0: none */
} esp_make_param;
extern const esp_options esp_make_options;

#endif
