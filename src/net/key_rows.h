/* Keys that several networks have: one row each, whatever the structure. */
#ifndef ESP_KEY_ROWS_H
#define ESP_KEY_ROWS_H

#include "base/option.h"
#include "message/message.h"
#include "tree/domain.h"

#define ESP_NET_DIM_ROW(of, member) \
  ESP_INT_ROW(of, member, "net_dim", "4", 1, 64, "", "dimensions of the learned space", .flags = ESP_OF_MODEL)
#define ESP_NET_UPDATE_HIDDEN_ROW(of, member)                          \
  ESP_INT_ROW(of, member, "net_update_hidden", "32", 1, 4096, "units", \
              "width of the hidden layer that makes the new state", .flags = ESP_OF_MODEL, .was = "hidden")
#define ESP_NET_DROPOUT_ROW(of, member)                                                                        \
  ESP_REAL_ROW(of, member, "net_dropout", "0", 0, 0.95, "",                                                    \
               "share of the hidden units of updates (of graph convolution: of features, too) that a step of " \
               "training drops, drawn anew "                                                                   \
               "for each particle and step, one mask for all layers; what is kept grows by 1 / (1 - share); "  \
               "predictions drop nothing",                                                                     \
               .flags = ESP_OF_MODEL)
#define ESP_TREE_FAR_ROW(of, member)                                                                                 \
  ESP_FLAG_ROW(of, member, "tree_far", "true", "cells stand in for what is far; false: near pairs alone, a control", \
               .flags = ESP_OF_MODEL | ESP_OF_TREE)
#define ESP_TREE_ORDER_ROW(of, member)                                                                              \
  ESP_INT_ROW(                                                                                                      \
      of, member, "tree_order", "2", 0, ESP_MOMENTS_ORDER, "",                                                      \
      "of learned relations: moments that a far cell holds of each channel, up to this order; its error is of the " \
      "next",                                                                                                       \
      .flags = ESP_OF_MODEL | ESP_OF_TREE,                                                                          \
      .lacking =                                                                                                    \
          "it is from before far cells held moments, when they stood as poles and tree_theta was another "          \
          "angle; train the network again, or use the program that wrote it")

#define ESP_TREE_ERROR_ROW(of, member)                                                                              \
  ESP_REAL_ROW(                                                                                                     \
      of, member, "tree_error", "0", 0, 1, "",                                                                      \
      "of learned relations by net_message gate: wanted root mean square error of far cells, over receivers, "      \
      "relative to "                                                                                                \
      "the sum of gates times magnitudes; from tree_theta on, the largest theta is taken whose bound keeps to it, " \
      "which is one for values of independent signs, or of one sign; "                                              \
      "0: tree_theta is used",                                                                                      \
      .flags = ESP_OF_MODEL | ESP_OF_TREE)
/* For a table's check. An angle that was chosen for the wanted error goes on; whoever only uses the network chooses none unless asked
 * to. had: the tree of a checkpoint, or NULL. ESP_ERR_CONFIG naming the keys. Local. */
int esp_tree_error_settle(const esp_config *config, const esp_lists_param *had, const esp_message *message, int far,
                          double *error, esp_lists_param *lists);

#endif
