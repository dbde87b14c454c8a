/* Depth and mlp messages earn their keep: two layers learn a relation of two hops that one layer cannot have, mlp
 * messages one that depends on both sides; and a message of nothing is nothing. bench_relation has more seeds.
 * ctest: TIMEOUT 600 PROCESSORS 2
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
  assert_true(two.nmse < 0.15 && told.nmse < 0.15 && told.recall_before > 0.95);
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
  assert_true(mlp.nmse < 0.12);
  assert_true(gate.nmse >= 5 * mlp.nmse);
}

/* Senders of w = 0, W3 = 0: the prediction is that of a particle alone, near and far. */
static void silence_is_nothing(void **state) {
  (void)state;
  for (int average = 0; average < 2; average++) {
    setup s = compare_setup();
    esp_stack net;
    esp_stack_pass pass, alone;
    s.net.seed = SEED, s.net.aggregate = average;
    esp_backend backend = esp_backend_self();
    MUST(esp_stack_create(&s.net, &net));
    const esp_stack_slot *at = &net.slot[0];
    memset(net.block.value + at->W2, 0, sizeof(double) * (size_t)(at->channels * (at->in + s.net.values)));
    memset(net.block.value + at->message + 1, 0, sizeof(double) * (size_t)(at->channels * ESP_GATE_EDGE));
    esp_feature_set many = draw_set(&s, SEED, 0, 200), one = draw_set(&s, SEED, 0, 1);
    MUST(esp_stack_forward(&net, &backend, &many, 0, NULL, &pass));
    MUST(esp_stack_forward(&net, &backend, &one, 0, NULL, &alone));
    assert_true(fabs(pass.y[0]) > 1e-6);
    assert_true(fabs(pass.y[0] - alone.y[0]) < 1e-5 * fabs(alone.y[0]) + 1e-7);
    esp_stack_pass_free(&pass);
    esp_stack_pass_free(&alone);
    esp_feature_set_free(&many);
    esp_feature_set_free(&one);
    esp_stack_free(&net);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(silence_is_nothing), cmocka_unit_test(two_hops_need_two_layers),
                                     cmocka_unit_test(both_sides_need_mlp_messages)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
