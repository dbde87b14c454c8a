/* One humidity from another, over water: e_s = 611.2 Pa exp(17.67 (T - 273.15) / (T - 29.65)) (Bolton, Mon. Wea. Rev. 108
 * (1980) 1046), and water vapour weighs 0.622 of dry air. Local, pure. */
#ifndef ESP_HUMIDITY_H
#define ESP_HUMIDITY_H

/* Pressure of saturated vapour, hPa, at a temperature in K. */
double esp_vapour_saturated(double temperature);
/* kg/kg of moist air: of the pressures of vapour and of air, of the ratio to dry air; and back to the pressure of vapour. */
double esp_specific_of_vapour(double vapour, double pressure);
double esp_specific_of_mixing(double ratio);
double esp_vapour_of_specific(double specific, double pressure);

#endif
