/* Sums over groups of home rows (base/set.h): float64 sums [groups][numbers] in a buffer of the device that fits its second cache,
 * then exact sums of them (cuda/exact.h). Only .cu files include this. */
#ifndef ESP_CUDA_GROUPS_CUH
#define ESP_CUDA_GROUPS_CUH

#include "cuda/exact.h"
#include "cuda/memory.h"
#include "cuda/settled.h"

extern "C" {
#include "base/set.h"
}

/* Blocks of `each` threads, or rows, that `count` of them fill. */
static inline unsigned esp_parts(size_t count, size_t each) {
  return (unsigned)((count + each - 1) / each);
}

/* fill(first row, rows, groups, sums) gives work that sets sums [groups][numbers] and adds them to where they belong; for all groups
 * of n rows, as many at once as the buffer has room for. Failures are kept. */
template <class Fill>
static inline void esp_cuda_groups(int n, size_t numbers, Fill fill) {
  const size_t most = ((size_t)1 << 22) / (numbers ? numbers : 1), once = most ? most : 1; /* 32 MiB */
  const size_t all = esp_parts((size_t)n, ESP_GROUP), room = all < once ? all : once;
  if (!room || !numbers) return;
  void *buffer;
  const int rc = esp_cuda_reserve(&buffer, room * numbers * sizeof(double));
  esp_cuda_remember(rc);
  for (size_t g = 0; g < all && !rc; g += room) {
    const size_t begin = g * ESP_GROUP, left = (size_t)n - begin, groups = all - g < room ? all - g : room;
    fill(begin, (int)(left < groups * ESP_GROUP ? left : groups * ESP_GROUP), groups, (double *)buffer);
  }
  esp_cuda_free(&buffer);
}

#endif
