/* Changes of stacks by __builtin_setjmp, without a system call. Compiled without sanitizers, which are told of every
 * change. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "fiber.h"
#include "model.h"

namespace {
constexpr size_t stack_bytes = 256 << 10, page = 4096;
}

struct esp_fiber {
  void *at[5]; /* of __builtin_setjmp */
  ucontext_t begin;
  void (*body)();
  char *stack;
  bool begun;
  void *fake; /* AddressSanitizer's, as everywhere below */
  esp_fiber *next;
};

namespace {

struct fibers {
  esp_fiber *running, *idle;
  void *at[5]; /* of the scheduler */
  void *fake;
  const void *stack;
  size_t stack_bytes;
  void (*caught)(const char *text);
  stack_t signals_before;
};
fibers f;

__attribute__((noinline, noreturn)) void jump(void **to) {
  __builtin_longjmp(to, 1);
}

__attribute__((noinline)) void go_on(esp_fiber *fiber) {
  if (fiber->begun) jump(fiber->at);
  fiber->begun = true;
  setcontext(&fiber->begin);
}

void renew(esp_fiber *fiber) {
  fiber->begun = false;
  fiber->fake = nullptr;
  __asan_unpoison_memory_region(fiber->stack, stack_bytes);
  getcontext(&fiber->begin);
  fiber->begin.uc_stack.ss_sp = fiber->stack;
  fiber->begin.uc_stack.ss_size = stack_bytes;
  fiber->begin.uc_link = nullptr;
  makecontext(&fiber->begin, fiber->body, 0);
}

}  // namespace

esp_fiber *esp_fiber_take(void (*body)()) {
  esp_fiber *fiber = f.idle;
  if (fiber) {
    f.idle = fiber->next;
    return fiber;
  }
  fiber = new esp_fiber();
  void *all = mmap(nullptr, stack_bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) abort();
  mprotect(all, page, PROT_NONE);
  fiber->stack = static_cast<char *>(all) + page;
  fiber->body = body;
  renew(fiber);
  return fiber;
}

void esp_fiber_give(esp_fiber *fiber) {
  fiber->next = f.idle;
  f.idle = fiber;
}

void esp_fiber_drop(esp_fiber *fiber) {
  renew(fiber);
  esp_fiber_give(fiber);
}

esp_fiber *esp_fiber_running() {
  return f.running;
}

__attribute__((noinline)) void esp_fiber_enter(esp_fiber *fiber) {
  f.running = fiber;
  __sanitizer_start_switch_fiber(&f.fake, fiber->stack, stack_bytes);
  if (!__builtin_setjmp(f.at)) go_on(f.running);
  __sanitizer_finish_switch_fiber(f.fake, nullptr, nullptr);
  f.running = nullptr;
}

void esp_fiber_begun() {
  __sanitizer_finish_switch_fiber(nullptr, &f.stack, &f.stack_bytes);
}

__attribute__((noinline)) void esp_fiber_leave() {
  __sanitizer_start_switch_fiber(&f.running->fake, f.stack, f.stack_bytes);
  if (!__builtin_setjmp(f.running->at)) jump(f.at);
  __sanitizer_finish_switch_fiber(f.running->fake, nullptr, nullptr);
}

/* ---- addresses that are no one's ---- */

namespace {

const int signals[] = {SIGSEGV, SIGBUS};
struct sigaction before[2];

void on_signal(int, siginfo_t *info, void *) {
  if (!f.running) { /* not of a kernel: once more, to whoever was there before */
    for (int k = 0; k < 2; k++) sigaction(signals[k], &before[k], nullptr);
    return;
  }
  char text[96];
  const char *address = static_cast<const char *>(info->si_addr);
  if (address < f.running->stack && address >= f.running->stack - page)
    snprintf(text, sizeof text, "its stack of %zu bytes is full", stack_bytes);
  else
    snprintf(text, sizeof text, "address %p is no one's", info->si_addr);
  f.caught(text);
  __sanitizer_start_switch_fiber(nullptr, f.stack, f.stack_bytes);
  jump(f.at);
}

}  // namespace

void esp_fiber_catch(bool on, void (*caught)(const char *text)) {
  static char stack[64 << 10];
  if (!on) {
    for (int k = 0; k < 2; k++) sigaction(signals[k], &before[k], nullptr);
    sigaltstack(&f.signals_before, nullptr);
    return;
  }
  f.caught = caught;
  stack_t own = {};
  own.ss_sp = stack;
  own.ss_size = sizeof stack;
  sigaltstack(&own, &f.signals_before);
  struct sigaction action = {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int k = 0; k < 2; k++) sigaction(signals[k], &action, &before[k]);
}
