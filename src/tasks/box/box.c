/* The row, and its keys. */
#include "tasks/box/box.h"

#include <math.h>

#include "tasks/gravity/gravity.h"
#include "tasks/gravity/show.h"

#define OF esp_box_param

/* clang-format off */
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_CHOICE_ROW(OF, truth, "data_truth", "auto", "auto|direct", "of task box: the targets' forces are summed directly"),
        ESP_REAL_ROW(OF, frame, "data_box_dt", "0.01", 1e-12, INFINITY, "time units of the task",
            "time between two frames of task box"),
        ESP_INT_ROW(OF, substeps, "data_box_substeps", "64", 1, ESP_COUNT_MAX, "steps",
            "integration steps between two frames of task box"),
        ESP_INT_ROW(OF, test_frames, "data_box_frames", "200", 1, ESP_COUNT_MAX - 1, "frames",
            "length of a test trajectory of task box"),
        ESP_WHOLE_ROW(OF, train, "data_box_train", "32", 0, ESP_COUNT_MAX, "trajectories",
            "training trajectories of task box"),
        ESP_INT_ROW(OF, train_frames, "data_box_train_frames", "200", 1, ESP_COUNT_MAX - 1, "frames",
            "length of a training trajectory of task box"),
        ESP_INT_ROW(OF, stride, "data_box_stride", "10", 1, ESP_COUNT_MAX, "frames",
            "of a training trajectory, every stride-th pair of frames is kept"),
        ESP_SEED_ROW(OF, seed),
        {0}},
    NULL};
/* clang-format on */

const esp_layout esp_box_layout = {esp_cloud_columns, esp_cloud_numbers,
                                   "units of the task: G = 2, mass of a body 1, area a body 12"};

static const esp_word words[] = {{"data_task", "M", "box", NULL, NULL}, {0}};

static const esp_making making = {.plan = esp_box_plan, .make = esp_box_make, .places = esp_cloud_places};

const esp_task esp_task_box = {
    .name = "box",
    .help = "motion of bodies in a periodic square, from frame to frame",
    .words = words,
    .options = &options,
    .layout = &esp_box_layout,
    .network = &esp_network_integrator,
    .loss = &esp_loss_nmse_columns,
    .making = &making,
    .ready = esp_cloud_ready,
    .begin = esp_gravity_begin,
    .output = esp_cloud_output,
    .showing = &esp_gravity_showing,
    .rolling = &esp_gravity_rolling,
};
