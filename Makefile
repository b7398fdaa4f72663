# The short names of common work. meson and ninja do the building; see CONTRIBUTING.md.
BUILD  ?= build
PREFIX ?= /usr/local
PYTEST := /usr/bin/python3 -m pytest

.PHONY: all deps run test check bench bench-forward bench-memif bench-veth bench-check bench-churn golden docs lint fuzz asan ubsan tsan install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix=$(PREFIX)

deps:
	@tools/deps

# The main job, from nothing to an answered request: ARGS=--once ends with a status.
run: deps all
	@deploy/run --build $(BUILD) $(ARGS)

# Everything: unit tests, then the whole stack in network namespaces (needs root). Packet tests
# mostly wait, and each has namespaces of its own: several at a time.
test: all
	@status=0; \
	meson test -C $(BUILD) --no-rebuild --print-errorlogs || status=1; \
	CONVOY_BUILD=$(BUILD) $(PYTEST) -n 4 test/packet || status=1; \
	CONVOY_BUILD=$(BUILD) $(PYTEST) test/system || status=1; \
	exit $$status

# Fast and without root.
check: all
	@meson test -C $(BUILD) --no-rebuild --print-errorlogs

# wrk -> proxy -> nginx on the stack and on the kernel; needs root. ARGS="--only proxies --rounds 3"
bench: all
	@CONVOY_BUILD=$(BUILD) /usr/bin/python3 bench/talk.py $(ARGS)

# Clocks per packet and node of the forwarding paths, generator to sink; as root, veth and memif
# after that. ARGS="--only ip4 --write"
bench-forward: all
	@CONVOY_BUILD=$(BUILD) /usr/bin/python3 bench/forward.py $(ARGS)

# Packets through a memif between two convoyd's, beside testpmd's; needs root.
bench-memif: all
	@CONVOY_BUILD=$(BUILD) /usr/bin/python3 bench/memif.py $(ARGS)

# Forwarding between two veth pairs by af_packet and af_xdp, against the kernel's own; needs root.
bench-veth: all
	@CONVOY_BUILD=$(BUILD) /usr/bin/python3 bench/veth.py $(ARGS)

# How long a worker's turns take while routes and interfaces come and go; needs root.
bench-churn: all
	@CONVOY_BUILD=$(BUILD) /usr/bin/python3 bench/churn.py $(ARGS)

# Instructions per packet against bench/forward_instructions.txt; ARGS=--write accepts what is.
bench-check: all
	@CONVOY_BUILD=$(BUILD) /usr/bin/python3 bench/forward_check.py $(ARGS)

# Write TCP's tables of throughput and fairness and the traces anew; the difference shows what has changed.
golden: all
	@for table in throughput fairness; do \
		$(BUILD)/test/sim/sim-golden $$table > test/sim/golden/$$table.txt; \
	done
	@GOLDEN=write CONVOY_BUILD=$(BUILD) $(PYTEST) -q test/system/trace_test.py -k golden
	@git diff --stat test/sim/golden test/system/golden

docs: all
	@CONVOY_BUILD=$(BUILD) $(PYTEST) test/system/docs_test.py test/system/cookbook_test.py

lint:
	@tools/lint

fuzz:
	@tools/fuzz $(ARGS)

asan ubsan tsan:
	@tools/sanitize $@

install: all
	@meson install -C $(BUILD) --no-rebuild
	@[ -n "$(DESTDIR)" ] || ldconfig

clean:
	rm -rf build build-*
