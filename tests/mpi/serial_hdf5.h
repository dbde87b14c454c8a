/* Files of other origin, written by plain HDF5 calls on rank 0, for the tests of mpi/io. */
#ifndef TEST_MPI_SERIAL_HDF5_H
#define TEST_MPI_SERIAL_HDF5_H

#include "case.h"

#include <hdf5.h>

typedef struct {
  const char *name;
  hid_t type; /* in the file */
  int rank;
  hsize_t dim[2];
  int chunked;
} dataset;

static inline hid_t serial_create(const char *path) {
  hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(id >= 0);
  return id;
}

static inline void serial_text(hid_t id, const char *object, const char *name, const char *text) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(text));
  hid_t attribute = H5Acreate_by_name(id, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(attribute >= 0 && H5Awrite(attribute, type, text) >= 0);
  H5Aclose(attribute), H5Sclose(space), H5Tclose(type);
}

static inline void serial_number(hid_t id, const char *name, hid_t type, const void *value) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attribute = H5Acreate2(id, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(attribute >= 0 && H5Awrite(attribute, type, value) >= 0);
  H5Aclose(attribute), H5Sclose(space);
}

/* Groups on the way are made; `memory`: type of `value`. */
static inline void serial_write(hid_t id, const dataset *d, hid_t memory, const void *value) {
  const hsize_t rows[2] = {16, d->dim[1]};
  hid_t list = H5Pcreate(H5P_DATASET_CREATE), links = H5Pcreate(H5P_LINK_CREATE);
  hid_t space = H5Screate_simple(d->rank, d->dim, NULL);
  H5Pset_create_intermediate_group(links, 1);
  if (d->chunked) H5Pset_chunk(list, d->rank, rows), H5Pset_deflate(list, 4);
  hid_t set = H5Dcreate2(id, d->name, d->type, space, links, list, H5P_DEFAULT);
  assert_true(set >= 0 && H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0);
  H5Dclose(set), H5Sclose(space), H5Pclose(links), H5Pclose(list);
}

/* Numbers 0, 1, 2 ... */
static inline void serial_data(hid_t id, const dataset *d) {
  const hsize_t count = d->rank > 1 ? d->dim[0] * d->dim[1] : d->dim[0];
  double *value = malloc(sizeof *value * (count + 1));
  for (hsize_t i = 0; i < count; i++) value[i] = (double)i;
  serial_write(id, d, H5T_NATIVE_DOUBLE, value);
  free(value);
}

#endif
