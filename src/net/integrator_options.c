#include "base/config.h"
#include "net/integrator.h"

#define OF esp_integrator_param
#define MODEL .flags = ESP_OF_MODEL

/* Where a budget chose the angle before the first step, the checkpoint has that angle and no budget. A trained network keeps
 * the trees it was trained with. */
static int check(const esp_config *config, const void *before, void *filled) {
  const esp_integrator_param *had = before;
  esp_lists_param *lists = &((esp_integrator_param *)filled)->domain.lists;
  if (before && config) ((esp_integrator_param *)filled)->domain = had->domain;
  if (before && !config && lists->pairs_per_particle > 0)
    lists->pairs_per_particle = had->domain.lists.pairs_per_particle;
  return ESP_OK;
}

const esp_options esp_integrator_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_INT_ROW(OF, layers, "net_layers", "4", 1, 32, "", "layers of the network", MODEL),
        ESP_CHOICE_ROW(OF, tableau, "net_tableau", "free", "free|symplectic",
                       "coefficients between layers: free, or bound to be symplectic", MODEL),
        ESP_NAMES_ROW(OF, message, "net_message", "newton", esp_body_message_name,
                      "message of a pair: known law, law with a learned correction, learned", MODEL),
        ESP_INT_ROW(OF, hidden, "net_hidden", "16", 1, 128, "units",
                    "newton_mlp, mlp: width of the message's hidden layers", MODEL, .beyond = ESP_BEYOND_ZERO),
        ESP_INT_ROW(
            OF, order, "net_order", "4", 2, 5, "",
            "newton, newton_mlp in open space, with tree_theta above 0: order of gravity's multipole expansions",
            MODEL),
        ESP_REAL_ROW(OF, tolerance, "net_tolerance", "0", 0, 1, "",
                     "newton, newton_mlp in open space: what a far cell's force may err by, as a share of the "
                     "receiver's; 0: what "
                     "suits the order (3e-2, 5.5e-3, 5e-4, 5e-5 for 2 to 5)",
                     MODEL),
        ESP_SEED_ROW(OF, seed, MODEL),
        ESP_PART_ROW(OF, domain, esp_domain_options),
        {0}},
    check};
