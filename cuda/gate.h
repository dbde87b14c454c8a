/* The gated messages on a device: launchers of cuda/gate.cu and cuda/gate_mlp.cu. A block of receivers (or senders) is a block
 * of threads, one each; chunks, entries at once and orders of sums are those of message/cpu/gate_kernels.h, and so are the
 * bits. Local; they return when the work is given to the device. Errors: what the device reports. */
#ifndef ESP_CUDA_GATE_H
#define ESP_CUDA_GATE_H

#include "cuda/lists.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What src/ calls ESP_MAX_DIM, ESP_GATE_MAX_CHANNELS, ESP_GATE_EDGE, ESP_MOMENTS_ORDER and ESP_STILL_... */
enum {
  ESP_CUDA_DIM = 64,
  ESP_CUDA_CHANNELS = 128,
  ESP_CUDA_GATE_EDGE = 2,
  ESP_CUDA_ORDER = 3,
  ESP_CUDA_STILL_KEYS = 1,
  ESP_CUDA_STILL_VALUES = 2
};

/* The k-th number of a cell's polynomials: its degree and its letters in ascending order. */
typedef struct {
  unsigned char degree, letter[ESP_CUDA_ORDER];
} esp_cuda_monomial;

/* esp_pairs of a gated message: pointers of the device. */
typedef struct {
  esp_cuda_lists lists;
  int rows, far;            /* of the tree; whether its lists have far cells */
  int dim, channels, width; /* d, C; of a sum */
  int order, moments;       /* M of the gate's cells */
  int query_row, source_row, cell_row, adjoint;
  double scale, slope;              /* as message/cpu/gate_lanes.h has them */
  double power[1 + ESP_CUDA_ORDER]; /* of the lanes' unit over s */
  const double *param, *query, *source, *cell;
  unsigned still; /* of the call at hand: ESP_STILL_... of message/kernels.h */
  /* of the gate: what each cell says, then as many of -d/dln s of it through moments; and room for the sums of those */
  const esp_cuda_monomial *monomial; /* [M] */
  float *said;                       /* [rows][2][width][M] */
  double *rate;                      /* [blocks][width][M] */
} esp_cuda_gate;

/* block [count] of the device; the arrays as esp_kernels has them. */
typedef struct {
  int (*forward)(const esp_cuda_gate *p, int count, const int *block, double *sum);
  int (*receivers)(const esp_cuda_gate *p, int count, const int *block, const double *dsum, double *dquery,
                   int64_t *cell_acc, int64_t *param_acc);
  int (*senders)(const esp_cuda_gate *p, int count, const int *block, const double *receiver, double *dsource);
} esp_cuda_gate_routines;
extern const esp_cuda_gate_routines esp_cuda_gate_plain, esp_cuda_gate_learned;

/* Errors: ESP_ERR_LIMIT where the largest block has no room in shared memory. */
int esp_cuda_gate_fits(const esp_cuda_gate *p);

#ifdef __cplusplus
}
#endif
#endif
