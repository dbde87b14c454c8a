#include "net/embed.h"

#include <math.h>

#include "base/exact_sum.h"
#include "base/rng.h"

/* Where the pieces begin. */
typedef struct {
  int M1, m, M2, end;
} layout;

static layout layout_of(const esp_embed *embed) {
  const int E = embed->kind == ESP_EMBED_COORDINATES ? 0 : embed->dim * embed->in;
  const int h = embed->kind == ESP_EMBED_MLP ? embed->hidden : 0;
  const int m = E + h * embed->in, M2 = m + h;
  return (layout){.M1 = E, .m = m, .M2 = M2, .end = M2 + embed->dim * h};
}

int esp_embed_count(const esp_embed *embed) {
  return layout_of(embed).end;
}

void esp_embed_start(const esp_embed *embed, uint64_t seed, uint64_t stream, double *value) {
  const layout at = layout_of(embed);
  for (int p = 0; p < at.end && embed->kind == ESP_EMBED_FEATURES; p++) value[p] = p / embed->in == p % embed->in;
  for (int p = 0; p < at.end && embed->kind != ESP_EMBED_FEATURES; p++) {
    const double spread = p < at.M1 ? sqrt(0.25 / embed->in) : p < at.m ? sqrt(1.0 / embed->in) : 1;
    value[p] = p < at.M2 ? spread * esp_rng_normal(seed, stream, ESP_RNG_WEIGHT, (uint32_t)p) : 0;
  }
}

void esp_embed_forward(const esp_device *device, const esp_embed *embed, const double *value, int n, const double *s,
                       double *work, double *z) {
  const esp_dense *dense = device->dense;
  const layout at = layout_of(embed);
  const int in = embed->in, dim = embed->dim, h = embed->hidden;
  if (embed->kind == ESP_EMBED_COORDINATES) {
    device->rows->columns(n, dim, in, 0, s, dim, 0, z);
    return;
  }
  dense->forward(n, in, dim, value, NULL, 0, s, z);
  if (embed->kind != ESP_EMBED_MLP) return;
  dense->forward(n, in, h, value + at.M1, value + at.m, 0, s, work);
  device->rows->add_silu(n, h, dim, value + at.M2, work, z);
}

static void hidden_backward(const esp_device *device, const esp_embed *embed, const double *value, int n,
                            const double *s, const double *work, const double *dz, double *scratch, double *ds,
                            int64_t *acc) {
  const esp_dense *dense = device->dense;
  const layout at = layout_of(embed);
  const int in = embed->in, dim = embed->dim, h = embed->hidden;
  const size_t words = ESP_EXACT_FULL_WORDS, count = (size_t)n * (size_t)h;
  dense->silu(count, work, scratch);
  dense->gradient(n, h, dim, scratch, dz, acc + (size_t)at.M2 * words, NULL);
  dense->backward(n, h, dim, value + at.M2, 0, dz, scratch);
  dense->silu_back(count, work, scratch, scratch);
  dense->gradient(n, in, h, s, scratch, acc + (size_t)at.M1 * words, acc + (size_t)at.m * words);
  if (ds) dense->backward(n, in, h, value + at.M1, 1, scratch, ds);
}

void esp_embed_backward(const esp_device *device, const esp_embed *embed, const double *value, int n, const double *s,
                        const double *work, const double *dz, double *scratch, double *ds, int64_t *acc) {
  const esp_dense *dense = device->dense;
  const int in = embed->in, dim = embed->dim;
  if (embed->kind == ESP_EMBED_COORDINATES) {
    if (ds) device->rows->add_columns(n, dim, dim, 0, dz, in, 0, ds);
    return;
  }
  dense->gradient(n, in, dim, s, dz, acc, NULL);
  if (ds) dense->backward(n, in, dim, value, 1, dz, ds);
  if (embed->kind == ESP_EMBED_MLP) hidden_backward(device, embed, value, n, s, work, dz, scratch, ds, acc);
}
