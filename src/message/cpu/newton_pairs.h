/* The newton message between lanes and a stream (see body_lanes.h; message/pairs/newton.h). Bodies of vector loops are
 * functions: an array declared in such a loop would stay in memory. */
#include "message/pairs/newton.h"

ESP_INLINE esp_entry entry_of(const esp_stream *s, int j, int with_gradient) {
  esp_entry e = {s->x[j], s->y[j], s->z[j], s->w[j], 0, 0, 0};
  if (with_gradient) e.gx = s->gx[j], e.gy = s->gy[j], e.gz = s->gz[j];
  return e;
}

ESP_INLINE void newton_near_lanes(esp_lanes *t, const esp_stream *s, const esp_space p, int periodic) {
  const ESP_REAL *restrict x = t->x, *restrict y = t->y, *restrict z = t->z;
  ESP_REAL *restrict ax = t->ax, *restrict ay = t->ay, *restrict az = t->az;
  const int padded = t->padded;
  for (int j = 0; j < s->count; j += 4) {
    const esp_entry e0 = entry_of(s, j, 0), e1 = entry_of(s, j + 1, 0), e2 = entry_of(s, j + 2, 0),
                    e3 = entry_of(s, j + 3, 0);
#pragma omp simd
    for (int l = 0; l < padded; l++) {
      ESP_REAL bx = ax[l], by = ay[l], bz = az[l];
      esp_newton_near(e0, p, periodic, x[l], y[l], z[l], &bx, &by, &bz);
      esp_newton_near(e1, p, periodic, x[l], y[l], z[l], &bx, &by, &bz);
      esp_newton_near(e2, p, periodic, x[l], y[l], z[l], &bx, &by, &bz);
      esp_newton_near(e3, p, periodic, x[l], y[l], z[l], &bx, &by, &bz);
      ax[l] = bx;
      ay[l] = by;
      az[l] = bz;
    }
  }
}

static void newton_near(esp_lanes *t, const esp_stream *s, const esp_space *p) {
  if (p->periodic)
    newton_near_lanes(t, s, *p, 1);
  else
    newton_near_lanes(t, s, *p, 0);
}

ESP_INLINE esp_mass_entry far_of(const esp_stream *s, int j) {
  const esp_mass_entry f = {s->x[j],
                            s->y[j],
                            s->z[j],
                            s->w[j],
                            s->c[0][j],
                            s->c[1][j],
                            s->c[2][j],
                            s->c[3][j],
                            s->c[4][j],
                            s->c[5][j],
                            s->c[0][j] + s->c[3][j] + s->c[5][j]};
  return f;
}

static void newton_far(esp_lanes *t, const esp_stream *s, const esp_space *p) {
  const ESP_REAL *restrict x = t->x, *restrict y = t->y, *restrict z = t->z;
  ESP_REAL *restrict ax = t->ax, *restrict ay = t->ay, *restrict az = t->az;
  const ESP_REAL eps2 = p->eps2;
  const int padded = t->padded;
  for (int j = 0; j < s->count; j += 2) {
    const esp_mass_entry f0 = far_of(s, j), f1 = far_of(s, j + 1);
#pragma omp simd
    for (int l = 0; l < padded; l++) {
      ESP_REAL bx = ax[l], by = ay[l], bz = az[l];
      esp_newton_far(f0, eps2, x[l], y[l], z[l], &bx, &by, &bz);
      esp_newton_far(f1, eps2, x[l], y[l], z[l], &bx, &by, &bz);
      ax[l] = bx;
      ay[l] = by;
      az[l] = bz;
    }
  }
}

ESP_INLINE void newton_receivers_lanes(esp_lanes *t, const esp_stream *s, const esp_space p, int periodic, int masked) {
  const ESP_REAL *restrict x = t->x, *restrict y = t->y, *restrict z = t->z;
  const ESP_REAL *restrict gx = t->gx, *restrict gy = t->gy, *restrict gz = t->gz;
  ESP_REAL *restrict ax = t->ax, *restrict ay = t->ay, *restrict az = t->az, *restrict k0 = t->k;
  const int padded = t->padded;
  for (int j = 0; j < s->count; j += 2) {
    const esp_entry e0 = entry_of(s, j, 0), e1 = entry_of(s, j + 1, 0);
    const int self = s->first + j;
#pragma omp simd
    for (int l = 0; l < padded; l++) {
      ESP_REAL b0 = k0[l], bx = ax[l], by = ay[l], bz = az[l];
      esp_newton_receiver(e0, p, periodic, masked && l == self, x[l], y[l], z[l], gx[l], gy[l], gz[l], &b0, &bx, &by,
                          &bz);
      esp_newton_receiver(e1, p, periodic, masked && l == self + 1, x[l], y[l], z[l], gx[l], gy[l], gz[l], &b0, &bx,
                          &by, &bz);
      k0[l] = b0;
      ax[l] = bx;
      ay[l] = by;
      az[l] = bz;
    }
  }
}

