#include <math.h>

#include "net/train.h"

#define OF esp_train_param

const esp_options esp_train_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_WHOLE_ROW(OF, steps, "train_steps", "400", 0, ESP_COUNT_MAX, "steps", "steps of the optimiser"),
        ESP_WHOLE_ROW(OF, stop, "train_stop", "0", 0, ESP_COUNT_MAX, "steps",
                      "stop after this step, the schedule being that of train_steps; 0: run to the end"),
        ESP_INT_ROW(OF, batch, "train_batch", "8", 1, ESP_COUNT_MAX, "sets", "sets of one step"),
        ESP_REAL_ROW(OF, rate, "train_lr", "0.01", 0, INFINITY, "", "learning rate"),
        ESP_CHOICE_ROW(OF, schedule, "train_schedule", "cosine", "cosine|hold",
                       "learning rate over the steps: after the warm-up by half a cosine to 0; held for half of the "
                       "steps, then linearly to a tenth"),
        ESP_REAL_ROW(OF, beta2, "train_beta2", "0.999", 1e-6, 0.999999, "", "how slowly Adam's second moment forgets"),
        ESP_WHOLE_ROW(OF, warmup, "train_warmup", "20", 0, ESP_COUNT_MAX, "steps",
                      "steps over which the learning rate rises"),
        ESP_REAL_ROW(OF, clip, "train_clip", "0.3", 0, INFINITY, "", "largest norm of the gradient; 0: no limit"),
        ESP_REAL_ROW(OF, decay, "train_decay", "0", 0, INFINITY, "",
                     "weight decay: what is minimised is the loss and half of this times the sum of the squared "
                     "parameters (all that training moves, biases, too)"),
        ESP_WHOLE_ROW(OF, checkpoint_every, "train_checkpoint_every", "0", 0, ESP_COUNT_MAX, "steps",
                      "steps between two checkpoints, beside those by time; 0: by time alone"),
        ESP_REAL_ROW(OF, checkpoint_minutes, "train_checkpoint_minutes", "5", 0, INFINITY, "minutes",
                     "time between two checkpoints: what a killed job can lose; 0: by train_checkpoint_every alone"),
        ESP_WHOLE_ROW(
            OF, validate, "train_validate", "0", 0, ESP_COUNT_MAX, "steps",
            "after every so many steps the network is validated, where the data know how, and the best step's "
            "parameters are the result; 0: never, the last step's are"),
        ESP_SEED_ROW(OF, seed),
        {0}},
    NULL};

#undef OF
#define OF esp_shard_param

const esp_options esp_shard_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_CHOICE_ROW(OF, shard, "train_shard", "auto", "clouds|particles|auto",
                       "what the ranks divide among them: whole clouds (or sets) of a batch, or the particles of each; "
                       "auto: particles where a cloud has more than 8192, or where a batch of a learned relation has "
                       "fewer sets than ranks"),
        {0}},
    NULL};
