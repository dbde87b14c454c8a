/* Eigenvectors of a small symmetric matrix, by Jacobi's method. Local, pure. */
#ifndef ESP_JACOBI_H
#define ESP_JACOBI_H

/* A [d][d] becomes, after so many sweeps over all pairs of axes, diagonal but for rounding (ten do for hundreds of axes); V [d][d]:
 * row a is the eigenvector of A[a][a]. In no order of size. */
void esp_jacobi(int d, int sweeps, double *A, double *V);

#endif
