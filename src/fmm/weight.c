#include "fmm/weight.h"

#include <math.h>

#include "base/exact_sum.h"

/* e such that x 2^-e lies in [1/2, 1). */
static int exponent(double x) {
  int e = 0;
  if (x > 0) frexp(x, &e);
  return e;
}

double esp_fmm_weights_size(const double *g) {
  return sqrt((g[0] * g[0] + g[1] * g[1]) + g[2] * g[2]);
}

static int check(const double (*g)[3], int n) {
  for (int i = 0; i < n; i++)
    ESP_CHECK(isfinite(g[i][0]) && isfinite(g[i][1]) && isfinite(g[i][2]), ESP_ERR_VALUE,
              "body %d: gradient (%g, %g, %g); it must be finite", i, g[i][0], g[i][1], g[i][2]);
  return ESP_OK;
}

/* The exponent such that n times the largest component is less than 1. */
static int g_exponent(const esp_comm *comm, const double (*g)[3], int n, int64_t all, int *e) {
  double most = 0;
  ESP_AGREE(comm, check(g, n));
  for (int i = 0; i < n; i++)
    for (int a = 0; a < 3; a++) most = fmax(most, fabs(g[i][a]));
  ESP_CALL(comm->max_f64(comm, &most, 1));
  *e = most > 0 ? exponent(most) + exponent((double)all) : 0;
  return ESP_OK;
}

/* 1 over the least power of two above the sum; 0 of nothing. */
static double share(const int64_t *sum) {
  const double value = esp_exact_value(&ESP_EXACT_CELL, sum);
  return value > 0 ? ldexp(1, -exponent(value)) : 0;
}

static double weight(const esp_fmm_weights *w, int i) {
  return w->mass_share * w->sent[i][0] + w->g_share * esp_fmm_weights_size(w->sent[i] + 1);
}

static int weigh(const esp_comm *comm, int64_t all, esp_fmm_weights *w) {
  int64_t sum[2][ESP_EXACT_CELL_WORDS] = {{0}};
  double most = 0;
  for (int i = 0; i < w->bodies.n; i++) {
    esp_exact_add(&ESP_EXACT_CELL, sum[0], w->sent[i][0]);
    esp_exact_add(&ESP_EXACT_CELL, sum[1], esp_fmm_weights_size(w->sent[i] + 1));
  }
  esp_exact_carry(&ESP_EXACT_CELL, sum[0], 2);
  ESP_CALL(comm->sum_i64(comm, sum[0], 2 * ESP_EXACT_CELL_WORDS));
  w->mass_share = share(sum[0]);
  w->g_share = share(sum[1]);
  for (int i = 0; i < w->bodies.n; i++) most = fmax(most, weight(w, i));
  ESP_CALL(comm->max_f64(comm, &most, 1));
  const double unit = ldexp(1, -exponent((double)all * most)); /* so that the tree does not scale them again */
  w->mass_share *= unit;
  w->g_share *= unit;
  for (int i = 0; i < w->bodies.n; i++) w->weight[i] = weight(w, i);
  return ESP_OK;
}

static int reserve(esp_fmm_weights *w) {
  ESP_CALL(ESP_RESERVE(w->sent, w->bodies.n));
  return ESP_RESERVE(w->weight, w->bodies.n);
}

int esp_fmm_weights_create(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *bodies,
                           const double (*g)[3], esp_fmm_weights *w) {
  /* the same pairs as for a force of this tolerance, about: measured */
  static const double tides = 32;
  esp_fmm_scale scale;
  const int n = bodies->n;
  int rc = ESP_OK, e;
  *w = (esp_fmm_weights){.param = *param, .bodies = *bodies, .order = param->order > 3 ? param->order : 3};
  w->bodies.previous = NULL;
  ESP_CALL(esp_fmm_scale_make(comm, param, &w->bodies, &scale));
  ESP_CALL(g_exponent(comm, g, n, scale.n, &e));
  ESP_TRY(comm->agree(comm, reserve(w)));
  double of_mass[2], of_g[2];
  esp_fmm_scale_factor(scale.mass, of_mass);
  esp_fmm_scale_factor(e, of_g);
  for (int i = 0; i < n; i++) {
    w->sent[i][0] = bodies->mass[i] * of_mass[0] * of_mass[1];
    for (int a = 0; a < 3; a++) w->sent[i][1 + a] = g[i][a] * of_g[0] * of_g[1];
  }
  ESP_TRY(weigh(comm, scale.n, w));
  w->bodies.mass = w->weight;
  w->param.order = 3;
  w->tolerance = tides * param->tolerance;
  w->dposition = ldexp(1, scale.mass + e - 3 * scale.length);
  w->dmass = ldexp(1, e - 2 * scale.length);
done:
  if (rc) esp_fmm_weights_free(w);
  return rc;
}

