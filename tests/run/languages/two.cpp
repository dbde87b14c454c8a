// Bodies in a std::vector of structs: forces into the same structs, the field at one place, and an error; and a relation that is
// learned until a lambda has enough, from C++.
#include <espalier.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

struct body {
  float colour;
  double m, x[3], a[3];
};

static bool learns(int rank) {
  std::vector<double> x(40), v(40), y(40);
  for (int i = 0; i < 40; i++) x[i] = 0.1 * i + rank, v[i] = 1 + i % 3, y[i] = v[(i + 1) % 40];
  const std::vector<espalier_setting> setting = {{"net_layers", "1"}, {"net_dim", "1"}};
  espalier_relation *r = nullptr;
  bool good = !espalier_relation_create(MPI_COMM_WORLD, 1, 1, 1, setting.data(), static_cast<int>(setting.size()), &r);
  espalier_rows rows = {};
  rows.n = 40;
  rows.x = x.data(), rows.sent = v.data(), rows.target = y.data();
  int64_t done = 0;
  const auto enough = [](void *, const espalier_step *step) { return step->step == 3 ? 1 : 0; };
  good = good && !espalier_relation_train(r, 1, &rows, enough, nullptr, &done) && done == 3;
  good = good && !espalier_relation_predict(r, &rows, y.data(), nullptr) && std::isfinite(y[7]);
  return !espalier_relation_destroy(&r) && good;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank, size, bad = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  std::vector<body> b(2);
  for (int i = 0; i < 2; i++) b[i] = {0, 1. + i, {10. * rank + i, 0, 0}, {0, 0, 0}};
  espalier *e = nullptr;
  espalier_options options = {};
  options.order = 9;
  bad += espalier_create(MPI_COMM_WORLD, &options, &e) != 2 || !std::strstr(espalier_error(), "options.order");
  options.order = 5;
  options.tolerance = 1e-9;
  bad += espalier_create(MPI_COMM_WORLD, &options, &e) != 0;
  espalier_particles p = {};
  p.n = static_cast<int64_t>(b.size());
  p.mass = &b[0].m;
  p.position = &b[0].x;
  p.G = 2;
  p.stride.mass = p.stride.position = p.stride.vector = sizeof(body);
  bad += espalier_force(e, &p, &b[0].a, nullptr) != 0;
  const double at[1][3] = {{5, 3, 0}};
  double g[1][3], force = 4, along = 0;
  espalier_targets to = {};
  to.n = 1;
  to.position = at;
  bad += espalier_field(e, &p, &to, g, nullptr, nullptr) != 0;
  for (int r = 0; r < size; r++) {
    const double away = 10. * (r - rank);
    if (r != rank) force += 2 * (away > 0 ? 1 : -1) * (1 / (away * away) + 2 / ((away + 1) * (away + 1)));
    for (int i = 0; i < 2; i++) along += 2 * (1 + i) * (10 * r + i - 5) / std::pow(std::hypot(10 * r + i - 5, 3), 3);
  }
  bad += std::fabs(b[0].a[0] - force) > 1e-5 * force || std::fabs(g[0][0] - along) > 1e-5;
  bad += espalier_destroy(&e) != 0 || e;
  bad += !learns(rank);
  if (bad) std::printf("rank %d: %d wrong: %g, not %g; %g, not %g\n", rank, bad, b[0].a[0], force, g[0][0], along);
  MPI_Finalize();
  return bad;
}
