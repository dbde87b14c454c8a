/* The task `box`: motion in a periodic square (box_start.h), from frame to frame.
 *
 * An item is a trajectory, made on one rank. Training: every data_box_stride-th pair of neighbouring frames is a set, with
 * T = data_box_dt, data_box_train trajectories a size. Test: the first frame as a set, and all frames. */
#ifndef ESP_BOX_H
#define ESP_BOX_H

#include "tasks/task.h"

extern const esp_task esp_task_box;

typedef struct {
  double frame;                          /* time between two frames */
  int substeps;                          /* of the integration between them */
  int test_frames, train_frames, stride; /* of a trajectory */
  int64_t train;                         /* trajectories a size */
  int truth;                             /* one choice */
  uint64_t seed;
} esp_box_param;

/* Inside this folder, as the row's members of these names (tasks/task.h). */
extern const esp_layout esp_box_layout;
int esp_box_plan(const void *param, esp_plan *plan);
int esp_box_make(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to);

#endif
