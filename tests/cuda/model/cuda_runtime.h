/* CUDA's execution model on one CPU thread: a .cu file compiled as C++ with this folder first on its include path is the
 * same kernels, run by any machine, under sanitizers too. The .cu files must not tell the difference; what is not listed
 * here does not compile.
 *
 * In kernels
 *   __global__ __device__ __host__ __forceinline__ __launch_bounds__ __align__ __restrict__, __shared__ (fixed arrays;
 *   dynamic ones by ESP_SHARED of cuda/launch.h), __constant__ (of a namespace, filled by cudaMemcpyToSymbol)
 *   threadIdx blockIdx blockDim gridDim warpSize; dim3; char2..4, short2..4, int2..4, uint2..4, longlong2, ulonglong2,
 *   float2..4, double2 and make_*, with CUDA's alignment
 *   __syncthreads, __syncthreads_count/_and/_or, __syncwarp, __shfl_sync/_up/_down/_xor, __ballot_sync, __any_sync,
 *   __all_sync, __match_any_sync, __reduce_{add,min,max,and,or,xor}_sync, __threadfence, __threadfence_block
 *   atomicAdd Sub Min Max Exch CAS And Or Xor (int, unsigned, unsigned long long, where CUDA has them; Add and Exch also
 *   float, Add double)
 *   __ldg __ldcg __ldcs __stcg, __popc __popcll __ffs __ffsll __clz __clzll __brev __brevll, __umulhi __umul64hi __mulhi
 *   __{f,d}{add,sub,mul,div}_rn __fmaf_rn __fma_rn __frcp_rn __drcp_rn __fsqrt_rn __dsqrt_rn, __float2int_rn/_rd/_rz
 *   __double2int_rn/_rd/_rz __int2float_rn __double2float_rn __float_as_int/_uint __int_as_float __uint_as_float
 *   __double_as_longlong __longlong_as_double; min max; rsqrt rsqrtf (as 1 / sqrt; a device may differ by an ulp);
 *   what <math.h> has
 * Not here on purpose: __activemask and operations without _sync (what they give is by chance), approximate __expf and the
 * like, __device__ variables, cooperative groups, textures, device-side allocation and printing, waiting in a loop for
 * another thread or block (it would wait for ever).
 *
 * On the host
 *   cudaMalloc cudaFree (and Async), cudaMallocHost cudaHostAlloc cudaFreeHost, cudaMemcpy cudaMemset (and Async),
 *   cudaMemcpyToSymbol, cudaMemGetInfo, cudaPointerGetAttributes; cudaDeviceGetDefaultMemPool,
 *   cudaMemPoolSetAttribute (what the pool keeps); cudaStreamCreate (WithFlags, WithPriority) Destroy Synchronize Query
 *   WaitEvent; cudaEventCreate (WithFlags) Destroy Record Synchronize Query ElapsedTime; cudaLaunchKernel,
 *   cudaFuncSetAttribute (dynamic shared memory), cudaOccupancyMaxActiveBlocksPerMultiprocessor; cudaGetLastError
 *   cudaPeekAtLastError cudaGetErrorName cudaGetErrorString; cudaGetDeviceCount cudaGetDevice cudaSetDevice
 *   cudaGetDeviceProperties cudaDeviceGetAttribute cudaDeviceGetStreamPriorityRange cudaDeviceSynchronize cudaDeviceReset. One device.
 *
 * How it runs. Blocks come one after another, and in a block warp after warp: a thread runs until it waits at a barrier or
 * an operation of its warp, a warp until all its threads wait for the block. So threads are as far apart as barriers let
 * them be, and a missing one shows as a wrong number. ESPALIER_MODEL_ORDER=forward|reversed|shuffled is the order of
 * blocks, warps and lanes; sums by atomicAdd of floats differ between them, as they do between two runs of a device.
 * ESPALIER_MODEL_STREAMS=now|late: what a stream is given runs at once; or when someone waits for it, and then with no more
 * than what events, its stream and the default stream put before it, so that a wait forgotten shows. The test programs of
 * tests/cuda run forward and now, reversed and late, shuffled and late. Shared memory is filled with 0xFF (NaN, -1) before
 * every block, device memory and pinned memory when they are allocated.
 *
 * What is reported, by kernel, block and thread, in the text of the error that the launch, or what waits for it, returns,
 * and everything behind it until cudaDeviceReset:
 *   cudaErrorLaunchFailure    a thread that returned, or waits elsewhere, while others wait at a __syncthreads (another
 *                             line is elsewhere); a mask of a warp's operation that lacks its caller, or names a thread
 *                             that has returned, does not exist (the last warp of a ragged block) or waits elsewhere or
 *                             with another mask; a shuffle from a lane outside its mask
 *   cudaErrorIllegalAddress   an address that is no one's; bytes written just outside an allocation, or behind dynamic
 *                             shared memory; a stack of over 256 KiB
 * and at once, as by CUDA, for that call alone:
 *   cudaErrorInvalidValue     copies outside of allocations or against their direction; a kernel's argument that points
 *                             elsewhere than to device or pinned memory (pointers in structures are not seen); too much
 *                             dynamic shared memory. Extents that no device has: cudaErrorInvalidConfiguration
 * Device memory can be touched in kernels and by copies alone: the host that reads it ends by a signal, as with a device.
 * AddressSanitizer, where it is on, ends the program at any access outside of an allocation or a shared array, and tells
 * kernel, block and thread behind its own report. Not seen: host memory that a kernel reaches through a structure, limits of
 * fixed shared memory and registers, races that give the same number in every order. */
#ifndef ESP_MODEL_CUDA_RUNTIME_H
#define ESP_MODEL_CUDA_RUNTIME_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vectors.h"
#include "execution.h"
#include "arithmetic.h"
#include "atomics.h"
#include "host.h"

#endif
