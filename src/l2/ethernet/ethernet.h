/*
 * ethernet.h - the first node of frames for us, which takes the Ethernet header off, and that of
 * frames for l2's features.
 */
#ifndef CONVOY_L2_ETHERNET_H
#define CONVOY_L2_ETHERNET_H

#include "engine/node.h"

extern const struct node_type ethernet_input_node;
extern const struct node_type l2_input_node;

#endif
