/* Gravity and the trained network of libespalier in a REBOUND simulation: it lies on rank 0, the sums on all ranks. Open
 * space; every particle a source, test particles those without mass. */
#include <espalier.h>
#include <rebound.h>

/* On rank 0: r's gravity is espalier's from here on (r->extras is e's). */
void espalier_rebound_use(struct reb_simulation *r, espalier *e);
/* On rank 0, once: the integrator "espalier" (reb_simulation_set_integrator; r->extras = e): each step of length r->dt is one
 * prediction, with the network that e was created with. It has no gravity or forces beside its own. */
void espalier_rebound_register(void);
/* On the other ranks: takes part in the sums until rank 0 says that it is done. 0, or an error of espalier. */
int espalier_rebound_serve(espalier *e);
void espalier_rebound_done(void);
