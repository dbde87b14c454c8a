/* Inside mpi/io: one item of an ensemble: a cloud of task G with its truth, or a trajectory of task M. */
#ifndef ESP_MAKE_DATA_ITEM_H
#define ESP_MAKE_DATA_ITEM_H

#include "base/config.h"
#include "io/ensemble.h"
#include "net/device.h"

typedef enum {
  ESP_DATA_KIND_BALL,
  ESP_DATA_KIND_PLUMMER,
  ESP_DATA_KIND_BOX,
  ESP_DATA_KIND_SNAPSHOT,
  ESP_DATA_KIND_MIXED
} esp_data_kind;

/* What the keys say. */
typedef struct {
  int box; /* task M */
  esp_data_kind kind;
  uint64_t seed;
  double eps_over_d;
  int truth; /* 0 auto, 1 direct, 2 tree */
  int steps;
  double theta;
  int64_t shard_n, twin_n;
  double frame; /* task M */
  int substeps, test_frames, train_frames, stride;
  int has_twin[2]; /* displacement error of the twin by kind, once known */
  double twin[2];
} esp_data_recipe;

void esp_data_recipe_read(const esp_config *config, esp_data_recipe *recipe);
/* Is the truth of a cloud of n bodies by tree? */
int esp_data_by_tree(const esp_data_recipe *recipe, int64_t n);

/* Bodies, table rows and frame rows that an item of n bodies has in a set. */
int64_t esp_data_item_rows(const esp_data_recipe *recipe, esp_part set, int64_t n);
int64_t esp_data_item_entries(const esp_data_recipe *recipe, esp_part set);
int64_t esp_data_item_frame_rows(const esp_data_recipe *recipe, esp_part set, int64_t n);

/* Item `index` of a size, number `number` of its set (which keys its random numbers). Task G: cloud is made here, this
 * rank's share over backend->comm, with targets; entry gets all but offset. Collective over backend->comm. */
int esp_data_cloud(const esp_backend *backend, esp_data_recipe *recipe, esp_part set, int64_t number, int64_t index,
                   int64_t n, esp_cloud *cloud, esp_ensemble_entry *entry);
/* The same for the snapshot of key `input`, which is read and given targets. */
int esp_data_snapshot(const esp_backend *backend, esp_data_recipe *recipe, const esp_config *config, esp_cloud *cloud,
                      esp_ensemble_entry *entry);
/* Task M, one rank: arrays of `rows` from row `first_row` on, the entries, and frame_x, frame_v (test) are filled;
 * offsets in the entries count from 0 of the item. */
int esp_data_trajectory(const esp_backend *backend, const esp_data_recipe *recipe, esp_part set, int64_t number,
                        int64_t n, int64_t first_row, esp_cloud *rows, esp_ensemble_entry *entry, double (*frame_x)[3],
                        double (*frame_v)[3]);

#endif
