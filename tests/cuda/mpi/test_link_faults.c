/* Proves that what a plan of messages can do wrong is told, on every rank, and hangs none: a receive or a send that is missing,
 * another length, messages that change places, memory that is not the device's, a sum where others send, a message outside of a
 * group; that rows are wrong where a stream does not wait for another; and that a rank whose device fails leaves none waiting. */
#include "tests/mpi/domain_case.h"

#include "cuda/link.h"
#include "cuda/queue.h"
#include "nccl.h"
#include "tests/cuda/model/model.h"
#include "tests/cuda/moves_case.h"

enum { NO_RECEIVE, NO_SEND, LENGTH, MEMORY, EARLY_SEND, EARLY_USE, RIGHT };

/* A link that is NCCL's but for one fault; its stream and event are `inner`'s, or, where it goes wrong, its own. */
typedef struct {
  esp_link link; /* first */
  esp_link *inner;
  int fault, calls;
  void *stream, *event;
} faulty;

static faulty *of(esp_link *link) {
  return (faulty *)link;
}

static int group_begin(esp_link *link) {
  link->stream = of(link)->inner->stream;
  return of(link)->inner->ops->group_begin(of(link)->inner);
}

/* The first of rank 0. */
static int is_wrong(esp_link *link, int fault) {
  return of(link)->fault == fault && comm->rank == 0 && of(link)->calls++ == 0;
}

static int send_to(esp_link *link, int peer, const void *there, size_t bytes) {
  if (is_wrong(link, NO_SEND)) return ESP_OK;
  return of(link)->inner->ops->send(of(link)->inner, peer, there, bytes);
}

static int receive(esp_link *link, int peer, void *there, size_t bytes) {
  if (is_wrong(link, NO_RECEIVE)) return ESP_OK;
  if (is_wrong(link, MEMORY)) there = &of(link)->calls;
  return of(link)->inner->ops->recv(of(link)->inner, peer, there, is_wrong(link, LENGTH) ? bytes - 1 : bytes);
}

static int group_end(esp_link *link, esp_link_group **group) {
  if (of(link)->fault == EARLY_USE) link->stream = of(link)->stream;
  return of(link)->inner->ops->group_end(of(link)->inner, group);
}

static int arrive(esp_link *link, esp_link_group **group) {
  return of(link)->inner->ops->arrive(of(link)->inner, group);
}

static int sum_i64(esp_link *link, int64_t *there, size_t count) {
  return of(link)->inner->ops->sum_i64(of(link)->inner, there, count);
}

static void destroy(esp_link **link) {
  faulty *f = of(*link);
  f->inner->ops->destroy(&f->inner);
  esp_queue_free(&f->stream, &f->event);
  free(f);
  *link = NULL;
}

static const esp_link_ops ops = {"faulty", group_begin, send_to, receive, group_end, arrive, sum_i64, destroy};

static esp_link *link_with(int fault) {
  faulty *f = calloc(1, sizeof *f);
  esp_nccl_over(comm);
  must(esp_link_nccl(comm, &f->inner));
  must(esp_queue_create(&f->stream, &f->event));
  f->link = *f->inner;
  f->link.ops = &ops;
  f->fault = fault;
  if (fault == EARLY_SEND) f->link.stream = f->stream;
  esp_link_keep(comm, &f->link);
  return &f->link;
}

/* Of cyclic home rows, so that all ranks talk; 1: a rank's slots differ from the host's. */
static int moves(int fault, int *rc) {
  cloud c = cloud_make(300, 3, KEYS_BALL, SHARE_CYCLIC);
  const esp_domain_param param = {.leaf = 5, .block = 20, .dim = 3, .lists = {.theta = 0.9}};
  esp_domain *dom = NULL;
  int64_t differs = 0;
  must(esp_domain_build_mpi(comm, &param, c.n_home, c.home_z, NULL, c.home_id, &dom));
  link_with(fault);
  esp_error_clear();
  twin home = twin_make((size_t)c.n_home * 24, 3), slots = twin_make((size_t)dom->n_own * 24, 4);
  must(dom->ops->to_slots(dom, 24, home.host, slots.host));
  *rc = esp_cuda_moves.to_slots(dom, 24, home.there, slots.there);
  if (!*rc) {
    unsigned char *got = malloc(slots.bytes);
    must(esp_cuda_get(got, slots.there, slots.bytes));
    differs = memcmp(got, slots.host, slots.bytes) != 0;
    free(got);
  }
  free(home.host);
  free(slots.host);
  esp_cuda_free(&home.there);
  esp_cuda_free(&slots.there);
  esp_domain_free(&dom);
  esp_link_keep(comm, NULL);
  cloud_free(&c);
  must(comm->max_i64(comm, &differs, 1));
  return (int)differs;
}