void esp_fmm_weights_free(esp_fmm_weights *w) {
  ESP_FREE(w->sent);
  ESP_FREE(w->weight);
}

int esp_fmm_weights_act(int order, double t, const esp_fmm_cell *J, double distance2, double eps2) {
  const double D2 = distance2 + eps2, D4 = D2 * D2, R = (double)J->reach;
  const double b2 = (double)J->b2, b42 = (double)J->b4 * (double)J->b4;
  const double bound[3] = {b2 * b2, b2 * b42, b42 * b42};
  const double distance[3] = {sqrt(D2) * D4, D2 * D4, sqrt(D2) * D2 * D4};
  const int k = order - 3;
  return R == 0 || ((double)J->mass * bound[k] < t * distance[k] && R * R < 0.81 * D2);
}

/* ---- tides ---- */

esp_fmm_shares esp_fmm_shares_leaf(int count, const double (*sent)[ESP_FMM_SENT]) {
  esp_fmm_shares s = {.mass = 0};
  for (int i = 0; i < count; i++) {
    const double m = sent[i][0], *g = sent[i] + 1, square = (g[0] * g[0] + g[1] * g[1]) + g[2] * g[2];
    s.mass += m;
    s.heaviest = fmax(s.heaviest, m);
    s.sum += sqrt(square);
    s.squares += square;
    s.most = fmax(s.most, square);
  }
  return s;
}

esp_fmm_shares esp_fmm_shares_join(const esp_fmm_shares *l, const esp_fmm_shares *r) {
  return (esp_fmm_shares){.mass = l->mass + r->mass,
                          .heaviest = fmax(l->heaviest, r->heaviest),
                          .sum = l->sum + r->sum,
                          .squares = l->squares + r->squares,
                          .most = fmax(l->most, r->most)};
}

/* 1 / (r^2 + eps^2)^(3/2); 0 where bodies are at one place without softening. */
static double tide_of_one(double radius, double eps2) {
  const double q = radius * radius + eps2;
  return q > 0 ? 1 / (q * sqrt(q)) : 0;
}

esp_fmm_tides esp_fmm_tides_below(const esp_fmm_weights *w, esp_fmm_tides above, double radius, double eps2,
                                  const esp_fmm_shares *sibling) {
  const double one = tide_of_one(radius, eps2);
  return (esp_fmm_tides){fmax(above.mass, w->mass_share * sibling->mass * one),
                         fmax(above.g, w->g_share * sqrt(sibling->squares) * one)};
}

double esp_fmm_tides_of(const esp_fmm_weights *w, esp_fmm_tides here, double radius, double eps2,
                        const esp_fmm_shares *own) {
  const double one = tide_of_one(radius, eps2);
  const double mass = fmax(here.mass, w->mass_share * (own->mass - own->heaviest) * one);
  const double g = fmax(here.g, w->g_share * sqrt(own->squares - own->most) * one);
  /* T g_k, m_k grad psi; where nobody has a mass, or a g, neither is asked for */
  const double hears_mass = w->mass_share > 0 ? w->g_share * own->sum : 0;
  const double hears_g = w->g_share > 0 ? w->mass_share * own->mass : 0;
  const double all = hears_mass + hears_g;
  return all > 0 ? (hears_mass * mass + hears_g * g) / all : mass + g;
}
