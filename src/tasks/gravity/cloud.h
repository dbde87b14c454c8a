/* Sets of bodies: the columns and numbers that gravity and box share, and a set as the cloud that their numerics work on. */
#ifndef ESP_CLOUD_H
#define ESP_CLOUD_H

#include "base/particles.h"
#include "base/set.h"

/* Places of the columns: mass, position, velocity, and the targets of particles.h, which may be missing. */
enum { ESP_CLOUD_M, ESP_CLOUD_X, ESP_CLOUD_V, ESP_CLOUD_D, ESP_CLOUD_K };
extern const esp_column esp_cloud_columns[];

/* Places of the numbers in `about`. */
enum {
  ESP_CLOUD_KIND,
  ESP_CLOUD_SEED,
  ESP_CLOUD_DIM,
  ESP_CLOUD_G,
  ESP_CLOUD_EPS,
  ESP_CLOUD_BOX,
  ESP_CLOUD_UNIT_D = ESP_CLOUD_BOX + 3,
  ESP_CLOUD_UNIT_T,
  ESP_CLOUD_Q,
  ESP_CLOUD_R_H,
  ESP_CLOUD_MEAN_A,
  ESP_CLOUD_W,
  ESP_CLOUD_SAMPLED,
  ESP_CLOUD_TRUTH,
  ESP_CLOUD_STEPS,
  ESP_CLOUD_THETA,
  ESP_CLOUD_ORDER,
  ESP_CLOUD_TOLERANCE,
  ESP_CLOUD_ENERGY_ERROR,
  ESP_CLOUD_MOMENTUM,
  ESP_CLOUD_FORCE_RMS,
  ESP_CLOUD_FORCE_L2,
  ESP_CLOUD_DISPLACEMENT_ERROR,
  ESP_CLOUD_DISPLACEMENT_BODIES
};
extern const esp_number esp_cloud_numbers[];

/* What a set of bodies began as. */
typedef enum { ESP_KIND_BALL, ESP_KIND_PLUMMER, ESP_KIND_BOX, ESP_KIND_SNAPSHOT } esp_cloud_kind;

/* The cloud of a set with these columns and numbers, in the units the set is in. Its arrays are the set's: never to be
 * freed as a cloud. Local. */
void esp_cloud_view(const esp_set *set, esp_cloud *cloud);
/* A set of this rank's share, the first of it number `first`, that takes over the cloud's arrays; its numbers are the
 * cloud's, the others 0. The cloud stays as a view of it. Local. */
void esp_cloud_give(esp_cloud *cloud, int64_t first, const esp_layout *layout, esp_set *set);
/* The tasks' `ready`, `places` and `output` (tasks/task.h): to model units; the bodies where they are, in their box; to the
 * bodies after the horizon, without targets. param
 * is not looked at. ready: ESP_ERR_VALUE for units that are not positive, dim other than 2 and 3, or a third coordinate
 * in 2 dimensions. */
int esp_cloud_ready(const void *param, esp_set *set);
int esp_cloud_places(esp_set *set);
int esp_cloud_output(const void *param, const double *y, int targets, esp_set *set, double *elapsed);

#endif
