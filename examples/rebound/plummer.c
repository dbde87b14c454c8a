#include "plummer.h"

#include <math.h>
#include <stdlib.h>

static double between(double a, double b) {
  return a + (b - a) * rand() / RAND_MAX;
}

struct reb_simulation *plummer(int n, double share, unsigned seed) {
  struct reb_simulation *r = reb_simulation_create();
  srand(seed);
  for (int i = 0; i < n; i++) {
    const double q = 1 / sqrt(pow(between(0.001, share), -2. / 3) - 1), z = between(-1, 1), phi = between(0, 2 * M_PI);
    const double across = sqrt(1 - z * z), speed = 0.5 * pow(1 + q * q, -0.25);
    struct reb_particle p = {.m = between(0.5, 1.5) / n, .x = q * across * cos(phi), .y = q * across * sin(phi)};
    p.z = q * z;
    p.vx = speed * between(-1, 1), p.vy = speed * between(-1, 1), p.vz = speed * between(-1, 1);
    reb_simulation_add(r, p);
  }
  return r;
}
