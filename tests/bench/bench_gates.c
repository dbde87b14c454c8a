/* The gravity rows of docs/figures/gravity.md over several draws of test clouds and several trainings, as Markdown tables: errors
 * of the network, what the tree computes, what must be kept, and what other rules of splitting do. Not a test:
 * unit/test_gravity.c holds small twins.
 *
 *   bench_gates [key=value ...]      e.g. draw_first=1 draw_last=12 training_last=4; an unknown key lists them all
 *
 * Seed s gives the clouds of `espalier generate -run_seed s -data_test_n 256,1024,4096,16384 -data_test_clouds
 * 8,8,4,1`, and training s that of `espalier train -run_seed s` on as many clouds. */
#include "tasks/gravity/metrics.h"
#include "tasks/gravity/nbody_neighbours.h"
#include "tasks/gravity/show.h"

#include "bench/gates_case.h"
#include "bench/gates_splits.h"

enum { FIGURES = 4 }; /* of gravity: D, K, energy, momentum */

/* ---- part 1: errors ---- */

typedef enum { ONE_KICK, NEAREST, UNTRAINED, GIVEN, TRAINED, SYMPLECTIC, PREDICTORS } predictor;

typedef struct {
  const char *name, *reference;
  double low, high; /* accepted; high 0: no gate */
  predictor by;
  int layers, z, tree;
} row;

static const row rows[] = {
    {"0.5 a T^2, exact a, N 256", "0.311", 0.28, 0.34, ONE_KICK, 0, 0, 0},
    {"leapfrog of 4 (untrained), all pairs, N 256", "0.0155", 0, 0.018, UNTRAINED, 4, 0, 0},
    {"the same, N 1024", "", 0, 0, UNTRAINED, 4, 1, 0},
    {"trained L 4, all pairs, N 256", "0.0099", 0, 0.012, TRAINED, 4, 0, 0},
    {"trained L 4, all pairs, N 1024", "0.0054", 0, 0.008, TRAINED, 4, 1, 0},
    {"reference tableau L 4, all pairs, N 256", "0.0099", 0, 0.012, GIVEN, 4, 0, 0},
    {"reference tableau L 4, all pairs, N 1024", "0.0054", 0, 0.008, GIVEN, 4, 1, 0},
    {"symplectic L 4, all pairs, N 256", "", 0, 0, SYMPLECTIC, 4, 0, 0},
    {"symplectic L 4, all pairs, N 1024", "", 0, 0, SYMPLECTIC, 4, 1, 0},
    {"trained L 6, all pairs, N 256", "0.0027", 0, 0.004, TRAINED, 6, 0, 0},
    {"trained L 6, all pairs, N 1024", "0.0014", 0, 0.003, TRAINED, 6, 1, 0},
    {"trained L 4, tree, N 1024", "0.0058", 0, 0.008, TRAINED, 4, 1, 1},
    {"trained L 4, tree, N 4096", "0.0113", 0, 0.015, TRAINED, 4, 2, 1},
    {"trained L 6, tree, N 1024", "0.0029", 0, 0.005, TRAINED, 6, 1, 1},
    {"trained L 6, tree, N 4096", "0.0052", 0, 0.008, TRAINED, 6, 2, 1},
    {"trained L 6, tree, N 16384, ball", "0.0054", 0, 0.009, TRAINED, 6, 3, 1},
    {"leapfrog of 4, 32 nearest neighbours, N 1024", "0.39", 0.25, 9, NEAREST, 0, 1, 0},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* Sums of one row. */
typedef struct {
  int draws, trainings, inside;
  double low, high, K;
  double *value; /* [draw][training] */
  double square[BINS], clouds[BINS];
} score;

/* a T^2 / 2 and a T from the start accelerations. */
static int one_kick(const esp_cloud *cloud, vec3 *D, vec3 *K) {
  int n = cloud->n_home;
  ESP_CALL(esp_nbody_nearest(n, (const vec3 *)cloud->x, cloud->m, n, cloud->eps, NULL, K));
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < 3; a++) D[i][a] = 0.5 * K[i][a];
  }
  return ESP_OK;
}

