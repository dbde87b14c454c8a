#include "io/grid/options.h"

#define OF esp_grid_param

const esp_options esp_grid_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_TEXT_ROW(OF, temperature, "io_temperature", "",
                     "variable of a file on a grid that is the temperature; empty: found by its standard name"),
        ESP_TEXT_ROW(
            OF, humidity, "io_humidity", "",
            "variable of a file on a grid that is the humidity: specific or relative, mixing ratio, dew point; "
            "empty: found by its standard name"),
        ESP_TEXT_ROW(OF, wind_u, "io_wind_u", "",
                     "variable of a file on a grid that is the wind to the east; empty: found by its standard name"),
        ESP_TEXT_ROW(OF, wind_v, "io_wind_v", "",
                     "variable of a file on a grid that is the wind to the north; empty: found by its standard name"),
        ESP_TEXT_ROW(OF, units_temperature, "io_units_temperature", "",
                     "unit of a temperature whose file does not state one that is known: K, degC"),
        ESP_TEXT_ROW(OF, units_humidity, "io_units_humidity", "",
                     "unit of a humidity whose file does not state one that is known: kg/kg, g/kg; of relative ones 1, "
                     "%; of dew points K, degC"),
        ESP_TEXT_ROW(OF, units_wind, "io_units_wind", "",
                     "unit of a wind whose file does not state one that is known: m/s, km/h, kt"),
        ESP_REAL_ROW(OF, level, "io_level", "0", 0, 2000, "hPa",
                     "pressure level of a file on a grid; 0: the only one there is, or the surface"),
        ESP_REAL_ROW(OF, pressure, "io_pressure", "0", 0, 2000, "hPa",
                     "pressure by which one humidity is made of another, at the surface; 0: the file's own"),
        ESP_INT_ROW(OF, time, "io_time", "0", 0, ESP_COUNT_MAX, "",
                    "number of the one time that is read of a file on a grid, from 1; 0: all"),
        {0}},
    NULL};
