/* Inside the stack: the groups of its parameters, for whoever makes them (stack.c) and where they start (stack_start.c). */
#ifndef ESP_STACK_GROUPS_H
#define ESP_STACK_GROUPS_H

/* Groups of one layer; their order is that of the block. The numbers also tell random streams apart. */
enum {
  KEY_E,
  KEY_M1,
  KEY_M,
  KEY_M2,
  QUERY_E,
  QUERY_M1,
  QUERY_M,
  QUERY_M2,
  NORMAL,
  V = NORMAL + 3, /* the two between were the message's own */
  W1,
  B,
  W2,
  A,
  R1,
  B1,
  R2,
  C_OUT,
  LIFT_W,
  LIFT_B,
  CARRIED,
  R3,
  NORM_A,
  NORM_B,
  BETA,
  GROUPS
};

#endif
