/* The newton message between lanes and a stream (see body_lanes.h).
 *
 *   near  A_i += mu_j k r                                             r = y_j - y_i, q = r.r + eps^2, k = q^(-3/2)
 *   far   A_i += M { r [k + k(-1.5 trC + 7.5 r.Cr/q)/q] - 3 k/q C r }  r = X_J - y_i
 *
 * Second-order expansion of the softened force about the centre of mass (the dipole vanishes there). Below u = r/sqrt
 * q, so that no power of 1/q beyond q^(-5/2) is ever formed in float32. With upstream gradient g, p = u.g:
 *
 *   near  T g = k (g - 3 p u):  dy_i -= mu_j T g,  dy_j += mu_j T g
 *   far   S = M k { [1 + (7.5 u.Cu - 1.5 trC)/q] g + [p (-3 + (7.5 trC - 52.5 u.Cu)/q) + 15 g.Cu/q] u + 15 p/q Cu
 *                   - 3/q Cg }
 *         dy_i -= S,  dX += S,
 *         dC_aa += M k/sqrt q { 7.5 p u_a^2 - 1.5 p - 3 g_a u_a },
 *         dC_ab += M k/sqrt q { 15 p u_a u_b - 3 (g_a u_b + g_b u_a) }  for the stored half a < b.
 *
 * T and S are even in r, so its sign is that of (stream - lane) on both sides. */

/* One stream entry, by value: the compiler must not fear that sums written to lanes change it. */
typedef struct {
  ESP_REAL x, y, z, w, gx, gy, gz;
} stream_entry;

ESP_INLINE stream_entry entry_of(const esp_stream *s, int j, int with_gradient) {
  stream_entry e = {s->x[j], s->y[j], s->z[j], s->w[j], 0, 0, 0};
  if (with_gradient) e.gx = s->gx[j], e.gy = s->gy[j], e.gz = s->gz[j];
  return e;
}

ESP_INLINE void pair_vector(const stream_entry e, const esp_space p, int periodic, ESP_REAL x, ESP_REAL y, ESP_REAL z,
                            ESP_REAL r[3]) {
  r[0] = e.x - x;
  r[1] = e.y - y;
  r[2] = e.z - z;
  if (periodic) {
    r[0] = nearest_image(r[0], p.box[0], p.inverse[0]);
    r[1] = nearest_image(r[1], p.box[1], p.inverse[1]);
    r[2] = nearest_image(r[2], p.box[2], p.inverse[2]);
  }
}

ESP_INLINE void newton_near_pair(const stream_entry e, const esp_space p, int periodic, ESP_REAL x, ESP_REAL y,
                                 ESP_REAL z, ESP_REAL *ax, ESP_REAL *ay, ESP_REAL *az) {
  ESP_REAL r[3];
  pair_vector(e, p, periodic, x, y, z, r);
  const ESP_REAL i1 = inverse_root(r[0] * r[0] + r[1] * r[1] + r[2] * r[2] + p.eps2);
  const ESP_REAL k = e.w * i1 * (i1 * i1);
  *ax += k * r[0];
  *ay += k * r[1];
  *az += k * r[2];
}

