#include "fmm/cells.h"

#include <math.h>
#include <string.h>

_Static_assert(sizeof(esp_fmm_cell) == 64 && sizeof(esp_fmm_node) == 64, "one cache line");

/* Axes of the moments of order 2, 3 and 4, in their order. */
static const uint8_t pair[6][2] = {{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}};
static const uint8_t triple[10][3] = {{0, 0, 0}, {0, 0, 1}, {0, 0, 2}, {0, 1, 1}, {0, 1, 2},
                                      {0, 2, 2}, {1, 1, 1}, {1, 1, 2}, {1, 2, 2}, {2, 2, 2}};
static const uint8_t quad[15][4] = {{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 2}, {0, 0, 1, 1}, {0, 0, 1, 2},
                                    {0, 0, 2, 2}, {0, 1, 1, 1}, {0, 1, 1, 2}, {0, 1, 2, 2}, {0, 2, 2, 2},
                                    {1, 1, 1, 1}, {1, 1, 1, 2}, {1, 1, 2, 2}, {1, 2, 2, 2}, {2, 2, 2, 2}};
/* Places of moments of order 2 and 3 by their axes. */
enum { SECOND = 4, THIRD = 10, FOURTH = 20 };
static const uint8_t second_at[3][3] = {{4, 5, 6}, {5, 7, 8}, {6, 8, 9}};
static const uint8_t third_at[3][3][3] = {{{10, 11, 12}, {11, 13, 14}, {12, 14, 15}},
                                          {{11, 13, 14}, {13, 16, 17}, {14, 17, 18}},
                                          {{12, 14, 15}, {14, 17, 18}, {15, 18, 19}}};

/* Sixteen lanes, halved again and again. */
static double lanes(const double *v) {
  double u[ESP_FMM_LEAF / 2];
  for (int l = 0; l < 8; l++) u[l] = v[l] + v[l + 8];
  for (int l = 0; l < 4; l++) u[l] = u[l] + u[l + 4];
  return (u[0] + u[2]) + (u[1] + u[3]);
}

typedef struct {
  double y[3][ESP_FMM_LEAF], m[ESP_FMM_LEAF];
} members;

/* sum a b; product [lanes] = a b. */
static double moment(const double *a, const double *b, double *product) {
  for (int l = 0; l < ESP_FMM_LEAF; l++) product[l] = a[l] * b[l];
  return lanes(product);
}

static void moments(int order, const members *b, esp_fmm_sums *sums) {
  double my[3][ESP_FMM_LEAF], myy[6][ESP_FMM_LEAF], myyy[10][ESP_FMM_LEAF], q[ESP_FMM_LEAF], last[ESP_FMM_LEAF];
  for (int a = 0; a < 3; a++) moment(b->m, b->y[a], my[a]);
  for (int k = 0; k < 6; k++) sums->raw[SECOND + k] = moment(my[pair[k][0]], b->y[pair[k][1]], myy[k]);
  for (int k = 0; k < 10; k++) {
    const double *two = myy[second_at[triple[k][0]][triple[k][1]] - SECOND];
    sums->raw[THIRD + k] = moment(two, b->y[triple[k][2]], myyy[k]);
  }
  for (int k = 0; k < 15 && order == 5; k++) {
    const double *three = myyy[third_at[quad[k][0]][quad[k][1]][quad[k][2]] - THIRD];
    sums->raw[FOURTH + k] = moment(three, b->y[quad[k][3]], last);
  }
  for (int l = 0; l < ESP_FMM_LEAF; l++) {
    q[l] = (b->y[0][l] * b->y[0][l] + b->y[1][l] * b->y[1][l]) + b->y[2][l] * b->y[2][l];
    last[l] = b->m[l] * q[l];
  }
  sums->b4 = moment(last, q, last);
}

void esp_fmm_sums_leaf(int order, int count, const double (*x)[3], const double *m, esp_fmm_sums *sums) {
  members b = {0};
  double spare[ESP_FMM_LEAF];
  memset(sums, 0, sizeof *sums);
  for (int l = 0; l < count; l++) {
    b.m[l] = m[l];
    for (int a = 0; a < 3; a++) b.y[a][l] = x[l][a] - x[0][a];
  }
  const double M = sums->raw[0] = lanes(b.m);
  for (int a = 0; a < 3; a++) sums->c[a] = M > 0 ? x[0][a] + moment(b.m, b.y[a], spare) / M : x[0][a];
  if (!(M > 0)) return;
  for (int l = 0; l < count; l++)
    for (int a = 0; a < 3; a++) b.y[a][l] = x[l][a] - sums->c[a];
  moments(order, &b, sums);
}

static void shift_fourth(const double *raw, const double *d, double *to) {
  for (int k = 0; k < 15; k++) {
    const int h = quad[k][0], i = quad[k][1], j = quad[k][2], l = quad[k][3];
    const double one = (raw[third_at[h][i][j]] * d[l] + raw[third_at[h][i][l]] * d[j]) +
                       (raw[third_at[h][j][l]] * d[i] + raw[third_at[i][j][l]] * d[h]);
    const double two = ((raw[second_at[h][i]] * d[j] * d[l] + raw[second_at[h][j]] * d[i] * d[l]) +
                        (raw[second_at[h][l]] * d[i] * d[j] + raw[second_at[i][j]] * d[h] * d[l])) +
                       (raw[second_at[i][l]] * d[h] * d[j] + raw[second_at[j][l]] * d[h] * d[i]);
    to[FOURTH + k] += raw[FOURTH + k] + (one + (two + raw[0] * d[h] * d[i] * d[j] * d[l]));
  }
}

