/*
 * complete.h - what the last word of a command line may become. Pure.
 *
 *   sh in               interfaces               (of: show interfaces)
 *   show inter la       names: the "name" of each row of "show interfaces"
 *   capture lan --o     --output
 *   apply ne            files
 *
 * Words before the last one may be shortened, as in a command.
 */
#ifndef CONVOY_CLI_COMPLETE_H
#define CONVOY_CLI_COMPLETE_H

#include <jansson.h>
#include <stdbool.h>

struct completion {
	json_t *words; /* strings that the last word may become, each once; the caller's to free */
	bool files;    /* it is the name of a file */
	/* Or a name that convoyd knows: in the answer to this command (NULL: none), */
	const char *ask;
	const char *list; /* in this member of it (NULL: the answer is the list), */
	const char *name; /* by this member of each row. */
};

/*
 * complete - fill @out for @words, of which the last, perhaps "", is being typed.
 * @commands: the answer to "commands", with those of this program; @n_words: 1 or more
 */
void complete(const json_t *commands, char *const *words, unsigned n_words, struct completion *out);

#endif