/* Drift-kick-drift of four steps with the 32 nearest alone. */
static int nearest(const esp_cloud *cloud, vec3 *D, vec3 *K) {
  int n = cloud->n_home;
  double h = 0.25;
  vec3 *y, *a;
  ESP_CALL(ESP_ALLOC(y, n));
  ESP_CALL(ESP_ALLOC(a, n));
  memset(D, 0, (size_t)n * sizeof *D);
  memset(K, 0, (size_t)n * sizeof *K);
  for (int s = 0; s < 4; s++) {
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < 3; k++) {
        D[i][k] += 0.5 * h * K[i][k];
        y[i][k] = cloud->x[i][k] + (s + 0.5) * h * cloud->v[i][k] + D[i][k];
      }
    }
    ESP_CALL(esp_nbody_nearest(n, (const vec3 *)y, cloud->m, 32, cloud->eps, NULL, a));
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < 3; k++) K[i][k] += h * a[i][k], D[i][k] += 0.5 * h * K[i][k];
    }
  }
  ESP_FREE(y);
  ESP_FREE(a);
  return ESP_OK;
}

static int predict(const settings *s, const row *r, const esp_model *model, const esp_cloud *cloud, vec3 *D, vec3 *K) {
  esp_backend backend = esp_backend_self();
  if (r->by == ONE_KICK) return one_kick(cloud, D, K);
  if (r->by == NEAREST) return nearest(cloud, D, K);
  esp_integrator_param param = *(const esp_integrator_param *)model->param;
  esp_model view = *model;
  view.param = &param;
  param.domain.lists.theta = r->tree ? s->theta : 0;
  param.domain.block = r->tree ? (int)s->block : 128;
  return predict_cloud(&view, &backend, cloud, D, K, NULL);
}

/* One figure: a row on a draw by one network, all [D, K, ...]. momentum: the largest so far, of the networks. */
static int measure(const settings *s, const row *r, const esp_model *model, const draw *d, score *score,
                   double all[FIGURES], double *momentum) {
  const esp_figure *figure = esp_gravity_showing.figure;
  esp_tally errors, one;
  double value[FIGURES], made;
  int rc = esp_tally_create(figure, &errors);
  for (int c = 0; c < size_clouds[r->z] && !rc; c++) {
    const esp_cloud *cloud = &d->cloud[r->z][c];
    vec3 *D = NULL, *K = NULL;
    ESP_CALL(ESP_ALLOC(D, cloud->n));
    ESP_CALL(ESP_ALLOC(K, cloud->n));
    ESP_CALL(esp_tally_create(figure, &one));
    ESP_CALL(predict(s, r, model, cloud, D, K));
    ESP_CALL(esp_errors_add(cloud, (const vec3 *)D, (const vec3 *)K, &errors));
    ESP_CALL(esp_errors_add(cloud, (const vec3 *)D, (const vec3 *)K, &one));
    ESP_CALL(esp_tally_value(esp_comm_self(), &one, figure, value));
    int bin = (int)fmin(BINS - 1, (d->Q[r->z][c] - 0.4) * 10);
    score->square[bin] += value[0] * value[0];
    score->clouds[bin]++;
    ESP_CALL(esp_momentum_error(esp_comm_self(), cloud, (const vec3 *)K, &made));
    if (model) *momentum = fmax(*momentum, made);
    esp_tally_free(&one);
    ESP_FREE(D);
    ESP_FREE(K);
  }
  if (!rc) rc = esp_tally_value(esp_comm_self(), &errors, figure, all);
  esp_tally_free(&errors);
  return rc;
}

typedef struct {
  int trainings;
  esp_model *model[PREDICTORS][2]; /* [trainings], of 4 and of 6 layers; NULL where no row asks */
} shelf;

static int is_learned(predictor by) {
  return by == TRAINED || by == SYMPLECTIC;
}

/* Six layers serve the errors alone. */
static int fill_shelf(const settings *s, shelf *h) {
  h->trainings = (int)(s->training_last - s->training_first) + 1;
  for (int r = 0; r < ROWS; r++) {
    if (rows[r].by < UNTRAINED || h->model[rows[r].by][rows[r].layers > 4]) continue;
    if (rows[r].layers > 4 && s->nets == 0) continue;
    predictor by = rows[r].by;
    esp_model **model = &h->model[by][rows[r].layers > 4];
    ESP_CALL(ESP_ALLOC(*model, h->trainings));
    for (int t = 0; t < (is_learned(by) ? h->trainings : 1); t++) {
      esp_tableau_kind tableau = by == SYMPLECTIC ? ESP_TABLEAU_SYMPLECTIC : ESP_TABLEAU_FREE;
      if (by == GIVEN) {
        ESP_CALL(make_given(s, *model));
      } else if (by == UNTRAINED) {
        ESP_CALL(make_model(s, rows[r].layers, tableau, *model));
      } else {
        ESP_CALL(train(s, (int64_t)s->training_first + t, rows[r].layers, tableau, *model + t));
      }
    }
  }
  return ESP_OK;
}

