/* Changes to what HDF5 calls things: objects, links, datasets, attributes. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is there ---- */

typedef struct {
  fuzz_object *all;
  int count, room;
  hid_t file;
} inventory;

static fuzz_object *add(inventory *in, const char *name) {
  if (in->count == in->room) in->all = realloc(in->all, sizeof *in->all * (size_t)(in->room = 2 * in->room + 64));
  fuzz_object *o = memset(&in->all[in->count++], 0, sizeof *o);
  snprintf(o->name, sizeof o->name, "%s", name);
  return o;
}

static void shape(fuzz_object *o, hid_t type, hid_t space) {
  hsize_t dim[H5S_MAX_RANK] = {0};
  o->class = H5Tget_class(type);
  o->rank = H5Sget_simple_extent_dims(space, dim, NULL);
  o->count = (long)H5Sget_simple_extent_npoints(space);
  for (int k = 0; k < 2 && k < o->rank; k++) o->dim[k] = dim[k];
  H5Tclose(type);
  H5Sclose(space);
}

static herr_t add_attribute(hid_t id, const char *name, const H5A_info_t *info, void *data) {
  inventory *in = data;
  char object[128];
  (void)info;
  snprintf(object, sizeof object, "%s", in->all[in->count - 1].name);
  fuzz_object *o = add(in, object);
  snprintf(o->attribute, sizeof o->attribute, "%s", name);
  hid_t attribute = H5Aopen(id, name, H5P_DEFAULT);
  shape(o, H5Aget_type(attribute), H5Aget_space(attribute));
  H5Aclose(attribute);
  return 0;
}

static herr_t add_object(hid_t id, const char *name, const H5O_info_t *info, void *data) {
  inventory *in = data;
  hid_t object = H5Oopen(id, name, H5P_DEFAULT);
  fuzz_object *o = add(in, strcmp(name, ".") ? name : "/");
  hsize_t at = 0;
  if (info->type == H5O_TYPE_DATASET) {
    o->dataset = 1;
    shape(o, H5Dget_type(object), H5Dget_space(object));
    const haddr_t offset = H5Dget_offset(object);
    if (offset != HADDR_UNDEF) o->offset = (long)offset, o->size = (long)H5Dget_storage_size(object);
  }
  H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &at, add_attribute, in);
  H5Oclose(object);
  return 0;
}

int fuzz_objects(const char *path, fuzz_object **object) {
  inventory in = {.file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)};
  if (in.file < 0 || H5Ovisit(in.file, H5_INDEX_NAME, H5_ITER_INC, add_object, &in) < 0) abort();
  H5Fclose(in.file);
  *object = in.all;
  return in.count;
}

/* ---- types ---- */

static const char *const types[] = {"f32", "f64", "be64", "long",   "i8",       "u8",   "i32", "u32",   "i64",
                                    "u64", "str", "vstr", "opaque", "compound", "enum", "ref", "array", "vlen"};
enum { TYPES = sizeof types / sizeof *types, NUMBERS = 10 };

static hid_t type_of(const char *name, int *number) {
  const hid_t plain[NUMBERS] = {H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_IEEE_F64BE, H5T_NATIVE_LDOUBLE, H5T_STD_I8LE,
                                H5T_STD_U8LE,   H5T_STD_I32LE,  H5T_STD_U32LE,  H5T_STD_I64LE,      H5T_STD_U64LE};
  const hsize_t three = 3;
  int k = 0;
  hid_t type;
  while (k < TYPES - 1 && strcmp(types[k], name)) k++;
  *number = k < NUMBERS;
  if (k < NUMBERS) return H5Tcopy(plain[k]);
  switch (k - NUMBERS) {
    case 0:
      type = H5Tcopy(H5T_C_S1);
      H5Tset_size(type, 8);
      return type;
    case 1:
      type = H5Tcopy(H5T_C_S1);
      H5Tset_size(type, H5T_VARIABLE);
      return type;
    case 2:
      return H5Tcreate(H5T_OPAQUE, 8);
    case 3:
      type = H5Tcreate(H5T_COMPOUND, 16);
      H5Tinsert(type, "a", 0, H5T_IEEE_F64LE);
      H5Tinsert(type, "b", 8, H5T_STD_I64LE);
      return type;
    case 4:
      type = H5Tenum_create(H5T_STD_I64LE);
      H5Tenum_insert(type, "a", &(int64_t){0});
      return type;
    case 5:
      return H5Tcopy(H5T_STD_REF_OBJ);
    case 6:
      return H5Tarray_create2(H5T_IEEE_F64LE, 1, &three);
    default:
      return H5Tvlen_create(H5T_IEEE_F64LE);
  }
}

