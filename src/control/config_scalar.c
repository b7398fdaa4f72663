/* config_scalar.c - numbers, durations, enums and text as protobuf's JSON form writes them. */
#include "control/config_decode.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"

/* protobuf's Duration ends at 10,000 years; ours at what fits, and far before "unset". */
enum { MAX_DURATION_S = INT32_MAX };

static const char *kind_text(const struct config_node *n)
{
	switch (n->kind) {
	case CONFIG_MAP:
		return "a map";
	case CONFIG_LIST:
		return "a list";
	case CONFIG_NULL:
		return "null";
	default:
		return "text";
	}
}

static int want(struct config_decoder *d, const struct config_node *n, const char *what)
{
	if (n->kind == CONFIG_SCALAR)
		return config_fail(d->error, n, "%s expected, not \"%.60s\"", what, n->text);
	return config_fail(d->error, n, "%s expected, not %s", what, kind_text(n));
}

int config_take_bool(struct config_decoder *d, const struct config_node *n, bool *out)
{
	static const char *const yes[] = { "true", "yes", "on" };
	static const char *const no[] = { "false", "no", "off" };

	for (unsigned i = 0; n->kind == CONFIG_SCALAR && i < count_of(yes); i++) {
		*out = !strcasecmp(n->text, yes[i]);
		if (*out || !strcasecmp(n->text, no[i]))
			return 0;
	}
	return want(d, n, "true or false");
}

/* A number in full, JSON's forms only: no hexadecimal, no "inf", nothing after it. */
static bool parse_double(const char *text, double *out)
{
	char *end;

	if (!*text || text[strspn(text, "0123456789+-.eE")])
		return false;
	*out = strtod(text, &end);
	return !*end && isfinite(*out);
}

static bool parse_u64(const char *text, uint64_t *out)
{
	const double limit = 9007199254740992.0; /* 2^53: up to here a double is exact */
	double number;
	char *end;

	if (*text && !text[strspn(text, "0123456789")]) {
		errno = 0;
		*out = strtoull(text, &end, 10);
		return errno == 0;
	}
	if (!parse_double(text, &number) || number < 0 || number > limit || floor(number) != number)
		return false;
	*out = (uint64_t)number;
	return true;
}

int config_take_u64(struct config_decoder *d, const struct config_node *n, uint64_t min,
		    uint64_t max, uint64_t *out)
{
	double number;

	if (n->kind == CONFIG_SCALAR && parse_u64(n->text, out) && *out >= min && *out <= max)
		return 0;
	if (n->kind != CONFIG_SCALAR || !parse_double(n->text, &number) || number != floor(number))
		return want(d, n, "a whole number");
	if (max == UINT64_MAX)
		return config_fail(d->error, n, "%.40s is not at least %" PRIu64, n->text, min);
	return config_fail(d->error, n, "%.40s is not between %" PRIu64 " and %" PRIu64, n->text,
			   min, max);
}

int config_take_double(struct config_decoder *d, const struct config_node *n, double *out)
{
	if (n->kind == CONFIG_SCALAR && parse_double(n->text, out))
		return 0;
	return want(d, n, "a number");
}

int config_take_string(struct config_decoder *d, const struct config_node *n, const char **out)
{
	if (n->kind != CONFIG_SCALAR)
		return want(d, n, "text");
	if (strlen(n->text) != n->text_len)
		return config_fail(d->error, n, "text with a NUL in it");
	*out = n->text;
	return 0;
}

/* What a duration may end in: in protobuf's form only the first. */
static const struct duration_unit {
	const char *name;
	uint64_t ns;
} duration_units[] = {
	{ "s", NS_PER_S },	   { "us", NS_PER_US },		{ "ms", NS_PER_MS },
	{ "m", 60ull * NS_PER_S }, { "h", 3600ull * NS_PER_S },
};

/* What stands after the point: ".25" of 1 s is 250 ms. It ends at a nanosecond. */
static uint64_t parse_fraction(char **at, uint64_t unit_ns)
{
	uint64_t sum = 0;

	for ((*at)++; isdigit((unsigned char)**at) && unit_ns >= 10; (*at)++) {
		unit_ns /= 10;
		sum += unit_ns * (uint64_t)(**at - '0');
	}
	return sum;
}

