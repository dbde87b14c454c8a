/* A broken, a foreign or a missing checkpoint is refused naming what it is, leaving the model as it was; what a file claims takes
 * no memory before it is believed.
 * ranks: 1 2 3 */
#include "checkpoint_case.h"

static void alter(const char *dataset, const char *attribute, const char *misspelt) {
  assert_ok(comm->agree(comm, 0));
  if (comm->rank == 0) {
    hid_t id = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(id >= 0);
    if (dataset) assert_true(H5Ldelete(id, dataset, H5P_DEFAULT) >= 0);
    if (attribute) assert_true(H5Adelete(id, attribute) >= 0);
    if (misspelt) {
      hid_t attr = H5Aopen(id, misspelt, H5P_DEFAULT), type = H5Aget_type(attr);
      assert_true(attr >= 0 && H5Awrite(attr, type, "xxxxxxxxxxxx") >= 0);
      H5Tclose(type), H5Aclose(attr);
    }
    H5Fclose(id);
  }
  assert_ok(comm->agree(comm, 0));
}

static void read_refused(const char *what, const char *more) {
  esp_model read;
  assert_int_equal(esp_checkpoint_read(comm, path, &read, NULL, NULL), ESP_ERR_FORMAT);
  assert_null(read.param);
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  message_has(more);
}

static void broken(void **state) {
  (void)state;
  const esp_network *network = esp_networks[0];
  esp_model model, read;
  esp_adam adam;
  make(network, param_of(network, ""), &model, &adam);
  model.block.value[7] = NAN;
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", NULL));
  refuse(network, param_of(network, ""), "cpu32", ESP_ERR_FORMAT, "parameters[7] is");
  model.block.value[7] = 1;
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", NULL));
  alter("/moment2", NULL, NULL);
  refuse(network, param_of(network, ""), "cpu32", ESP_ERR_FORMAT, "moment2");
  alter(NULL, "tree_block", NULL); /* as a file that is older than the key */
  assert_ok(esp_checkpoint_read(comm, path, &read, NULL, NULL));
  assert_int_equal(((esp_integrator_param *)read.param)->domain.block, 64);
  esp_model_free(&read);
  alter(NULL, NULL, "net_message");
  read_refused("net_message 'xxx", "is not known");
  alter(NULL, NULL, "network");
  read_refused("network 'xxx", "is not known here");
  alter(NULL, NULL, "format");
  read_refused("not a checkpoint", "allowed is 'espalier checkpoint'");
  assert_ok(comm->agree(comm, 0));
  if (comm->rank == 0) assert_int_equal(truncate(path, 3000), 0);
  refuse(network, param_of(network, ""), "cpu32", ESP_ERR_FORMAT, "");
  if (comm->rank == 0) remove(path);
  refuse(network, param_of(network, ""), "cpu32", ESP_ERR_FILE, "");
  assert_int_equal(esp_checkpoint_read(comm, path, &read, NULL, NULL), ESP_ERR_FILE);
  esp_error_clear();
  esp_file *file = NULL;
  assert_ok(esp_file_create_begin(comm, path, &file));
  assert_ok(esp_file_attr_write_string(file, "/", "name", "something else"));
  assert_ok(esp_file_commit(&file));
  read_refused("not a checkpoint", "'format' is missing");
  assert_int_equal(esp_file_open_objects(), 0);
  unmake(&model, &adam);
}

static void set_number(const char *attribute, double value) {
  if (comm->rank == 0) {
    hid_t id = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
    H5Adelete(id, attribute);
    hid_t attr = H5Acreate2(id, attribute, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(attr >= 0 && H5Awrite(attr, H5T_NATIVE_DOUBLE, &value) >= 0);
    H5Aclose(attr), H5Sclose(space), H5Fclose(id);
  }
  assert_ok(comm->agree(comm, 0));
}

/* A number that its key does not allow, or sizes of a network that is not in the file: no memory is taken for them. */
static void claims(void **state) {
  (void)state;
  static const struct {
    const char *attribute, *what;
    double value;
  } bad[] = {{"tree_theta", "tree_theta is '1.0000000000000001e+300': must be number in [0, 10]", 1e300},
             {"tree_theta", "tree_theta is 'nan'", NAN},
             {"net_layers", "net_layers is '5000': must be integer in [1, 4096]", 5000},
             {"tree_leaf", "tree_leaf is '0'", 0},
             {"tree_leaf", "tree_leaf is 4294967297, must be a number of 32 bits", 4294967297.0},
             {"tree_pairs_limit", "tree_pairs_limit is '2147483648'", 2147483648.0},
             {"net_separate", "net_separate", 2},
             {"net_update_hidden", "parameters; a network of these keys and widths has", 4096},
             {"net_layers", "parameters; a network of these keys and widths has", 16},
             {"size_input", "parameters; a network of these keys and widths has", 4096},
             {"size_input", "features 2000000000", 2e9}};
  const esp_network *network = esp_network_find("stack");
  esp_model model, read;
  esp_adam adam;
  make(network, param_of(network, NULL), &model, &adam);
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
    set_number(bad[k].attribute, bad[k].value);
    esp_memory_reset_peak();
    const size_t before = esp_memory_now();
    const int rc = esp_checkpoint_read(comm, path, &read, NULL, NULL);
    assert_true(rc == ESP_ERR_CONFIG || rc == ESP_ERR_FORMAT);
    assert_true(strstr(esp_error_message(), path));
    message_has(bad[k].what);
    if (esp_memory_peak() > before + 65536) fail_msg("%s: %zu bytes", bad[k].what, esp_memory_peak() - before);
  }
  unmake(&model, &adam);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(broken), cmocka_unit_test(claims)};
  return checkpoint_run(argc, argv, tests, sizeof tests / sizeof *tests);
}
