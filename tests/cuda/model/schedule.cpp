/* Blocks, warps and threads on one CPU thread. A thread of a block is a fiber from where it first waits; until then, and
 * when it never does, one fiber runs the threads of a warp one after another. This file is compiled without sanitizers:
 * they are told of every change of stacks. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "model.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace {
constexpr size_t dynamic_most = 164 << 10, stack_bytes = 256 << 10, page = 4096;
}
alignas(128) unsigned char esp_model_dynamic[dynamic_most];
extern "C" char esp_model_shared_begin[], esp_model_shared_end[];

namespace {

enum state { NEW, READY, AT_BLOCK, AT_WARP, DONE };

struct fiber {
  void *at[5]; /* of __builtin_setjmp */
  ucontext_t begin;
  char *stack;
  bool begun;
  void *fake;
  fiber *next;
};

struct thread {
  state now;
  fiber *on;
  esp_model_place place;
  unsigned mask;
  uint64_t value;
};

struct schedule {
  thread t[1024];
  uint64_t brought[1024]; /* to the last operation that a lane took part in */
  const esp_model_kernel *kernel;
  const std::function<void()> *call;
  int count, current;            /* threads of the block; the one that runs, -1: none */
  int first, lanes, next, warps; /* of the warp that runs, the next to run in order */
  int block_value;
  uint64_t salt; /* of the shuffled order: the block */
  cudaError_t failed;
  fiber *running, *idle;
  void *at[5]; /* of the scheduler */
  void *fake;
  const void *stack;
  size_t stack_bytes;
  bool ordered;
  esp_model_order order;
};
schedule s;

/* ---- order ---- */

const char *const order_names[ESP_MODEL_ORDERS] = {"forward", "reversed", "shuffled"};

uint64_t common(uint64_t a, uint64_t b) {
  return b ? common(b, a % b) : a;
}

/* The k-th of n. */
uint64_t ordered(uint64_t k, uint64_t n) {
  if (s.order == ESP_MODEL_FORWARD) return k;
  if (s.order == ESP_MODEL_REVERSED) return n - 1 - k;
  uint64_t step = n * 5 / 8 + s.salt % 7;
  while (step == 0 || common(step, n) != 1) step++;
  return (step * k + s.salt * 11 + n / 2) % n;
}

void choose_order() {
  const char *name = getenv("ESPALIER_MODEL_ORDER");
  s.ordered = true;
  if (!name) return;
  for (int k = 0; k < ESP_MODEL_ORDERS; k++)
    if (strcmp(name, order_names[k]) == 0) {
      s.order = (esp_model_order)k;
      return;
    }
  fprintf(stderr, "ESPALIER_MODEL_ORDER=%s: allowed are forward, reversed, shuffled\n", name);
  abort();
}

/* ---- fibers ---- */

__attribute__((noinline, noreturn)) void jump(void **to) {
  __builtin_longjmp(to, 1);
}

__attribute__((noinline)) void enter(fiber *f) {
  if (f->begun) jump(f->at);
  f->begun = true;
  setcontext(&f->begin);
}

/* From the scheduler; comes back when the fiber waits or has nothing more to run. */
__attribute__((noinline)) void to_fiber(fiber *f) {
  s.running = f;
  __sanitizer_start_switch_fiber(&s.fake, f->stack, stack_bytes);
  if (!__builtin_setjmp(s.at)) enter(f);
  __sanitizer_finish_switch_fiber(s.fake, nullptr, nullptr);
  s.running = nullptr;
  s.current = -1;
}

__attribute__((noinline)) void to_scheduler() {
  __sanitizer_start_switch_fiber(&s.running->fake, s.stack, s.stack_bytes);
  if (!__builtin_setjmp(s.running->at)) jump(s.at);
  __sanitizer_finish_switch_fiber(s.running->fake, nullptr, nullptr);
}