/* ---- datasets ---- */

static int copy_attribute(hid_t from, const char *name, const H5A_info_t *info, void *to) {
  (void)info;
  hid_t old = H5Aopen(from, name, H5P_DEFAULT), type = H5Aget_type(old), space = H5Aget_space(old);
  hid_t made = H5Acreate2(*(hid_t *)to, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  char *data = calloc((size_t)(count > 0 ? count : 0) + 1, H5Tget_size(type));
  if (made >= 0 && H5Aread(old, type, data) >= 0) H5Awrite(made, type, data);
  free(data);
  H5Aclose(made), H5Aclose(old), H5Tclose(type), H5Sclose(space);
  return 0;
}

/* In place of a dataset: one of another type (< 0: its own), shape (< 0: its own) and storage, with the attributes and, as
 * far as both are numbers, the values; what is too large to write is left to the fill value. */
static void rebuild(hid_t file, const char *name, hid_t type, int number, hid_t space, hid_t list) {
  enum { MOST = 1 << 18 };
  hid_t old = H5Dopen2(file, name, H5P_DEFAULT);
  if (old < 0) return;
  hid_t own_type = H5Dget_type(old), own_space = H5Dget_space(old), use = type < 0 ? own_type : type,
        lie = space < 0 ? own_space : space;
  const hssize_t had = H5Sget_simple_extent_npoints(own_space), want = H5Sget_simple_extent_npoints(lie);
  if (had > MOST) goto done;
  const size_t bytes = H5Tget_size(use) > H5Tget_size(own_type) ? H5Tget_size(use) : H5Tget_size(own_type);
  char *data = calloc((size_t)(had > want && want >= 0 ? had : want < MOST ? want : had) + 1, bytes);
  const H5T_class_t class = H5Tget_class(own_type);
  const int numbers = type < 0 || (number && (class == H5T_FLOAT || class == H5T_INTEGER));
  if (numbers) H5Dread(old, use, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
  hid_t made = H5Dcreate2(file, "/rebuilt", use, lie, H5P_DEFAULT, list, H5P_DEFAULT);
  if (made >= 0 && numbers && want > 0 && want < MOST) H5Dwrite(made, use, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
  hsize_t at = 0;
  if (made >= 0) H5Aiterate2(old, H5_INDEX_NAME, H5_ITER_INC, &at, copy_attribute, &made);
  H5Dclose(old);
  if (made >= 0) {
    H5Dclose(made);
    H5Ldelete(file, name, H5P_DEFAULT);
    H5Lmove(file, "/rebuilt", file, name, H5P_DEFAULT, H5P_DEFAULT);
  }
  free(data);
  old = H5I_INVALID_HID;
done:
  if (old >= 0) H5Dclose(old);
  H5Tclose(own_type), H5Sclose(own_space);
}

static void retype(hid_t file, const char *name, const char *word) {
  int number;
  hid_t type = type_of(word, &number);
  rebuild(file, name, type, number, H5I_INVALID_HID, H5P_DEFAULT);
  H5Tclose(type);
}

/* word: rank and extents; "null" in place of a rank. */
static void reshape(hid_t file, const char *name, char *const *word, int words) {
  hsize_t dim[4] = {1, 1, 1, 1}, chunk[4], all = 1;
  const int rank = words > 0 ? atoi(word[0]) % 5 : 0;
  for (int k = 0; k < rank; k++) {
    if (k + 1 < words) dim[k] = strtoull(word[k + 1], NULL, 10);
    chunk[k] = dim[k] > 64 ? 64 : dim[k] ? dim[k] : 1;
    all = all > 1 << 16 || dim[k] > 1 << 16 ? 1 << 17 : all * dim[k];
  }
  hid_t space = words > 0 && !strcmp(word[0], "null") ? H5Screate(H5S_NULL)
                : rank                                ? H5Screate_simple(rank, dim, NULL)
                                                      : H5Screate(H5S_SCALAR);
  hid_t list = H5Pcreate(H5P_DATASET_CREATE);
  if (all > 1 << 16) H5Pset_chunk(list, rank, chunk);
  if (space >= 0) rebuild(file, name, H5I_INVALID_HID, 1, space, list);
  H5Pclose(list);
  if (space >= 0) H5Sclose(space);
}

/* The same numbers, stored otherwise; or numbers that are to lie in a file which is not there. */
static void store_as(hid_t file, const char *name, const char *how, const fuzz_object *o) {
  hid_t list = H5Pcreate(H5P_DATASET_CREATE), space = H5I_INVALID_HID;
  hsize_t chunk[2] = {7, o && o->dim[1] ? o->dim[1] : 1};
  if (!strcmp(how, "external")) {
    H5Pset_external(list, "/nowhere/absent.bin", 0, H5F_UNLIMITED);
  } else if (!strcmp(how, "virtual")) {
    space = o && o->rank > 0 ? H5Screate_simple(o->rank, o->dim, NULL) : H5Screate(H5S_SCALAR);
    H5Pset_virtual(list, space, "absent.hdf5", "/absent", space);
  } else if (!strcmp(how, "compact")) {
    H5Pset_layout(list, H5D_COMPACT);
  } else if (o && o->rank > 0) {
    H5Pset_chunk(list, o->rank, chunk);
    if (!strcmp(how, "deflate")) H5Pset_deflate(list, 4);
    if (!strcmp(how, "checked")) H5Pset_fletcher32(list);
  }
  rebuild(file, name, H5I_INVALID_HID, 1, space, list);
  if (space >= 0) H5Sclose(space);
  H5Pclose(list);
}

/* The 8 bytes of element `at`, or the element where it is a number. */
static void set_element(hid_t file, const char *name, long at, const char *text) {
  hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
  if (set < 0) return;
  hid_t own = H5Dget_type(set), space = H5Dget_space(set);
  const H5T_class_t class = H5Tget_class(own);
  const hid_t type = class == H5T_FLOAT ? H5T_NATIVE_DOUBLE : class == H5T_INTEGER ? H5T_NATIVE_INT64 : own;
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  const size_t bytes = count < 1 << 20 ? (size_t)count * H5Tget_size(type) : 0;
  char *data = calloc(bytes + 8, 1);
  const double real = strtod(text, NULL);
  const int64_t whole = strtoll(text, NULL, 10);
  if (8 * (size_t)at + 8 <= bytes && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) {
    memcpy(data + 8 * at, class == H5T_FLOAT ? (const void *)&real : &whole, 8);
    H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
  }
  free(data);
  H5Tclose(own), H5Sclose(space), H5Dclose(set);
}

/* ---- attributes ---- */

/* count < 0: as it was; type NULL: as it was. All its elements, or element `at`, become the text. */
static void set_attribute(hid_t file, const char *object, const char *name, const char *word, long count, long at,
                          const char *text) {
  hid_t owner = H5Oopen(file, object, H5P_DEFAULT), old = owner < 0 ? -1 : H5Aopen(owner, name, H5P_DEFAULT);
  hid_t type = old < 0 ? H5Tcopy(H5T_IEEE_F64LE) : H5Aget_type(old);
  hid_t space = old < 0 ? H5Screate(H5S_SCALAR) : H5Aget_space(old);
  double value[256] = {0};
  int number;
  if (owner < 0) goto done;
  const H5T_class_t was = H5Tget_class(type);
  const int known = old >= 0 && (was == H5T_FLOAT || was == H5T_INTEGER);
  if (known && H5Sget_simple_extent_npoints(space) <= 256) H5Aread(old, H5T_NATIVE_DOUBLE, value);
  if (word) H5Tclose(type), type = type_of(word, &number);
  if (count >= 0) {
    hsize_t dim = (hsize_t)count;
    H5Sclose(space);
    space = count ? H5Screate_simple(1, &dim, NULL) : H5Screate(H5S_NULL);
  }
  const hssize_t size = H5Sget_simple_extent_npoints(space);
  for (long k = 0; k < size && k < 256 && text; k++)
    if (at < 0 || at == k) value[k] = strtod(text, NULL);
  if (old >= 0) H5Aclose(old), H5Adelete(owner, name);
  hid_t made = H5Acreate2(owner, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  const H5T_class_t class = H5Tget_class(type);
  if (made >= 0 && size <= 256 && (class == H5T_FLOAT || class == H5T_INTEGER))
    H5Awrite(made, H5T_NATIVE_DOUBLE, value);
  H5Aclose(made);
done:
  H5Tclose(type), H5Sclose(space);
  if (owner >= 0) H5Oclose(owner);
}

static void set_text(hid_t file, const char *object, const char *name, const char *text, int variable) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR), owner = H5Oopen(file, object, H5P_DEFAULT);
  char *longer = calloc(30001, 1);
  if (!strcmp(text, "LONG"))
    memset(longer, 'x', 30000);
  else
    snprintf(longer, 30000, "%s", text);
  H5Tset_size(type, variable ? H5T_VARIABLE : strlen(longer) + 1);
  if (owner >= 0 && H5Aexists(owner, name) > 0) H5Adelete(owner, name);
  hid_t made = owner < 0 ? -1 : H5Acreate2(owner, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (made >= 0) H5Awrite(made, type, variable ? (void *)&longer : longer), H5Aclose(made);
  free(longer);
  if (owner >= 0) H5Oclose(owner);
  H5Tclose(type), H5Sclose(space);
}

/* ---- links ---- */

static void relink(hid_t file, const char *name, const char *what, const char *target) {
  if (strcmp(what, "loop")) H5Ldelete(file, name, H5P_DEFAULT);
  if (!strcmp(what, "soft")) H5Lcreate_soft(target, file, name, H5P_DEFAULT, H5P_DEFAULT);
  if (!strcmp(what, "away")) H5Lcreate_external("absent.hdf5", target, file, name, H5P_DEFAULT, H5P_DEFAULT);
  if (!strcmp(what, "loop")) H5Lcreate_hard(file, "/", file, "/loop", H5P_DEFAULT, H5P_DEFAULT);
  if (!strcmp(what, "group")) H5Gclose(H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  if (!strcmp(what, "dataset")) {
    hid_t space = H5Screate(H5S_SCALAR);
    H5Dclose(H5Dcreate2(file, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
  }
}

/* ---- a change by its words ---- */

static const fuzz_object *find(const fuzz_subject *s, const char *name) {
  for (int k = 0; k < s->objects; k++)
    if (!strcmp(s->object[k].name, name) && !s->object[k].attribute[0]) return &s->object[k];
  return NULL;
}

static int is_number(const fuzz_object *o, const char *type) {
  static const char *const whole[] = {"i64", "f64", "be64"}; /* take what ours hold */
  for (int k = 0; k < 3 && o; k++)
    if (!strcmp(whole[k], type)) return o->class == H5T_FLOAT ? k > 0 : o->class == H5T_INTEGER;
  for (int k = 0; k < NUMBERS; k++)
    if (!strcmp(types[k], type)) return 0;
  return 1; /* no numbers: nothing that could be read */
}

/* What can be told of the accepted file: see fuzz_spoil. */
static int change(hid_t file, char *const *word, int words, const fuzz_subject *s) {
  const char *what = word[0], *name = word[1];
  const fuzz_object *o = find(s, name);
  const int data = o && o->dataset && s->particles, needed = data && !strstr(name, "ParticleIDs");
  if (!strcmp(what, "unlink")) return H5Ldelete(file, name, H5P_DEFAULT), needed;
  if (words > 2 && !strcmp(what, "move")) return H5Lmove(file, name, file, word[2], H5P_DEFAULT, H5P_DEFAULT), needed;
  if (words > 2 && !strcmp(what, "link"))
    return relink(file, name, word[2], words > 3 ? word[3] : "/"), needed && strcmp(word[2], "soft");
  if (words > 2 && !strcmp(what, "type")) return retype(file, name, word[2]), data && is_number(o, word[2]);
  if (words > 2 && !strcmp(what, "dims")) return reshape(file, name, word + 2, words - 2), data;
  if (words > 2 && !strcmp(what, "store")) return store_as(file, name, word[2], o), data;
  if (words > 3 && !strcmp(what, "element"))
    return set_element(file, name, atol(word[2]), word[3]),
           data && o->class == H5T_FLOAT && !word[3][strspn(word[3], "-inaf")];
  if (words < 3) return -1;
  hid_t owner = H5Oopen(file, name, H5P_DEFAULT);
  const int there = owner >= 0 && H5Aexists(owner, word[2]) > 0;
  if (owner >= 0) H5Oclose(owner);
  if (!strcmp(what, "forget")) return there ? H5Adelete_by_name(file, name, word[2], H5P_DEFAULT) : 0, 0;
  if (words < 4) return -1;
  if (!strcmp(what, "value")) return set_attribute(file, name, word[2], NULL, -1, -1, word[3]), 0;
  if (!strcmp(what, "count")) return set_attribute(file, name, word[2], NULL, atol(word[3]), -1, NULL), 0;
  if (!strcmp(what, "kind")) return set_attribute(file, name, word[2], word[3], -1, -1, NULL), 0;
  if (!strcmp(what, "text")) return set_text(file, name, word[2], word[3], 0), 0;
  if (!strcmp(what, "words")) return set_text(file, name, word[2], word[3], 1), 0;
  if (words > 4 && !strcmp(what, "one")) return set_attribute(file, name, word[2], NULL, -1, atol(word[3]), word[4]), 0;
  return -1;
}

int fuzz_spoil_hdf5(char *const *word, int words, const fuzz_subject *s) {
  static const char *const known[] = {"unlink", "move",  "link",  "type", "dims", "store", "element",
                                      "forget", "value", "count", "kind", "text", "words", "one"};
  int is = 0;
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) is |= words > 1 && !strcmp(word[0], known[k]);
  if (!is) return -1;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  hid_t file = H5Fopen(s->place, H5F_ACC_RDWR, H5P_DEFAULT);
  if (file < 0) return 0;
  const int told = change(file, word, words, s);
  H5Fclose(file);
  return told < 0 ? 0 : told;
}

/* ---- drawing ---- */

#define ANY_OF(random, list) ((list)[fuzz_below(random, sizeof(list) / sizeof *(list))])

static void draw_attribute(uint64_t *random, const fuzz_object *o, char *text, size_t size) {
  static const long count[] = {0, 1, 2, 3, 5, 6, 7, 16, 17, 200};
  static const char *const word[] = {"",
                                     "x",
                                     "espalier set",
                                     "espalier features",
                                     "espalier checkpoint",
                                     "relation",
                                     "gravity",
                                     "integrator",
                                     "stack",
                                     "cpu64",
                                     "cpu99",
                                     "%n%s",
                                     "\x1b[2J",
                                     "<b>",
                                     "../x",
                                     "LONG"};
  const char *object = o->name, *name = o->attribute;
  switch (fuzz_below(random, 8)) {
    case 0:
      snprintf(text, size, "forget|%s|%s", object, name);
      break;
    case 1:
      snprintf(text, size, "count|%s|%s|%ld", object, name, ANY_OF(random, count));
      break;
    case 2:
      snprintf(text, size, "kind|%s|%s|%s", object, name, ANY_OF(random, types));
      break;
    case 3:
      snprintf(text, size, "%s|%s|%s|%s", fuzz_below(random, 2) ? "text" : "words", object, name, ANY_OF(random, word));
      break;
    case 4:
    case 5:
      snprintf(text, size, "one|%s|%s|%ld|%s", object, name, (long)fuzz_below(random, (uint64_t)o->count),
               fuzz_number(random));
      break;
    default:
      snprintf(text, size, "value|%s|%s|%s", object, name, fuzz_number(random));
  }
}

static void draw_dims(uint64_t *random, const fuzz_object *o, char *text, size_t size) {
  static const char *const huge[] = {
      "0", "1", "1048576", "1073741824", "2147483648", "4294967297", "4611686018427387904"};
  const long long rows = (long long)o->dim[0], columns = o->rank > 1 ? (long long)o->dim[1] : 1;
  switch (fuzz_below(random, 6)) {
    case 0:
      snprintf(text, size, "dims|%s|%d|%lld|%lld", o->name, o->rank, rows - 1, columns);
      break;
    case 1:
      snprintf(text, size, "dims|%s|%d|%lld|%lld", o->name, o->rank, rows + 1, columns);
      break;
    case 2:
      snprintf(text, size, "dims|%s|%d|%lld|%lld", o->name, o->rank == 1 ? 2 : 1, o->rank == 1 ? rows : rows * columns,
               1LL);
      break;
    case 3:
      snprintf(text, size, "dims|%s|%d|%s|%lld", o->name, o->rank == 1 ? 2 : 1, ANY_OF(random, huge), columns);
      break;
    case 4:
      snprintf(text, size, "dims|%s|%s", o->name, fuzz_below(random, 2) ? "null" : "0");
      break;
    default:
      snprintf(text, size, "dims|%s|%d|%s|%lld", o->name, o->rank, ANY_OF(random, huge), columns);
  }
}

static void draw_dataset(uint64_t *random, const fuzz_object *o, char *text, size_t size) {
  static const char *const store[] = {"chunked", "deflate", "checked", "compact", "virtual", "external"};
  const uint64_t elements = o->class == H5T_COMPOUND ? 4 * (uint64_t)o->count : (uint64_t)o->count;
  static const char *const worst[] = {"nan", "inf", "-inf", "-1"};
  const int bad = fuzz_below(random, 2) == 0;
  switch (fuzz_below(random, 6)) {
    case 0:
      snprintf(text, size, "type|%s|%s", o->name, ANY_OF(random, types));
      break;
    case 1:
      snprintf(text, size, "store|%s|%s", o->name, ANY_OF(random, store));
      break;
    case 2:
    case 3:
      snprintf(text, size, "element|%s|%ld|%s", o->name, (long)fuzz_below(random, elements),
               bad ? ANY_OF(random, worst) : fuzz_number(random));
      break;
    default:
      draw_dims(random, o, text, size);
  }
}

/* Attributes that are only told, and not used, seldom. */
static const fuzz_object *draw_object(uint64_t *random, const fuzz_subject *s) {
  static const char *const told[] = {"description", "unit", "help", "data_", "seed"};
  const int attribute = fuzz_below(random, 2) == 0;
  const fuzz_object *o = s->object;
  for (int turn = 0, right = 0; turn < 100 && !right; turn++) {
    o = &s->object[fuzz_below(random, (uint64_t)s->objects)];
    right = attribute == (o->attribute[0] != 0);
    for (size_t k = 0; k < sizeof told / sizeof *told; k++)
      if (!strncmp(o->attribute, told[k], strlen(told[k])) && fuzz_below(random, 10)) right = 0;
  }
  return o;
}

void fuzz_draw_hdf5(uint64_t *random, const fuzz_subject *s, char *text, size_t size) {
  static const char *const link[] = {"soft", "away", "loop", "group", "dataset"};
  const fuzz_object *o = draw_object(random, s), *other = draw_object(random, s);
  const uint64_t turn = fuzz_below(random, 12);
  if (o->attribute[0]) {
    draw_attribute(random, o, text, size);
  } else if (turn == 0) {
    snprintf(text, size, "unlink|%s", o->name);
  } else if (turn == 1) {
    snprintf(text, size, "move|%s|/%s", o->name, fuzz_below(random, 2) ? "moved" : "frames");
  } else if (turn == 2) {
    snprintf(text, size, "link|%s|%s|/%s", o->name, ANY_OF(random, link),
             fuzz_below(random, 2) ? o->name : other->name);
  } else if (o->dataset) {
    draw_dataset(random, o, text, size);
  } else {
    snprintf(text, size, "value|%s|extra|%s", o->name, fuzz_number(random));
  }
}
