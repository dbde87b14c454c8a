/* Operations of warps and blocks as kernels use them. Host arrays of one block of WARP_THREADS threads. */
#ifndef ESP_TESTS_WARP_H
#define ESP_TESTS_WARP_H

#ifdef __cplusplus
extern "C" {
#endif

enum { WARP_THREADS = 64 };
typedef enum { WARP_LANE, WARP_UP, WARP_DOWN, WARP_XOR, WARP_SHUFFLES } warp_shuffle;
/* Masks: all lanes; or, in branches of their own, the lower and the upper half warp (width up to 16). */
int warp_shuffles(warp_shuffle how, int halves, int width, int argument, const double *a, double *b);

enum {
  WARP_BALLOT,
  WARP_ANY,
  WARP_ALL,
  WARP_MATCH,
  WARP_ADD,
  WARP_MIN,
  WARP_MAX,
  WARP_AND,
  WARP_OR,
  WARP_BITS_XOR,
  BLOCK_COUNT,
  BLOCK_AND,
  BLOCK_OR,
  WARP_VOTES
};
/* out[WARP_VOTES][WARP_THREADS] of value[WARP_THREADS]; a vote is value >= least. */
int warp_votes(const int *value, int least, int *out);

#ifdef __cplusplus
}
#endif
#endif
