/* What the tests of graphs with classes share. */
#ifndef TEST_MPI_LABELLED_CASE_H
#define TEST_MPI_LABELLED_CASE_H

#include "set_fixture.h"

#include "io/formats.h"
#include "io/input_options.h"
#include "tasks/nodes/data.h"

/* As the same rows of what one rank alone reads. */
static void same_as_alone(const esp_set *set, const esp_input_param *input) {
  esp_set all;
  assert_ok(esp_format_read(esp_comm_self(), input, &esp_nodes_layout, &all, NULL));
  assert_true(all.n == set->n && all.n_home == set->n);
  for (int k = 0; esp_nodes_layout.column[k].name; k++) {
    const size_t width = (size_t)all.width[k], first = (size_t)set->first, n = (size_t)set->n_home;
    const esp_csr *a = &all.csr[k], *b = &set->csr[k];
    assert_true(set->width[k] == all.width[k]);
    if (all.value[k]) assert_memory_equal(all.value[k] + first * width, set->value[k], n * width * sizeof(double));
    for (size_t i = 0; i < n && a->start; i++) {
      const int64_t length = b->start[i + 1] - b->start[i];
      assert_true(a->start[first + i + 1] - a->start[first + i] == length);
      assert_memory_equal(a->index + a->start[first + i], b->index + b->start[i], (size_t)length * sizeof *a->index);
      assert_true(!a->value == !b->value);
      if (a->value)
        assert_memory_equal(a->value + a->start[first + i], b->value + b->start[i], (size_t)length * sizeof *a->value);
    }
  }
  esp_set_free(&all);
}

static void refused(int rc, int code, const char *what) {
  if (rc != code || !strstr(esp_error_message(), what))
    fail_msg("code %d, not %d with '%s': %s", rc, code, what, esp_error_message());
  esp_error_clear();
  comm->agree(comm, 0);
}

static void read_refused(const char *file, int code, const char *what) {
  const esp_input_param input = {.file = file, .types = "all"};
  esp_set set;
  refused(esp_format_read(comm, &input, &esp_nodes_layout, &set, NULL), code, what);
}

#endif
