/* Proves that the table over MPI keeps its contract: reductions, scans, gathers, agreement on failure; and that sparse
 * and routed exchanges bring every row to its rank, in a fixed order. */
#include "case.h"

#include "domain/comm.h"
#include "domain/exchange.h"

static void reductions(void **state) {
  (void)state;
  const int64_t p = comm->size, r = comm->rank;
  int64_t sum[3] = {r, -r, (int64_t)1 << 62}, most[2] = {r, -r}, before = r + 1;
  double high[2] = {(double)r, -0.5 * (double)r};
  if (r) sum[2] = 0;
  assert_int_equal(comm->sum_i64(comm, sum, 3), ESP_OK);
  assert_int_equal(sum[0], p * (p - 1) / 2);
  assert_int_equal(sum[1], -sum[0]);
  assert_true(sum[2] == (int64_t)1 << 62);
  assert_int_equal(comm->sum_i64(comm, sum, 0), ESP_OK);
  assert_int_equal(comm->max_i64(comm, most, 2), ESP_OK);
  assert_int_equal(most[0], p - 1);
  assert_int_equal(most[1], 0);
  assert_int_equal(comm->max_f64(comm, high, 2), ESP_OK);
  assert_true(high[0] == (double)(p - 1) && high[1] == 0);
  assert_int_equal(comm->exscan_i64(comm, &before), ESP_OK);
  assert_int_equal(before, r * (r + 1) / 2);
}

/* All ranks of a test are on one machine: each is another of them. */
static void machine(void **state) {
  (void)state;
  int number, ranks;
  assert_int_equal(esp_comm_machine(comm, &number, &ranks), ESP_OK);
  int64_t sum = number;
  assert_int_equal(comm->sum_i64(comm, &sum, 1), ESP_OK);
  assert_int_equal(ranks, comm->size);
  assert_true(number >= 0 && number < ranks && sum == (int64_t)ranks * (ranks - 1) / 2);
  assert_int_equal(esp_comm_machine(esp_comm_self(), &number, &ranks), ESP_OK);
  assert_true(number == 0 && ranks == 1);
}

static void moves(void **state) {
  (void)state;
  for (int root = 0; root < comm->size; root++) {
    char text[16] = "";
    if (comm->rank == root) strcpy(text, "from the root");
    assert_int_equal(comm->broadcast(comm, text, sizeof text, root), ESP_OK);
    assert_string_equal(text, "from the root");
  }
  /* rank r gives r bytes: rank 0 none */
  char mine[64], *all = NULL;
  size_t start[65];
  memset(mine, 'a' + comm->rank, sizeof mine);
  assert_int_equal(comm->gather_all(comm, mine, (size_t)comm->rank, (void **)&all, start), ESP_OK);
  for (int r = 0; r < comm->size; r++) {
    assert_int_equal(start[r + 1] - start[r], r);
    for (size_t b = start[r]; b < start[r + 1]; b++) assert_int_equal(all[b], 'a' + r);
  }
  ESP_FREE(all);
}

static int failing(int rank) {
  if (comm->rank < rank) return ESP_OK;
  return ESP_FAIL(comm->rank == rank ? ESP_ERR_VALUE : ESP_ERR_MEMORY, "trouble number %d", comm->rank);
}

static int failing_deep(int rank) {
  ESP_AGREE(comm, failing(rank));
  return ESP_OK;
}

static void agreement(void **state) {
  (void)state;
  assert_int_equal(comm->agree(comm, ESP_OK), ESP_OK);
  for (int rank = 0; rank < comm->size; rank++) {
    char wanted[64];
    esp_error_clear();
    snprintf(wanted, sizeof wanted, "rank %d: ", rank);
    /* twice agreed is once headed; the largest code of all, the message of the lowest failing rank */
    assert_int_equal(comm->agree(comm, failing_deep(rank)), rank == comm->size - 1 ? ESP_ERR_VALUE : ESP_ERR_MEMORY);
    assert_int_equal(strncmp(esp_error_message(), wanted, strlen(wanted)), 0);
    assert_null(strstr(esp_error_message() + 1, wanted));
    snprintf(wanted, sizeof wanted, "trouble number %d", rank);
    assert_non_null(strstr(esp_error_message(), wanted));
  }
  esp_error_clear();
}

