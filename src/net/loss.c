#include "net/loss.h"

#include "base/exact_sum.h"

/* acc: error of D, target D, error of K, target K. */
static void add_squares(int n, const double (*x)[3], const double (*target)[3], int64_t *acc) {
  for (int i = 0; i < n; i++) {
    double e = 0, t = 0;
    for (int a = 0; a < 3; a++) {
      double d = x[i][a] - target[i][a];
      e += d * d;
      t += target[i][a] * target[i][a];
    }
    esp_exact_add(&ESP_EXACT_FULL, acc, e);
    esp_exact_add(&ESP_EXACT_FULL, acc + ESP_EXACT_FULL_WORDS, t);
  }
}

static void set_gradient(int n, const double (*x)[3], const double (*target)[3], double factor, double (*g)[3]) {
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < 3; a++) g[i][a] = factor * (x[i][a] - target[i][a]);
  }
}

int esp_loss_cloud(const esp_comm *comm, const esp_cloud *cloud, const double (*D)[3], const double (*K)[3],
                   double lambda, double weight, double (*gD)[3], double (*gK)[3], esp_nmse *nmse) {
  int64_t acc[4 * ESP_EXACT_FULL_WORDS] = {0};
  ESP_CHECK(cloud->D && cloud->K, ESP_ERR_ARG, "loss of a cloud without targets");
  const double(*tD)[3] = (const double(*)[3])cloud->D, (*tK)[3] = (const double(*)[3])cloud->K;
  add_squares(cloud->n_home, D, tD, acc);
  add_squares(cloud->n_home, K, tK, acc + 2 * ESP_EXACT_FULL_WORDS);
  esp_exact_carry(&ESP_EXACT_FULL, acc, 4);
  ESP_CALL(comm->sum_i64(comm, acc, 4 * ESP_EXACT_FULL_WORDS));
  double sum[4];
  for (int s = 0; s < 4; s++) sum[s] = esp_exact_value(&ESP_EXACT_FULL, acc + s * ESP_EXACT_FULL_WORDS);
  double norm_D = sum[1] == 0 ? 1 : sum[1], norm_K = sum[3] == 0 ? 1 : sum[3];
  nmse->D = sum[0] / norm_D;
  nmse->K = sum[2] / norm_K;
  if (gD) set_gradient(cloud->n_home, D, tD, 2 * weight / norm_D, gD);
  if (gK) set_gradient(cloud->n_home, K, tK, 2 * weight * lambda / norm_K, gK);
  return ESP_OK;
}