/* Standard deviation of the means over the other index. */
static double spread(const score *c, int of_draws) {
  int count = of_draws ? c->draws : c->trainings, other = of_draws ? c->trainings : c->draws;
  double sum = 0, square = 0;
  for (int i = 0; i < count; i++) {
    double mean = 0;
    for (int j = 0; j < other; j++) mean += c->value[of_draws ? i * other + j : j * count + i] / other;
    sum += mean;
    square += mean * mean;
  }
  return count > 1 ? sqrt(fmax(0, (square - sum * sum / count) / (count - 1))) : 0;
}

static void print_scores(const score *score) {
  printf("| row | reference | accept | mean | lowest .. highest | sd of draws | sd of trainings | accepted | K |\n");
  printf("|---|---|---|---|---|---|---|---|---|\n");
  for (int r = 0; r < ROWS; r++) {
    int count = score[r].draws * score[r].trainings;
    if (!count) continue;
    double mean = 0;
    for (int i = 0; i < count; i++) mean += score[r].value[i] / count;
    char accept[32] = "-", accepted[32] = "-";
    if (rows[r].high > 0) {
      if (rows[r].high > 1) {
        snprintf(accept, sizeof accept, ">= %g", rows[r].low);
      } else if (rows[r].low > 0) {
        snprintf(accept, sizeof accept, "%g .. %g", rows[r].low, rows[r].high);
      } else {
        snprintf(accept, sizeof accept, "<= %g", rows[r].high);
      }
      snprintf(accepted, sizeof accepted, "%d of %d", score[r].inside, count);
    }
    printf("| %s | %s | %s | %.4f | %.4f .. %.4f | %.4f | %.4f | %s | %.4f |\n", rows[r].name, rows[r].reference,
           accept, mean, score[r].low, score[r].high, spread(score + r, 1), spread(score + r, 0), accepted,
           score[r].K / count);
  }
}

static void print_by_ratio(const score *score) {
  printf("\nError of one cloud by its virial ratio Q: root mean square (clouds)\n\n");
  printf("| row | .4-.5 | .5-.6 | .6-.7 | .7-.8 | .8-.9 | .9-1 |\n|---|---|---|---|---|---|---|\n");
  for (int r = 0; r < ROWS; r++) {
    if (rows[r].by != TRAINED || !score[r].draws) continue;
    printf("| %s |", rows[r].name);
    for (int b = 0; b < BINS; b++) {
      printf(" %.4f (%.0f) |", sqrt(score[r].square[b] / fmax(1, score[r].clouds[b])),
             score[r].clouds[b] / score[r].trainings);
    }
    printf("\n");
  }
}

static int nets(const settings *s, const shelf *h) {
  static score score[ROWS];
  int draws = (int)(s->draw_last - s->draw_first) + 1;
  double momentum = 0;
  for (int r = 0; r < ROWS; r++) {
    ESP_CALL(ESP_ALLOC(score[r].value, draws * h->trainings));
    score[r].low = INFINITY;
    score[r].trainings = is_learned(rows[r].by) ? h->trainings : 1;
  }
  for (int i = 0; i < draws; i++) {
    static draw d;
    int sizes = i < (int)s->big_draws ? SIZES : SIZES - 1;
    ESP_CALL(make_draw(s, (int64_t)s->draw_first + i, sizes, &d));
    for (int r = 0; r < ROWS; r++) {
      if (rows[r].z >= sizes) continue;
      const esp_model *model = h->model[rows[r].by][rows[r].layers > 4];
      for (int t = 0; t < score[r].trainings; t++) {
        double nrmse[FIGURES];
        ESP_CALL(measure(s, rows + r, model ? model + t : NULL, &d, score + r, nrmse, &momentum));
        score[r].value[score[r].draws * score[r].trainings + t] = nrmse[0];
        score[r].low = fmin(score[r].low, nrmse[0]);
        score[r].high = fmax(score[r].high, nrmse[0]);
        score[r].K += nrmse[1];
        score[r].inside += nrmse[0] >= rows[r].low && nrmse[0] <= rows[r].high;
      }
      score[r].draws++;
    }
    free_draw(&d);
  }
  printf("\n## Errors: draws %g to %g, trainings %g to %g\n\n", s->draw_first, s->draw_last, s->training_first,
         s->training_last);
  print_scores(score);
  print_by_ratio(score);
  printf("\nMomentum made by a network, of rms K, the most in all the rows: %.1e (accept 1e-6)\n", momentum);
  for (int r = 0; r < ROWS; r++) ESP_FREE(score[r].value);
  return ESP_OK;
}

