/*
 * config_decode.h - from tree to typed structs by tables, one table per message.
 *
 * The rules are those of protobuf's JSON form, which Envoy's files follow, plus what is found in
 * the wild: snake_case and lowerCamel names, null for unset, numbers as strings, enums in any
 * case, durations as "0.25s" or {seconds, nanos}, one value where a list is due. What is not in a
 * table is an error: "unknown" if nobody knows the name, or the name of the feature that is
 * missing.
 */
#ifndef CONVOY_CONTROL_CONFIG_DECODE_H
#define CONVOY_CONTROL_CONFIG_DECODE_H

#include "control/config_tree.h"

/* What a field holds, and in brackets the C type at its offset. */
enum config_type {
	CONFIG_BOOL,	     /* [bool] */
	CONFIG_U16,	     /* [uint16_t] */
	CONFIG_U32,	     /* [uint32_t] */
	CONFIG_U64,	     /* [uint64_t] */
	CONFIG_DOUBLE,	     /* [double] */
	CONFIG_STRING,	     /* [const char *] */
	CONFIG_DURATION,     /* [uint64_t], nanoseconds */
	CONFIG_ENUM,	     /* [uint8_t]; .values */
	CONFIG_MESSAGE,	     /* [the struct itself]; .message */
	CONFIG_MESSAGE_NEW,  /* [pointer to const struct], NULL when absent; .message */
	CONFIG_MESSAGE_LIST, /* [pointer to const struct], count at .n_offset; .message */
	CONFIG_STRING_LIST,  /* [const char *const *], count at .n_offset */
	CONFIG_TREE,	     /* [const struct config_node *], taken as it is */
	CONFIG_CUSTOM,	     /* .decode is called with the struct that holds the field */
	CONFIG_BY_FINISH,    /* the message's finish() reads it */
	CONFIG_NO_EFFECT,    /* carries nothing that could act here: names, notes, metadata */
	CONFIG_ONLY,	     /* only the value .only is supported; else .feature is missing */
	CONFIG_MISSING,	     /* known, not supported: .feature, or its own name if that is NULL */
	CONFIG_REPLACED,     /* gone since v2: .feature is what took its place */
};

enum config_field_flags {
	CONFIG_REQUIRED = 1,  /* must be there, and not empty */
	CONFIG_NOT_EMPTY = 2, /* if there, not empty */
};

struct config_decoder;
struct config_message;

struct config_enum_value {
	const char *name;
	int value;	     /* as stored */
	const char *feature; /* not NULL: known but not supported, and this is what is missing */
};

/* In the order of the protocol's numbers, so that a number in the file is an index. */
struct config_enum {
	const struct config_enum_value *values;
	uint32_t n_values;
};

struct config_field {
	const char *name; /* snake_case */
	enum config_type type;
	uint32_t offset;
	uint32_t n_offset; /* of the uint32_t count of a list */
	uint32_t flags;
	/* One of several: @case_offset is a uint8_t that is 0 until one of them is set to @case_is.
	 */
	uint32_t case_offset;
	uint8_t case_is;
	uint64_t min, max; /* of numbers, and of durations in ns; max 0 is the type's own */
	const struct config_message *message;
	const struct config_enum *values;
	int (*decode)(struct config_decoder *d, const struct config_node *n, void *holder);
	const char *only;
	const char *feature;
};

struct config_message {
	const char *name;     /* of the type, for messages */
	size_t size;	      /* of the struct */
	const void *defaults; /* a struct of that type; NULL is all zero */
	const struct config_field *fields;
	uint32_t n_fields;  /* at most 64 */
	const char *known;  /* the type's other fields, separated by spaces: known, not supported */
	uint32_t at_offset; /* where to keep the node itself; 0: nowhere */
	/* After the fields: what takes more than one of them. Errors through config_fail(). */
	int (*finish)(struct config_decoder *d, const struct config_node *n, void *holder);
};

struct config_decoder {
	struct arena *arena;
	struct config_error *error;
	void *context; /* of the tables' own functions */
	/* Durations may also end in us, ms, m and h, which protobuf's form does not know. */
	bool any_time_unit;
};

/*
 * config_decode - fill @out, a struct of @m, from @n: defaults, then what the file says.
 * A null or NULL @n is a message without fields. Strings and trees are borrowed from the tree.
 * Returns 0, ERR_INVAL with @d's error set, or ERR_NOMEM.
 */
must_check
int config_decode(struct config_decoder *d, const struct config_node *n,
		  const struct config_message *m, void *out);

/* Scalars by themselves, for custom fields; each returns 0 or ERR_INVAL with the error set. */
must_check
int config_take_bool(struct config_decoder *d, const struct config_node *n, bool *out);
must_check
int config_take_u64(struct config_decoder *d, const struct config_node *n, uint64_t min,
		    uint64_t max, uint64_t *out);
must_check
int config_take_double(struct config_decoder *d, const struct config_node *n, double *out);
must_check
int config_take_string(struct config_decoder *d, const struct config_node *n, const char **out);
must_check
int config_take_duration(struct config_decoder *d, const struct config_node *n, uint64_t *out_ns);
must_check
int config_take_enum(struct config_decoder *d, const struct config_node *n,
		     const struct config_enum *values, uint8_t *out);

/* config_fail_missing - the refusal of something known: "FEATURE is not supported yet". */
int config_fail_missing(struct config_decoder *d, const struct config_node *n, const char *feature);

/* One type of extension that may stand in a place. */
struct config_extension_kind {
	const char *type;  /* "envoy.extensions.filters.http.router.v3.Router" */
	const char *names; /* well-known names, separated by spaces, that imply the type */
	int value;	   /* the caller's own number */
	const struct config_message *message;
};

struct config_extension {
	const struct config_extension_kind *kind;
	const struct config_node *config; /* the Any's fields, "@type" included; NULL: none given */
};

/*
 * config_take_extension - find out which extension the {name, typed_config} message @n asks for.
 * The type is that of "@type" (also inside a TypedStruct); without one the name decides. Types
 * that are not in @kinds are refused: by feature if they are Envoy's, as unknown otherwise.
 */
must_check
int config_take_extension(struct config_decoder *d, const struct config_node *n,
			  const struct config_extension_kind *kinds, uint32_t n_kinds,
			  struct config_extension *out);

/* config_take_any - the same for @any, the {"@type", ...} message itself. */
must_check
int config_take_any(struct config_decoder *d, const struct config_node *any,
		    const struct config_extension_kind *kinds, uint32_t n_kinds,
		    struct config_extension *out);

#endif