void become(int t) {
  s.current = t;
  const unsigned u = (unsigned)t, x = blockDim.x, y = blockDim.y;
  threadIdx = {u % x, u / x % y, u / x / y};
}

int of_warp(int k) {
  return s.first + (int)ordered((uint64_t)k, (uint64_t)s.lanes);
}

/* The next thread of the warp, if it has not begun. */
int next_new() {
  if (s.next == s.lanes) return -1;
  const int t = of_warp(s.next);
  if (s.t[t].now != NEW) return -1;
  s.next++;
  return t;
}

void body() {
  __sanitizer_finish_switch_fiber(nullptr, &s.stack, &s.stack_bytes);
  for (;;) {
    for (int t; (t = next_new()) >= 0;) {
      become(t);
      (*s.call)();
      s.t[s.current].now = DONE;
    }
    s.running->next = s.idle;
    s.idle = s.running;
    to_scheduler();
  }
}

void renew(fiber *f) {
  f->begun = false;
  f->fake = nullptr;
  f->next = s.idle;
  s.idle = f;
  ASAN_UNPOISON_MEMORY_REGION(f->stack, stack_bytes);
  getcontext(&f->begin);
  f->begin.uc_stack.ss_sp = f->stack;
  f->begin.uc_stack.ss_size = stack_bytes;
  f->begin.uc_link = nullptr;
  makecontext(&f->begin, body, 0);
}

fiber *take() {
  if (!s.idle) {
    fiber *f = new fiber();
    void *all = mmap(nullptr, stack_bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) abort();
    mprotect(all, page, PROT_NONE);
    f->stack = static_cast<char *>(all) + page;
    renew(f);
  }
  fiber *f = s.idle;
  s.idle = f->next;
  return f;
}

/* ---- what is not allowed ---- */

void fail(cudaError_t error, int t, const char *text) {
  const unsigned u = (unsigned)t, x = blockDim.x, y = blockDim.y;
  s.failed = esp_model_error(error, "kernel %s, block (%u, %u, %u), thread (%u, %u, %u): %s", s.kernel->name,
                             blockIdx.x, blockIdx.y, blockIdx.z, u % x, u / x % y, u / x / y, text);
}

const char *name_of(const char *file) {
  const char *slash = strrchr(file, '/');
  return slash ? slash + 1 : file;
}

void describe(char *text, size_t size, int t) {
  if (t < 0 || t >= s.count) {
    snprintf(text, size, "does not exist");
    return;
  }
  const thread &at = s.t[t];
  if (at.now == DONE)
    snprintf(text, size, "has returned");
  else if (at.now == AT_WARP)
    snprintf(text, size, "waits at %s (%s:%d) with mask 0x%08x", at.place.what, name_of(at.place.file), at.place.line,
             at.mask);
  else
    snprintf(text, size, "waits at %s (%s:%d)", at.place.what, name_of(at.place.file), at.place.line);
}

void fail_pair(int t, int other) {
  char mine[160], theirs[160], text[400];
  describe(mine, sizeof mine, t);
  describe(theirs, sizeof theirs, other);
  snprintf(text, sizeof text, "%s, thread %d of the block %s", mine, other, theirs);
  fail(cudaErrorLaunchFailure, t, text);
}

/* ---- waiting ---- */

void wait(state now, const esp_model_place &place) {
  const int t = s.current;
  s.t[t].now = now;
  s.t[t].place = place;
  s.t[t].on = s.running;
  to_scheduler();
}

bool same(const esp_model_place &a, const esp_model_place &b) {
  return a.what == b.what || strcmp(a.what, b.what) == 0;
}