/* ---- part 2: energy over 10 horizons ---- */

static int copy_start(const esp_cloud *from, esp_cloud *to) {
  size_t n = (size_t)from->n;
  ESP_CALL(esp_cloud_create(from->n, from->n_home, 0, to));
  to->model = 1, to->dim = from->dim, to->G = from->G, to->eps = from->eps, to->d = from->d, to->T = from->T;
  memcpy(to->id, from->id, n * sizeof *to->id);
  memcpy(to->m, from->m, n * sizeof *to->m);
  memcpy(to->x, from->x, n * sizeof *to->x);
  memcpy(to->v, from->v, n * sizeof *to->v);
  return ESP_OK;
}

/* |E / E0 - 1| after `horizons` horizons in steps of 1 / parts. */
static int drift(const esp_model *model, const esp_cloud *from, int horizons, int parts, double *out) {
  esp_backend backend = esp_backend_self();
  esp_cloud cloud;
  vec3 *D, *K;
  ESP_CALL(copy_start(from, &cloud));
  ESP_CALL(ESP_ALLOC(D, cloud.n));
  ESP_CALL(ESP_ALLOC(K, cloud.n));
  ESP_CALL(esp_cloud_horizon(&cloud, 1.0 / parts));
  double start = esp_energy_total(&cloud);
  for (int t = 0; t < horizons * parts; t++) {
    ESP_CALL(predict_cloud(model, &backend, &cloud, D, K, NULL));
    ESP_CALL(esp_cloud_advance(&cloud, (const vec3 *)D, (const vec3 *)K));
  }
  *out = fabs(esp_energy_total(&cloud) / start - 1);
  esp_cloud_free(&cloud);
  ESP_FREE(D);
  ESP_FREE(K);
  return ESP_OK;
}

static int roll(const settings *s, const shelf *h) {
  static const struct {
    const char *name;
    predictor by;
  } lines[] = {{"untrained (leapfrog)", UNTRAINED}, {"free", TRAINED}, {"symplectic", SYMPLECTIC}};
  static draw d;
  printf("\n## Energy drift over 10 T, L 4, N 256: mean over the 8 clouds of |E / E0 - 1|\n\n");
  printf("| tableau | steps a horizon | mean | lowest .. highest | <= 0.006 |\n|---|---|---|---|---|\n");
  for (int l = 0; l < 3; l++) {
    int trainings = is_learned(lines[l].by) ? h->trainings : 1;
    for (int parts = 1; parts <= 2; parts++) {
      double sum = 0, low = INFINITY, high = 0;
      int count = 0, inside = 0;
      for (int64_t seed = (int64_t)s->draw_first; seed <= (int64_t)s->draw_last; seed++) {
        ESP_CALL(make_draw(s, seed, 1, &d));
        for (int t = 0; t < trainings; t++) {
          double mean = 0, one;
          for (int c = 0; c < size_clouds[0]; c++) {
            ESP_CALL(drift(h->model[lines[l].by][0] + t, &d.cloud[0][c], 10, parts, &one));
            mean += one / size_clouds[0];
          }
          sum += mean, count++, inside += mean <= 0.006;
          low = fmin(low, mean), high = fmax(high, mean);
        }
        free_draw(&d);
      }
      printf("| %s | %d | %.5f | %.5f .. %.5f | %d of %d |\n", lines[l].name, parts, sum / count, low, high, inside,
             count);
    }
  }
  return ESP_OK;
}

/* ---- part 3: what must be kept ---- */

static double distance(int n, const vec3 *a, const vec3 *b) {
  double miss = 0, size = 0;
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < 3; k++) miss += (a[i][k] - b[i][k]) * (a[i][k] - b[i][k]), size += b[i][k] * b[i][k];
  }
  return sqrt(miss / size);
}

