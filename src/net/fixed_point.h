/* Fixed points x = G(x) of home rows: by Picard's iteration x <- G(x), or accelerated by Anderson's method, for states that are
 * solved for and for their adjoints.
 *
 * Anderson, "Iterative procedures for nonlinear integral equations", J. ACM 12 (1965), as written in Walker, Ni, "Anderson
 * acceleration for fixed-point iterations", SIAM J. Numer. Anal. 49 (2011): of the last `window` steps, differences dG of
 * G(x), and dF of f = G(x) - x,
 *
 *   x <- G(x) - dG gamma,  gamma minimises |f - dF gamma|
 *
 * Where |f| grows tenfold, what was kept is dropped. The dot products are exact sums (base/exact_sum.h) of all
 * ranks, and the few numbers gamma are solved for alike on each: the iterates are the same bits on any number of ranks, which
 * those of libraries, whose dot products depend on who holds what, are not. */
#ifndef ESP_FIXED_POINT_H
#define ESP_FIXED_POINT_H

#include "net/device.h"

enum { ESP_FIXED_POINT_WINDOW = 8 };

typedef struct {
  int iterations;   /* at most; G is taken once in each */
  double tolerance; /* |G(x) - x| <= tolerance |G(x)|, root sums of squares over all ranks */
  int window;       /* 0: Picard; at most ESP_FIXED_POINT_WINDOW */
} esp_fixed_point_param;

typedef struct {
  int iterations;
  double change; /* |G(x) - x| / |G(x)| of the x that is left; above the tolerance where it was not reached; not finite
                    where G is not */
  /* The largest |G(a) - G(b)| / |a - b| of iterates one after the other: what is measured of how much G contracts, from below.
   * 0 after one iteration. */
  double contraction;
} esp_fixed_point_found;

/* gx [count] = G(x). Collective; the same code on all ranks. */
typedef int (*esp_fixed_point_map)(void *context, const double *x, double *gx);

/* x [count], whole groups of numbers a rank (base/set.h), in the device's memory: where it begins; then the last x that was
 * mapped, so that what `map` keeps belongs to it. That the tolerance is not reached is no error. Memory: 2 + 2 window such
 * arrays. Collective over backend->comm. Errors: memory, and those of map. */
int esp_fixed_point_solve(const esp_backend *backend, const esp_fixed_point_param *param, size_t count,
                          esp_fixed_point_map map, void *context, double *x, esp_fixed_point_found *found);

#endif