/* The chunk's dy_i of near pairs into a. */
static void newton_near_receivers(esp_lanes *t, const esp_stream *s, const esp_space *p) {
  const int masked = s->first >= 0;
  if (p->periodic)
    masked ? newton_receivers_lanes(t, s, *p, 1, 1) : newton_receivers_lanes(t, s, *p, 1, 0);
  else
    masked ? newton_receivers_lanes(t, s, *p, 0, 1) : newton_receivers_lanes(t, s, *p, 0, 0);
  for (int l = 0; l < t->padded; l++) {
    t->ax[l] = esp_newton_received(t->ax[l], t->k[l], t->gx[l]);
    t->ay[l] = esp_newton_received(t->ay[l], t->k[l], t->gy[l]);
    t->az[l] = esp_newton_received(t->az[l], t->k[l], t->gz[l]);
  }
}

/* Lanes are senders. */
ESP_INLINE void newton_senders_lanes(esp_lanes *t, const esp_stream *s, const esp_space p, int periodic, int masked) {
  const ESP_REAL *restrict x = t->x, *restrict y = t->y, *restrict z = t->z;
  ESP_REAL *restrict ax = t->ax, *restrict ay = t->ay, *restrict az = t->az;
  const int padded = t->padded;
  for (int j = 0; j < s->count; j += 2) {
    const esp_entry e0 = entry_of(s, j, 1), e1 = entry_of(s, j + 1, 1);
    const int self = s->first + j;
#pragma omp simd
    for (int l = 0; l < padded; l++) {
      ESP_REAL bx = ax[l], by = ay[l], bz = az[l];
      esp_newton_sender(e0, p, periodic, masked && l == self, x[l], y[l], z[l], &bx, &by, &bz);
      esp_newton_sender(e1, p, periodic, masked && l == self + 1, x[l], y[l], z[l], &bx, &by, &bz);
      ax[l] = bx;
      ay[l] = by;
      az[l] = bz;
    }
  }
}

static void newton_near_senders(esp_lanes *t, const esp_stream *s, const esp_space *p) {
  const int masked = s->first >= 0;
  if (p->periodic)
    masked ? newton_senders_lanes(t, s, *p, 1, 1) : newton_senders_lanes(t, s, *p, 1, 0);
  else
    masked ? newton_senders_lanes(t, s, *p, 0, 1) : newton_senders_lanes(t, s, *p, 0, 0);
}

ESP_INLINE void newton_far_receiver_pair(const esp_mass_entry f, ESP_REAL eps2, ESP_REAL x, ESP_REAL y, ESP_REAL z,
                                         ESP_REAL gx, ESP_REAL gy, ESP_REAL gz, ESP_REAL *ax, ESP_REAL *ay,
                                         ESP_REAL *az, ESP_REAL (*part)[ESP_LANE], int l) {
  ESP_REAL v[ESP_MASS_ADJOINT];
  esp_newton_far_slope(f, eps2, x, y, z, gx, gy, gz, v);
  *ax -= v[0];
  *ay -= v[1];
  *az -= v[2];
  part[0][l] += v[0];
  part[1][l] += v[1];
  part[2][l] += v[2];
  part[3][l] += v[3];
  part[4][l] += v[4];
  part[5][l] += v[5];
  part[6][l] += v[6];
  part[7][l] += v[7];
  part[8][l] += v[8];
}

/* dy_i of one cell into a; the cell's own nine, folded to ESP_LANE partial sums, into part. */
static void newton_far_receivers(esp_lanes *t, const esp_stream *s, int j, const esp_space *p,
                                 ESP_REAL part[restrict ESP_MASS_ADJOINT][ESP_LANE]) {
  const esp_mass_entry f = far_of(s, j);
  const ESP_REAL eps2 = p->eps2;
  for (int base = 0; base < t->padded; base += ESP_LANE) {
    const ESP_REAL *restrict x = t->x + base, *restrict y = t->y + base, *restrict z = t->z + base;
    const ESP_REAL *restrict gx = t->gx + base, *restrict gy = t->gy + base, *restrict gz = t->gz + base;
    ESP_REAL *restrict ax = t->ax + base, *restrict ay = t->ay + base, *restrict az = t->az + base;
#pragma omp simd
    for (int l = 0; l < ESP_LANE; l++)
      newton_far_receiver_pair(f, eps2, x[l], y[l], z[l], gx[l], gy[l], gz[l], &ax[l], &ay[l], &az[l], part, l);
  }
}
