/* Proves that a rank's memory gets to itself by every row of links that is there (by NCCL on a device, in a program with it):
 * several messages in a group, groups one after the other, each in the order of streams; and that a sum over one rank is the words
 * themselves. Between ranks: mpi/test_moves.c. */
#include "moves_case.h"

#include <stdio.h>

#include "cuda/device.h"
#include "cuda/kernels.h"
#include "cuda/link.h"

typedef int (*link_row)(const esp_comm *comm, esp_link **link);

/* Two messages a group, of odd lengths; the second group sends what the first has received. */
static void groups(esp_link *link) {
  enum { N = 5000 };
  const esp_link_ops *call = link->ops;
  twin a = twin_make(N, 1), b = twin_make(N, 2), c = twin_make(N, 3);
  char *from[2] = {a.there, b.there}, *to[2] = {b.there, c.there};
  for (int group = 0; group < 2; group++) {
    esp_link_group *under_way = NULL;
    must(esp_link_follow(link));
    must(call->group_begin(link));
    must(call->send(link, 0, from[group], 77));
    must(call->recv(link, 0, to[group], 77));
    must(call->send(link, 0, from[group] + 77, N - 77));
    must(call->recv(link, 0, to[group] + 77, N - 77));
    must(call->group_end(link, &under_way));
    must(call->arrive(link, &under_way));
    must(esp_link_lead(link));
  }
  memcpy(b.host, a.host, N);
  memcpy(c.host, a.host, N);
  twin_end("a", 1, &a);
  twin_end("b", 1, &b);
  twin_end("c", 1, &c);
}

static void sum(esp_link *link) {
  twin words = twin_make(800, 4);
  must(esp_link_follow(link));
  must(link->ops->sum_i64(link, words.there, 100));
  must(esp_link_lead(link));
  twin_end("words", 8, &words);
}

static void to_itself(void **state) {
  (void)state;
  static const link_row rows[] = {esp_link_staged, esp_link_nccl};
  for (int k = 0; k < 2; k++) {
    esp_link *link = NULL;
    must(rows[k](esp_comm_self(), &link));
    if (!link) continue; /* a program without NCCL */
    printf("by %s\n", link->how);
    groups(link);
    sum(link);
    link->ops->destroy(&link);
    assert_null(link);
  }
}

static void one_rank(void **state) {
  (void)state;
  const char *how;
  char uuid[ESP_DEVICE_UUID];
  must(esp_link_join(esp_comm_self(), &how));
  assert_string_equal(how, "nothing: one rank");
  must(esp_link_sum_i64(esp_comm_self(), NULL, 7));
  must(esp_device_uuid(uuid));
}

int main(void) {
  const int rc = esp_device_cuda32.open(0, 1);
  if (rc) return rc == ESP_ERR_CONFIG ? 77 : 1; /* no device; one that fails */
  const struct CMUnitTest tests[] = {cmocka_unit_test(to_itself), cmocka_unit_test(one_rank)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
