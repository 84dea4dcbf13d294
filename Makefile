# The short names of what one does here. The work is done by CMake (CMakePresets.json), npm and scripts/.

BUILD ?= release
WERROR ?= OFF
SECONDS ?= 60
TIME ?= 30
SEEDS ?= 20
FIGURES ?= 1
ARGS ?=
ONLY ?=
REDIS ?= one
RUNS ?= 3
SCHEDULES ?= 10000
JOBS ?=
PREFIX ?= /usr/local
SCRIPT ?= smoke
SIGN ?=

SOURCES = $(shell find common broker gateway tests -name node_modules -prune -o -name '*.[ch]' -print)
# What the current build compiles of ours, without what it generates.
COMPILED = sed -n 's|^ *"file": "\(.*\)",*$$|\1|p' build/$(BUILD)/compile_commands.json | \
	grep -v '^$(CURDIR)/build/' | sort -u

configure = cmake --log-level=NOTICE --preset $(1) -DRIDECAST_WERROR=$(WERROR)

.PHONY: build client run install package test test-clients test-debian13 cluster load hold soak offenders chaos model sim bench pictures lint format fuzz clean help

build: ## the gateway: build/release/gateway/ridecast-gateway (BUILD=dev: with ASan and UBSan)
	@scripts/install-deps.sh build
	@$(call configure,$(BUILD))
	@cmake --build --preset $(BUILD)

client: ## the web client: client/dist (where Node.js is recent enough)
	@scripts/install-deps.sh client
	@scripts/build-client.sh

# Where there is no client to serve, the gateway runs without.
static = $$([ -e client/dist/index.html ] && echo --static client/dist)

run: build client ## build both and start the gateway on http://localhost:3000 (ARGS="--log-level debug")
	@exec build/$(BUILD)/gateway/ridecast-gateway $(static) $(ARGS)

# Paths are built in, so these have builds of their own.
build-for = cmake --log-level=NOTICE -S . -B build/$(1) -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DRIDECAST_TESTS=OFF \
	-DCMAKE_INSTALL_PREFIX=$(2) && cmake --build build/$(1)

install: client ## the gateway, the client and a systemd unit (PREFIX=/usr/local DESTDIR=)
	@scripts/install-deps.sh build
	@$(call build-for,install,$(PREFIX))
	@cmake --install build/install

package: client ## a Debian package: build/package/ridecast_*.deb, its parts (.sbom.json) and SHA256SUMS (SIGN=key: signed with gpg)
	@scripts/install-deps.sh build package
	@$(call build-for,package,/usr)
	@cd build/package && rm -f ridecast_* SHA256SUMS* && cpack
	@scripts/release.sh build/package $(SIGN)

# Older runtimes of ThreadSanitizer do not start where addresses are very random (vm.mmap_rnd_bits=32).
no-aslr = $(if $(filter tsan,$(BUILD)),$$(setarch -R true 2>/dev/null && echo setarch -R))

# Tests mostly wait.
at-once = $(or $(JOBS),$(shell n=$$((3 * $$(nproc))); echo $$((n < 16 ? n : 16))))

test: ## all tests (BUILD=dev: under ASan and UBSan; BUILD=tsan: what has two threads; ONLY=protocol/auth: those; JOBS=1: one after the other)
	@scripts/install-deps.sh build test
	@$(MAKE) --no-print-directory build client tests/node_modules/.package-lock.json
	@rm -f build/$(BUILD)/offenders.txt
	@$(no-aslr) ctest --preset $(BUILD) -j $(at-once) $(if $(ONLY),-R '$(ONLY)'); status=$$?; \
		cat build/$(BUILD)/offenders.txt 2>/dev/null; exit $$status

