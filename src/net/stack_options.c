#include "base/config.h"
#include "net/key_rows.h"
#include "net/stack.h"

#define OF esp_stack_param
#define MODEL .flags = ESP_OF_MODEL
#define BOTH .flags = ESP_OF_MODEL | ESP_OF_TREE

static int check(const esp_config *config, const void *before, void *filled) {
  const esp_stack_param *had = before;
  esp_stack_param *param = filled;
  ESP_CALL(esp_tree_error_settle(config, had ? &had->domain.lists : NULL, esp_key_messages[param->message], param->far,
                                 &param->error, &param->domain.lists));
  if (before) {
    const int learned = had->split == ESP_SPLIT_LEARNED || param->split == ESP_SPLIT_LEARNED;
    if (config && learned) param->split = had->split;
    return ESP_OK;
  }
  ESP_CHECK(param->tree_on == ESP_TREE_ON_LEARNED || param->split != ESP_SPLIT_LEARNED, ESP_ERR_CONFIG,
            "tree_split learned with tree_on %s: learned directions are those of the learned space",
            esp_tree_on_name(param->tree_on));
  ESP_CHECK(param->embedding != ESP_EMBED_COORDINATES || !param->separate, ESP_ERR_CONFIG,
            "net_separate with net_embedding coordinates: two maps without parameters are one");
  return ESP_OK;
}

