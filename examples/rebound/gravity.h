/* Gravity of libespalier in a REBOUND simulation: the simulation lies on rank 0, the sums on all ranks. */
#include <espalier.h>
#include <rebound.h>

/* On rank 0: r's gravity is espalier's from here on (r->extras is e's). Open space; every particle a source, test particles
 * those without mass. */
void espalier_rebound_use(struct reb_simulation *r, espalier *e);
/* On the other ranks: takes part in the sums until rank 0 says that it is done. 0, or an error of espalier. */
int espalier_rebound_serve(espalier *e);
void espalier_rebound_done(void);
