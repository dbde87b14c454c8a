#include "io/input_options.h"

#include <math.h>

#define OF esp_input_param

const esp_options esp_input_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_TEXT_ROW(OF, types, "io_types", "all", "particle types read from a snapshot: all, or numbers such as 0,1"),
        ESP_CHOICE_ROW(
            OF, by_place, "io_ids", "file", "file|place",
            "ids of a snapshot's particles: the file's own, which must differ, or their places in it from 0, "
            "as where it has none"),
        ESP_INT_ROW(OF, compress, "io_compress", "0", 0, 9, "",
                    "compression of the snapshot that predict writes; 0: none"),
        ESP_CHOICE_ROW(OF, cosmology, "io_cosmology", "file", "file|comoving|physical",
                       "values of a snapshot: as its own flags say; comoving, to be converted by its scale factor and "
                       "h; physical as they lie"),
        ESP_CHOICE_ROW(OF, periodic, "io_periodic", "file", "file|periodic|open",
                       "box of a snapshot: as its own flags say; periodic; open, whatever its BoxSize, as of a halo "
                       "that was cut out"),
        ESP_REAL_ROW(OF, units.length, "units_length", "0", 0, INFINITY, "cm",
                     "unit of length of a snapshot; 0: from the file"),
        ESP_REAL_ROW(OF, units.mass, "units_mass", "0", 0, INFINITY, "g",
                     "unit of mass of a snapshot; 0: from the file"),
        ESP_REAL_ROW(OF, units.velocity, "units_velocity", "0", 0, INFINITY, "cm/s",
                     "unit of velocity of a snapshot; 0: from the file"),
        ESP_PART_ROW(OF, grid, esp_grid_options),
        ESP_TEXT_ROW(OF, file, "input", "", "snapshot, or file of fields on a grid, to read"),
        {0}},
    NULL};
