#include "gravity.h"

/* What the ranks without particles must know: whether there is a sum, and its two numbers. */
typedef struct {
  double go, G, softening;
} order;

static int sum(espalier *e, const order *o, int64_t n, struct reb_particle *b) {
  const size_t next = sizeof *b;
  const espalier_particles p = {.n = n,
                                .mass = &b->m,
                                .position = (const double(*)[3]) & b->x,
                                .G = o->G,
                                .softening = o->softening,
                                .stride = {.mass = next, .position = next, .vector = next}};
  return espalier_force(e, &p, (double(*)[3]) & b->ax, NULL);
}

static void gravity(struct reb_simulation *r) {
  order o = {1, r->G, r->softening};
  if (r->N_var || r->N_active < r->N || r->N_ghost_x || r->N_ghost_y || r->N_ghost_z) {
    reb_simulation_error(r, "espalier: no variational particles, N_active or ghost boxes");
    reb_simulation_stop(r);
    return;
  }
  MPI_Bcast(&o, 3, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  if (sum(r->extras, &o, (int64_t)r->N, r->particles)) {
    reb_simulation_error(r, espalier_error());
    reb_simulation_stop(r);
  }
}

void espalier_rebound_use(struct reb_simulation *r, espalier *e) {
  r->extras = e;
  r->gravity = REB_GRAVITY_CUSTOM;
  r->gravity_custom = gravity;
}

int espalier_rebound_serve(espalier *e) {
  order o;
  struct reb_particle none = {0};
  for (int code = 0;;) {
    MPI_Bcast(&o, 3, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    if (o.go == 0) return code;
    code = sum(e, &o, 0, &none);
  }
}

void espalier_rebound_done(void) {
  order o = {0, 0, 0};
  MPI_Bcast(&o, 3, MPI_DOUBLE, 0, MPI_COMM_WORLD);
}
