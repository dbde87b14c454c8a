/* Device memory: every allocation has pages of its own, its end at theirs, between pages that no one may touch; closed
 * to all while no kernel runs and nothing is copied: by a protection key, which takes no system call, where the processor
 * has those, else page by page. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>

#include "model.h"

namespace {

constexpr size_t page = 4096, align = 256, watched = 256;
constexpr size_t memory_total = (size_t)4 << 30;

struct allocation {
  char *begin, *pages; /* the bytes asked for; all pages, without the two around */
  size_t bytes, page_bytes;
  const char *end() const { return begin + bytes; }
  const char *last() const { return pages + page_bytes; }
};

struct memory {
  std::map<const char *, allocation> device; /* by begin */
  std::map<const char *, size_t> pinned;
  size_t used, kept; /* kept: by the pool, of what was given back to it */
  uint64_t threshold;
  int open;
  long refuse; /* so many allocations on, one is refused; 0: none is */
};
memory m;

/* ESPALIER_MODEL_LEFT: what is not freed at the end is told, and ends the process with a status of its own. */
void tell() {
  cudaDeviceSynchronize();
  if (m.device.empty() && m.pinned.empty()) return;
  fprintf(stderr, "model: %zu allocations of the device and %zu pinned ones are not freed\n", m.device.size(),
          m.pinned.size());
  _exit(99);
}

/* Whether this allocation is the one to be refused. */
bool refused() {
  static bool begun;
  if (!begun && getenv("ESPALIER_MODEL_LEFT")) atexit(tell);
  begun = true;
  return m.refuse > 0 && --m.refuse == 0;
}

/* Of all device memory; -1: there are none. ESPALIER_MODEL_KEY=0 does without. */
int key() {
  static const char *const word = getenv("ESPALIER_MODEL_KEY");
  static const int k = word && strcmp(word, "0") == 0 ? -1 : pkey_alloc(0, PKEY_DISABLE_ACCESS);
  return k;
}

void protect(const allocation &a, int protection) {
  mprotect(a.pages, a.page_bytes, protection);
}

void allow(bool on) {
  if (key() >= 0)
    pkey_set(key(), on ? 0 : PKEY_DISABLE_ACCESS);
  else
    for (auto &entry : m.device) protect(entry.second, on ? PROT_READ | PROT_WRITE : PROT_NONE);
}

/* The allocation that holds [pointer, pointer + bytes); a pointer to its end holds nothing. */
const allocation *find(const void *pointer, size_t bytes) {
  const char *p = static_cast<const char *>(pointer);
  auto next = m.device.upper_bound(p);
  if (next == m.device.begin()) return nullptr;
  const allocation &a = (--next)->second;
  return p <= a.end() && bytes <= (size_t)(a.end() - p) ? &a : nullptr;
}

bool pinned(const void *pointer) {
  auto next = m.pinned.upper_bound(static_cast<const char *>(pointer));
  if (next == m.pinned.begin()) return false;
  --next;
  return static_cast<const char *>(pointer) <= next->first + next->second;
}

bool untouched(const char *from, const char *to) {
  unsigned char all = 0xff;
  for (; from < to; from++) all &= (unsigned char)*from; /* no way out of the loop: by vectors */
  return all == 0xff;
}

cudaError_t direction(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  static const struct { bool from, to; } device[] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  if (bytes == 0) return cudaSuccess;
  if (kind < 0 || kind > cudaMemcpyDefault)
    return esp_model_error(cudaErrorInvalidMemcpyDirection, "copy: kind %d", kind);
  const bool known = kind != cudaMemcpyDefault;
  const bool out = known ? device[kind].from : find(from, 0) != nullptr;
  const bool in = known ? device[kind].to : find(to, 0) != nullptr;
  const struct {
    const char *name;
    const void *pointer;
    bool device;
  } end[] = {{"source", from, out}, {"target", to, in}};
  for (auto &e : end) {
    if (e.device && !find(e.pointer, bytes))
      return esp_model_error(cudaErrorInvalidValue, "copy of %zu bytes: the %s is not, or not wholly, device memory",
                             bytes, e.name);
    if (!e.device && find(e.pointer, 1))
      return esp_model_error(cudaErrorInvalidValue, "copy of %zu bytes: the %s is device memory, against its direction",
                             bytes, e.name);
  }
  return cudaSuccess;
}

}  // namespace

void esp_model_refuse(long which) {
  m.refuse = which;
}

long esp_model_held(void) {
  cudaDeviceSynchronize();
  return (long)(m.device.size() + m.pinned.size());
}

void esp_model_open() {
  if (m.open++ == 0) allow(true);
}

void esp_model_close() {
  if (--m.open == 0) allow(false);
}

cudaError_t esp_model_intact(const char *kernel) {
  for (auto &entry : m.device) {
    const allocation &a = entry.second;
    const size_t front = (size_t)(a.begin - a.pages);
    const char *from = a.begin - (front < watched ? front : watched);
    if (!untouched(from, a.begin) || !untouched(a.end(), a.last()))
      return esp_model_error(cudaErrorIllegalAddress, "kernel %s wrote just outside of an allocation of %zu bytes",
                             kernel, a.bytes);
  }
  return cudaSuccess;
}

bool esp_model_points(const esp_model_kernel &kernel, size_t argument, const void *pointer) {
  if (!pointer || find(pointer, 0) || pinned(pointer)) return true;
  esp_model_error(cudaErrorInvalidValue, "kernel %s: argument %zu, %p, is no device memory", kernel.name, argument + 1,
                  pointer);
  return false;
}

