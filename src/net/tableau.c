#include "net/tableau.h"

#include <string.h>

int esp_tableau_size(int layers) {
  return 3 * layers + layers * (layers - 1) / 2;
}

int esp_tableau_count(esp_tableau_kind kind, int layers) {
  return kind == ESP_TABLEAU_SYMPLECTIC ? layers / 2 + (layers - 1) / 2 : esp_tableau_size(layers);
}

void esp_tableau_start(esp_tableau_kind kind, int layers, double *p) {
  double L = layers;
  if (kind == ESP_TABLEAU_SYMPLECTIC) {
    for (int l = 0; l < layers / 2; l++) p[l] = (l + 0.5) / L;
    for (int l = 0; l < (layers - 1) / 2; l++) p[layers / 2 + l] = 1 / L;
    return;
  }
  for (int l = 0; l < layers; l++) {
    double c = (l + 0.5) / L;
    p[l] = c;
    p[layers + l] = (1 - c) / L;
    p[2 * layers + l] = 1 / L;
    for (int k = 0; k < l; k++) p[esp_tableau_alpha(layers, l, k)] = (c - (k + 0.5) / L) / L;
  }
}

/* c and b' of the symplectic kind, both symmetric; the last free b' follows from the sum. */
static void symplectic_nodes(int layers, const double *p, double *c, double *kick) {
  int half = layers / 2, given = (layers - 1) / 2;
  double sum = 0;
  for (int l = 0; l < half; l++) {
    c[l] = p[l];
    c[layers - 1 - l] = 1 - p[l];
  }
  if (layers % 2) c[half] = 0.5;
  for (int l = 0; l < given; l++) {
    kick[l] = kick[layers - 1 - l] = p[half + l];
    sum += p[half + l];
  }
  if (layers % 2) {
    kick[half] = 1 - 2 * sum;
  } else {
    kick[half - 1] = kick[half] = 0.5 - sum;
  }
}

void esp_tableau_expand(esp_tableau_kind kind, int layers, const double *p, double *table) {
  if (kind != ESP_TABLEAU_SYMPLECTIC) {
    memcpy(table, p, (size_t)esp_tableau_size(layers) * sizeof *table);
    return;
  }
  double *c = table, *b = table + layers, *kick = table + 2 * layers;
  symplectic_nodes(layers, p, c, kick);
  for (int l = 0; l < layers; l++) {
    b[l] = kick[l] * (1 - c[l]);
    for (int k = 0; k < l; k++) table[esp_tableau_alpha(layers, l, k)] = kick[k] * (c[l] - c[k]);
  }
}

void esp_tableau_pull(esp_tableau_kind kind, int layers, const double *p, const double *dtable, double *dp) {
  if (kind != ESP_TABLEAU_SYMPLECTIC) {
    memcpy(dp, dtable, (size_t)esp_tableau_size(layers) * sizeof *dp);
    return;
  }
  double c[ESP_MAX_LAYERS] = {0}, kick[ESP_MAX_LAYERS] = {0}, dc[ESP_MAX_LAYERS] = {0}, dkick[ESP_MAX_LAYERS] = {0};
  symplectic_nodes(layers, p, c, kick);
  const double *db = dtable + layers;
  for (int l = 0; l < layers; l++) {
    dc[l] = dtable[l] - db[l] * kick[l];
    dkick[l] = dtable[2 * layers + l] + db[l] * (1 - c[l]);
  }
  for (int l = 0; l < layers; l++) {
    for (int k = 0; k < l; k++) {
      double d = dtable[esp_tableau_alpha(layers, l, k)];
      dkick[k] += d * (c[l] - c[k]);
      dc[l] += d * kick[k];
      dc[k] -= d * kick[k];
    }
  }
  int half = layers / 2, given = (layers - 1) / 2;
  double rest = layers % 2 ? dkick[half] : 0.5 * (dkick[half > 0 ? half - 1 : 0] + dkick[half]);
  for (int l = 0; l < half; l++) dp[l] = dc[l] - dc[layers - 1 - l];
  for (int l = 0; l < given; l++) dp[half + l] = dkick[l] + dkick[layers - 1 - l] - 2 * rest;
}
