#include "io/ensemble_rows.h"

#include <stdio.h>
#include <string.h>

#define PARTICLE(field, type, columns, unit, text) \
  { #field, type, columns, offsetof(esp_cloud, field), unit, text }
const esp_ensemble_column esp_ensemble_particles[ESP_ENSEMBLE_PARTICLES] = {
    PARTICLE(id, ESP_FILE_I64, 0, "1", "number of the body in its cloud"),
    PARTICLE(m, ESP_FILE_F64, 0, "mass", "mass"),
    PARTICLE(x, ESP_FILE_F64, 3, "length", "position at time 0"),
    PARTICLE(v, ESP_FILE_F64, 3, "velocity", "velocity at time 0"),
    PARTICLE(D, ESP_FILE_F64, 3, "length", "target: x(T) - x(0) - v(0) T"),
    PARTICLE(K, ESP_FILE_F64, 3, "velocity", "target: v(T) - v(0)"),
};

const esp_ensemble_column esp_ensemble_frames[ESP_ENSEMBLE_FRAMES] = {
    {"x", ESP_FILE_F64, 3, 0, "length", "positions, wrapped; frame f is at time f T"},
    {"v", ESP_FILE_F64, 3, 0, "velocity", "velocities"},
};

#define ENTRY(field, type, columns, unit, text) \
  { #field, type, columns, offsetof(esp_ensemble_entry, field), unit, text }
static const esp_ensemble_column table[] = {
    ENTRY(n, ESP_FILE_I64, 0, "1", "bodies"),
    ENTRY(offset, ESP_FILE_I64, 0, "1", "first row in the particle datasets"),
    ENTRY(kind, ESP_FILE_I64, 0, "1", "0 ball, 1 plummer, 2 periodic box"),
    ENTRY(seed, ESP_FILE_I64, 0, "1", "bits of the seed of the cloud"),
    ENTRY(dim, ESP_FILE_I64, 0, "1", "dimensions"),
    ENTRY(frames, ESP_FILE_I64, 0, "1", "frames kept"),
    ENTRY(frame_offset, ESP_FILE_I64, 0, "1", "first row in the frame datasets"),
    ENTRY(G, ESP_FILE_F64, 0, "length^3 / (mass time^2)", "constant of gravity"),
    ENTRY(eps, ESP_FILE_F64, 0, "length", "softening of the targets"),
    ENTRY(box, ESP_FILE_F64, 3, "length", "period by axis, 0 = open"),
    ENTRY(d, ESP_FILE_F64, 0, "length", "unit of length: mean spacing"),
    ENTRY(T, ESP_FILE_F64, 0, "time", "horizon of the targets"),
    ENTRY(Q, ESP_FILE_F64, 0, "1", "speed over that of virial equilibrium"),
    ENTRY(r_h, ESP_FILE_F64, 0, "length", "median distance from the centre"),
    ENTRY(mean_a, ESP_FILE_F64, 0, "length / time^2", "mean |a| at softening 0.1 d"),
    ENTRY(W, ESP_FILE_F64, 0, "mass length^2 / time^2", "sum m x.a at softening 0.1 d"),
    ENTRY(sampled, ESP_FILE_I64, 0, "1", "bodies mean_a was taken over"),
    ENTRY(truth, ESP_FILE_I64, 0, "1", "force of the targets: 0 direct sum, 1 tree"),
    ENTRY(steps, ESP_FILE_I64, 0, "1", "leapfrog steps of the truth over T"),
    ENTRY(theta, ESP_FILE_F64, 0, "1", "opening angle of a tree truth"),
    ENTRY(energy_error, ESP_FILE_F64, 0, "1", "relative energy change of the truth; -1: not computed"),
    ENTRY(momentum, ESP_FILE_F64, 0, "mass length / time", "|sum m v| at the end of the truth"),
    ENTRY(force_rms, ESP_FILE_F64, 0, "1", "rms relative force error of a tree truth on sampled bodies"),
    ENTRY(force_l2, ESP_FILE_F64, 0, "1", "L2 relative force error of a tree truth on sampled bodies"),
    ENTRY(displacement_error, ESP_FILE_F64, 0, "1", "NRMSE of D of a tree truth against a direct one"),
    ENTRY(displacement_bodies, ESP_FILE_I64, 0, "1", "bodies of the cloud or smaller twin that error is of"),
};

const esp_ensemble_column *esp_ensemble_table(int *count) {
  *count = (int)(sizeof table / sizeof *table);
  return table;
}

hid_t esp_ensemble_table_type(void) {
  hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(esp_ensemble_entry));
  for (size_t k = 0; k < sizeof table / sizeof *table && type >= 0; k++) {
    hsize_t length = (hsize_t)esp_ensemble_width(table + k);
    hid_t native = esp_file_native(table[k].type),
          field = table[k].columns ? H5Tarray_create2(native, 1, &length) : native;
    int bad = field < 0 || H5Tinsert(type, table[k].name, table[k].offset, field) < 0;
    if (table[k].columns && field >= 0) H5Tclose(field);
    if (bad) H5Tclose(type), type = H5I_INVALID_HID;
  }
  return type;
}

void esp_ensemble_name(esp_part set, const char *group, const char *column, char name[ESP_ENSEMBLE_NAME]) {
  snprintf(name, ESP_ENSEMBLE_NAME, "/%s/%s%s%s", esp_part_name(set), group, *group ? "/" : "", column);
}

int esp_ensemble_width(const esp_ensemble_column *column) {
  return esp_imax(1, column->columns);
}

static int select_rows(hid_t space, int columns, int64_t first, int64_t count) {
  hsize_t start[2] = {(hsize_t)first, 0}, size[2] = {(hsize_t)count, (hsize_t)columns};
  if (count == 0) return H5Sselect_none(space) < 0;
  return H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL) < 0;
}

int esp_ensemble_move(const esp_file *file, const char *name, hid_t dataset, hid_t type, int columns, int64_t first,
                      int64_t count, int collective, void *in, const void *out) {
  char text[512] = "";
  hsize_t dims[2] = {(hsize_t)count, (hsize_t)columns};
  hid_t space = H5Dget_space(dataset);
  hid_t memory = H5Screate_simple(columns ? 2 : 1, dims, NULL), list = H5Pcreate(H5P_DATASET_XFER);
  int bad = space < 0 || memory < 0 || list < 0;
  if (!bad) bad = H5Pset_dxpl_mpio(list, collective ? H5FD_MPIO_COLLECTIVE : H5FD_MPIO_INDEPENDENT) < 0;
  if (!bad) bad = select_rows(space, columns, first, count);
  if (!bad && count == 0) bad = H5Sselect_none(memory) < 0;
  char none = 0;
  if (count == 0) in = in ? &none : NULL, out = out ? out : &none;
  if (!bad)
    bad =
        (in ? H5Dread(dataset, type, memory, space, list, in) : H5Dwrite(dataset, type, memory, space, list, out)) < 0;
  if (bad) esp_file_hdf5_error(text, sizeof text);
  if (list >= 0) H5Pclose(list);
  if (memory >= 0) H5Sclose(memory);
  if (space >= 0) H5Sclose(space);
  ESP_CHECK(!bad, ESP_ERR_FILE, "%s: %s: %s rows [%lld, %lld) failed: %s", file->path, name, in ? "reading" : "writing",
            (long long)first, (long long)(first + count), text);
  return ESP_OK;
}
