/* The worker's side of interface.py: each function is called on all ranks of the worker, with the same arguments, and returns
 * 0 or -1. All ranks hold all particles, and give libespalier their share; results are gathered. AMUSE's calls carry no
 * handle, hence the one structure of this file. */
#include <espalier.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_code.h"

typedef struct {
  int64_t id; /* AMUSE's index; never given again */
  double mass, radius, x[3], v[3], a[3], phi;
} body;

static struct {
  espalier *e;
  int rank, size, n, room, ids; /* ids: how many were given */
  body *b;
  int *place; /* [ids] where a body lies; -1: it is gone */
  double eps2, time_step, begin_time, time;
  int order, known; /* known: accelerations and potentials are those of the places */
} model = {.time_step = 0.01, .order = 4};

/* ---- life ---- */

static int told(int code) { /* an error of libespalier, the same on all ranks */
  if (code && model.rank == 0) fprintf(stderr, "espalier: %s\n", espalier_error());
  return code ? -1 : 0;
}

int initialize_code(void) {
  MPI_Comm_rank(MPI_COMM_WORLD, &model.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &model.size);
  return 0;
}

int recommit_parameters(void) {
  const espalier_options options = {.order = model.order};
  model.known = 0;
  espalier_destroy(&model.e);
  return told(espalier_create(MPI_COMM_WORLD, &options, &model.e));
}

int commit_parameters(void) {
  model.time = model.begin_time;
  return recommit_parameters();
}

int cleanup_code(void) {
  espalier_destroy(&model.e);
  free(model.b);
  free(model.place);
  model.b = NULL, model.place = NULL;
  model.n = model.room = model.ids = 0;
  return 0;
}

/* ---- sums ---- */

/* The share of a rank in n. */
static int first_of(int rank, int n) {
  return (int)((int64_t)n * rank / model.size);
}

/* Every rank's share of [n][width] to all. */
static int gather(double *values, int n, int width) {
  int *count = malloc(2 * (size_t)model.size * sizeof *count), *first = count + model.size;
  if (!count) return -1;
  for (int r = 0; r < model.size; r++) {
    first[r] = width * first_of(r, n);
    count[r] = width * first_of(r + 1, n) - first[r];
  }
  MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values, count, first, MPI_DOUBLE, MPI_COMM_WORLD);
  free(count);
  return 0;
}

static espalier_particles share(void) {
  static const body none;
  const int first = first_of(model.rank, model.n);
  const body *b = model.n ? model.b + first : &none;
  const size_t next = sizeof *b;
  return (espalier_particles){.n = first_of(model.rank + 1, model.n) - first,
                              .id = &b->id,
                              .mass = &b->mass,
                              .position = &b->x,
                              .velocity = &b->v,
                              .G = 1,
                              .softening = sqrt(model.eps2),
                              .stride = {.id = next, .mass = next, .position = next, .velocity = next}};
}

/* Accelerations and potentials of all particles, if they are not known. */
static int know(void) {
  if (model.known || !model.n) return 0;
  double(*sum)[4] = malloc((size_t)model.n * sizeof *sum);
  if (!sum) return -1;
  double(*mine)[4] = sum + first_of(model.rank, model.n);
  espalier_particles p = share();
  p.stride.vector = p.stride.number = sizeof *sum;
  int bad = told(espalier_gravity(model.e, &p, (double(*)[3])mine, &mine[0][3], NULL));
  bad = bad ? bad : gather(*sum, model.n, 4);
  for (int i = 0; !bad && i < model.n; i++) {
    memcpy(model.b[i].a, sum[i], sizeof model.b[i].a);
    model.b[i].phi = sum[i][3];
  }
  free(sum);
  model.known = !bad;
  return bad;
}

/* Softening: eps where it is above 0, else that of the particles. */
static int field(const double *eps, const double *const x[3], double *const result[4], int n) {
  double *point = malloc(8 * ((size_t)n + 1) * sizeof *point), (*sum)[4] = (double(*)[4])(point + 4 * (size_t)n);
  if (!point) return -1;
  const int first = first_of(model.rank, n), mine = first_of(model.rank + 1, n) - first;
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < 3; k++) point[4 * i + k] = x[k][i];
    point[4 * i + 3] = eps[i] > 0 ? eps[i] : sqrt(model.eps2);
  }
  const espalier_particles p = share();
  const size_t next = sizeof *sum;
  const double *here = point + 4 * (size_t)first;
  const espalier_targets at = {.n = mine,
                               .position = (const double(*)[3])here,
                               .softening = here + 3,
                               .stride = {.position = next, .softening = next, .vector = next, .number = next}};
  int bad = told(espalier_field(model.e, &p, &at, (double(*)[3])sum[first], &sum[first][3], NULL));
  bad = bad ? bad : gather(*sum, n, 4);
  for (int k = 0; k < 4; k++)
    for (int i = 0; !bad && result[k] && i < n; i++) result[k][i] = sum[i][k];
  free(point);
  return bad;
}

