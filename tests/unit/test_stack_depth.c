/* Depth and mlp messages earn their keep: two layers learn a relation of two hops that one layer cannot have, mlp
 * messages one that depends on both sides; and a message of nothing is nothing. bench_relation has more seeds.
 * ctest: TIMEOUT 600
 * ctest: LABELS slow */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../relation_gates_case.h"
#include "message/gate.h"

enum { SEED = 2026 };

static void say(const char *what, const outcome *o) {
  print_message("%-24s nMSE %.4f, recall %.3f (before %.3f), %.1f near pairs, %.1f ms a step\n", what, o->nmse,
                o->recall, o->recall_before, o->near, 1e3 * o->step_seconds);
}

static void two_hops_need_two_layers(void **state) {
  (void)state;
  setup s = twice_setup();
  const outcome two = run_setup(&s, SEED, NULL);
  s.net.tree_on = ESP_TREE_ON_HIDDEN, s.net.hidden_halves = 2;
  const outcome told = run_setup(&s, SEED, NULL);
  s.net.tree_on = ESP_TREE_ON_LEARNED;
  s.net.layers = 1, s.train.steps = 400;
  const outcome one = run_setup(&s, SEED, NULL);
  say("twice: two layers", &two);
  say("twice: trees of each hop", &told);
  say("twice: one layer", &one);
  assert_true(two.nmse < 0.015 && told.nmse < 0.015 && told.recall_before > 0.95);
  assert_true(one.nmse >= 5 * two.nmse);
}

static void both_sides_need_mlp_messages(void **state) {
  (void)state;
  setup s = compare_setup();
  const outcome mlp = run_setup(&s, SEED, NULL);
  s.net.message = 0;
  const outcome gate = run_setup(&s, SEED, NULL);
  say("compare: mlp", &mlp);
  say("compare: gate", &gate);
  assert_true(mlp.nmse < 0.06);
  assert_true(gate.nmse >= 5 * mlp.nmse);
}

/* Senders of w = 0, W3 = 0: the prediction is that of a particle alone, near and far. */
static void silence_is_nothing(void **state) {
  (void)state;
  for (int average = 0; average < 2; average++) {
    setup s = compare_setup();
    esp_model net;
    s.net.seed = SEED, s.net.aggregate = average;
    esp_backend backend = esp_backend_self();
    esp_set many = draw_set(&s, SEED, 0, 200), one = draw_set(&s, SEED, 0, 1);
    const esp_sizes sizes = sizes_of(&many);
    double heard[200], alone;
    MUST(esp_model_create(&esp_network_stack, &s.net, &sizes, &net));
    memset(model_group(&net, "layer0.message.W2"), 0, sizeof(double) * (size_t)(s.net.channels * (4 + 2)));
    memset(model_group(&net, "layer0.message.W3"), 0, sizeof(double) * (size_t)(s.net.channels * ESP_GATE_EDGE));
    MUST(net.network->forward(&net, &backend, &many, NULL, heard, NULL, NULL));
    MUST(net.network->forward(&net, &backend, &one, NULL, &alone, NULL, NULL));
    assert_true(fabs(heard[0]) > 1e-6);
    assert_true(fabs(heard[0] - alone) < 1e-5 * fabs(alone) + 1e-7);
    esp_set_free(&many);
    esp_set_free(&one);
    esp_model_free(&net);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(silence_is_nothing), cmocka_unit_test(two_hops_need_two_layers),
                                     cmocka_unit_test(both_sides_need_mlp_messages)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
