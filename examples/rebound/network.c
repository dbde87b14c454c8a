#include <stdlib.h>

#include "ranks.h"

/* On by its velocity and by what gravity does beyond it. */
static void move(struct reb_particle *b, double horizon, const double displacement[3], const double change[3]) {
  b->x += horizon * b->vx + displacement[0], b->vx += change[0];
  b->y += horizon * b->vy + displacement[1], b->vy += change[1];
  b->z += horizon * b->vz + displacement[2], b->vz += change[2];
}

int espalier_rebound_step(espalier *e, const espalier_rebound_order *o, int64_t n, struct reb_particle *b) {
  const espalier_particles p = espalier_rebound_particles(o, n, b);
  double(*change)[3] = malloc((size_t)(2 * n + 1) * sizeof *change);
  if (!change) MPI_Abort(MPI_COMM_WORLD, 1);
  const int code = espalier_predict(e, &p, o->horizon, change, change + n, NULL, NULL);
  for (int64_t i = 0; !code && i < n; i++) move(b + i, o->horizon, change[i], change[n + i]);
  free(change);
  return code;
}

static void step(struct reb_simulation *r, void *state) {
  (void)state;
  if (espalier_rebound_ask(r, ESPALIER_REBOUND_STEP)) return;
  r->t += r->dt;
  r->dt_last_done = r->dt;
}

void espalier_rebound_register(void) {
  const struct reb_integrator integrator = {
      .documentation =
          "Each step is one prediction of libespalier's network for gravity: displacements and changes of "
          "velocity over r->dt, of all particles at once.",
      .step = step,
  };
  reb_integrator_register(integrator, "espalier");
}
