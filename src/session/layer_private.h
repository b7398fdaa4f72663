/* layer_private.h - what the files of this folder see of the session layer. */
#ifndef CONVOY_SESSION_LAYER_PRIVATE_H
#define CONVOY_SESSION_LAYER_PRIVATE_H

struct app_server;
struct session_layer;

/* session_layer_server - main's applications and bindings. */
struct app_server *session_layer_server(struct session_layer *layer);

#endif
