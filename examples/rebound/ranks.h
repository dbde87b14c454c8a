/* What rank 0 asks of all ranks, and what they must know for it. */
#include "gravity.h"

typedef struct {
  double G, softening, horizon;
  double call; /* a place in a table of calls */
} espalier_rebound_order;
enum { ESPALIER_REBOUND_DONE, ESPALIER_REBOUND_FORCE, ESPALIER_REBOUND_STEP };

/* A call: of n particles of this rank, at b. */
typedef int espalier_rebound_call(espalier *e, const espalier_rebound_order *o, int64_t n, struct reb_particle *b);
espalier_rebound_call espalier_rebound_force, espalier_rebound_step;

/* The particles as libespalier takes them. */
espalier_particles espalier_rebound_particles(const espalier_rebound_order *o, int64_t n, const struct reb_particle *b);
/* On rank 0: all ranks do it. An error is told by r, which stops; then not 0. */
int espalier_rebound_ask(struct reb_simulation *r, int call);
