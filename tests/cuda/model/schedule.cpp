/* Blocks, warps and threads on one CPU thread. A thread of a block is a fiber from where it first waits; until then, and
 * when it never does, one fiber runs the threads of a warp one after another. Compiled without sanitizers, which are told
 * what is no one's. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fiber.h"
#include "model.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace {
constexpr size_t dynamic_most = 164 << 10;
}
alignas(128) unsigned char esp_model_dynamic[dynamic_most];
extern "C" char esp_model_shared_begin[], esp_model_shared_end[];

namespace {

enum state { NEW, READY, AT_BLOCK, AT_WARP, DONE };

struct thread {
  state now;
  esp_fiber *on;
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
  int lane[32], known;           /* the order of lanes, where `known` of them are in a warp of this block */
  int block_value;
  uint64_t salt; /* of the shuffled order: the block */
  cudaError_t failed;
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

/* ---- threads ---- */

void become(int t) {
  s.current = t;
  const unsigned u = (unsigned)t, x = blockDim.x, y = blockDim.y;
  threadIdx = u < x ? uint3{u, 0, 0} : uint3{u % x, u / x % y, u / x / y};
}

int of_warp(int k) {
  return s.first + s.lane[k];
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
  esp_fiber_begun();
  for (;;) {
    for (int t; (t = next_new()) >= 0;) {
      become(t);
      (*s.call)();
      s.t[s.current].now = DONE;
    }
    esp_fiber_give(esp_fiber_running());
    esp_fiber_leave();
  }
}

/* ---- what is not allowed ---- */

void who(char *text, size_t size, int t) {
  const unsigned u = (unsigned)t, x = blockDim.x, y = blockDim.y;
  snprintf(text, size, "kernel %s, block (%u, %u, %u), thread (%u, %u, %u)", s.kernel->name, blockIdx.x, blockIdx.y,
           blockIdx.z, u % x, u / x % y, u / x / y);
}

void fail(cudaError_t error, int t, const char *text) {
  char name[256];
  who(name, sizeof name, t);
  s.failed = esp_model_error(error, "%s: %s", name, text);
}

/* A sanitizer ends the program; in a kernel, in which? */
[[maybe_unused]] void dying() {
  char name[256];
  if (!esp_fiber_running()) return;
  who(name, sizeof name, s.current);
  fprintf(stderr, "in %s\n", name);
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
  s.t[t].on = esp_fiber_running();
  esp_fiber_leave();
}

bool same(const esp_model_place &a, const esp_model_place &b) {
  return a.what == b.what || strcmp(a.what, b.what) == 0;
}

/* Lets those lanes of the warp go on that all have arrived; false: none. A wait that cannot end fails. */
bool release_warp() {
  unsigned seen = 0;
  bool any = false;
  int stuck = -1, other = -1;
  for (int lane = 0; lane < s.lanes; lane++) {
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
  for (int k = 0; k < s.lanes && s.known != s.lanes; k++) s.lane[k] = (int)ordered((uint64_t)k, (uint64_t)s.lanes);
  s.known = s.lanes;
  do {
    for (s.next = 0; s.next < s.lanes && !s.failed;) {
      const int t = of_warp(s.next);
      if (s.t[t].now == NEW) {
        esp_fiber_enter(esp_fiber_take(body));
        continue;
      }
      s.next++;
      if (s.t[t].now != READY) continue;
      become(t);
      esp_fiber_enter(s.t[t].on);
    }
  } while (!s.failed && release_warp());
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

/* By vectors, and not by memset, which the sanitizer would hold against the room between variables. */
__attribute__((optimize("no-tree-loop-distribute-patterns"))) void fill() {
  const size_t words = (size_t)(esp_model_shared_end - esp_model_shared_begin) / sizeof(uint64_t);
  uint64_t *const word = reinterpret_cast<uint64_t *>(esp_model_shared_begin);
  for (size_t k = 0; k < words; k++) word[k] = ~(uint64_t)0;
  const size_t bytes = s.kernel->shared_bytes;
  __asan_unpoison_memory_region(esp_model_dynamic, dynamic_most);
  memset(esp_model_dynamic, 0xff, bytes + 256 < dynamic_most ? bytes + 256 : dynamic_most);
  __asan_poison_memory_region(esp_model_dynamic + bytes, dynamic_most - bytes);
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
  s.known = 0;
  fill();
  do {
    for (int w = 0; w < s.warps && !s.failed; w++) run_warp((int)ordered((uint64_t)w, (uint64_t)s.warps));
  } while (!s.failed && release_block());
  if (!s.failed) check_dynamic();
  if (s.failed)
    for (int t = 0; t < s.count; t++)
      if (s.t[t].on && s.t[t].now != DONE) esp_fiber_drop(s.t[t].on);
}

void caught(const char *text) {
  fail(cudaErrorIllegalAddress, s.current, text);
  s.t[s.current].on = esp_fiber_running();
  s.t[s.current].now = READY;
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

void esp_model_run(const esp_model_kernel &kernel, const std::function<void()> &call) {
  if (!s.ordered) choose_order();
  __sanitizer_set_death_callback(dying);
  s.kernel = &kernel;
  s.call = &call;
  gridDim = kernel.grid;
  blockDim = kernel.block;
  s.count = (int)(blockDim.x * blockDim.y * blockDim.z);
  s.warps = (s.count + 31) / 32;
  s.failed = cudaSuccess;
  const uint64_t blocks = (uint64_t)gridDim.x * gridDim.y * gridDim.z;
  esp_model_open();
  esp_fiber_catch(true, caught);
  for (uint64_t b = 0; b < blocks && !s.failed; b++) {
    s.salt = 0;
    const uint64_t which = ordered(b, blocks);
    s.salt = which;
    run_block(which);
  }
  esp_fiber_catch(false, nullptr);
  if (!s.failed) esp_model_intact(kernel.name);
  __asan_unpoison_memory_region(esp_model_dynamic, dynamic_most);
  esp_model_close();
}