int get_gravity_at_point(double *eps, double *x, double *y, double *z, double *ax, double *ay, double *az, int n) {
  return field(eps, (const double *const[3]){x, y, z}, (double *const[4]){ax, ay, az, NULL}, n);
}

int get_potential_at_point(double *eps, double *x, double *y, double *z, double *phi, int n) {
  return field(eps, (const double *const[3]){x, y, z}, (double *const[4]){NULL, NULL, NULL, phi}, n);
}

/* ---- time ---- */

static void kick(double h) {
  for (int i = 0; i < model.n; i++)
    for (int k = 0; k < 3; k++) model.b[i].v[k] += h * model.b[i].a[k];
}

static void drift(double h) {
  for (int i = 0; i < model.n; i++)
    for (int k = 0; k < 3; k++) model.b[i].x[k] += h * model.b[i].v[k];
  model.known = 0;
}

/* Leapfrog in equal steps of time_step at most. */
int evolve_model(double end) {
  const double steps = ceil(fabs(end - model.time) / model.time_step * (1 - 1e-12)), h = (end - model.time) / steps;
  for (double s = 0; s < steps; s++) {
    if (know()) return -1;
    kick(h / 2), drift(h);
    if (know()) return -1;
    kick(h / 2);
  }
  model.time = end;
  return 0;
}

int synchronize_model(void) {
  return 0;
}

int commit_particles(void) {
  return know();
}

int recommit_particles(void) {
  return know();
}

/* ---- particles ---- */

static body *find(int id) {
  return id < 0 || id >= model.ids || model.place[id] < 0 ? NULL : model.b + model.place[id];
}

static int grow(void) {
  const int room = model.room ? 2 * model.room : 1024;
  body *b = realloc(model.b, (size_t)room * sizeof *b);
  if (b) model.b = b;
  int *place = b ? realloc(model.place, (size_t)room * sizeof *place) : NULL;
  if (!b || !place) return -1;
  model.place = place, model.room = room;
  return 0;
}

/* Ids are as many as places: those of bodies that are gone are lost. */
int new_particle(int *id, double mass, double x, double y, double z, double vx, double vy, double vz, double radius) {
  if (model.ids == model.room && grow()) return -1;
  *id = model.ids++;
  model.place[*id] = model.n;
  model.b[model.n++] = (body){.id = *id, .mass = mass, .radius = radius, .x = {x, y, z}, .v = {vx, vy, vz}};
  model.known = 0;
  return 0;
}

int delete_particle(int id) {
  body *b = find(id);
  if (!b) return -1;
  *b = model.b[--model.n];
  model.place[b->id] = model.place[id];
  model.place[id] = -1;
  model.known = 0;
  return 0;
}

int get_state(int id, double *mass, double *x, double *y, double *z, double *vx, double *vy, double *vz,
              double *radius) {
  return get_mass(id, mass) || get_position(id, x, y, z) || get_velocity(id, vx, vy, vz) || get_radius(id, radius) ? -1
                                                                                                                   : 0;
}

int set_state(int id, double mass, double x, double y, double z, double vx, double vy, double vz, double radius) {
  return set_mass(id, mass) || set_position(id, x, y, z) || set_velocity(id, vx, vy, vz) || set_radius(id, radius) ? -1
                                                                                                                   : 0;
}

static int get_vector(const double *from, double *x, double *y, double *z) {
  *x = from[0], *y = from[1], *z = from[2];
  return 0;
}

static int get_number(double from, double *to) {
  *to = from;
  return 0;
}

int get_mass(int id, double *mass) {
  const body *b = find(id);
  return b ? get_number(b->mass, mass) : -1;
}

int get_radius(int id, double *radius) {
  const body *b = find(id);
  return b ? get_number(b->radius, radius) : -1;
}

