/* codec_write.c - put what a codec encodes at the end of a buffer. */
#include "proxy/filter/codec_write.h"

#include <stdlib.h>

/* Most that buffer_reserve() gives in one piece. */
enum { RESERVE_MAX = BUFFER_LARGE_BLOCK_BYTES - 64 };

/* Room for @bound bytes: in @out, or in *@large when it is more than a block. */
static uint8_t *room_for(struct buffer *out, size_t bound, uint8_t **large)
{
	*large = NULL;
	if (likely(bound <= RESERVE_MAX))
		return buffer_reserve(out, bound);
	*large = malloc(bound);
	invariant(*large);
	return *large;
}

static void use_room(struct buffer *out, size_t len, uint8_t *large)
{
	if (likely(!large)) {
		buffer_commit(out, len);
		return;
	}
	buffer_append(out, large, len);
	free(large);
}

void codec_put_head(struct codec *c, uint32_t stream, const struct http_head *h, bool end_stream,
		    struct buffer *out)
{
	uint8_t *large, *at = room_for(out, c->ops->head_bound(c, h), &large);

	use_room(out, c->ops->write_head(c, stream, h, end_stream, at), large);
}

void codec_put_data(struct codec *c, uint32_t stream, struct buffer *body, bool end_stream,
		    struct buffer *out)
{
	struct codec_frame frame;

	c->ops->frame_data(c, stream, buffer_len(body), end_stream, &frame);
	if (frame.before_len)
		buffer_append(out, frame.before, frame.before_len);
	buffer_move(out, body);
	if (frame.after_len)
		buffer_append(out, frame.after, frame.after_len);
}

void codec_put_trailers(struct codec *c, uint32_t stream, const struct header_map *trailers,
			struct buffer *out)
{
	uint8_t *large, *at = room_for(out, c->ops->trailers_bound(c, trailers), &large);

	use_room(out, c->ops->write_trailers(c, stream, trailers, at), large);
}