/* clang-format off */
const esp_options esp_stack_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_INT_ROW(OF, layers, "net_layers", "4", 1, ESP_STACK_MAX_LAYERS, "", "layers of the network", MODEL),
        ESP_NAMES_ROW(OF, message, "net_message", "gate", esp_key_message_name,
            "of a learned relation: gate, the sender's value times a gate exp(-distance^2 / 2 s^2) in the learned space, "
            "whose width s is learned, too; gate_mlp, a learned message times that gate",
            MODEL, .was = "mlp"),
        ESP_CHOICE_ROW(OF, embedding, "net_embedding", "linear", "linear|mlp|coordinates|features",
            "where a particle is in the learned space: a linear map of its features, a map with a hidden layer, the "
            "first net_dim features as they are, or a linear map of the raw features in every layer, which begins as "
            "the first net_dim of them", MODEL),
        ESP_NET_DIM_ROW(OF, dim),
        ESP_INT_ROW(OF, embed_hidden, "net_embed_hidden", "32", 1, 4096, "units",
            "width of the hidden layer of the mlp embedding", MODEL),
        ESP_FLAG_ROW(OF, separate, "net_separate", "false",
            "receivers have a map into the learned space, and a tree, of their own: for relations with a direction",
            MODEL),
        ESP_INT_ROW(OF, channels, "net_channels", "4", 1, 128, "",
            "channels of the gate_mlp message, and of the gate message after the first layer", MODEL),
        ESP_INT_ROW(OF, heads, "net_heads", "1", 1, 64, "",
            "gates a layer of net_message gate: each has a map into a learned space of its own, a tree there, a width, and its share "
            "of net_channels, which is a multiple; recall, partitions and graphs look at the first (a control: where it was "
            "measured, one learns more in the same time)",
            MODEL),
        ESP_NAMES_ROW(OF, aggregate, "net_aggregate", "sum", esp_aggregate_name,
            "what a receiver makes of its gated messages: their sum; average, that over the sum of the gates; softmax, their mean "
            "weighed by exp(beta v), too, v a channel's value and beta learned: towards the largest, or, below 0, the smallest; "
            "a maximum is none of them: far cells hold moments, not who is largest",
            MODEL, .was = "average"),
        ESP_REAL_ROW(OF, beta, "net_beta", "1", -16, 16, "",
            "of net_aggregate softmax: beta at the start; 0 is the average; weights level off where |beta v| is beyond some 10: "
            "for values of size 1, about 4 is nearest to the largest",
            MODEL),
        ESP_FLAG_ROW(OF, include_self, "net_include_self", "false", "a particle is its own sender, too", MODEL),
        ESP_FLAG_ROW(OF, transport, "net_transport", "false",
            "the values that are sent pass through the gates of all layers as they are, too, averaged; what they became, less "
            "what they were, is added to the output: for targets that are changes of values that are carried along", MODEL),
        ESP_REAL_ROW(OF, scale, "net_scale", "1", 1e-6, 1e6, "", "width s of the gates at the start", MODEL),
        ESP_NAMES_ROW(OF, depth, "net_depth", "residual", esp_depth_name,
            "how a layer's output joins a particle's state: residual, it is added; plain, it takes its place; reversible, groups "
            "of the state's numbers, in fixed point, hear each other in turn, and the way back makes every state again from the "
            "one behind it, bit for bit: memory does not grow with net_layers (with train_batch 1); reversible_float, to "
            "rounding, reversible_stored, with all that layers hold kept, equilibrium, layers between the lift and the last hear the "
            "states that they make, s' = s + o(s'), solved for in the memory of one layer and best with net_aggregate average, and "
            "injected, the state before all layers + o, are controls", MODEL),
        ESP_INT_ROW(OF, equilibrium.iterations, "net_equilibrium_iterations", "50", 1, 100000, "",
            "of net_depth equilibrium: most iterations in which the state behind a layer is solved for, and its gradient; where they "
            "do not come to net_equilibrium_tolerance the run ends, and tells how much the layer contracts", BOTH),
        ESP_REAL_ROW(OF, equilibrium.tolerance, "net_equilibrium_tolerance", "1e-5", 1e-15, 0.1, "",
            "of net_depth equilibrium: an iteration changes the state by no more than this, relative to it, root mean square over "
            "all particles; with net_precision float32 some 1e-7 is reached", BOTH),
        ESP_INT_ROW(OF, equilibrium.window, "net_equilibrium_window", "3", 0, ESP_FIXED_POINT_WINDOW, "iterations",
            "of net_depth equilibrium: earlier iterations that Anderson's acceleration combines, two states of memory each; 0: "
            "Picard's iteration", BOTH),
        ESP_REAL_ROW(OF, damping, "net_damping", "0", 0, 2, "",
            "what joins a particle's state is a layer's output times net_layers to the power of minus this: 0, all of it; 0.5 where "
            "many layers are added, of which a step of training changes each",
            MODEL),
        ESP_INT_ROW(OF, groups, "net_groups", "2", 2, ESP_DEPTH_GROUPS, "",
            "groups of the state, where net_depth is reversible; net_width is a multiple", MODEL),
        ESP_NAMES_ROW(OF, norm, "net_norm", "none", esp_norm_name,
            "what a layer sees of a particle's state, between the layers: none, the state as it is; layer, its numbers less their "
            "mean, over their spread; batch, each number less its mean over all particles of the set, over its spread; with a learned "
            "gain and offset a number. What is added to is the state itself", MODEL),
        ESP_FLAG_ROW(OF, level, "net_message_norm", "false",
            "what a layer hears comes to its update with the length of what the layer sees of the state, times a learned number: "
            "however many senders there are, neither drowns the other (a control: it did not pay where it was measured)",
            MODEL),
        ESP_FLAG_ROW(OF, activate, "net_preactivation", "false",
            "layers see silu of that: norm, activation, messages, add", MODEL),
        ESP_NET_DROPOUT_ROW(OF, dropout),
        ESP_REAL_ROW(OF, dropout_state, "net_dropout_state", "0", 0, 0.95, "",
            "the same share of what layers see of a particle's state, between the layers (net_layers at least 2)", MODEL),
        ESP_FLAG_ROW(OF, tied, "net_tied", "false",
            "the layers between the first and the last have their parameters in common", MODEL),
        ESP_INT_ROW(OF, width, "net_width", "16", 1, 4096, "",
            "numbers of a particle's state between the layers of a learned relation", MODEL),
        ESP_NET_UPDATE_HIDDEN_ROW(OF, hidden),
        ESP_FLAG_ROW(OF, linear, "net_linear", "true",
            "the new state has a linear map of what is heard, too, beside the hidden layer: a sum extrapolates linearly to "
            "more particles than there were in training", MODEL, .absent = "false"),
        ESP_CHOICE_ROW(OF, split, "tree_split", "widest", "widest|pca|learned",
            "how a node is cut: at its widest axis, at right angles to its principal direction, or, for the first "
            "tree_split_levels levels, to a learned one", BOTH),
        ESP_INT_ROW(OF, split_levels, "tree_split_levels", "3", 1, 16, "levels", "levels with a learned direction",
            MODEL),
        ESP_CHOICE_ROW(OF, tree_on, "tree_on", "learned", "learned|features|hidden",
            "where the trees of a learned relation stand: at the learned keys; controls: at the raw features, at the "
            "hidden coordinates", MODEL, .was = "tree_on"),
        ESP_INT_ROW(OF, tree_features, "tree_features", "0", 0, 64, "",
            "with tree_on features: on the first so many of them; 0: all", MODEL, .was = "tree_features"),
        ESP_TREE_FAR_ROW(OF, far),
        ESP_TREE_ORDER_ROW(OF, order),
        ESP_TREE_ERROR_ROW(OF, error),
        ESP_SEED_ROW(OF, seed, MODEL),
        ESP_DATA_ROW(OF, hidden_halves, "hidden_halves",
            "of hidden coordinates, which a layer or a side looks at"),
        ESP_PART_ROW(OF, domain, esp_domain_options),
        {0}},
    check};
/* clang-format on */
