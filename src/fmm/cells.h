/* What a node of the tree tells of its bodies: moments about their centre of mass in float64, a leaf's from its bodies, a
 * parent's from its children; and the record by which lists judge it. Every sum has one order. Local, pure; cannot fail.
 *
 * Lengths and masses are in units of the root (scale.h). y: a body's place relative to c. */
#ifndef ESP_FMM_CELLS_H
#define ESP_FMM_CELLS_H

#include <stdint.h>
#include <string.h>

#include "base/inline.h"
#include "fmm/fmm.h"

/* Raw moments sum m y^n by order, and within an order as x.., y.., z.. in lexicographic order of axes (xx xy xz yy yz zz):
 * 1 + 3 + 6 + 10 + 15. Order 1 is 0; order 4 is made for expansions of order 5 alone. */
enum { ESP_FMM_MOMENTS = 35, ESP_FMM_TERMS = 56 /* with order 5 */ };
typedef struct {
  double c[3];                 /* centre of mass; of a massless node: some place in it */
  double raw[ESP_FMM_MOMENTS]; /* raw[0]: the mass M */
  double b4;                   /* sum m |y|^4 */
} esp_fmm_sums;

/* Place of x^a y^b z^c among all terms. */
ESP_INLINE int esp_fmm_term(int a, int b, int c) {
  const int n = a + b + c;
  return n * (n + 1) * (n + 2) / 6 + (b + c) * (b + c + 1) / 2 + c;
}

/* 1 <= count <= ESP_FMM_LEAF bodies in slot order. */
void esp_fmm_sums_leaf(int order, int count, const double (*x)[3], const double *m, esp_fmm_sums *sums);
void esp_fmm_sums_join(int order, const esp_fmm_sums *left, const esp_fmm_sums *right, esp_fmm_sums *sums);

/* Bodies whose r^2 + eps^2 is not above this are at one place: powers of less leave float64. */
static const double esp_fmm_together = 0x1p-320;

/* The tight box of a node's bodies: centre, half sides (such that it covers them after rounding), half diagonal. */
typedef struct {
  double lo[3], hi[3], centre[3], half[3], radius;
} esp_fmm_box;
/* From lo and hi. */
void esp_fmm_box_close(esp_fmm_box *box);

/* The record of a node: 64 bytes. b2 = (B2/M)^(1/2), b4 = (B4/M)^(1/4), B3 = (B2 B4)^(1/2) = M b2 b4^2, where Bk bounds
 * sum m |y|^k: lengths stay in range where products of them would not. */
typedef struct {
  double c[3];
  float mass;
  float radius; /* r: half diagonal of the box */
  float b2, b4;
  float reach;   /* R: from c to the farthest corner of the box */
  int32_t right; /* row of the right child; of a leaf: <= 0, minus the place of its first body among those held */
  int64_t first, count; /* slots */
} esp_fmm_cell;

/* A node as a receiver: 64 bytes. */
typedef struct {
  double centre[3], half[3], radius; /* of its box */
  double least;                      /* |a| */
} esp_fmm_node;

/* The largest power of two that is not above a radius; 0 where there is none. */
ESP_INLINE float esp_fmm_cell_scale(float radius) {
  uint32_t bits;
  memcpy(&bits, &radius, sizeof bits);
  bits &= 0x7f800000;
  memcpy(&radius, &bits, sizeof bits);
  return radius;
}
/* All but right, first, count. */
void esp_fmm_cell_close(const esp_fmm_sums *sums, const esp_fmm_box *box, esp_fmm_cell *cell);

/* Kinds, and what becomes of a cell that is none: it is opened, or left to the receiver's children. */
enum { ESP_FMM_OPEN = ESP_FMM_KINDS, ESP_FMM_KEEP, ESP_FMM_VERDICTS };

/* The estimate of rule 2, by order P = 2..5:
 *
 *   E = (M f r_I^P + k2 B2 + k3 B3 + k4 B4 + k5 B4 R_J) / d^(P+2) (1 + (P+2)/2 eps^2 / d^2),   f = max(1, r_I/r_J)^2
 *
 * k the coefficients of (r_I + |y|)^P in front of |y|^2.. |y|^5. d^2 = |s - c|^2 + eps^2: the potential is that of four
 * dimensions with eps as the fourth coordinate, so its series is that of Legendre polynomials in 1/d. f: an opened cell's
 * error would else be split into many small ones that add up; so do errors of softened cells, which point one way (last
 * factor; E is never above that without softening). E < T is asked as lhs (d^2 + (P+2)/2 eps^2) < T r_J^2 d^(P+2) d^2 with
 *
 *   lhs = M (max(r_I^2, r_J^2) r_I^P + r_J^2 ((k2 b2^2 + k3 b2 b4^2) + (k4 + k5 R_J) b4^4))
 *
 * so it needs no division; a cell without extent is never expanded into receivers that have one. */
typedef struct {
  double r, r2, rp;      /* r_I, its square, its power P */
  double k2, k3, k4, k5; /* coefficients; 0 where the order has none */
  double t;              /* T_I */
} esp_fmm_gate;
ESP_INLINE esp_fmm_gate esp_fmm_gate_make(int order, double radius, double t) {
  const double r2 = radius * radius, r3 = r2 * radius, r4 = r3 * radius;
  esp_fmm_gate g = {radius, r2, r2, 0, 0, 0, 0, t};
  g.k2 = 1;
  if (order == 3) g.rp = r3, g.k2 = 3 * radius, g.k3 = 1;
  if (order == 4) g.rp = r4, g.k2 = 6 * r2, g.k3 = 4 * radius, g.k4 = 1;
  if (order == 5) g.rp = r4 * radius, g.k2 = 10 * r3, g.k3 = 10 * r2, g.k4 = 5 * radius, g.k5 = 1;
  return g;
}
/* The estimate of rule 2 of fmm.h, compared: d to the power `power`. distance2: |s - c|^2. */
int esp_fmm_expands(const esp_fmm_gate *gate, int power, const esp_fmm_cell *cell, double distance2, double eps2);
/* Rule 3, for a receiver of T_I = t without children, whose box is that far from c. */
int esp_fmm_acts_as_cell(int order, double t, const esp_fmm_cell *cell, double distance2, double eps2);

#endif
