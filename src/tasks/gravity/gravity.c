/* The row, and its keys. */
#include "tasks/gravity/gravity.h"

#include <math.h>

#include "tasks/gravity/show.h"

#define OF esp_gravity_param

/* clang-format off */
const esp_options esp_gravity_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_CHOICE_ROW(OF, kind, "data_kind", "mixed", "ball|plummer|mixed", "initial conditions of task gravity"),
        ESP_REAL_ROW(OF, eps, "data_eps", "0.5", 0, INFINITY, "mean spacings", "softening length"),
        ESP_REAL_ROW(OF, horizon, "data_horizon", "0", 0, INFINITY, "length / velocity",
            "horizon of a snapshot's bodies, in the units of the file (physical: without scale factor and h); 0: their "
            "own, which networks are trained for: sqrt(2 d / mean acceleration), d the mean spacing"),
        ESP_REAL_ROW(OF, softening, "data_softening", "0", 0, INFINITY, "length",
            "softening length of a snapshot's bodies, in the same units; 0: data_eps mean spacings"),
        ESP_CHOICE_ROW(OF, truth, "data_truth", "auto", "auto|direct|tree",
            "of task gravity: how the targets' forces are summed: directly over all pairs; by tree; auto: directly where it "
            "is affordable"),
        ESP_INT_ROW(OF, steps, "data_truth_steps", "48", 1, ESP_COUNT_MAX, "steps",
            "integration steps of the truth over one horizon"),
        ESP_INT_ROW(OF, order, "data_truth_order", "5", 2, 5, "",
            "of a truth by tree: order of its multipole expansions"),
        ESP_REAL_ROW(OF, tolerance, "data_truth_tolerance", "0", 0, 1, "",
            "of a truth by tree: what a far cell's force may err by, as a share of the receiver's; 0: what suits the order "
            "(3e-2, 5.5e-3, 5e-4, 5e-5 for 2 to 5)"),
        ESP_WHOLE_ROW(OF, twin_n, "data_twin_n", "16384", 2, ESP_TOTAL_MAX, "particles",
            "size of the twin on which the displacement error of a tree truth above 65536 is found"),
        ESP_SEED_ROW(OF, seed),
        {0}},
    NULL};
/* clang-format on */

const esp_layout esp_gravity_layout = {esp_cloud_columns, esp_cloud_numbers,
                                       "units of the task: G = 1, mass of a cloud 1, radius of a ball 1"};

static const esp_word words[] = {{"data_task", "G", "gravity", NULL, NULL}, {0}};

static const esp_making making = {
    .plan = esp_gravity_plan, .make = esp_gravity_make, .adopt = esp_gravity_adopt, .places = esp_cloud_places};

const esp_task esp_task_gravity = {
    .name = "gravity",
    .help = "displacement of bodies under their own gravity over a horizon",
    .words = words,
    .options = &esp_gravity_options,
    .layout = &esp_gravity_layout,
    .network = &esp_network_integrator,
    .loss = &esp_loss_nmse_columns,
    .making = &making,
    .ready = esp_cloud_ready,
    .begin = esp_gravity_begin,
    .output = esp_cloud_output,
    .showing = &esp_gravity_showing,
    .rolling = &esp_gravity_rolling,
};