/* Rank r sends (r + to) % 3 rows to each rank `to`: some pairs do not talk. */
static void sparse(void **state) {
  (void)state;
  const int p = comm->size, n = 3 * p;
  int *dest = malloc(sizeof(int) * (size_t)n), at = 0;
  int64_t(*row)[3] = calloc((size_t)n, sizeof *row);
  for (int to = p - 1; to >= 0; to--)
    for (int k = 0; k < (comm->rank + to) % 3; k++, at++) {
      dest[at] = to;
      row[at][0] = comm->rank;
      row[at][1] = to;
      row[at][2] = k;
    }
  esp_inbox inbox;
  assert_int_equal(esp_comm_scatter(comm, at, dest, sizeof *row, row, &inbox), ESP_OK);
  int seen = 0;
  for (int from = 0; from < p; from++) {
    const int rows = (from + comm->rank) % 3;
    if (!rows) continue;
    assert_int_equal(inbox.rank[seen], from);
    assert_int_equal(inbox.start[seen + 1] - inbox.start[seen], rows);
    for (int k = 0; k < rows; k++) {
      const int64_t *got = (const int64_t *)inbox.row + 3 * (inbox.start[seen] + k);
      assert_true(got[0] == from && got[1] == comm->rank && got[2] == k);
    }
    seen++;
  }
  assert_int_equal(inbox.count, seen);
  esp_inbox_free(&inbox);
  assert_int_equal(esp_comm_scatter(comm, 0, NULL, 8, NULL, &inbox), ESP_OK);
  assert_int_equal(inbox.count, 0);
  esp_inbox_free(&inbox);
  free(row);
  free(dest);
}

static void routed(void **state) {
  (void)state;
  const int n = comm->rank == 1 ? 0 : 1000;
  int *dest = malloc(sizeof(int) * 1000);
  int64_t *word = malloc(sizeof *word * 1000), *got = NULL, count = 0, sum = 0, wanted = 0;
  for (int i = 0; i < n; i++) {
    word[i] = (int64_t)comm->rank * 1000 + i;
    dest[i] = (int)(case_bits((uint64_t)word[i]) % (uint64_t)comm->size);
  }
  assert_int_equal(esp_comm_route(comm, n, dest, word, &count, &got), ESP_OK);
  for (int64_t i = 0; i < count; i++) {
    assert_int_equal(case_bits((uint64_t)got[i]) % (uint64_t)comm->size, comm->rank);
    sum += got[i] * got[i];
  }
  for (int i = 0; i < n; i++) wanted += word[i] * word[i];
  assert_int_equal(sum_over_ranks(sum), sum_over_ranks(wanted));
  assert_int_equal(sum_over_ranks(count), sum_over_ranks(n));
  ESP_FREE(got);
  free(word);
  free(dest);
}

/* Id i lies on rank i^2 mod P; everyone wants its neighbours on a ring, and the first one twice. Two widths, one after the
 * other, and one rank that wants nothing. */
static void by_ids(void **state) {
  (void)state;
  enum { N = 61 };
  const int p = comm->size, wants = p > 2 && comm->rank == 1 ? 0 : 2 * N + 1;
  int64_t own[N], wanted[2 * N + 1];
  double row[N][3], got[2 * N + 1][3], narrow[2 * N + 1], first[N];
  int n_own = 0;
  for (int i = 0; i < N; i++)
    if (i * i % p == comm->rank) own[n_own++] = (int64_t)i * 1000003 - 7;
  for (int k = 0; k < n_own; k++) {
    for (int a = 0; a < 3; a++) row[k][a] = (double)own[k] + 0.25 * a;
    first[k] = -(double)own[k];
  }
  for (int i = 0; i <= 2 * N; i++) wanted[i] = (int64_t)(i / 2 + i % 2 * (N - 1)) % N * 1000003 - 7;
  esp_exchange *exchange;
  assert_int_equal(comm->exchange_create(comm, n_own, own, wants, wanted, &exchange), ESP_OK);
  for (int round = 0; round < 2; round++) {
    assert_int_equal(comm->exchange_begin(comm, exchange, sizeof *row, row, got), ESP_OK);
    assert_int_equal(comm->exchange_end(comm, exchange, sizeof *row, row, got), ESP_OK);
    assert_int_equal(comm->exchange_begin(comm, exchange, sizeof *first, first, narrow), ESP_OK);
    assert_int_equal(comm->exchange_end(comm, exchange, sizeof *first, first, narrow), ESP_OK);
    for (int i = 0; i < wants; i++) {
      for (int a = 0; a < 3; a++) assert_true(got[i][a] == (double)wanted[i] + 0.25 * a);
      assert_true(narrow[i] == -(double)wanted[i]);
    }
  }
  comm->exchange_free(&exchange);
  assert_null(exchange);
  comm->exchange_free(&exchange);
}