cudaError_t cudaMalloc(void **pointer, size_t bytes) {
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (refused()) return esp_model_error(cudaErrorMemoryAllocation, "%zu bytes asked for: to be refused", bytes);
  if (bytes > memory_total - m.used)
    return esp_model_error(cudaErrorMemoryAllocation, "%zu bytes asked for, %zu of %zu in use", bytes, m.used,
                           memory_total);
  allocation a;
  const size_t whole = (bytes + align - 1) / align * align;
  a.bytes = bytes;
  a.page_bytes = (whole + page - 1) / page * page;
  void *all = mmap(nullptr, a.page_bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return esp_model_error(cudaErrorMemoryAllocation, "%zu bytes: the host refuses them", bytes);
  a.pages = static_cast<char *>(all) + page;
  a.begin = a.pages + a.page_bytes - whole;
  protect(a, PROT_READ | PROT_WRITE);
  memset(a.pages, 0xff, a.page_bytes);
  __asan_poison_memory_region(a.pages, (size_t)(a.begin - a.pages));
  __asan_poison_memory_region(a.begin + bytes, whole - bytes);
  if (key() >= 0)
    pkey_mprotect(a.pages, a.page_bytes, PROT_READ | PROT_WRITE, key());
  else if (!m.open)
    protect(a, PROT_NONE);
  m.device[a.begin] = a;
  m.used += bytes;
  if (m.kept > memory_total - m.used) m.kept = memory_total - m.used;
  *pointer = a.begin;
  return cudaSuccess;
}

static cudaError_t release(void *pointer) {
  auto at = m.device.find(static_cast<char *>(pointer));
  if (at == m.device.end()) return esp_model_error(cudaErrorInvalidValue, "%p was not allocated, or is freed", pointer);
  const allocation a = at->second;
  __asan_unpoison_memory_region(a.pages, a.page_bytes);
  munmap(a.pages - page, a.page_bytes + 2 * page);
  m.used -= a.bytes;
  m.device.erase(at);
  return cudaSuccess;
}

cudaError_t cudaFree(void *pointer) {
  if (!pointer) return cudaSuccess;
  const cudaError_t error = cudaDeviceSynchronize(), freed = release(pointer);
  return error ? error : freed;
}

cudaError_t cudaMallocHost(void **pointer, size_t bytes, unsigned) {
  void *p = refused() ? nullptr : malloc(bytes ? bytes : 1);
  if (!p) return esp_model_error(cudaErrorMemoryAllocation, "%zu bytes of the host", bytes);
  memset(p, 0xff, bytes);
  m.pinned[static_cast<char *>(p)] = bytes;
  *pointer = p;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void *pointer) {
  if (!pointer) return cudaSuccess;
  cudaError_t error = cudaDeviceSynchronize();
  if (!m.pinned.erase(static_cast<char *>(pointer)))
    return esp_model_error(cudaErrorInvalidValue, "%p was not allocated, or is freed", pointer);
  free(pointer);
  return error;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  cudaError_t error = direction(to, from, bytes, kind);
  if (error || bytes == 0) return error;
  return esp_model_give(stream, [to, from, bytes] {
    esp_model_open();
    memmove(to, from, bytes);
    esp_model_close();
  });
}

cudaError_t cudaMemsetAsync(void *pointer, int byte, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  if (!find(pointer, bytes))
    return esp_model_error(cudaErrorInvalidValue, "setting %zu bytes: not, or not wholly, device memory", bytes);
  return esp_model_give(stream, [pointer, byte, bytes] {
    esp_model_open();
    memset(pointer, byte, bytes);
    esp_model_close();
  });
}

/* Of the default stream; what is copied has arrived. */
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return error ? error : cudaStreamSynchronize(nullptr);
}

cudaError_t cudaMemset(void *pointer, int byte, size_t bytes) {
  return cudaMemsetAsync(pointer, byte, bytes, nullptr);
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *pool, int device) {
  *pool = nullptr; /* the only one */
  return device == 0 ? cudaSuccess : esp_model_error(cudaErrorInvalidDevice, "device %d", device);
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr attribute, void *value) {
  if (attribute != cudaMemPoolAttrReleaseThreshold)
    return esp_model_error(cudaErrorInvalidValue, "attribute %d of a pool: the model has none", attribute);
  m.threshold = *static_cast<uint64_t *>(value);
  return cudaSuccess;
}

cudaError_t cudaMallocAsync(void **pointer, size_t bytes, cudaStream_t) {
  m.kept -= bytes < m.kept ? bytes : m.kept;
  return cudaMalloc(pointer, bytes);
}

cudaError_t cudaFreeAsync(void *pointer, cudaStream_t stream) {
  return esp_model_give(stream, [pointer] {
    const size_t used = m.used;
    release(pointer);
    m.kept += used - m.used;
    if (m.kept > m.threshold) m.kept = m.threshold;
  });
}

cudaError_t cudaHostAlloc(void **pointer, size_t bytes, unsigned flags) {
  return cudaMallocHost(pointer, bytes, flags);
}

cudaError_t esp_model_symbol(void *symbol, size_t size, const void *from, size_t bytes, size_t offset) {
  if (cudaError_t error = cudaDeviceSynchronize()) return error;
  if (offset > size || bytes > size - offset)
    return esp_model_error(cudaErrorInvalidValue, "%zu bytes at %zu into a symbol of %zu", bytes, offset, size);
  memcpy(static_cast<char *>(symbol) + offset, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
  *total = memory_total;
  *free = memory_total - m.used - m.kept;
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *attributes, const void *pointer) {
  const bool device = find(pointer, 1), host = !device && pinned(pointer);
  void *p = const_cast<void *>(pointer);
  attributes->type = device ? cudaMemoryTypeDevice : host ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered;
  attributes->device = device || host ? 0 : -2;
  attributes->devicePointer = device || host ? p : nullptr;
  attributes->hostPointer = device ? nullptr : p;
  return cudaSuccess;
}
