#include "net/convolution.h"
#include "net/key_rows.h"

#define OF esp_convolution_param
#define MODEL .flags = ESP_OF_MODEL

static int check(const esp_config *config, const void *before, void *filled) {
  const esp_convolution_param *had = before;
  esp_convolution_param *param = filled;
  if (param->share == 1 || param->stay == 1) return ESP_OK; /* there is no tree */
  return esp_tree_error_settle(config, had ? &had->domain.lists : NULL, &esp_message_gate, param->far, &param->error,
                               &param->domain.lists);
}

/* clang-format off */
const esp_options esp_convolution_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_NET_DIM_ROW(OF, dim),
        ESP_NET_UPDATE_HIDDEN_ROW(OF, hidden),
        ESP_REAL_ROW(OF, share, "net_share", "0", 0, 1, "",
            "of graph convolution: weight of the given edges beside the learned gate; 1: the edges alone, and no tree", MODEL),
        ESP_REAL_ROW(OF, stay, "net_stay", "0.05", 0, 1, "",
            "of graph convolution: weight of a particle itself beside what the gate says of the others; 1, with net_share 0: "
            "no particle hears another", MODEL),
        ESP_NET_DROPOUT_ROW(OF, dropout),
        ESP_TREE_FAR_ROW(OF, far),
        ESP_TREE_ORDER_ROW(OF, order),
        ESP_TREE_ERROR_ROW(OF, error),
        ESP_SEED_ROW(OF, seed, MODEL),
        ESP_PART_ROW(OF, domain, esp_domain_options),
        ESP_PART_ROW(OF, learning, esp_gate_learning_options),
        {0}},
    check};
/* clang-format on */
