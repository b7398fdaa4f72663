/* message.c - registered methods and reason phrases. */
#include "proxy/http/message.h"

#define NAME(text)                                                                                 \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}

static const struct slice main_methods[] = {
	[METHOD_GET] = NAME("GET"),	    [METHOD_HEAD] = NAME("HEAD"),
	[METHOD_POST] = NAME("POST"),	    [METHOD_PUT] = NAME("PUT"),
	[METHOD_DELETE] = NAME("DELETE"),   [METHOD_CONNECT] = NAME("CONNECT"),
	[METHOD_OPTIONS] = NAME("OPTIONS"), [METHOD_TRACE] = NAME("TRACE"),
	[METHOD_PATCH] = NAME("PATCH"),
};

/* IANA's registry and the ones that Envoy's parsers know beside it. */
static const char *const other_methods[] = {
	"ACL",	     "BIND",	   "CHECKOUT",	 "COPY",	"LINK",	  "LOCK",   "M-SEARCH",
	"MERGE",     "MKACTIVITY", "MKCALENDAR", "MKCOL",	"MOVE",	  "NOTIFY", "PROPFIND",
	"PROPPATCH", "PURGE",	   "REBIND",	 "REPORT",	"SEARCH", "SOURCE", "SUBSCRIBE",
	"UNBIND",    "UNLINK",	   "UNLOCK",	 "UNSUBSCRIBE",
};

int method_lookup(struct slice name)
{
	for (unsigned i = METHOD_GET; i < count_of(main_methods); i++)
		if (slice_equal(name, main_methods[i]))
			return (int)i;
	for (unsigned i = 0; i < count_of(other_methods); i++)
		if (slice_is(name, other_methods[i]))
			return METHOD_OTHER;
	return -1;
}

static const char *const texts[] = {
	[100] = "Continue",
	[101] = "Switching Protocols",
	[102] = "Processing",
	[103] = "Early Hints",
	[200] = "OK",
	[201] = "Created",
	[202] = "Accepted",
	[203] = "Non-Authoritative Information",
	[204] = "No Content",
	[205] = "Reset Content",
	[206] = "Partial Content",
	[207] = "Multi-Status",
	[208] = "Already Reported",
	[226] = "IM Used",
	[300] = "Multiple Choices",
	[301] = "Moved Permanently",
	[302] = "Found",
	[303] = "See Other",
	[304] = "Not Modified",
	[305] = "Use Proxy",
	[307] = "Temporary Redirect",
	[308] = "Permanent Redirect",
	[400] = "Bad Request",
	[401] = "Unauthorized",
	[402] = "Payment Required",
	[403] = "Forbidden",
	[404] = "Not Found",
	[405] = "Method Not Allowed",
	[406] = "Not Acceptable",
	[407] = "Proxy Authentication Required",
	[408] = "Request Timeout",
	[409] = "Conflict",
	[410] = "Gone",
	[411] = "Length Required",
	[412] = "Precondition Failed",
	[413] = "Payload Too Large",
	[414] = "URI Too Long",
	[415] = "Unsupported Media Type",
	[416] = "Range Not Satisfiable",
	[417] = "Expectation Failed",
	[421] = "Misdirected Request",
	[422] = "Unprocessable Entity",
	[423] = "Locked",
	[424] = "Failed Dependency",
	[425] = "Too Early",
	[426] = "Upgrade Required",
	[428] = "Precondition Required",
	[429] = "Too Many Requests",
	[431] = "Request Header Fields Too Large",
	[451] = "Unavailable For Legal Reasons",
	[500] = "Internal Server Error",
	[501] = "Not Implemented",
	[502] = "Bad Gateway",
	[503] = "Service Unavailable",
	[504] = "Gateway Timeout",
	[505] = "HTTP Version Not Supported",
	[506] = "Variant Also Negotiates",
	[507] = "Insufficient Storage",
	[508] = "Loop Detected",
	[511] = "Network Authentication Required",
};

const char *status_text(unsigned status)
{
	return status < count_of(texts) && texts[status] ? texts[status] : "Unknown";
}