/* Lets those lanes of the warp go on that all have arrived; false: none. A wait that cannot end fails. */
bool release_warp(int last_lane_count) {
  unsigned seen = 0;
  bool any = false;
  int stuck = -1, other = -1;
  for (int lane = 0; lane < last_lane_count; lane++) {
    const thread &me = s.t[s.first + lane];
    if (me.now != AT_WARP || seen >> lane & 1) continue;
    bool all = true;
    for (int k = 0; k < 32 && all; k++) {
      if (!(me.mask >> k & 1)) continue;
      const thread &with = s.t[s.first + k];
      all = k < s.lanes && with.now == AT_WARP && with.mask == me.mask && same(with.place, me.place);
      if (!all && stuck < 0) stuck = s.first + lane, other = s.first + k;
    }
    if (!all) continue;
    any = true;
    seen |= me.mask;
    const unsigned mask = me.mask;
    for (int k = 0; k < s.lanes; k++)
      if (mask >> k & 1) {
        s.brought[s.first + k] = s.t[s.first + k].value;
        s.t[s.first + k].now = READY;
      }
  }
  if (!any && stuck >= 0) fail_pair(stuck, other);
  return any && !s.failed;
}

/* Runs the warp until each of its threads waits for the block or has returned. */
void run_warp(int w) {
  s.first = 32 * w;
  s.lanes = s.count - s.first < 32 ? s.count - s.first : 32;
  do {
    for (s.next = 0; s.next < s.lanes && !s.failed;) {
      const int t = of_warp(s.next);
      if (s.t[t].now == NEW) {
        to_fiber(take());
        continue;
      }
      s.next++;
      if (s.t[t].now != READY) continue;
      become(t);
      to_fiber(s.t[t].on);
    }
  } while (!s.failed && release_warp(s.lanes));
}

/* Lets the block go on from its barrier; false: it has ended. */
bool release_block() {
  int waiting = -1, other = -1, value = 0;
  for (int t = 0; t < s.count; t++)
    if (s.t[t].now == AT_BLOCK && waiting < 0) waiting = t;
  if (waiting < 0) return false;
  const esp_model_place place = s.t[waiting].place;
  for (int t = 0; t < s.count; t++) {
    const thread &one = s.t[t];
    if (one.now != AT_BLOCK || !same(one.place, place) || one.place.line != place.line ||
        strcmp(one.place.file, place.file) != 0) {
      other = t;
      break;
    }
    value += one.value != 0;
  }
  if (other >= 0) {
    fail_pair(waiting, other);
    return false;
  }
  s.block_value = value;
  for (int t = 0; t < s.count; t++) s.t[t].now = READY;
  return true;
}

/* ---- a block ---- */

__attribute__((no_sanitize("address"))) void fill() {
  for (volatile uint64_t *p = (volatile uint64_t *)esp_model_shared_begin; (char *)p < esp_model_shared_end; p++)
    *p = ~(uint64_t)0;
  const size_t bytes = s.kernel->shared_bytes;
  ASAN_UNPOISON_MEMORY_REGION(esp_model_dynamic, dynamic_most);
  memset(esp_model_dynamic, 0xff, bytes + 256 < dynamic_most ? bytes + 256 : dynamic_most);
  ASAN_POISON_MEMORY_REGION(esp_model_dynamic + bytes, dynamic_most - bytes);
}

void check_dynamic() {
  for (size_t k = s.kernel->shared_bytes; k < s.kernel->shared_bytes + 256 && k < dynamic_most; k++)
    if (esp_model_dynamic[k] != 0xff) {
      fail(cudaErrorIllegalAddress, 0, "the block wrote beyond its dynamic shared memory");
      return;
    }
}

void run_block(uint64_t b) {
  const dim3 g = s.kernel->grid;
  blockIdx = {(unsigned)(b % g.x), (unsigned)(b / g.x % g.y), (unsigned)(b / g.x / g.y)};
  for (int t = 0; t < s.count; t++) s.t[t] = thread();
  fill();
  do {
    for (int w = 0; w < s.warps && !s.failed; w++) run_warp((int)ordered((uint64_t)w, (uint64_t)s.warps));
  } while (!s.failed && release_block());
  if (!s.failed) check_dynamic();
  if (s.failed)
    for (int t = 0; t < s.count; t++)
      if (s.t[t].on && s.t[t].now != DONE) renew(s.t[t].on);
}