/* No mask: a particle's pair with itself has r = 0 exactly. */
ESP_INLINE void newton_near_lanes(esp_lanes *t, const esp_stream *s, const esp_space p, int periodic) {
  const ESP_REAL *restrict x = t->x, *restrict y = t->y, *restrict z = t->z;
  ESP_REAL *restrict ax = t->ax, *restrict ay = t->ay, *restrict az = t->az;
  const int padded = t->padded;
  for (int j = 0; j < s->count; j += 4) {
    const stream_entry e0 = entry_of(s, j, 0), e1 = entry_of(s, j + 1, 0), e2 = entry_of(s, j + 2, 0),
                       e3 = entry_of(s, j + 3, 0);
#pragma omp simd
    for (int l = 0; l < padded; l++) {
      ESP_REAL bx = ax[l], by = ay[l], bz = az[l];
      newton_near_pair(e0, p, periodic, x[l], y[l], z[l], &bx, &by, &bz);
      newton_near_pair(e1, p, periodic, x[l], y[l], z[l], &bx, &by, &bz);
      newton_near_pair(e2, p, periodic, x[l], y[l], z[l], &bx, &by, &bz);
      newton_near_pair(e3, p, periodic, x[l], y[l], z[l], &bx, &by, &bz);
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

typedef struct {
  ESP_REAL x, y, z, M, xx, xy, xz, yy, yz, zz, trace;
} esp_far;

ESP_INLINE esp_far far_of(const esp_stream *s, int j) {
  const esp_far f = {s->x[j],
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

ESP_INLINE void newton_far_pair(const esp_far f, ESP_REAL eps2, ESP_REAL x, ESP_REAL y, ESP_REAL z, ESP_REAL *ax,
                                ESP_REAL *ay, ESP_REAL *az) {
  const ESP_REAL rx = f.x - x, ry = f.y - y, rz = f.z - z;
  const ESP_REAL i1 = inverse_root(rx * rx + ry * ry + rz * rz + eps2), i2 = i1 * i1;
  const ESP_REAL cx = f.xx * rx + f.xy * ry + f.xz * rz, cy = f.xy * rx + f.yy * ry + f.yz * rz,
                 cz = f.xz * rx + f.yz * ry + f.zz * rz;
  const ESP_REAL k = f.M * i1 * i2, s = i2 * (rx * cx + ry * cy + rz * cz);
  const ESP_REAL a = k * (1 + i2 * ((ESP_REAL)7.5 * s - (ESP_REAL)1.5 * f.trace)), b = 3 * k * i2;
  *ax += a * rx - b * cx;
  *ay += a * ry - b * cy;
  *az += a * rz - b * cz;
}

static void newton_far(esp_lanes *t, const esp_stream *s, const esp_space *p) {
  const ESP_REAL *restrict x = t->x, *restrict y = t->y, *restrict z = t->z;
  ESP_REAL *restrict ax = t->ax, *restrict ay = t->ay, *restrict az = t->az;
  const ESP_REAL eps2 = p->eps2;
  const int padded = t->padded;
  for (int j = 0; j < s->count; j += 2) {
    const esp_far f0 = far_of(s, j), f1 = far_of(s, j + 1);
#pragma omp simd
    for (int l = 0; l < padded; l++) {
      ESP_REAL bx = ax[l], by = ay[l], bz = az[l];
      newton_far_pair(f0, eps2, x[l], y[l], z[l], &bx, &by, &bz);
      newton_far_pair(f1, eps2, x[l], y[l], z[l], &bx, &by, &bz);
      ax[l] = bx;
      ay[l] = by;
      az[l] = bz;
    }
  }
}

/* k += mu_j k, a += 3 mu_j k (u.g) u. Bodies of vector loops are functions: an array declared in such a loop would stay
 * in memory. */
ESP_INLINE void newton_receiver_pair(const stream_entry e, const esp_space p, int periodic, int self, ESP_REAL x,
                                     ESP_REAL y, ESP_REAL z, ESP_REAL gx, ESP_REAL gy, ESP_REAL gz, ESP_REAL *k0,
                                     ESP_REAL *ax, ESP_REAL *ay, ESP_REAL *az) {
  ESP_REAL r[3];
  pair_vector(e, p, periodic, x, y, z, r);
  const ESP_REAL i1 = inverse_root(r[0] * r[0] + r[1] * r[1] + r[2] * r[2] + p.eps2), i2 = i1 * i1;
  const ESP_REAL w = self ? 0 : e.w;
  const ESP_REAL k = w * i1 * i2, c = k * (3 * i2 * (r[0] * gx + r[1] * gy + r[2] * gz));
  *k0 += k;
  *ax += c * r[0];
  *ay += c * r[1];
  *az += c * r[2];
}

ESP_INLINE void newton_receivers_lanes(esp_lanes *t, const esp_stream *s, const esp_space p, int periodic, int masked) {
  const ESP_REAL *restrict x = t->x, *restrict y = t->y, *restrict z = t->z;
  const ESP_REAL *restrict gx = t->gx, *restrict gy = t->gy, *restrict gz = t->gz;
  ESP_REAL *restrict ax = t->ax, *restrict ay = t->ay, *restrict az = t->az, *restrict k0 = t->k;
  const int padded = t->padded;
  for (int j = 0; j < s->count; j += 2) {
    const stream_entry e0 = entry_of(s, j, 0), e1 = entry_of(s, j + 1, 0);
    const int self = s->first + j;
#pragma omp simd
    for (int l = 0; l < padded; l++) {
      ESP_REAL b0 = k0[l], bx = ax[l], by = ay[l], bz = az[l];
      newton_receiver_pair(e0, p, periodic, masked && l == self, x[l], y[l], z[l], gx[l], gy[l], gz[l], &b0, &bx, &by,
                           &bz);
      newton_receiver_pair(e1, p, periodic, masked && l == self + 1, x[l], y[l], z[l], gx[l], gy[l], gz[l], &b0, &bx,
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
    t->ax[l] -= t->k[l] * t->gx[l];
    t->ay[l] -= t->k[l] * t->gy[l];
    t->az[l] -= t->k[l] * t->gz[l];
  }
}

/* Lanes are senders: a += T g_i, the sender's mass left out. */
ESP_INLINE void newton_sender_pair(const stream_entry e, const esp_space p, int periodic, int self, ESP_REAL x,
                                   ESP_REAL y, ESP_REAL z, ESP_REAL *ax, ESP_REAL *ay, ESP_REAL *az) {
  ESP_REAL r[3];
  pair_vector(e, p, periodic, x, y, z, r);
  const ESP_REAL i1 = inverse_root(r[0] * r[0] + r[1] * r[1] + r[2] * r[2] + p.eps2), i2 = i1 * i1;
  const ESP_REAL k = self ? 0 : i1 * i2;
  const ESP_REAL c = 3 * i2 * (r[0] * e.gx + r[1] * e.gy + r[2] * e.gz);
  *ax += k * (e.gx - c * r[0]);
  *ay += k * (e.gy - c * r[1]);
  *az += k * (e.gz - c * r[2]);
}

ESP_INLINE void newton_senders_lanes(esp_lanes *t, const esp_stream *s, const esp_space p, int periodic, int masked) {
  const ESP_REAL *restrict x = t->x, *restrict y = t->y, *restrict z = t->z;
  ESP_REAL *restrict ax = t->ax, *restrict ay = t->ay, *restrict az = t->az;
  const int padded = t->padded;
  for (int j = 0; j < s->count; j += 2) {
    const stream_entry e0 = entry_of(s, j, 1), e1 = entry_of(s, j + 1, 1);
    const int self = s->first + j;
#pragma omp simd
    for (int l = 0; l < padded; l++) {
      ESP_REAL bx = ax[l], by = ay[l], bz = az[l];
      newton_sender_pair(e0, p, periodic, masked && l == self, x[l], y[l], z[l], &bx, &by, &bz);
      newton_sender_pair(e1, p, periodic, masked && l == self + 1, x[l], y[l], z[l], &bx, &by, &bz);
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

/* S of one pair into v[0..2], the gradient to C into v[3..8]. */
ESP_INLINE void newton_far_slope(const esp_far f, ESP_REAL eps2, ESP_REAL x, ESP_REAL y, ESP_REAL z, ESP_REAL gx,
                                 ESP_REAL gy, ESP_REAL gz, ESP_REAL v[ESP_MASS_ADJOINT]) {
  const ESP_REAL rx = f.x - x, ry = f.y - y, rz = f.z - z;
  const ESP_REAL i1 = inverse_root(rx * rx + ry * ry + rz * rz + eps2), i2 = i1 * i1;
  const ESP_REAL ux = rx * i1, uy = ry * i1, uz = rz * i1;
  const ESP_REAL cx = f.xx * ux + f.xy * uy + f.xz * uz, cy = f.xy * ux + f.yy * uy + f.yz * uz,
                 cz = f.xz * ux + f.yz * uy + f.zz * uz;
  const ESP_REAL hx = f.xx * gx + f.xy * gy + f.xz * gz, hy = f.xy * gx + f.yy * gy + f.yz * gz,
                 hz = f.xz * gx + f.yz * gy + f.zz * gz;
  const ESP_REAL s = ux * cx + uy * cy + uz * cz, p = ux * gx + uy * gy + uz * gz, n = gx * cx + gy * cy + gz * cz;
  const ESP_REAL k = f.M * i1 * i2;
  const ESP_REAL a = k * (1 + i2 * ((ESP_REAL)7.5 * s - (ESP_REAL)1.5 * f.trace));
  const ESP_REAL b = k * (p * (i2 * ((ESP_REAL)7.5 * f.trace - (ESP_REAL)52.5 * s) - 3) + 15 * i2 * n);
  const ESP_REAL c = 15 * k * i2 * p, d = 3 * k * i2;
  v[0] = a * gx + b * ux + c * cx - d * hx;
  v[1] = a * gy + b * uy + c * cy - d * hy;
  v[2] = a * gz + b * uz + c * cz - d * hz;
  const ESP_REAL e = k * i1, m = (ESP_REAL)7.5 * p * e, o = (ESP_REAL)1.5 * p * e, w = 3 * e;
  v[3] = m * ux * ux - o - w * gx * ux;
  v[4] = 2 * m * ux * uy - w * (gx * uy + gy * ux);
  v[5] = 2 * m * ux * uz - w * (gx * uz + gz * ux);
  v[6] = m * uy * uy - o - w * gy * uy;
  v[7] = 2 * m * uy * uz - w * (gy * uz + gz * uy);
  v[8] = m * uz * uz - o - w * gz * uz;
}

ESP_INLINE void newton_far_receiver_pair(const esp_far f, ESP_REAL eps2, ESP_REAL x, ESP_REAL y, ESP_REAL z,
                                         ESP_REAL gx, ESP_REAL gy, ESP_REAL gz, ESP_REAL *ax, ESP_REAL *ay,
                                         ESP_REAL *az, ESP_REAL (*part)[ESP_LANE], int l) {
  ESP_REAL v[ESP_MASS_ADJOINT];
  newton_far_slope(f, eps2, x, y, z, gx, gy, gz, v);
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
  const esp_far f = far_of(s, j);
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
