/* chars.c - the character tables, and value scanning eight bytes at a time. */
#include "proxy/http/chars.h"

const uint8_t token_lower[256] = {
	['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*',
	['+'] = '+', ['-'] = '-', ['.'] = '.', ['^'] = '^', ['_'] = '_', ['`'] = '`',	['|'] = '|',
	['~'] = '~', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',	['5'] = '5',
	['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b',	['c'] = 'c',
	['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i',	['j'] = 'j',
	['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p',	['q'] = 'q',
	['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w',	['x'] = 'x',
	['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',	['E'] = 'e',
	['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k',	['L'] = 'l',
	['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',	['S'] = 's',
	['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',	['Z'] = 'z',
};

enum { T = CHAR_TARGET, H = CHAR_TARGET | CHAR_HOST, X = CHAR_TARGET | CHAR_HOST | CHAR_HEX };

const uint8_t char_class[256] = {
	['!'] = H, ['"'] = T, ['#'] = T, ['$'] = H, ['%'] = H,	['&'] = H, ['\''] = H, ['('] = H,
	[')'] = H, ['*'] = H, ['+'] = H, [','] = H, ['-'] = H,	['.'] = H, ['/'] = T,  ['0'] = X,
	['1'] = X, ['2'] = X, ['3'] = X, ['4'] = X, ['5'] = X,	['6'] = X, ['7'] = X,  ['8'] = X,
	['9'] = X, [':'] = H, [';'] = H, ['<'] = T, ['='] = H,	['>'] = T, ['?'] = T,  ['@'] = T,
	['A'] = X, ['B'] = X, ['C'] = X, ['D'] = X, ['E'] = X,	['F'] = X, ['G'] = H,  ['H'] = H,
	['I'] = H, ['J'] = H, ['K'] = H, ['L'] = H, ['M'] = H,	['N'] = H, ['O'] = H,  ['P'] = H,
	['Q'] = H, ['R'] = H, ['S'] = H, ['T'] = H, ['U'] = H,	['V'] = H, ['W'] = H,  ['X'] = H,
	['Y'] = H, ['Z'] = H, ['['] = H, [']'] = H, ['\\'] = T, ['^'] = T, ['_'] = H,  ['`'] = T,
	['a'] = X, ['b'] = X, ['c'] = X, ['d'] = X, ['e'] = X,	['f'] = X, ['g'] = H,  ['h'] = H,
	['i'] = H, ['j'] = H, ['k'] = H, ['l'] = H, ['m'] = H,	['n'] = H, ['o'] = H,  ['p'] = H,
	['q'] = H, ['r'] = H, ['s'] = H, ['t'] = H, ['u'] = H,	['v'] = H, ['w'] = H,  ['x'] = H,
	['y'] = H, ['z'] = H, ['{'] = T, ['|'] = T, ['}'] = T,	['~'] = H,
};

/* Not 0 if any of the eight bytes of @w is under 0x20 or is 0x7f; may be not 0 otherwise too. */
static inline uint64_t maybe_control(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101ull;
	const uint64_t tops = 0x8080808080808080ull;
	uint64_t del = w ^ (ones * 0x7f);

	return (((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & tops;
}

static bool bytes_ok(const uint8_t *p, const uint8_t *end)
{
	for (; p < end; p++)
		if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
			return false;
	return true;
}

static inline bool word_ok(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return likely(!maybe_control(w)) || bytes_ok(p, p + 8);
}

bool chars_value_ok(struct slice s)
{
	const uint8_t *p = s.at, *end = s.at + s.len;

	if (s.len < 8)
		return bytes_ok(p, end);
	for (; end - p > 8; p += 8)
		if (!word_ok(p))
			return false;
	return word_ok(end - 8); /* some of it a second time, rather than byte by byte */
}

bool chars_next_item(struct slice *list, struct slice *item)
{
	while (list->len) {
		const uint8_t *comma = memchr(list->at, ',', list->len);
		size_t n = comma ? (size_t)(comma - list->at) : list->len;

		*item = chars_trim(slice_first(*list, n));
		*list = slice_from(*list, comma ? n + 1 : n);
		if (item->len)
			return true;
	}
	return false;
}
