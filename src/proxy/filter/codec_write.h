/* codec_write.h - put what a codec encodes at the end of a buffer. */
#ifndef CONVOY_PROXY_FILTER_CODEC_WRITE_H
#define CONVOY_PROXY_FILTER_CODEC_WRITE_H

#include "proxy/http/codec.h"
#include "proxy/net/buffer.h"

/* codec_put_head - the head of a message; @end_stream: nothing follows it. */
void codec_put_head(struct codec *c, uint32_t stream, const struct http_head *h, bool end_stream,
		    struct buffer *out);

/* codec_put_data - all of @body, moved, with the framing around it. */
void codec_put_data(struct codec *c, uint32_t stream, struct buffer *body, bool end_stream,
		    struct buffer *out);

/* codec_put_trailers - the end of a message with trailers; without, if it has no place for them. */
void codec_put_trailers(struct codec *c, uint32_t stream, const struct header_map *trailers,
			struct buffer *out);

#endif