/* to += the moments of `from` about to->c. */
static void shift(int order, const esp_fmm_sums *from, esp_fmm_sums *to) {
  const double *raw = from->raw, M = raw[0];
  const double d[3] = {from->c[0] - to->c[0], from->c[1] - to->c[1], from->c[2] - to->c[2]};
  for (int k = 0; k < 6; k++) to->raw[SECOND + k] += raw[SECOND + k] + M * d[pair[k][0]] * d[pair[k][1]];
  for (int k = 0; k < 10; k++) {
    const int h = triple[k][0], i = triple[k][1], j = triple[k][2];
    const double one = (raw[second_at[h][i]] * d[j] + raw[second_at[h][j]] * d[i]) + raw[second_at[i][j]] * d[h];
    to->raw[THIRD + k] += raw[THIRD + k] + (one + M * d[h] * d[i] * d[j]);
  }
  if (order == 5) shift_fourth(raw, d, to->raw);
  double dt = 0, dQd = 0, d2 = (d[0] * d[0] + d[1] * d[1]) + d[2] * d[2];
  for (int a = 0; a < 3; a++) {
    const double t = (raw[third_at[a][0][0]] + raw[third_at[a][1][1]]) + raw[third_at[a][2][2]];
    dt += d[a] * t;
    dQd += d[a] * ((raw[second_at[a][0]] * d[0] + raw[second_at[a][1]] * d[1]) + raw[second_at[a][2]] * d[2]);
  }
  const double B2 = (raw[4] + raw[7]) + raw[9];
  to->b4 += from->b4 + (4 * dt + (4 * dQd + (2 * d2 * B2 + M * d2 * d2)));
}

void esp_fmm_sums_join(int order, const esp_fmm_sums *left, const esp_fmm_sums *right, esp_fmm_sums *sums) {
  memset(sums, 0, sizeof *sums);
  const double M = sums->raw[0] = left->raw[0] + right->raw[0], share = M > 0 ? right->raw[0] / M : 0;
  for (int a = 0; a < 3; a++) sums->c[a] = left->c[a] + share * (right->c[a] - left->c[a]);
  shift(order, left, sums);
  shift(order, right, sums);
}

static double norm(const double *v) {
  return sqrt((v[0] * v[0] + v[1] * v[1]) + v[2] * v[2]);
}

void esp_fmm_box_close(esp_fmm_box *box) {
  for (int a = 0; a < 3; a++) {
    box->centre[a] = 0.5 * box->lo[a] + 0.5 * box->hi[a]; /* their sum may be out of range */
    const double up = box->hi[a] - box->centre[a], down = box->centre[a] - box->lo[a];
    box->half[a] = up > down ? up : down;
  }
  box->radius = norm(box->half);
}

void esp_fmm_cell_close(const esp_fmm_sums *sums, const esp_fmm_box *box, esp_fmm_cell *cell) {
  const double M = sums->raw[0], B2 = (sums->raw[4] + sums->raw[7]) + sums->raw[9];
  double corner[3];
  for (int a = 0; a < 3; a++) {
    cell->c[a] = sums->c[a];
    corner[a] = fabs(sums->c[a] - box->centre[a]) + box->half[a];
  }
  cell->mass = (float)M;
  cell->b2 = M > 0 ? (float)sqrt(B2 / M) : 0;
  cell->b4 = M > 0 ? (float)sqrt(sqrt(sums->b4 > 0 ? sums->b4 / M : 0)) : 0;
  cell->reach = (float)norm(corner);
  cell->radius = (float)box->radius;
}

/* v^2p or v^(2p+1) of q = v^2: one square root at most. */
static double distance_power(double q, int power) {
  double p = power % 2 ? sqrt(q) : 1;
  for (int k = 0; k < power / 2; k++) p *= q;
  return p;
}

int esp_fmm_expands(const esp_fmm_gate *g, int power, const esp_fmm_cell *J, double distance2, double eps2) {
  const double d2 = distance2 + eps2;
  const double M = (double)J->mass, b2 = (double)J->b2, b4 = (double)J->b4, R = (double)J->reach;
  const double r2 = (double)J->radius * (double)J->radius, b22 = b2 * b2, b42 = b4 * b4;
  const double sum = (g->k2 * b22 + g->k3 * (b2 * b42)) + (g->k4 + g->k5 * R) * (b42 * b42);
  const double lhs = M * (fmax(g->r2, r2) * g->rp + r2 * sum);
  const double rhs = (g->t * r2) * distance_power(d2, power);
  const double both = g->r + R, soft = d2 + 0.5 * power * eps2;
  return lhs * soft < rhs * d2 && both * both < 0.81 * d2;
}

int esp_fmm_acts_as_cell(int order, double t, const esp_fmm_cell *J, double distance2, double eps2) {
  const double D2 = distance2 + eps2, b2 = (double)J->b2, b4 = (double)J->b4, R = (double)J->reach;
  const double lhs = (double)J->mass * (order == 2 ? b2 * b2 : b2 * (b4 * b4));
  return R == 0 || (lhs < t * distance_power(D2, order == 2 ? 4 : 5) && R * R < 0.81 * D2);
}
