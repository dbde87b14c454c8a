/* The particles of snapshot_fixture.h as GADGET binary files, and a few bodies as a tipsy file. */
#ifndef TEST_BINARY_FIXTURE_H
#define TEST_BINARY_FIXTURE_H

#include "snapshot_fixture.h"

static void put4(FILE *f, uint32_t w, int swap) {
  if (swap) w = bswap_32(w);
  fwrite(&w, 4, 1, f);
}
static void put_real(FILE *f, double value, int width, int swap) {
  float single = (float)value;
  uint32_t w;
  uint64_t d;
  memcpy(&w, &single, 4);
  memcpy(&d, &value, 8);
  if (width == 4) return put4(f, w, swap);
  if (swap) d = bswap_64(d);
  fwrite(&d, 8, 1, f);
}
static void label(FILE *f, const char *name, uint32_t bytes, int format, int swap) {
  if (format < 2) return;
  put4(f, 8, swap);
  fwrite(name, 4, 1, f);
  put4(f, bytes + 8, swap);
  put4(f, 8, swap);
}

/* types 1 (mass from the table, or in the record) and 4 (masses in the record); table 2: as 1, without ids */
static void write_gadget(const char *path, int format, int width, int swap, int table) {
  FILE *f = fopen(path, "wb");
  const int n = N1 + N4;
  label(f, "HEAD", 256, format, swap);
  put4(f, 256, swap);
  for (int t = 0; t < 6; t++) put4(f, t == 1 ? N1 : t == 4 ? N4 : 0, swap);
  for (int t = 0; t < 6; t++) put_real(f, t == 1 && table ? 0.125 : 0, 8, swap);
  for (int k = 0; k < 46; k++) put4(f, k == 13 ? 1 : k >= 6 && k < 12 ? (k == 7 ? N1 : k == 10 ? N4 : 0) : 0, swap);
  put4(f, 256, swap);
  static const char *const names[] = {"POS ", "VEL ", "JUNK", "ID  ", "MASS"};
  for (int b = 0; b < 5; b++) {
    if ((b == 2 && format < 2) || (b == 3 && table == 2)) continue;
    const uint32_t bytes = (uint32_t)(b < 2    ? 3 * n * width
                                      : b == 2 ? 12
                                      : b == 3 ? n * width
                                               : (table ? N4 : n) * width);
    label(f, names[b], bytes, format, swap);
    put4(f, bytes, swap);
    if (b == 2) put4(f, 1, swap), put4(f, 2, swap), put4(f, 3, swap);
    for (int i = 0; i < n && b != 2; i++) {
      const int t = i < N1 ? 1 : 4, p = t == 1 ? i : i - N1;
      for (int k = 0; k < 3 && b < 2; k++) put_real(f, b ? speed(t, p, k) : place(t, p, k), width, swap);
      const uint32_t id = (uint32_t)(1000 * t + p);
      if (b == 3 && width == 8 && swap) put4(f, 0, swap);
      if (b == 3) put4(f, id, swap);
      if (b == 3 && width == 8 && !swap) put4(f, 0, swap);
      if (b == 4 && (t == 4 || !table)) put_real(f, weight(t, p), width, swap);
    }
    put4(f, bytes, swap);
  }
  fclose(f);
}

/* Six bodies of three kinds at time 2.5: number k of body p is 100 p + k; doubles: of the numbers from 1 on, the first that
 * are doubles (0, 3, 6). */
static void write_tipsy(const char *path, int swap, int doubles) {
  const uint32_t head[6] = {6, 3, 1, 3, 2, 0};
  FILE *f = fopen(path, "wb");
  put_real(f, 2.5, 8, swap);
  for (int k = 0; k < 6; k++) put4(f, head[k], swap);
  for (int p = 0; p < 6; p++) {
    const int floats = p < 1 ? 12 : p < 4 ? 9 : 11;
    for (int k = 0; k < floats; k++) put_real(f, 100 * p + k, k >= 1 && k <= doubles ? 8 : 4, swap);
  }
  fclose(f);
}

#endif
