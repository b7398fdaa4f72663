/*
 * config_encode.h - from typed structs back to the text of a configuration, by the tables of
 * config_decode.h: what is said when a running configuration is shown, saved or compared.
 *
 *   file ──> tree ──decode──> struct ──encode──> JSON ──config_yaml.h──> YAML
 *
 * Two configurations that mean the same encode to equal JSON: fields that have their default value
 * are left out, numbers, enums and durations have one spelling. Fields that a table decodes by a
 * function of its own (CONFIG_CUSTOM) are taken from the tree as they were written.
 */
#ifndef CONVOY_CONTROL_CONFIG_ENCODE_H
#define CONVOY_CONTROL_CONFIG_ENCODE_H

#include <jansson.h>

#include "control/config_decode.h"

/*
 * config_encode - @in, a struct of @m that was decoded from @n, as an object. Members come in the
 * order of the table. Trees and what tables know without an effect are left out.
 * Returns a new reference, NULL without memory.
 */
json_t *config_encode(const struct config_message *m, const void *in, const struct config_node *n);

/* config_encode_tree - @n as it was written; unquoted numbers and truth values keep their type. */
json_t *config_encode_tree(const struct config_node *n);

/* config_sort - put the members of @object, and of the messages in it, into the order of the table,
 * so that what means the same is written in the same way. Lists keep their order. */
void config_sort(json_t *object, const struct config_message *m);

#endif
