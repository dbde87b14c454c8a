/* Roll-outs: a method predicts from its own prediction, again and again, on test sets of up to 4096 particles that lie whole
 * on ranks, which share them.
 *
 * Sets with frames: one prediction a frame, as far as there is a truth; root mean square error over sets, frames and the
 * terms that the task counts, in the units of the file. Pairs of frames: a prediction goes as far as the pair, and those that
 * begin too late for all of them are left out. Other sets: eval_rollout steps, each in two half ones where the task
 * can halve them. In both cases, where the task has an invariant, its mean relative change. */
#ifndef ESP_ROLLOUT_H
#define ESP_ROLLOUT_H

#include "verbs/data.h"
#include "verbs/trial.h"

/* rollout.csv (a line a method), rollout_curves.csv (a line a frame; a file for each of the task's own figures, rollout_NAME.csv), run->json rollout: of `steps` steps. Collective. */
int esp_rollout(esp_run *run, const esp_data *data, const esp_trials *trials, const esp_backend *whole, int64_t steps,
                int classical);

#endif