/* What nobody has, and what two have, is the same failure on all ranks; nothing at all is fine. */
static void by_wrong_ids(void **state) {
  (void)state;
  const int64_t own[2] = {comm->rank, 77}, wanted[2] = {0, 4711};
  const int last = comm->rank == comm->size - 1;
  esp_exchange *exchange;
  assert_int_equal(comm->exchange_create(comm, 1, own, last ? 2 : 1, wanted, &exchange), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "id 4711 is wanted, and no rank has it"));
  assert_null(exchange);
  esp_error_clear();
  const int64_t twice[2] = {77, 77};
  const int code = comm->exchange_create(comm, 2, comm->size == 1 ? twice : own, 0, NULL, &exchange);
  assert_int_equal(code, ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "id 77 stands twice"));
  esp_error_clear();
  assert_int_equal(comm->exchange_create(comm, 0, NULL, 0, NULL, &exchange), ESP_OK);
  assert_int_equal(comm->exchange_begin(comm, exchange, 8, NULL, NULL), ESP_OK);
  assert_int_equal(comm->exchange_end(comm, exchange, 8, NULL, NULL), ESP_OK);
  comm->exchange_free(&exchange);
}

static void broken_communicator(void **state) {
  (void)state;
  /* an MPI error is an error code with MPI's words, not an abort */
  int value = 0;
  assert_int_equal(comm->broadcast(comm, &value, sizeof value, comm->size + 5), ESP_ERR_COMM);
  assert_non_null(strstr(esp_error_message(), "MPI error"));
  esp_error_clear();
}

/* Two transfers under way: rank r has 3 r + 1 words for each other rank, in two parcels of which one may be empty; ended in any
 * order. */
static void parcels(void **state) {
  (void)state;
  enum { MOST = 16, ROOM = 64 };
  static int64_t out[2][ROOM], in[2][MOST][ROOM];
  esp_parcel to[2][2 * MOST], from[2][2 * MOST];
  esp_transfer *transfer[2];
  int others = 0;
  assert_true(comm->size <= MOST && 3 * comm->size < ROOM);
  for (int r = 0; r < comm->size; r++) {
    if (r == comm->rank) continue;
    for (int t = 0; t < 2; t++) {
      const size_t sent = (size_t)comm->rank * 8, got = (size_t)r * 8; /* the first parcel; the rest is the second */
      to[t][2 * others] = (esp_parcel){r, out[t], sent};
      to[t][2 * others + 1] = (esp_parcel){r, (char *)out[t] + sent, 2 * sent + 8};
      from[t][2 * others] = (esp_parcel){r, in[t][r], got};
      from[t][2 * others + 1] = (esp_parcel){r, (char *)in[t][r] + got, 2 * got + 8};
    }
    others++;
  }
  for (int t = 0; t < 2; t++)
    for (int w = 0; w < ROOM; w++) out[t][w] = 1000 * comm->rank + 100 * t + w;
  for (int t = 0; t < 2; t++)
    assert_int_equal(comm->transfer_begin(comm, 2 * others, to[t], 2 * others, from[t], &transfer[t]), ESP_OK);
  for (int t = 0; t < 2; t++) {
    assert_int_equal(comm->transfer_end(comm, &transfer[t]), ESP_OK);
    assert_null(transfer[t]);
  }
  for (int r = 0; r < comm->size; r++)
    for (int t = 0; t < 2 && r != comm->rank; t++)
      for (int w = 0; w <= 3 * r; w++) assert_int_equal(in[t][r][w], 1000 * r + 100 * t + w);
}

CASE_MAIN(cmocka_unit_test(parcels), cmocka_unit_test(reductions), cmocka_unit_test(machine), cmocka_unit_test(moves),
          cmocka_unit_test(agreement), cmocka_unit_test(sparse), cmocka_unit_test(routed), cmocka_unit_test(by_ids),
          cmocka_unit_test(by_wrong_ids), cmocka_unit_test(broken_communicator))
