#include "ranks.h"

int espalier_rebound_force(espalier *e, const espalier_rebound_order *o, int64_t n, struct reb_particle *b) {
  espalier_particles p = espalier_rebound_particles(o, n, b);
  p.stride.vector = sizeof *b;
  return espalier_force(e, &p, (double(*)[3]) & b->ax, NULL);
}

static void gravity(struct reb_simulation *r) {
  espalier_rebound_ask(r, ESPALIER_REBOUND_FORCE);
}

void espalier_rebound_use(struct reb_simulation *r, espalier *e) {
  r->extras = e;
  r->gravity = REB_GRAVITY_CUSTOM;
  r->gravity_custom = gravity;
}
