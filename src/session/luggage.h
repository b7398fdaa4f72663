/*
 * luggage.h - what a session takes along when it goes to another channel: bytes that its
 * application has not read, bytes that nobody has acknowledged, the states of both directions.
 */
#ifndef CONVOY_SESSION_LUGGAGE_H
#define CONVOY_SESSION_LUGGAGE_H

#include "session/session.h"

struct luggage {
	uint8_t *unread, *kept; /* owned; NULL when there are none */
	uint32_t n_unread, n_kept;
	uint8_t shift;	    /* chunk size of the stack's fifo, so that the window does not shrink */
	uint8_t my_state;   /* enum shm_state of the stack's half */
	uint8_t peer_state; /* of the application's */
	int32_t error;
	bool wanted_room;
};

/*
 * luggage_pack - take everything out of @s, which may be on a link or not. On a link, its owner can
 * see from here on that it is not the owner any more. ERR_NOMEM, ERR_PROTOCOL: the end is broken;
 * @s is good for nothing but to be discarded then.
 */
must_check
int luggage_pack(struct session *s, struct luggage *g);

/* luggage_unpack - into @s, just opened on another link. False when that is short of chunks. */
must_check
bool luggage_unpack(struct session *s, struct luggage *g);

/* luggage_park - into @s, which is on no link and waits to be adopted. ERR_NOMEM. */
must_check
int luggage_park(struct session *s, struct luggage *g);

void luggage_free(struct luggage *g);

#endif
