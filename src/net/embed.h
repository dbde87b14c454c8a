/* Embeddings: where a particle is in the learned space, from its state.
 *
 *   linear       z = E s                          E [d][H] ~ N(0, 0.25 / H)
 *   mlp          z = E s + M2 silu(M1 s + m)      M1 [h][H] ~ N(0, 1/H), m ~ N(0, 1) , M2 [d][h] = 0 at the start
 *   features     z = E x, of the raw features x   E [d][D] = the first d of them at the start
 *   coordinates  z = the first d raw features     no parameters
 *
 * Parameters of one embedding lie together, in the order E, M1, m, M2. Local; cannot fail; home rows,
 * in the device's memory, as the parameters are. */
#ifndef ESP_EMBED_H
#define ESP_EMBED_H

#include <stdint.h>

#include "net/device.h"

typedef enum { ESP_EMBED_LINEAR, ESP_EMBED_MLP, ESP_EMBED_COORDINATES, ESP_EMBED_FEATURES } esp_embed_kind;
/* Does it see the raw features, whatever the state is? */
static inline int esp_embed_raw(esp_embed_kind kind) {
  return kind == ESP_EMBED_COORDINATES || kind == ESP_EMBED_FEATURES;
}

typedef struct {
  esp_embed_kind kind;
  int in, dim, hidden; /* H, d, h */
} esp_embed;

int esp_embed_count(const esp_embed *embed);
/* Start values from (seed, stream). Equal (seed, stream): equal values, as for q and k that begin as one. */
void esp_embed_start(const esp_embed *embed, uint64_t seed, uint64_t stream, double *value);
/* s [n][H] (coordinates: raw features [n][in], in >= d) -> z [n][d]; work [n][h] is kept for backward (mlp). */
void esp_embed_forward(const esp_device *device, const esp_embed *embed, const double *value, int n, const double *s,
                       double *work, double *z);
/* dz [n][d] -> ds [n][H] += ... (NULL: not wanted), acc [count][ESP_EXACT_FULL_WORDS] += one term a (group of
 * ESP_GROUP rows, number); scratch [n][h]. */
void esp_embed_backward(const esp_device *device, const esp_embed *embed, const double *value, int n, const double *s,
                        const double *work, const double *dz, double *scratch, double *ds, int64_t *acc);

#endif
