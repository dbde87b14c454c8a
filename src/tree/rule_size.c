#include "tree/accept.h"
#include "tree/lists.h"

static int far(double theta, const double *number, const esp_rule_view *v) {
  return esp_accept_size(theta, *number, v->block_radius, v->radius, v->distance);
}

/* It accepts the more the farther and the smaller the block; rounding is some 1e-16 of each, of a nearest distance that of the
 * farthest it is a difference of. */
static int opens(double theta, const double *number, const esp_rule_view *v, double farthest) {
  esp_rule_view nearest = *v;
  nearest.distance -= 1e-12 * (farthest + v->block_radius + v->radius);
  return !far(theta * (1 - 1e-12), number, &nearest);
}

const esp_rule esp_rule_size = {.name = "size",
                                .most = 1.2,
                                .help = "a cell's radius, weighed by the gate, against the gate's width",
                                .far = far,
                                .opens = opens};
