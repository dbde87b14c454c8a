/* Features as networks see them. */
#include <inttypes.h>
#include <math.h>

#include "base/exact_sum.h"
#include "tasks/nodes/data.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* ---- words ---- */

/* Nodes that have each word, over all ranks. */
static int count_documents(const esp_comm *comm, const esp_csr *csr, int64_t *documents) {
  for (int64_t e = 0; e < csr->start[csr->rows]; e++) documents[csr->index[e]] += !csr->value || csr->value[e] != 0;
  return comm->sum_i64(comm, documents, (size_t)csr->columns);
}

static int check_words(const esp_set *set, const esp_csr *csr) {
  for (int i = 0; i < csr->rows; i++)
    for (int64_t e = csr->start[i]; e < csr->start[i + 1] && csr->value; e++)
      ESP_CHECK(csr->value[e] >= 0, ESP_ERR_VALUE,
                "node %" PRId64 ": word %" PRId64 " is there %g times: data_nodes_features tfidf needs 0 or more",
                set->id[i], csr->index[e], csr->value[e]);
  return ESP_OK;
}

/* count ln(n / documents), the row over its norm. A row of norm 0 stays one of zeros. */
static void weigh_words(const esp_set *set, esp_csr *csr, const int64_t *documents) {
  for (int i = 0; i < csr->rows; i++) {
    double square = 0;
    for (int64_t e = csr->start[i]; e < csr->start[i + 1]; e++) {
      const int64_t in = documents[csr->index[e]];
      csr->value[e] *= in ? log((double)set->n / (double)in) : 0;
      square += csr->value[e] * csr->value[e];
    }
    for (int64_t e = csr->start[i]; e < csr->start[i + 1] && square > 0; e++) csr->value[e] /= sqrt(square);
  }
}

static int tfidf(const esp_comm *comm, esp_set *set) {
  esp_csr *csr = &set->csr[ESP_NODES_WORDS];
  int64_t *documents = NULL;
  int rc = check_words(set, csr);
  if (!rc) rc = ESP_ALLOC(documents, csr->columns);
  if (!rc && !csr->value) {
    rc = ESP_ALLOC(csr->value, csr->start[csr->rows]);
    for (int64_t e = 0; e < csr->start[csr->rows] && !rc; e++) csr->value[e] = 1;
  }
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(count_documents(comm, csr, documents));
  weigh_words(set, csr, documents);
done:
  ESP_FREE(documents);
  return rc;
}

/* ---- numbers ---- */

/* Means over all nodes of (x_c - shift_c)^power, exact sums. acc [width][WORDS]. */
static int means(const esp_comm *comm, const esp_set *set, const double *shift, int64_t *acc, double *mean) {
  const size_t width = (size_t)set->width[ESP_NODES_X];
  for (size_t k = 0; k < width * WORDS; k++) acc[k] = 0;
  for (size_t i = 0; i < (size_t)set->n_home; i++) {
    for (size_t c = 0; c < width; c++) {
      const double x = set->value[ESP_NODES_X][i * width + c], off = shift ? x - shift[c] : x;
      esp_exact_add(&ESP_EXACT_FULL, acc + c * WORDS, shift ? off * off : off);
    }
  }
  esp_exact_carry(&ESP_EXACT_FULL, acc, width);
  ESP_CALL(comm->sum_i64(comm, acc, width * WORDS));
  for (size_t c = 0; c < width; c++) mean[c] = esp_exact_value(&ESP_EXACT_FULL, acc + c * WORDS) / (double)set->n;
  return ESP_OK;
}

static int standardise(const esp_comm *comm, esp_set *set) {
  const size_t width = (size_t)set->width[ESP_NODES_X];
  double *mean = NULL, *square;
  int64_t *acc = NULL;
  int rc = ESP_ALLOC(mean, 2 * width);
  if (!rc) rc = ESP_ALLOC(acc, width * WORDS);
  ESP_TRY(comm->agree(comm, rc));
  square = mean + width;
  ESP_TRY(means(comm, set, NULL, acc, mean));
  ESP_TRY(means(comm, set, mean, acc, square));
  for (size_t i = 0; i < (size_t)set->n_home; i++)
    for (size_t c = 0; c < width; c++) {
      double *x = &set->value[ESP_NODES_X][i * width + c];
      const double spread = sqrt(square[c]);
      *x = spread > 1e-12 * fabs(mean[c]) ? (*x - mean[c]) / spread : 0; /* else it is the same everywhere */
    }
done:
  ESP_FREE(mean);
  ESP_FREE(acc);
  return rc;
}

int esp_nodes_normalise(const esp_comm *comm, esp_nodes_features how, esp_set *set) {
  const int words = set->width[ESP_NODES_WORDS] > 0, numbers = set->width[ESP_NODES_X] > 0;
  if (how == ESP_NODES_FEATURES_AS_IS) return ESP_OK;
  ESP_CHECK(how != ESP_NODES_FEATURES_TFIDF || words, ESP_ERR_CONFIG,
            "data_nodes_features tfidf: the features are dense, which are no words");
  ESP_CHECK(how != ESP_NODES_FEATURES_STANDARD || numbers, ESP_ERR_CONFIG,
            "data_nodes_features standard: the features are sparse, and would not stay it");
  if (words && how != ESP_NODES_FEATURES_STANDARD) ESP_CALL(tfidf(comm, set));
  if (numbers && how != ESP_NODES_FEATURES_TFIDF) ESP_CALL(standardise(comm, set));
  return ESP_OK;
}
