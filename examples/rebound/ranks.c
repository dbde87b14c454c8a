#include "ranks.h"

static espalier_rebound_call *const calls[] = {NULL, espalier_rebound_force, espalier_rebound_step};

espalier_particles espalier_rebound_particles(const espalier_rebound_order *o, int64_t n,
                                              const struct reb_particle *b) {
  const size_t next = sizeof *b;
  return (espalier_particles){.n = n,
                              .mass = &b->m,
                              .position = (const double(*)[3]) & b->x,
                              .velocity = (const double(*)[3]) & b->vx,
                              .G = o->G,
                              .softening = o->softening,
                              .stride = {.mass = next, .position = next, .velocity = next}};
}

static int refuse(struct reb_simulation *r, const char *why) {
  reb_simulation_error(r, why);
  reb_simulation_stop(r);
  return 1;
}

int espalier_rebound_ask(struct reb_simulation *r, int call) {
  espalier_rebound_order o = {r->G, r->softening, r->dt, call};
  if (r->N_var || r->N_active < r->N || r->N_ghost_x || r->N_ghost_y || r->N_ghost_z)
    return refuse(r, "espalier: no variational particles, N_active or ghost boxes");
  MPI_Bcast(&o, 4, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  return calls[call](r->extras, &o, (int64_t)r->N, r->particles) ? refuse(r, espalier_error()) : 0;
}

int espalier_rebound_serve(espalier *e) {
  espalier_rebound_order o;
  struct reb_particle none = {0};
  for (int code = 0;;) {
    MPI_Bcast(&o, 4, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    if (o.call == ESPALIER_REBOUND_DONE) return code;
    code = calls[(int)o.call](e, &o, 0, &none);
  }
}

void espalier_rebound_done(void) {
  espalier_rebound_order o = {.call = ESPALIER_REBOUND_DONE};
  MPI_Bcast(&o, 4, MPI_DOUBLE, 0, MPI_COMM_WORLD);
}
