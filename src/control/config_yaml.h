/* config_yaml.h - prints a value as YAML that people would write, and that reads back the same. */
#ifndef CONVOY_CONTROL_CONFIG_YAML_H
#define CONVOY_CONTROL_CONFIG_YAML_H

#include <jansson.h>

#include "control/text.h"

/*
 * config_print_yaml - append @value, a map. Maps and lists of them in blocks, lists of scalars on
 * one line; text is quoted where a reader could take it for something else.
 */
void config_print_yaml(struct text *out, const json_t *value);

#endif
