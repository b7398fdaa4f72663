/* config_error.c - the one line that says what is wrong with a configuration, and where. */
#include "control/config_tree.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

/* One line whatever the file's text contains. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

static size_t append_path(const struct config_node *n, char *out, size_t size)
{
	size_t len = 0;
	int added;

	if (!n->parent)
		return 0;
	len = append_path(n->parent, out, size);
	if (!n->key)
		added = snprintf(out + len, size - len, "[%u]", n->idx);
	else if (strchr(n->key, '.'))
		added = snprintf(out + len, size - len, "[\"%.80s\"]", n->key);
	else
		added = snprintf(out + len, size - len, "%s%.80s", len ? "." : "", n->key);
	return added < 0 || (size_t)added >= size - len ? size - 1 : len + (size_t)added;
}

const char *config_path(const struct config_node *n, char *out, size_t size)
{
	out[0] = '\0';
	append_path(n, out, size); /* as deep as the tree, so bounded */
	return out;
}

static int fail(struct config_error *error, const struct config_node *n, uint32_t line,
		uint32_t column, const char *format, va_list args)
{
	char path[512];
	size_t len;

	if (error->text[0])
		return ERR_INVAL;
	config_path(n, path, sizeof(path));
	len = (size_t)snprintf(error->text, 200, "%.160s:%u:%u: ", n->file, line, column);
	vsnprintf(error->text + len, 300, format, args);
	len += strlen(error->text + len);
	if (path[0])
		snprintf(error->text + len, sizeof(error->text) - len, " (at %s)", path);
	make_printable(error->text);
	return ERR_INVAL;
}

int config_fail(struct config_error *error, const struct config_node *n, const char *format, ...)
{
	va_list args;
	int err;

	va_start(args, format);
	err = fail(error, n, n->line, n->column, format, args);
	va_end(args);
	return err;
}

int config_fail_key(struct config_error *error, const struct config_node *n, const char *format,
		    ...)
{
	va_list args;
	int err;

	va_start(args, format);
	err = fail(error, n, n->key_line, n->key_column, format, args);
	va_end(args);
	return err;
}

int config_fail_file(struct config_error *error, const char *file, uint32_t line, uint32_t column,
		     const char *format, ...)
{
	struct config_node nowhere = { .file = file };
	va_list args;
	int err;

	va_start(args, format);
	err = fail(error, &nowhere, line, column, format, args);
	va_end(args);
	return err;
}
