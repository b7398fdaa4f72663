/* dpdk_load.c - finding convoy-dpdk.so, and what it is given of the program. */
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "drivers/dpdk/dpdk_private.h"
#include "drivers/l4.h"

static const char module_name[] = "convoy-dpdk.so";
static const char how_to_have_it[] =
	"install libdpdk-dev (apt-get install libdpdk-dev), then run meson setup --reconfigure "
	"and build again";

static void print_log(int level, const char *line)
{
	if (level <= LOG_LEVEL_ERROR)
		log_error("dpdk", "says=\"%s\"", line);
	else if (level == LOG_LEVEL_WARN)
		log_warn("dpdk", "says=\"%s\"", line);
	else if (level == LOG_LEVEL_INFO)
		log_info("dpdk", "says=\"%s\"", line);
	else
		log_debug("dpdk", "says=\"%s\"", line);
}

const struct dpdk_host dpdk_host = {
	.log = print_log,
	.alloc = buf_alloc,
	.free = buf_free,
	.cache_init = buf_cache_init,
	.cache_deinit = buf_cache_deinit,
	.free_count = buf_pool_free_count,
	.mark_partial = l4_mark_partial,
};

/* Beside this program (a build folder), else where it is installed. */
static bool find(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len > 0) {
		self[len] = '\0';
		if (snprintf(path, PATH_MAX, "%s/%s", dirname(self), module_name) < PATH_MAX &&
		    access(path, R_OK) == 0)
			return true;
	}
	return snprintf(path, PATH_MAX, "%s/%s", CONVOY_MODULE_DIR, module_name) < PATH_MAX &&
	       access(path, R_OK) == 0;
}

/* It stays loaded: DPDK cannot be taken out of a process again. */
static const struct dpdk_module *load_or_null(char *why, size_t why_bytes)
{
	const struct dpdk_module *m;
	char path[PATH_MAX];
	void *library;

	if (!find(path)) {
		snprintf(why, why_bytes, "this convoyd was built without DPDK; %s", how_to_have_it);
		return NULL;
	}
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	m = library ? dlsym(library, DPDK_MODULE_SYMBOL) : NULL;
	if (!m) {
		snprintf(why, why_bytes, "DPDK cannot be loaded: %.160s; %s", dlerror(),
			 "install libdpdk-dev, or what it names");
		return NULL;
	}
	if (m->abi != DPDK_MODULE_ABI || m->host_bytes != sizeof(dpdk_host) ||
	    m->buf_bytes != BUF_STRIDE) {
		snprintf(why, why_bytes,
			 "%.160s is of another build than this convoyd; build again", path);
		return NULL;
	}
	log_info("dpdk.loaded", "version=\"%s\" path=%s", m->version, path);
	return m;
}

const struct dpdk_module *dpdk_load_or_null(char *why, size_t why_bytes)
{
	static const struct dpdk_module *loaded; /* main's */

	if (!loaded)
		loaded = load_or_null(why, why_bytes);
	return loaded;
}