/* A rotation by one radian about (1, 2, 3). */
static void turn(int n, vec3 *u) {
  double axis[3] = {1 / sqrt(14), 2 / sqrt(14), 3 / sqrt(14)}, c = cos(1), s = sin(1);
  for (int i = 0; i < n; i++) {
    double along = 0, old[3] = {u[i][0], u[i][1], u[i][2]};
    for (int a = 0; a < 3; a++) along += axis[a] * old[a];
    for (int a = 0; a < 3; a++) {
      double cross = axis[(a + 1) % 3] * old[(a + 2) % 3] - axis[(a + 2) % 3] * old[(a + 1) % 3];
      u[i][a] = c * old[a] + s * cross + (1 - c) * along * axis[a];
    }
  }
}

enum { THETA_ZERO, FLOAT32, TURN, SHIFT, BOOST, TURN_TREE, TREE_ERROR, KEPT };

static int look(const esp_model *model, const esp_device *device, const esp_cloud *cloud, double theta, int leaf,
                int block, vec3 *D) {
  esp_backend backend = esp_backend_self();
  esp_integrator_param param = *(const esp_integrator_param *)model->param;
  esp_model view = *model;
  vec3 *K;
  backend.device = device;
  view.param = &param;
  param.domain.leaf = leaf, param.domain.block = block, param.domain.lists.theta = theta;
  ESP_CALL(ESP_ALLOC(K, cloud->n));
  ESP_CALL(predict_cloud(&view, &backend, cloud, D, K, NULL));
  ESP_FREE(K);
  return ESP_OK;
}

/* The relative 2-norms of what changes in D. */
static int kept_by(const settings *s, const esp_model *model, const esp_cloud *cloud, double *miss) {
  enum { N = 256 };
  static vec3 whole[N], exact[N], tree[N], other[N];
  const esp_device *f32 = &esp_device_cpu32;
  esp_cloud moved;
  ESP_CALL(look(model, f32, cloud, 0, N, N, whole));
  ESP_CALL(look(model, &esp_device_cpu64, cloud, 0, N, N, exact));
  ESP_CALL(look(model, f32, cloud, s->theta, 8, 8, tree));
  ESP_CALL(look(model, f32, cloud, 0, 5, 11, other));
  miss[THETA_ZERO] = distance(N, (const vec3 *)other, (const vec3 *)whole);
  miss[FLOAT32] = distance(N, (const vec3 *)whole, (const vec3 *)exact);
  miss[TREE_ERROR] = distance(N, (const vec3 *)tree, (const vec3 *)whole);
  ESP_CALL(copy_start(cloud, &moved));
  turn(N, moved.x);
  turn(N, moved.v);
  ESP_CALL(look(model, f32, &moved, 0, N, N, other));
  turn(N, whole);
  miss[TURN] = distance(N, (const vec3 *)other, (const vec3 *)whole);
  ESP_CALL(look(model, f32, &moved, s->theta, 8, 8, other));
  turn(N, tree);
  miss[TURN_TREE] = distance(N, (const vec3 *)other, (const vec3 *)tree);
  for (int i = 0; i < N; i++) moved.x[i][0] += 1000;
  ESP_CALL(look(model, f32, &moved, 0, N, N, other));
  miss[SHIFT] = distance(N, (const vec3 *)other, (const vec3 *)whole);
  for (int i = 0; i < N; i++) moved.x[i][0] -= 1000, moved.v[i][1] += 10;
  ESP_CALL(look(model, f32, &moved, 0, N, N, other));
  miss[BOOST] = distance(N, (const vec3 *)other, (const vec3 *)whole);
  esp_cloud_free(&moved);
  return ESP_OK;
}

