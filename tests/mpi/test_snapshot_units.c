/* What a snapshot's values mean is taken from the file where it says so, refused where it leaves it open or where a key
 * contradicts it, and read once the key that the message names is given; whatever was taken from where is told.
 * ranks: 1 2 */
#define _GNU_SOURCE
#include "snapshot_fixture.h"

#include "io/snapshot_units.h"

/* Read with these options: the header as settled, the first body's place. */
static esp_snapshot_header settled(const char *path, const esp_snapshot_options *o) {
  esp_cloud cloud;
  esp_snapshot_header head;
  DO(esp_snapshot_read(comm, path, o, &cloud, &head));
  assert_true(cloud.G == head.G);
  esp_cloud_free(&cloud);
  return head;
}

/* One attribute of a fixture becomes another number. */
static void replace(const char *path, const char *object, const char *name, double value) {
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) {
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
    const char *child = strchr(object, '/');
    if (child && H5Lexists(file, strtok(strdupa(object), "/"), H5P_DEFAULT) <= 0) {
      hid_t links = H5Pcreate(H5P_LINK_CREATE);
      H5Pset_create_intermediate_group(links, 1);
      H5Gclose(H5Gcreate2(file, object, links, H5P_DEFAULT, H5P_DEFAULT));
      H5Pclose(links);
    }
    if (H5Aexists_by_name(file, object, name, H5P_DEFAULT) > 0) H5Adelete_by_name(file, object, name, H5P_DEFAULT);
    hid_t attribute =
        H5Acreate_by_name(file, object, name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Fclose(file);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

static const esp_snapshot_options comoving = {.cosmology = ESP_COSMOLOGY_COMOVING},
                                  physical = {.cosmology = ESP_COSMOLOGY_PHYSICAL},
                                  open_set = {.periodic = ESP_PERIOD_OPEN},
                                  periodic_set = {.periodic = ESP_PERIOD_PERIODIC};

/* Time 1 is a scale factor or a time. */
static void cosmology_left_open(void **state) {
  (void)state;
  static const char key[] = "io_cosmology: comoving, or physical";
  spec s = {.units = 1, .time = 1, .omega0 = 0.3, .hubble = 0.5};
  fixture("open", &s);
  REFUSED(at("open.hdf5"), NULL, ESP_ERR_FORMAT, "is a scale factor or a time");
  REFUSED(at("open.hdf5"), NULL, ESP_ERR_FORMAT, key);
  esp_snapshot_header h = settled(at("open.hdf5"), &comoving);
  assert_true(h.comoving && h.factor[0] == 2 && h.factor[1] == 1 && h.factor[2] == 2 && h.h == 0.5);
  assert_string_equal(h.from[ESP_FROM_COSMOLOGY], "key io_cosmology");
  h = settled(at("open.hdf5"), &physical);
  assert_true(!h.comoving && !h.periodic && h.factor[0] == 1 && h.factor[2] == 1);
  /* its datasets may tell */
  replace(at("open.hdf5"), "PartType1/Coordinates", "aexp-scale-exponent", 1);
  replace(at("open.hdf5"), "PartType1/Coordinates", "h-scale-exponent", -1);
  h = settled(at("open.hdf5"), NULL);
  assert_true(h.comoving && h.factor[0] == 2);
  assert_string_equal(h.from[ESP_FROM_COSMOLOGY], "exponents of Coordinates");
  /* in units of 1/h, or not? */
  s = (spec){.units = 1, .time = 0.14, .hubble = 0.7};
  fixture("open", &s);
  REFUSED(at("open.hdf5"), NULL, ESP_ERR_FORMAT, key);
  h = settled(at("open.hdf5"), &physical);
  assert_true(!h.comoving && h.factor[0] == 1);
  /* a key against a flag is told */
  s = (spec){.dialect = GADGET4, .units = 1, .comoving = 1, .time = 0.25, .redshift = 3, .hubble = 0.5};
  fixture("open", &s);
  h = settled(at("open.hdf5"), &physical);
  assert_string_equal(h.from[ESP_FROM_COSMOLOGY], "key io_cosmology, against ComovingIntegrationOn of Parameters");
}

static void box_by_key(void **state) {
  (void)state;
  spec s = {.units = 1, .time = 0.25, .redshift = 3, .omega0 = 0.3, .hubble = 0.5, .comoving = 1};
  fixture("box", &s);
  esp_snapshot_header h = settled(at("box.hdf5"), NULL);
  assert_true(h.periodic);
  assert_non_null(strstr(h.told, "; periodic, 8 8 8 (BoxSize of a comoving run); units"));
  h = settled(at("box.hdf5"), &open_set);
  assert_true(!h.periodic && h.comoving);
  assert_non_null(strstr(h.told, "comoving, a = 0.25, h = 0.5: lengths x 0.5, velocities x 0.5, masses x 2 (Redshift"));
  assert_non_null(strstr(h.told, "; open (key io_periodic); the particles span 98 % of the box along x"));
  assert_non_null(
      strstr(h.told, "; units 3.085678e+21 cm, 1.989e+43 g, 100000 cm/s (UnitLength_in_cm of Header), G = "));
  assert_string_equal(h.from[ESP_FROM_PERIOD], "key io_periodic");
  s = (spec){.dialect = GADGET4, .units = 1};
  fixture("box", &s);
  h = settled(at("box.hdf5"), &open_set);
  assert_string_equal(h.from[ESP_FROM_PERIOD], "key io_periodic, against Config and BoxSize");
  s = (spec){.units = 1};
  fixture("box", &s);
  h = settled(at("box.hdf5"), NULL);
  assert_true(!h.periodic);
  assert_string_equal(h.from[ESP_FROM_PERIOD], "no flag says periodic");
  h = settled(at("box.hdf5"), &periodic_set);
  assert_true(h.periodic);
  replace(at("box.hdf5"), "Header", "BoxSize", 0);
  REFUSED(at("box.hdf5"), &periodic_set, ESP_ERR_FORMAT, "BoxSize along axis 0 is 0");
  REFUSED(at("box.hdf5"), &periodic_set, ESP_ERR_FORMAT, "io_periodic open");
}

/* Units by each code's names; keys that say otherwise; a constant of gravity of the file's own. */
static void units(void **state) {
  (void)state;
  spec s = {.dialect = GIZMO, .hubble = 1};
  fixture("units", &s);
  esp_snapshot_header h = settled(at("units.hdf5"), NULL);
  assert_true(h.units.length == kpc.length && h.units.mass == kpc.mass && h.units.velocity == kpc.velocity);
  assert_true(h.G == 43007.1 && !h.comoving);
  assert_string_equal(h.from[ESP_FROM_UNITS], "UnitLength_In_CGS of Header");
  assert_string_equal(h.from[ESP_FROM_G], "Gravitational_Constant_In_Code_Inits of Header");
  const struct {
    esp_units given;
    const char *what;
  } bad[] = {
      {{kpc.length * 1.002, kpc.mass, kpc.velocity}, "units_length is 3.085678e+21 cm; the key says 3.091849e+21"},
      {{kpc.length, kpc.mass * 0.998, kpc.velocity}, "units_mass is 1.989e+43 g; the key says 1.985022e+43"},
      {{kpc.length, kpc.mass, 1.1e5}, "units_velocity is 100000 cm/s; the key says 110000"},
  };
  for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
    REFUSED(at("units.hdf5"), (&(esp_snapshot_options){.units = bad[k].given}), ESP_ERR_CONFIG, bad[k].what);
  h = settled(at("units.hdf5"), &(esp_snapshot_options){.units = {kpc.length * 1.0005, kpc.mass, kpc.velocity}});
  assert_true(h.units.length == kpc.length);
  /* SWIFT's own constant, not that of its units */
  s = (spec){.dialect = SWIFT, .hubble = 0.7};
  fixture("units", &s);
  replace(at("units.hdf5"), "PhysicalConstants/InternalUnits", "newton_G", 1);
  h = settled(at("units.hdf5"), NULL);
  assert_true(h.G == 1 && h.units.velocity == 1e5);
  assert_non_null(strstr(h.told, "G = 1 (newton_G of PhysicalConstants/InternalUnits)"));
  /* a constant without units: keys must make the same of it */
  s = (spec){0};
  fixture("units", &s);
  replace(at("units.hdf5"), "Header", "Gravitational_Constant_In_Code_Inits", 2);
  REFUSED(at("units.hdf5"), (&(esp_snapshot_options){.units = kpc}), ESP_ERR_CONFIG, "G is 2 (Gravitational_Constant");
  REFUSED(at("units.hdf5"), (&(esp_snapshot_options){.units = kpc}), ESP_ERR_CONFIG, "make it 43021.93");
  REFUSED(at("units.hdf5"), (&(esp_snapshot_options){.units = {1e-300, 1e300, 1e-200}}), ESP_ERR_CONFIG, "make it inf");
  const esp_units two = {1e20, 2e20 / ESP_G_CGS, 1};
  h = settled(at("units.hdf5"), &(esp_snapshot_options){.units = two});
  assert_true(h.G == 2 && h.units.length == 1e20);
  h = settled(at("units.hdf5"), NULL);
  assert_true(h.G == 2 && h.units.length == 0);
}

/* No number of a header is taken as it comes. */
static void numbers(void **state) {
  (void)state;
  static const struct {
    const char *object, *name;
    double value;
  } bad[] = {{"Header", "Time", NAN},
             {"Header", "Redshift", INFINITY},
             {"Header", "BoxSize", NAN},
             {"Header", "BoxSize", -1},
             {"Header", "HubbleParam", -0.7},
             {"Header", "UnitLength_In_CGS", NAN},
             {"Header", "UnitMass_In_CGS", -1},
             {"Header", "UnitVelocity_In_CGS", INFINITY},
             {"Header", "Gravitational_Constant_In_Code_Inits", NAN},
             {"Header", "Omega_Matter", -INFINITY},
             {"Header", "NumFilesPerSnapshot", NAN},
             {"PartType4/Coordinates", "a_scaling", NAN}};
  for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
    const spec s = {.dialect = GIZMO, .hubble = 1};
    char what[128];
    fixture("numbers", &s);
    replace(at("numbers.hdf5"), bad[k].object, bad[k].name, bad[k].value);
    snprintf(what, sizeof what, "attribute %s of %s is %g: must be", bad[k].name, bad[k].object, bad[k].value);
    REFUSED(at("numbers.hdf5"), NULL, ESP_ERR_VALUE, what);
  }
  assert_int_equal(esp_file_open_objects(), 0);
}

static int tests(void) {
  const struct CMUnitTest all[] = {cmocka_unit_test(cosmology_left_open), cmocka_unit_test(box_by_key),
                                   cmocka_unit_test(units), cmocka_unit_test(numbers)};
  return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv) {
  return run(argc, argv, tests);
}
