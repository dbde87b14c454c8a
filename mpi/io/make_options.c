#include "io/make_options.h"

#include <math.h>

#define OF esp_make_param

const esp_options esp_make_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_CHOICE_ROW(
            OF, task, "data_task", "G", "G|M|subspace|circles|upstream|twice|compare|features",
            "G: gravitational displacement over a horizon; M: motion in a periodic square; hidden relations: subspace "
            "(who is near in a hidden plane is heard), circles (near in hidden radii), upstream (at a displacement of "
            "one's own), twice (subspace in two hops), compare (a message that depends on both sides); features: a "
            "feature file of one's own (data_file)"),
        ESP_TEXT_ROW(OF, file, "data_file", "",
                     "ensemble or feature file to use instead of generating one; empty: data.h5 of the run"),
        ESP_LIST_ROW(OF, n, "data_n", "128", 1, ESP_TOTAL_MAX, "particles",
                     "sizes of the training clouds (or feature sets)"),
        ESP_LIST_ROW(OF, clouds, "data_clouds", "64", 0, ESP_COUNT_MAX, "clouds", "training clouds of each size"),
        ESP_LIST_ROW(OF, test_n, "data_test_n", "256", 1, ESP_TOTAL_MAX, "particles",
                     "sizes of the test clouds (or feature sets)"),
        ESP_LIST_ROW(OF, test_clouds, "data_test_clouds", "8", 0, ESP_COUNT_MAX, "clouds", "test clouds of each size"),
        ESP_WHOLE_ROW(OF, shard_n, "data_shard_n", "8192", 2, ESP_TOTAL_MAX, "particles",
                      "clouds of at least this many are made by all ranks together"),
        {0}},
    NULL};

/* ---- until the tasks have them ---- */

typedef struct {
  int kind, truth, average, truth_steps, box_substeps, box_frames, box_train_frames, box_stride;
  int features, hidden, values;
  int64_t truth_sample, twin_n, box_train;
  double eps, theta, dt, h;
} interim;
#undef OF
#define OF interim

const esp_options esp_data_interim = {
    sizeof(OF),
    (const esp_option[]){
        ESP_CHOICE_ROW(OF, kind, "data_kind", "mixed", "ball|plummer|mixed", "initial conditions of task G"),
        ESP_REAL_ROW(OF, eps, "data_eps", "0.5", 0, INFINITY, "mean spacings", "softening length"),
        ESP_CHOICE_ROW(
            OF, truth, "data_truth", "auto", "auto|direct|tree|none",
            "how the targets are summed: directly over all pairs; by tree force (of a hidden relation: over the "
            "pairs that its kernel reaches); auto: directly where it is affordable; none: no targets, to predict or "
            "to partition"),
        ESP_WHOLE_ROW(OF, truth_sample, "data_truth_sample", "0", 0, ESP_TOTAL_MAX, "particles",
                      "of a hidden relation: targets of so many particles of a set, drawn by id, the others without "
                      "weight; 0: of all"),
        ESP_INT_ROW(OF, truth_steps, "data_truth_steps", "48", 1, ESP_COUNT_MAX, "steps",
                    "integration steps of the truth over one horizon"),
        ESP_REAL_ROW(OF, theta, "data_truth_theta", "0.5", 0, 4, "", "opening angle of the truth's tree force"),
        ESP_REAL_ROW(OF, dt, "data_box_dt", "0.01", 1e-12, INFINITY, "time units of the task",
                     "time between two frames of task M"),
        ESP_INT_ROW(OF, box_substeps, "data_box_substeps", "64", 1, ESP_COUNT_MAX, "steps",
                    "integration steps between two frames of task M"),
        ESP_INT_ROW(OF, box_frames, "data_box_frames", "200", 1, ESP_COUNT_MAX, "frames",
                    "length of a test trajectory of task M"),
        ESP_WHOLE_ROW(OF, box_train, "data_box_train", "32", 0, ESP_COUNT_MAX, "trajectories",
                      "training trajectories of task M"),
        ESP_INT_ROW(OF, box_train_frames, "data_box_train_frames", "200", 1, ESP_COUNT_MAX, "frames",
                    "length of a training trajectory of task M"),
        ESP_INT_ROW(OF, box_stride, "data_box_stride", "10", 1, ESP_COUNT_MAX, "frames",
                    "of a training trajectory, every stride-th pair of frames is kept"),
        ESP_WHOLE_ROW(OF, twin_n, "data_twin_n", "16384", 2, ESP_TOTAL_MAX, "particles",
                      "size of the twin on which the displacement error of a tree truth above 65536 is found"),
        ESP_INT_ROW(OF, features, "data_features", "8", 1, 4096, "",
                    "features of a particle of a hidden relation; upstream has 4"),
        ESP_INT_ROW(OF, hidden, "data_hidden", "2", 1, 64, "",
                    "hidden dimensions of a hidden relation, of each hop of task twice; upstream has 2"),
        ESP_INT_ROW(OF, values, "data_values", "1", 1, 64, "",
                    "values a particle of a hidden relation sends; as many targets (compare: one less)"),
        ESP_REAL_ROW(OF, h, "data_h", "0.25", 1e-6, INFINITY, "",
                     "h of the hidden relation's kernel exp(-distance^2 / 2 h^2)"),
        ESP_FLAG_ROW(OF, average, "data_average", "false",
                     "hidden relations: the target is an average, not a sum; upstream always"),
        {0}},
    NULL};