# A JDK is as large as all else that the tests install, and Maven fetches from a place of its own: so not in `make test`.
test-clients: ## apps in JavaScript, Python and Java, and the JSON of eight languages, for which it installs a JDK and Go
	@scripts/install-deps.sh build test java go
	@$(MAKE) --no-print-directory build tests/node_modules/.package-lock.json
	@scripts/build-java-client.sh >/dev/null
	@RIDECAST_BUILD=build/$(BUILD) node --test tests/clients/*.test.mjs

test-debian13: ## those tests in a Debian 13, made once with debootstrap, as root (DEBIAN13=build/debian13)
	@DEBIAN13='$(DEBIAN13)' MIRROR='$(MIRROR)' scripts/debian13.sh make test \
		BUILD=$(BUILD) WERROR=$(WERROR) JOBS=$(JOBS) ONLY='$(ONLY)'

tests/node_modules/.package-lock.json: tests/package-lock.json
	@cd tests && npm ci --no-audit --no-fund
	@touch $@

cluster: ## Redis, three gateways (ports 3001 to 3003) and nginx on http://localhost:8080; Ctrl-C ends it (REDIS=cluster: a Redis Cluster)
	@scripts/install-deps.sh build test
	@$(MAKE) --no-print-directory build client tests/node_modules/.package-lock.json
	@RIDECAST_BUILD=build/$(BUILD) REDIS=$(REDIS) exec node tests/load/local-cluster.mjs

load: ## k6's smoke test against such a cluster on free ports (SCRIPT=fanout: another one of tests/load)
	@scripts/install-deps.sh build test load
	@$(MAKE) --no-print-directory build tests/node_modules/.package-lock.json
	@k6=$$(scripts/build-k6.sh) && RIDECAST_BUILD=build/$(BUILD) REDIS=$(REDIS) exec node tests/load/local-cluster.mjs \
		$(if $(filter drain,$(SCRIPT)),--rolling) "$$k6" run --quiet --address 127.0.0.1:0 tests/load/$(SCRIPT).js

hold: ## 18,000 clients through nginx, held for five minutes (CLIENTS=2000 HOLD=20)
	@scripts/install-deps.sh build test
	@$(MAKE) --no-print-directory build tests/node_modules/.package-lock.json
	@RIDECAST_BUILD=build/$(BUILD) CLIENTS=$(or $(CLIENTS),18000) SECONDS=$(or $(HOLD),300) node tests/load/hold.mjs

soak: ## half of what can be sustained for MINUTES=30, while clients come and go
	@scripts/install-deps.sh build test
	@$(MAKE) --no-print-directory build tests/node_modules/.package-lock.json
	@RIDECAST_BUILD=build/$(BUILD) MINUTES=$(or $(MINUTES),30) node tests/load/churn.mjs

offenders: ## what strangers can do with the default limits, then twenty addresses do all of it beside 500 good clients, for MINUTES=5
	@scripts/install-deps.sh build test
	@$(MAKE) --no-print-directory build tests/node_modules/.package-lock.json
	@RIDECAST_BUILD=build/$(BUILD) MINUTES=$(or $(MINUTES),5) node tests/offenders/main.mjs

chaos: ## SEEDS=20 runs of SECONDS=60 in which everything breaks, then figures of how long healing takes (FIGURES=0: none; JOBS=2: two at once; CLUSTER=1: on a Redis Cluster)
	@scripts/install-deps.sh build test
	@$(MAKE) --no-print-directory build tests/node_modules/.package-lock.json
	@RIDECAST_BUILD=build/$(BUILD) JOBS=$(or $(JOBS),1) FIGURES=$(FIGURES) CLUSTER=$(CLUSTER) node tests/cluster/chaos/main.mjs $(SEEDS) $(SECONDS)

model: ## SCHEDULES=10000 random schedules of the protocol's model, over all cores (FIRST=0: from this seed on)
	@python3 -B tests/model/main.py $(SCHEDULES) $(or $(FIRST),0)

sim: ## whole gateways on virtual time, seed after seed, for SECONDS=60 of one core (FIRST=1: from this seed on)
	@scripts/install-deps.sh build test
	@$(call configure,release)
	@cmake --build --preset release --target sim
	@build/release/tests/sim/world/sim --seed $(or $(FIRST),1) --for $(SECONDS) --visitors 12 --rides 2 --seconds 120 --fault-ms 2000

bench: ## measure against the floor and the peers, and write docs/benchmark.md (ONLY=limit,cost: these rows anew)
	@scripts/install-deps.sh build bench
	@$(MAKE) --no-print-directory build BUILD=release
	@RUNS=$(RUNS) node tests/bench/run.mjs $(ONLY)

pictures: ## draw the web client's main states into docs/pictures
	@scripts/install-deps.sh build test pictures
	@$(MAKE) --no-print-directory build client tests/node_modules/.package-lock.json
	@RIDECAST_BUILD=$(CURDIR)/build/$(BUILD) npm --prefix tests run --silent screenshots

# It reads no system headers: the lists' macros are put before each file, and what libwebsockets has is said.
cppcheck = cppcheck -j $$(nproc) --quiet --error-exitcode=1 --suppressions-list=.cppcheck-suppressions \
	--std=c11 --enable=warning,performance,portability --library=posix -DLWS_WITH_LIBUV \
	--include=/usr/include/uthash.h --include=/usr/include/utlist.h --project=build/$(BUILD)/compile_commands.json

lint: ## clang-format, clang-tidy and cppcheck, and on the web client tsc, ESLint and Prettier, all without tolerance
	@scripts/install-deps.sh test lint
	@clang-format --dry-run -Werror $(SOURCES)
	@$(MAKE) --no-print-directory build
	@if scripts/has-client-node.sh; then $(MAKE) --no-print-directory client && npm --prefix client run --silent lint; fi
	@$(cppcheck)
	@$(COMPILED) | xargs -P $$(nproc) -n 4 clang-tidy --quiet -p build/$(BUILD)

format: ## clang-format on all C files, Prettier on the web client
	@scripts/install-deps.sh lint client
	@clang-format -i $(SOURCES)
	@if scripts/has-client-node.sh; then $(MAKE) --no-print-directory client && npm --prefix client run --silent format; fi

fuzz: ## every fuzz target for TIME=30 seconds
	@scripts/install-deps.sh build fuzz
	@$(call configure,fuzz)
	@cmake --build --preset fuzz
	@scripts/fuzz.sh $(TIME)

clean: ## remove everything that was built
	@rm -rf build client/dist

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 20