static const struct duration_unit *unit_of_or_null(const char *text, bool any_unit)
{
	const char *name = text + strspn(text, "0123456789.");

	for (unsigned i = 0; i < (any_unit ? count_of(duration_units) : 1); i++)
		if (strcmp(name, duration_units[i].name) == 0)
			return &duration_units[i];
	return NULL;
}

/* "1.5s"; UINT64_MAX for what does not fit. */
static bool parse_duration(const char *text, bool any_unit, uint64_t *ns)
{
	const struct duration_unit *unit = unit_of_or_null(text, any_unit);
	uint64_t whole, fraction = 0;
	char *end;

	if (!unit || !isdigit((unsigned char)*text))
		return false;
	errno = 0;
	whole = strtoull(text, &end, 10);
	if (*end == '.')
		fraction = parse_fraction(&end, unit->ns);
	if (errno || __builtin_mul_overflow(whole, unit->ns, ns) ||
	    __builtin_add_overflow(*ns, fraction, ns))
		*ns = UINT64_MAX;
	return strcmp(end, unit->name) == 0;
}

static int take_duration_map(struct config_decoder *d, const struct config_node *n, uint64_t *ns)
{
	uint64_t seconds = 0, nanos = 0;
	int err = 0;

	for (const struct config_node *c = n->first; c && !err; c = c->next) {
		if (config_name_is(c->key, "seconds"))
			err = config_take_u64(d, c, 0, UINT64_MAX, &seconds);
		else if (config_name_is(c->key, "nanos"))
			err = config_take_u64(d, c, 0, NS_PER_S - 1, &nanos);
		else
			err = config_fail_key(d->error, c, "unknown field \"%.60s\" in a duration",
					      c->key);
	}
	*ns = seconds > MAX_DURATION_S ? UINT64_MAX : seconds * NS_PER_S + nanos;
	return err;
}

int config_take_duration(struct config_decoder *d, const struct config_node *n, uint64_t *out_ns)
{
	uint64_t ns;

	if (n->kind == CONFIG_MAP) {
		int err = take_duration_map(d, n, &ns);

		if (err)
			return err;
	} else if (n->kind != CONFIG_SCALAR || !parse_duration(n->text, d->any_time_unit, &ns)) {
		return want(d, n,
			    d->any_time_unit ? "a duration like \"10ms\" or \"0.25s\""
					     : "a duration like \"0.25s\"");
	}
	if (ns / NS_PER_S > MAX_DURATION_S)
		return config_fail(d->error, n, "the duration is too long");
	*out_ns = ns;
	return 0;
}

static int list_choices(struct config_decoder *d, const struct config_node *n,
			const struct config_enum *e)
{
	char names[200];
	size_t len = 0;

	names[0] = '\0';
	for (uint32_t i = 0; i < e->n_values; i++) {
		size_t more = strlen(e->values[i].name) + 2;

		if (len + more >= sizeof(names))
			break;
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
					e->values[i].name);
	}
	return config_fail(d->error, n, "\"%.60s\" is none of %s", n->text, names);
}

int config_take_enum(struct config_decoder *d, const struct config_node *n,
		     const struct config_enum *e, uint8_t *out)
{
	const struct config_enum_value *v = NULL;
	uint64_t number;

	if (n->kind != CONFIG_SCALAR)
		return want(d, n, "a name");
	for (uint32_t i = 0; i < e->n_values && !v; i++)
		if (!strcasecmp(n->text, e->values[i].name))
			v = &e->values[i];
	if (!v && parse_u64(n->text, &number) && number < e->n_values)
		v = &e->values[number];
	if (!v)
		return list_choices(d, n, e);
	if (v->feature)
		return config_fail_missing(d, n, v->feature);
	*out = (uint8_t)v->value;
	return 0;
}

int config_fail_missing(struct config_decoder *d, const struct config_node *n, const char *feature)
{
	return config_fail_key(d->error, n, "%s: not supported yet", feature);
}
