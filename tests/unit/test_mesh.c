/* The icosahedral mesh: neighbours are mutual and counter-clockwise, triangles are numbered, areas fill the sphere, weights of the flux along an edge
 * are antisymmetric, a uniform divergence-free flow stays so. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tasks/weather/icosahedron.h"
#include "tasks/weather/mesh.h"
#include "tasks/weather/sphere.h"
#include "tree/domain.h"

static esp_backend backend(void) {
  return (esp_backend){.comm = esp_comm_self(), .build = esp_domain_build_self, .device = esp_device_find("cpu64")};
}

static void numbers(void **state) {
  (void)state;
  for (int level = 1; level <= 5; level++) {
    const int64_t points = esp_icosahedron_points(level);
    int pentagons = 0;
    for (int64_t id = 0; id < points; id++) {
      int64_t near[6], back[6];
      double x[3], y[2][3];
      const int degree = esp_icosahedron_neighbours(level, id, near);
      pentagons += degree == 5;
      assert_true(degree == 5 || degree == 6);
      esp_icosahedron_place(level, id, x);
      for (int k = 0; k < degree; k++) {
        int mutual = 0;
        const int back_degree = esp_icosahedron_neighbours(level, near[k], back);
        for (int b = 0; b < back_degree; b++) mutual += back[b] == id;
        assert_int_equal(mutual, 1);
        esp_icosahedron_place(level, near[k], y[0]);
        esp_icosahedron_place(level, near[(k + 1) % degree], y[1]);
        double turn[3];
        esp_cross3(y[0], y[1], turn);
        assert_true(esp_dot3(turn, x) > 0);
        assert_true(esp_arc3(x, y[0]) < 1.5 / (1 << level) && esp_arc3(x, y[0]) > 0.7 / (1 << level));
      }
    }
    assert_int_equal(pentagons, 12);
  }
}

/* Each triangle has one number, the same from its three points, two of which are numbered by each point but the poles. */
static void triangles(void **state) {
  (void)state;
  for (int level = 1; level <= 5; level++) {
    const int64_t points = esp_icosahedron_points(level), all = 2 * (points - 2);
    int *seen = calloc((size_t)all, sizeof *seen);
    int64_t(*corner)[3] = calloc((size_t)all, sizeof *corner);
    for (int64_t id = 0; id < points; id++) {
      int64_t near[6], triangle[6];
      const int degree = esp_icosahedron_neighbours(level, id, near);
      esp_icosahedron_triangles(level, id, triangle);
      for (int k = 0; k < degree; k++) {
        const int64_t t = triangle[k],
                      sum[3] = {id + near[k] + near[(k + 1) % degree],
                                id * id + near[k] * near[k] + near[(k + 1) % degree] * near[(k + 1) % degree],
                                t / 2 == id};
        assert_true(t >= 0 && t < all && seen[t] < 3);
        if (seen[t]++) assert_true(corner[t][0] == sum[0] && corner[t][1] == sum[1]);
        corner[t][0] = sum[0], corner[t][1] = sum[1], corner[t][2] += sum[2];
      }
    }
    for (int64_t t = 0; t < all; t++) assert_true(seen[t] == 3 && corner[t][2] == 1);
    free(seen);
    free(corner);
  }
}

static void areas(void **state) {
  (void)state;
  const esp_backend self = backend();
  esp_mesh m;
  assert_int_equal(esp_mesh_create(&self, 4, 20, &m), ESP_OK);
  assert_int_equal(m.n_own, 2562);
  assert_int_equal(m.n_edge, 7680);
  assert_int_equal(m.n_vertex, 5120);
  assert_int_equal(m.n_cell, m.n_own);
  const double sphere = 4 * acos(-1.0) * ESP_EARTH_RADIUS * ESP_EARTH_RADIUS;
  double cells = 0, triangles = 0;
  for (int c = 0; c < m.n_own; c++) cells += m.area[c];
  for (int v = 0; v < m.n_vertex; v++) triangles += m.vertex_area[v];
  assert_true(fabs(cells / sphere - 1) < 1e-12 && fabs(triangles / sphere - 1) < 1e-12);
  for (int e = 0; e < m.n_edge; e++) {
    double t[3], along[3];
    esp_cross3(m.middle[e], m.normal[e], t);
    for (int k = 0; k < 3; k++) along[k] = m.vertex_x[m.sides[e][1]][k] - m.vertex_x[m.sides[e][0]][k];
    assert_true(esp_dot3(along, t) > 0);
    for (int k = 0; k < ESP_MESH_PERP; k++) {
      const int other = m.perp[e][k];
      double back = 0;
      for (int b = 0; b < ESP_MESH_PERP && m.perp_weight[e][k] != 0; b++)
        if (m.perp[other][b] == e) back += m.perp_weight[other][b];
      const double to = m.across[e] * m.perp_weight[e][k] / m.along[other];
      if (m.perp_weight[e][k] != 0) assert_true(fabs(to + m.across[other] * back / m.along[e]) < 1e-13);
    }
  }
  esp_mesh_free(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(triangles), cmocka_unit_test(areas)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
