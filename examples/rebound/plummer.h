/* A Plummer sphere of mass 1 and length 1: its innermost share of the mass, at half the speeds of equilibrium at most, of
 * unequal masses; gravitational constant 1. The caller frees it. */
#include <rebound.h>

struct reb_simulation *plummer(int n, double share, unsigned seed);
