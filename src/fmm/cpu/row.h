/* The row of this width. Text of pass.c. */

static float near_rate(int count, const float *const stream[4]) {
  esp_lanes b = {.count = RECEIVERS, .lanes = RECEIVERS};
  for (int l = 0; l < RECEIVERS; l++)
    for (int a = 0; a < 3; a++) b.x[a][l] = 0.03f * (float)((l * (a + 3)) % 31);
  near_plain(&b, 0.01f, count, stream, -1);
  float sum = 0;
  for (int l = 0; l < RECEIVERS; l++) sum += b.sum[0][l] + b.sum[1][l] + b.sum[2][l];
  return sum;
}

static int available(void) {
#if ESP_WIDTH == 16
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#elif ESP_WIDTH == 8
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 1;
#endif
}

#define ROW_NAME(width) ROW_NAME_(width)
#define ROW_NAME_(width) esp_fmm_width##width
extern const esp_fmm_kernels ROW_NAME(ESP_WIDTH);
const esp_fmm_kernels ROW_NAME(ESP_WIDTH) = {ESP_WIDTH == 16  ? "AVX-512"
                                             : ESP_WIDTH == 8 ? "AVX2"
                                                              : "scalar",
                                             available,
                                             estimate_all,
                                             receive_all,
                                             adjoint_all,
                                             near_rate};
