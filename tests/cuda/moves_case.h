/* A domain's moves in a device's memory beside dom->ops on the host's: every byte of every array, and what the moves cost. */
#ifndef TEST_CUDA_MOVES_CASE_H
#define TEST_CUDA_MOVES_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cuda/memory.h"
#include "cuda/moves.h"

/* An array of any bytes, on the host and, a copy, on the device. */
typedef struct {
  size_t bytes;
  unsigned char *host;
  void *there;
} twin;

static inline void must(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static inline twin twin_make(size_t bytes, uint64_t seed) {
  twin t = {.bytes = bytes, .host = malloc(bytes + 1)};
  for (size_t b = 0; b < bytes; b++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    t.host[b] = (unsigned char)(seed >> 56);
  }
  must(esp_cuda_alloc(&t.there, bytes));
  must(esp_cuda_put(t.there, t.host, bytes));
  return t;
}

static inline void twin_end(const char *what, size_t unit, twin *t) {
  unsigned char *got = malloc(t->bytes + 1);
  must(esp_cuda_get(got, t->there, t->bytes));
  for (size_t b = 0; b < t->bytes; b++)
    if (got[b] != t->host[b])
      fail_msg("%s, rows of %zu bytes: row %zu of %zu, byte %zu: %02x, the host has %02x", what, unit, b / unit,
               t->bytes / unit, b % unit, got[b], t->host[b]);
  free(got);
  free(t->host);
  esp_cuda_free(&t->there);
}

typedef int (*move)(esp_domain *dom, size_t unit, const void *from, void *to);

static inline void moved(const char *what, esp_domain *dom, move host, move device, size_t unit, int n_from, int n_to) {
  twin from = twin_make((size_t)n_from * unit, 1 + unit), to = twin_make((size_t)n_to * unit, 2 + unit);
  const int64_t before = dom->stats.bytes;
  must(host(dom, unit, from.host, to.host));
  const int64_t between = dom->stats.bytes;
  must(device(dom, unit, from.there, to.there));
  assert_int_equal(dom->stats.bytes - between, between - before);
  twin_end(what, unit, &from);
  twin_end(what, unit, &to);
}

static inline void slots_moved(esp_domain *dom, size_t unit) {
  const esp_domain_ops *host = dom->ops, *device = &esp_cuda_moves;
  moved("to slots", dom, host->to_slots, device->to_slots, unit, dom->n_home, dom->n_own);
  moved("to home", dom, host->to_home, device->to_home, unit, dom->n_own, dom->n_home);
  moved("to receivers", dom, host->to_receivers, device->to_receivers, unit, dom->n_home, dom->n_own);
  moved("receivers home", dom, host->receivers_home, device->receivers_home, unit, dom->n_own, dom->n_home);
}

static inline int halo_rows(const esp_domain *dom, int kind) {
  return kind == ESP_HALO_SOURCES     ? dom->n_own + dom->n_ghost
         : kind == ESP_HALO_RECEIVERS ? dom->n_own + dom->n_receiver_ghost
                                      : dom->tree.row_count;
}

/* All three under way together, of different rows; slots move between. */
static inline void halos_moved(esp_domain *dom, size_t unit) {
  static const char *const name[] = {"sources", "receivers", "cells"};
  twin array[ESP_HALO_KINDS], home = twin_make((size_t)dom->n_home * unit, 5);
  twin slots = twin_make((size_t)dom->n_own * unit, 6);
  size_t wide[ESP_HALO_KINDS];
  const int64_t before = dom->stats.bytes;
  for (int kind = 0; kind < ESP_HALO_KINDS; kind++) {
    wide[kind] = unit + (size_t)kind * 8;
    array[kind] = twin_make((size_t)halo_rows(dom, kind) * wide[kind], 10 + (uint64_t)kind);
    must(dom->ops->halo_begin(dom, kind, wide[kind], array[kind].host));
    must(dom->ops->halo_end(dom, kind, wide[kind], array[kind].host));
  }
  must(dom->ops->to_slots(dom, unit, home.host, slots.host));
  const int64_t between = dom->stats.bytes;
  for (int kind = 0; kind < ESP_HALO_KINDS; kind++)
    must(esp_cuda_moves.halo_begin(dom, kind, wide[kind], array[kind].there));
  must(esp_cuda_moves.to_slots(dom, unit, home.there, slots.there));
  for (int k = 0; k < ESP_HALO_KINDS; k++) {
    const int kind = (k + 1) % ESP_HALO_KINDS;
    must(esp_cuda_moves.halo_end(dom, kind, wide[kind], array[kind].there));
  }
  assert_int_equal(dom->stats.bytes - between, between - before);
  for (int kind = 0; kind < ESP_HALO_KINDS; kind++) twin_end(name[kind], wide[kind], &array[kind]);
  twin_end("home", unit, &home);
  twin_end("slots", unit, &slots);
}

static inline void cells_reduced(esp_domain *dom, int words) {
  const size_t unit = (size_t)words * sizeof(int64_t);
  twin acc = twin_make((size_t)dom->tree.row_count * unit, 20 + (uint64_t)words);
  must(dom->ops->cells_reduce(dom, words, (int64_t *)acc.host));
  must(esp_cuda_moves.cells_reduce(dom, words, acc.there));
  twin_end("cells reduced", unit, &acc);
}

/* Every move, of rows of every kind of length, the shorter ones also after the longer. */
static inline void all_moved(esp_domain *dom) {
  static const size_t unit[] = {8, 1, 16, 7, 280, 12};
  for (size_t u = 0; u < sizeof unit / sizeof *unit; u++) slots_moved(dom, unit[u]);
  for (size_t u = 0; u < sizeof unit / sizeof *unit; u += 2) halos_moved(dom, unit[u]);
  halos_moved(dom, 24); /* in buffers that hold what went before */
  cells_reduced(dom, 3);
  cells_reduced(dom, 1);
  cells_reduced(dom, 44);
}

#endif