static int kept(const settings *s, const shelf *h) {
  static const char *const name[KEPT] = {"theta 0, leaves of 5, against one leaf",
                                         "float32 against float64, all pairs",
                                         "rotation by one radian, all pairs",
                                         "translation by 1000 mean spacings, all pairs",
                                         "velocity of 10 spacings a horizon added, all pairs",
                                         "rotation, tree at theta",
                                         "the tree's own error (against all pairs)"};
  static const char *const accept[KEPT] = {"1e-5", "-", "1e-5", "1e-4", "-", "2 x the next row", "-"};
  static draw d;
  double sum[KEPT] = {0}, high[KEPT] = {0};
  int count = 0;
  for (int64_t seed = (int64_t)s->draw_first; seed <= (int64_t)s->draw_last; seed++) {
    ESP_CALL(make_draw(s, seed, 1, &d));
    for (int c = 0; c < size_clouds[0]; c++, count++) {
      double miss[KEPT];
      ESP_CALL(kept_by(s, h->model[TRAINED][0], &d.cloud[0][c], miss));
      for (int k = 0; k < KEPT; k++) sum[k] += miss[k], high[k] = fmax(high[k], miss[k]);
    }
    free_draw(&d);
  }
  printf("\n## Kept: change of D, relative 2-norm, trained L 4, N 256, %d clouds\n\n", count);
  printf("| row | accept | mean | highest |\n|---|---|---|---|\n");
  for (int k = 0; k < KEPT; k++) printf("| %s | %s | %.1e | %.1e |\n", name[k], accept[k], sum[k] / count, high[k]);
  return ESP_OK;
}

/* ---- part 4: what the tree computes ---- */

static int count_pairs(int64_t seed, int n, double *near, double *far) {
  const esp_domain_param p = {.leaf = 8, .block = 8, .dim = 3, .lists = {.theta = 1}};
  double *z;
  int64_t *id;
  esp_domain *dom;
  ESP_CALL(ESP_ALLOC(z, 3 * n));
  ESP_CALL(ESP_ALLOC(id, n));
  for (int i = 0; i < n; i++) {
    id[i] = i;
    for (uint32_t k = 0;; k += 3) {
      double r2 = 0;
      for (uint32_t a = 0; a < 3; a++) {
        z[3 * i + (int)a] = 2 * esp_rng_uniform((uint64_t)seed, (uint64_t)i, ESP_RNG_TEST, k + a) - 1;
        r2 += z[3 * i + (int)a] * z[3 * i + (int)a];
      }
      if (r2 <= 1) break;
    }
  }
  ESP_CALL(esp_domain_build_self(esp_comm_self(), &p, n, z, NULL, id, &dom));
  *near = (double)dom->lists.near_pairs / n;
  *far = (double)dom->lists.far_pairs / n;
  esp_domain_free(&dom);
  ESP_FREE(z);
  ESP_FREE(id);
  return ESP_OK;
}

static int pairs(const settings *s) {
  printf("\n## Pairs a particle: uniform ball, B 8, block = leaf, theta 1.0; mean over the draws\n\n");
  printf("| n | P2P | M2P | M2P more than at half n |\n|---|---|---|---|\n");
  double last = 0;
  for (int n = 2048; n <= 131072; n *= 2) {
    double near = 0, far = 0;
    int count = (int)(s->draw_last - s->draw_first) + 1;
    for (int i = 0; i < count; i++) {
      double one[2];
      ESP_CALL(count_pairs((int64_t)s->draw_first + i, n, one, one + 1));
      near += one[0] / count, far += one[1] / count;
    }
    if (n > 2048) printf("| %d | %.1f | %.1f | %.1f |\n", n, near, far, far - last);
    last = far;
  }
  return ESP_OK;
}

/* ---- all ---- */

static int run(const settings *s) {
  shelf h = {0};
  double begin = esp_wall();
  if (s->pairs != 0) ESP_CALL(pairs(s));
  if (s->nets != 0 || s->roll != 0 || s->kept != 0 || s->splits != 0) ESP_CALL(fill_shelf(s, &h));
  if (s->kept != 0) ESP_CALL(kept(s, &h));
  if (s->roll != 0) ESP_CALL(roll(s, &h));
  if (s->splits != 0) ESP_CALL(splits(s, h.trainings, h.model[TRAINED][0]));
  if (s->nets != 0) ESP_CALL(nets(s, &h));
  for (int by = 0; by < PREDICTORS; by++) {
    for (int six = 0; six < 2; six++) {
      for (int t = 0; h.model[by][six] && t < h.trainings; t++) esp_model_free(h.model[by][six] + t);
      ESP_FREE(h.model[by][six]);
    }
  }
  printf("\n%.0f s\n", esp_wall() - begin);
  return ESP_OK;
}

int main(int argc, char **argv) {
  const settings s = parse(argc, argv);
  if (run(&s) == ESP_OK) return 0;
  fprintf(stderr, "%s\n", esp_error_message());
  return 1;
}