int get_position(int id, double *x, double *y, double *z) {
  const body *b = find(id);
  return b ? get_vector(b->x, x, y, z) : -1;
}

int get_velocity(int id, double *vx, double *vy, double *vz) {
  const body *b = find(id);
  return b ? get_vector(b->v, vx, vy, vz) : -1;
}

int get_acceleration(int id, double *ax, double *ay, double *az) {
  const body *b = find(id);
  return b && !know() ? get_vector(b->a, ax, ay, az) : -1;
}

int get_potential(int id, double *potential) {
  const body *b = find(id);
  return b && !know() ? get_number(b->phi, potential) : -1;
}

int set_mass(int id, double mass) {
  body *b = find(id);
  model.known = 0;
  return b ? get_number(mass, &b->mass) : -1;
}

int set_radius(int id, double radius) {
  body *b = find(id);
  return b ? get_number(radius, &b->radius) : -1;
}

int set_position(int id, double x, double y, double z) {
  body *b = find(id);
  model.known = 0;
  return b ? get_vector((double[]){x, y, z}, b->x, b->x + 1, b->x + 2) : -1;
}

int set_velocity(int id, double vx, double vy, double vz) {
  body *b = find(id);
  return b ? get_vector((double[]){vx, vy, vz}, b->v, b->v + 1, b->v + 2) : -1;
}

/* ---- of all ---- */

int get_number_of_particles(int *n) {
  *n = model.n;
  return 0;
}

int get_index_of_first_particle(int *id) {
  *id = model.n ? (int)model.b->id : -1;
  return model.n ? 0 : 1;
}

int get_index_of_next_particle(int id, int *next) {
  if (!find(id)) return -1;
  const int place = model.place[id] + 1;
  *next = place < model.n ? (int)model.b[place].id : -1;
  return place < model.n ? 0 : 1;
}

static int energies(espalier_sums *sums) {
  const espalier_particles p = share();
  return told(espalier_energy(model.e, &p, sums, NULL));
}

int get_kinetic_energy(double *energy) {
  espalier_sums sums;
  return energies(&sums) ? -1 : get_number(sums.kinetic, energy);
}

int get_potential_energy(double *energy) {
  espalier_sums sums;
  return energies(&sums) ? -1 : get_number(sums.potential, energy);
}

int get_total_mass(double *mass) {
  *mass = 0;
  for (int i = 0; i < model.n; i++) *mass += model.b[i].mass;
  return 0;
}

int get_center_of_mass_position(double *x, double *y, double *z) {
  double mass, sum[3] = {0};
  get_total_mass(&mass);
  for (int i = 0; i < model.n; i++)
    for (int k = 0; k < 3; k++) sum[k] += model.b[i].mass * model.b[i].x[k] / mass;
  return mass > 0 ? get_vector(sum, x, y, z) : -1;
}

int get_center_of_mass_velocity(double *vx, double *vy, double *vz) {
  double mass, sum[3] = {0};
  get_total_mass(&mass);
  for (int i = 0; i < model.n; i++)
    for (int k = 0; k < 3; k++) sum[k] += model.b[i].mass * model.b[i].v[k] / mass;
  return mass > 0 ? get_vector(sum, vx, vy, vz) : -1;
}

int get_total_radius(double *radius) {
  double c[3], most = 0;
  if (get_center_of_mass_position(c, c + 1, c + 2)) return -1;
  for (int i = 0; i < model.n; i++) {
    const double *x = model.b[i].x, d[3] = {x[0] - c[0], x[1] - c[1], x[2] - c[2]};
    most = fmax(most, d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
  }
  return get_number(sqrt(most), radius);
}

/* ---- parameters ---- */

int get_eps2(double *eps2) {
  return get_number(model.eps2, eps2);
}

int set_eps2(double eps2) {
  if (!(eps2 >= 0)) return -1;
  model.known = 0;
  return get_number(eps2, &model.eps2);
}

int get_time_step(double *step) {
  return get_number(model.time_step, step);
}

int set_time_step(double step) {
  return step > 0 ? get_number(step, &model.time_step) : -1;
}

int get_order(int *order) {
  *order = model.order;
  return 0;
}

int set_order(int order) {
  model.order = order;
  return 0;
}

int get_begin_time(double *time) {
  return get_number(model.begin_time, time);
}

int set_begin_time(double time) {
  return get_number(time, &model.begin_time);
}

int get_time(double *time) {
  return get_number(model.time, time);
}