static void told(int fault, const char *words) {
  int rc;
  moves(fault, &rc);
  assert_int_not_equal(rc, ESP_OK);
  if (!strstr(esp_error_message(), words)) fail_msg("no '%s' in: %s", words, esp_error_message());
  esp_error_clear();
  assert_int_equal(esp_nccl_called().pending, 0);
}

static void messages(void **state) {
  (void)state;
  if (comm->size == 1) return;
  told(NO_RECEIVE, "sends 1 messages to rank 0, which receives 0 in that group");
  told(NO_SEND, "rank 0 sends 0 messages to rank 1, which receives 1 in that group");
  told(LENGTH, "bytes sent");
  told(MEMORY, "device memory");
}

static void streams(void **state) {
  (void)state;
  int rc;
  if (comm->size == 1) return;
  esp_model_set_late(1);
  assert_int_equal(moves(RIGHT, &rc), 0);
  assert_int_equal(rc, ESP_OK);
  assert_int_equal(moves(EARLY_SEND, &rc), 1);
  assert_int_equal(moves(EARLY_USE, &rc), 1);
  esp_model_set_late(0);
  assert_int_equal(moves(RIGHT, &rc), 0);
}

/* A rank whose device refuses a kernel, as its rows are no device memory, takes part all the same, so the others end; it alone has
 * the error, until all agree. */
static void one_rank(void **state) {
  (void)state;
  if (comm->size == 1) return;
  for (int staged = 0; staged < 2; staged++) {
    cloud c = cloud_make(300, 3, KEYS_BALL, SHARE_CYCLIC);
    const esp_domain_param param = {.leaf = 5, .block = 20, .dim = 3, .lists = {.theta = 0.9}};
    const int bad = comm->rank == comm->size - 1;
    esp_domain *dom = NULL;
    esp_link *link;
    must(esp_domain_build_mpi(comm, &param, c.n_home, c.home_z, NULL, c.home_id, &dom));
    esp_nccl_over(comm);
    must(staged ? esp_link_staged(comm, &link) : esp_link_nccl(comm, &link));
    esp_link_keep(comm, link);
    twin home = twin_make((size_t)c.n_home * 24, 3), slots = twin_make((size_t)dom->n_own * 24, 4);
    const int rc = esp_cuda_moves.to_slots(dom, 24, bad ? home.host : home.there, slots.there);
    assert_int_equal(rc != ESP_OK, bad);
    assert_int_not_equal(comm->agree(comm, rc), ESP_OK);
    assert_non_null(strstr(esp_error_message(), "is no device memory"));
    esp_error_clear();
    must(dom->ops->to_slots(dom, 24, home.host, slots.host));
    must(esp_cuda_moves.to_slots(dom, 24, home.there, slots.there)); /* and goes on */
    twin_end("home", 24, &home);
    twin_end("slots", 24, &slots);
    esp_domain_free(&dom);
    esp_link_keep(comm, NULL);
    cloud_free(&c);
  }
}

/* ---- without a domain ---- */

static void group_fails(esp_link *link, const char *words) {
  esp_link_group *group = NULL;
  assert_int_not_equal(link->ops->group_end(link, &group), ESP_OK);
  if (!strstr(esp_error_message(), words)) fail_msg("no '%s' in: %s", words, esp_error_message());
  esp_error_clear();
}

static void by_hand(void **state) {
  (void)state;
  if (comm->size == 1) return;
  twin words = twin_make(64, 5);
  char *there = words.there;
  esp_link *link = link_with(RIGHT);
  const esp_link_ops *call = link->ops;
  must(call->group_begin(link));
  if (comm->rank == 0) must(call->send(link, 1, there, 8)), must(call->send(link, 1, there + 8, 16));
  if (comm->rank == 1) must(call->recv(link, 0, there + 8, 16)), must(call->recv(link, 0, there, 8));
  group_fails(link, "message 0 from rank 0 to rank 1: 8 bytes sent, 16 received");
  assert_int_not_equal(call->send(link, (comm->rank + 1) % comm->size, there, 8), ESP_OK);
  assert_non_null(strstr(esp_error_message(), "outside of a group"));
  esp_error_clear();
  if (comm->rank == 0) {
    assert_int_not_equal(call->sum_i64(link, words.there, 8), ESP_OK);
    assert_non_null(strstr(esp_error_message(), "rank 0 sums while"));
    esp_error_clear();
  } else {
    must(call->group_begin(link));
    group_fails(link, "rank 0 sums while");
  }
  esp_link_keep(comm, NULL);
  twin_end("words", 8, &words); /* nothing was moved */
}

CASE_MAIN(cmocka_unit_test(messages), cmocka_unit_test(streams), cmocka_unit_test(one_rank), cmocka_unit_test(by_hand))