/* ---- addresses that are no one's ---- */

struct sigaction before[2];
const int signals[2] = {SIGSEGV, SIGBUS};

void caught(int, siginfo_t *info, void *) {
  if (!s.running) { /* not of a kernel: once more, to whoever was there before */
    for (int k = 0; k < 2; k++) sigaction(signals[k], &before[k], nullptr);
    return;
  }
  char text[96];
  const char *address = static_cast<const char *>(info->si_addr);
  if (address < s.running->stack && address >= s.running->stack - page)
    snprintf(text, sizeof text, "its stack of %zu bytes is full", stack_bytes);
  else
    snprintf(text, sizeof text, "address %p is no one's", info->si_addr);
  fail(cudaErrorIllegalAddress, s.current, text);
  s.t[s.current].on = s.running;
  s.t[s.current].now = READY;
  __sanitizer_start_switch_fiber(nullptr, s.stack, s.stack_bytes);
  jump(s.at);
}

void catch_signals(bool on) {
  static char stack[64 << 10];
  static stack_t old_stack;
  if (!on) {
    for (int k = 0; k < 2; k++) sigaction(signals[k], &before[k], nullptr);
    sigaltstack(&old_stack, nullptr);
    return;
  }
  stack_t own = {};
  own.ss_sp = stack;
  own.ss_size = sizeof stack;
  sigaltstack(&own, &old_stack);
  struct sigaction action = {};
  action.sa_sigaction = caught;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int k = 0; k < 2; k++) sigaction(signals[k], &action, &before[k]);
}

}  // namespace

/* ---- what others call ---- */

void esp_model_set_order(esp_model_order order) {
  s.ordered = true;
  s.order = order;
}

int esp_model_lane() {
  return s.current & 31;
}

void esp_model_fault(esp_model_place place, const char *format, ...) {
  char text[256], all[400];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  snprintf(all, sizeof all, "%s (%s:%d): %s", place.what, name_of(place.file), place.line, text);
  fail(cudaErrorLaunchFailure, s.current, all);
  wait(READY, place);
  abort(); /* a failed launch runs no thread again */
}

int esp_model_block(esp_model_place place, int value) {
  s.t[s.current].value = (uint64_t)value;
  wait(AT_BLOCK, place);
  return s.block_value;
}

const uint64_t *esp_model_warp(esp_model_place place, unsigned mask, uint64_t value) {
  if (!(mask >> (s.current & 31) & 1)) esp_model_fault(place, "its mask 0x%08x lacks the calling lane", mask);
  s.t[s.current].value = value;
  s.t[s.current].mask = mask;
  wait(AT_WARP, place);
  return s.brought + (s.current & ~31);
}

cudaError_t esp_model_run(const esp_model_kernel &kernel, const std::function<void()> &call) {
  if (!s.ordered) choose_order();
  s.kernel = &kernel;
  s.call = &call;
  gridDim = kernel.grid;
  blockDim = kernel.block;
  s.count = (int)(blockDim.x * blockDim.y * blockDim.z);
  s.warps = (s.count + 31) / 32;
  s.failed = cudaSuccess;
  const uint64_t blocks = (uint64_t)gridDim.x * gridDim.y * gridDim.z;
  esp_model_open();
  catch_signals(true);
  for (uint64_t b = 0; b < blocks && !s.failed; b++) {
    s.salt = 0;
    const uint64_t which = ordered(b, blocks);
    s.salt = which;
    run_block(which);
  }
  catch_signals(false);
  char who[256];
  snprintf(who, sizeof who, "kernel %s", kernel.name);
  if (!s.failed) s.failed = esp_model_intact(who);
  ASAN_UNPOISON_MEMORY_REGION(esp_model_dynamic, dynamic_most);
  esp_model_close();
  return s.failed;
}
