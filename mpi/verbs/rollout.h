/* Roll-outs: a method predicts from its own prediction, again and again.
 *
 * Task M: clouds with frames; one prediction a frame. RMSE over trajectories, frames, bodies and the 2 dim components of
 * position (minimum image) and velocity, in the units of the problem; energy error = mean |(H_end - H_0) / H_0|.
 * Task G: eval_rollout horizons, each in two half steps (the same weights with mu / 4 and w / 2); energy error alone. */
#ifndef ESP_ROLLOUT_H
#define ESP_ROLLOUT_H

#include "io/ensemble.h"
#include "net/integrator.h"
#include "verbs/run.h"

/* rollout.csv (a line a method), rollout_curves.csv (a line a frame; task M), run->json rollout. Clouds lie whole on
 * ranks, which share them; clouds of more than 4096 bodies are left out. Collective. */
int esp_rollout(esp_run *run, const esp_ensemble *ensemble, const esp_integrator *trained,
                const esp_integrator *untrained, const esp_device *device);

#endif
