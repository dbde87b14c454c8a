#include "tasks/weather/icosahedron.h"

#include <math.h>

/* Rhombus k < 5 has corners N (0, 0), U_k (n, 0), U_k+1 (0, n), L_k (n, n); rhombus 5 + k has U_k+1, L_k, L_k+1, S. It owns
 * 1 <= i <= n, 0 <= j < n. Steps to the six neighbours, counter-clockwise: */
static const int step[6][2] = {{1, 0}, {0, 1}, {-1, 1}, {-1, 0}, {0, -1}, {1, -1}};

int64_t esp_icosahedron_points(int level) {
  return ((int64_t)10 << 2 * level) + 2;
}

/* ---- numbers ---- */

/* A point at most one step outside what rhombus r owns, as whoever owns it numbers it. */
static int64_t number(int64_t n, int r, int64_t i, int64_t j) {
  while (i < 1 || i > n || j < 0 || j >= n) {
    const int64_t a = i, b = j;
    const int k = r % 5, east = (k + 1) % 5, west = (k + 4) % 5;
    if (r < 5) {
      if (a == 0 && b == 0) return 10 * n * n;
      if (a == 0)
        r = east, i = b, j = 0;
      else if (b < 0)
        r = west, i = 1, j = a - 1;
      else if (a > n)
        r = 5 + west, i = 1;
      else
        r = 5 + k, j = 0;
    } else {
      if (a == n && b == n) return 10 * n * n + 1;
      if (a == 0)
        r = east, i = n;
      else if (b < 0)
        r = k, j = n - 1;
      else if (a > n)
        r = 5 + west, i = b + 1, j = n - 1;
      else
        r = 5 + east, i = n, j = a;
    }
  }
  return (r * n + i - 1) * n + j;
}

int esp_icosahedron_neighbours(int level, int64_t id, int64_t neighbour[6]) {
  const int64_t n = (int64_t)1 << level, poles = 10 * n * n;
  int count = 0;
  for (int k = 0; k < 5 && id >= poles; k++)
    neighbour[count++] = id == poles ? number(n, k, 1, 0) : number(n, 9 - k, n, n - 1);
  if (id >= poles) return count;
  const int r = (int)(id / (n * n));
  const int64_t i = id / n % n + 1, j = id % n;
  for (int k = 0; k < 6; k++) {
    const int64_t next = number(n, r, i + step[k][0], j + step[k][1]);
    /* at a corner of the icosahedron two steps lead to one neighbour */
    if (count && (next == neighbour[count - 1] || next == neighbour[0])) continue;
    neighbour[count++] = next;
  }
  return count;
}

/* ---- triangles ---- */

/* Number of triangle a, b, c, counter-clockwise, if its number is of a; -1: it is not. */
static int64_t triangle_of(int level, int64_t a, int64_t b, int64_t c) {
  const int64_t n = (int64_t)1 << level;
  int64_t next[4];
  if (a >= 10 * n * n) return -1;
  for (int k = 1; k <= 3; k++) next[k] = number(n, (int)(a / (n * n)), a / n % n + 1 + step[k][0], a % n + step[k][1]);
  if (b == next[2] && c == next[3]) return 2 * a;
  return b == next[1] && c == next[2] ? 2 * a + 1 : -1;
}

void esp_icosahedron_triangles(int level, int64_t id, int64_t triangle[6]) {
  int64_t near[6];
  const int degree = esp_icosahedron_neighbours(level, id, near);
  for (int k = 0; k < degree; k++) {
    const int64_t corner[3] = {id, near[k], near[(k + 1) % degree]};
    triangle[k] = -1;
    for (int c = 0; c < 3 && triangle[k] < 0; c++)
      triangle[k] = triangle_of(level, corner[c], corner[(c + 1) % 3], corner[(c + 2) % 3]);
  }
}

/* ---- places ---- */

/* lower: a corner of the lower ring, 36 degrees on. */
static void ring_corner(int k, int lower, double x[3]) {
  const double longitude = (2 * k + lower) * (acos(-1.0) / 5);
  x[0] = 2 / sqrt(5) * cos(longitude);
  x[1] = 2 / sqrt(5) * sin(longitude);
  x[2] = (lower ? -1 : 1) / sqrt(5);
}

/* Corner (i, j), each 0 or 1, of rhombus r. */
static void corner(int r, int64_t i, int64_t j, double x[3]) {
  const int k = r % 5, east = (k + 1) % 5, lower = r >= 5;
  if (i == j && i == lower) {
    x[0] = x[1] = 0, x[2] = lower ? -1 : 1;
    return;
  }
  if (lower)
    ring_corner(i ? k : east, i || j, x);
  else
    ring_corner(i ? k : east, i && j, x);
}

/* Point (i, j) of the closed rhombus, 0 <= i, j <= n: a midpoint of two that are there a bisection earlier. */
static void place(int r, int64_t i, int64_t j, int64_t n, double x[3]) {
  double other[3];
  while (n > 1 && i % 2 == 0 && j % 2 == 0) i /= 2, j /= 2, n /= 2;
  if (n == 1) {
    corner(r, i, j, x);
    return;
  }
  const int64_t a = i % 2, b = a && j % 2 ? 1 : -(j % 2);
  place(r, i - a, j + b, n, x);
  place(r, i + a, j - b, n, other);
  for (int k = 0; k < 3; k++) x[k] += other[k];
  const double length = sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
  for (int k = 0; k < 3; k++) x[k] /= length;
}

void esp_icosahedron_place(int level, int64_t id, double x[3]) {
  const int64_t n = (int64_t)1 << level, poles = 10 * n * n;
  if (id >= poles)
    x[0] = x[1] = 0, x[2] = id == poles ? 1 : -1;
  else
    place((int)(id / (n * n)), id / n % n + 1, id % n, n, x);
}
