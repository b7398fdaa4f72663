/* ethernet.h - the node that takes the Ethernet header off what interfaces receive. */
#ifndef CONVOY_L2_ETHERNET_H
#define CONVOY_L2_ETHERNET_H

#include "engine/node.h"

extern const struct node_type ethernet_input_node;

#endif
