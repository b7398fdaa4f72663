/*
 * names.h - which command is meant. Pure.
 *
 *   show sessions --app 3     "show sessions", 2 words used
 *   sh sess                   the same, when no other command begins so
 *   shwo sessions             none; "show sessions" is near
 *
 * @commands is the answer to "commands" throughout.
 */
#ifndef CONVOY_CLI_NAMES_H
#define CONVOY_CLI_NAMES_H

#include <jansson.h>

/*
 * names_find_or_null - the longest command whose words @words begin with; when there is none, the
 * only one whose words they abbreviate. *@n_used words are its name.
 */
const json_t *names_find_or_null(const json_t *commands, char *const *words, unsigned n_words,
				 unsigned *n_used);

/*
 * names_near - for words that names_find_or_null() does not know: the commands that they begin, or
 * those that are spelt much the same, or else those that begin with the same word. A new array,
 * perhaps empty.
 */
json_t *names_near(const json_t *commands, char *const *words, unsigned n_words);

#endif
