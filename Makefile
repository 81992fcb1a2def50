# pg_tviews_batch: the targets of PGXS (all, install, installcheck, clean), and
#
#   make demo       real data, TVIEWs, pg_cron, changes; leaves a private server running
#   make demo-stop  stops it
#   make torture    crashes, DDL, failing keys and concurrent writers for SECONDS=n (default 600)
#   make test       every test suite on private clusters; SUITES="regress isolation tap" picks some
#   make test-servers  the same on PostgreSQL 17 and 18, each in a Debian of its own (root, debootstrap, 2 GB each)
#   make bench      what it costs, measured in pairs beside rivals; half an hour; writes docs/performance.md
#   make bench QUICK=1  the same with smaller tables, under five minutes; BARS="4 5" measures some bars
#   make profile    memory, measured (half an hour); writes docs/memory-report.md
#
# which do their own set-up (scripts/) and leave the system's PostgreSQL alone.

EXTENSION = pg_tviews_batch
MODULE_big = pg_tviews_batch
OBJS = $(patsubst $(srcdir)/%.c,%.o,$(sort $(wildcard $(srcdir)/src/*.c)))
DATA = $(wildcard $(srcdir)/sql/install/*.sql)

PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wshadow $(WERROR)

REGRESS = --schedule=$(srcdir)/schedules/regress.schedule
REGRESS_OPTS = --inputdir=$(srcdir)
ISOLATION = --schedule=$(srcdir)/schedules/isolation.schedule
ISOLATION_OPTS = --inputdir=$(srcdir)/sql/isolation
PROVE_TESTS = $(srcdir)/sql/t/*.pl
TAP_TESTS = $(if $(wildcard $(srcdir)/sql/t/*.pl),1)

OWN_TARGETS = demo demo-stop test torture test-servers bench bench-quick profile clean-build
.DEFAULT_GOAL = all
.PHONY: $(OWN_TARGETS)

demo:
	@DEMO_PACKAGES='$(DEMO_PACKAGES)' scripts/demo

demo-stop:
	@scripts/cluster stop demo

test:
	@scripts/test $(SUITES)

test-servers:
	@SUITES='$(SUITES)' scripts/test-servers

bench:
	@bench/run $(if $(QUICK),--quick) $(BARS)

bench-quick:
	@bench/run --quick $(BARS)

profile:
	@PROFILE_MINUTES='$(PROFILE_MINUTES)' profiling/run

torture:
	@scripts/torture $(SECONDS)

clean-build:
	@scripts/clean

# Our own targets install PostgreSQL where it is missing, so they cannot need it here.
ifneq ($(or $(if $(MAKECMDGOALS),,all),$(filter-out $(OWN_TARGETS),$(MAKECMDGOALS))),)
srcdir ?= .
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(PGXS),)
$(error no pg_config: install postgresql-server-dev-15, or name one with PG_CONFIG=)
endif
include $(PGXS)

# The library's own functions are bound when it is linked: a session that loads it need not look them up.
ifeq ($(PORTNAME),linux)
SHLIB_LINK += -Wl,-Bsymbolic
endif

$(OBJS): $(wildcard $(srcdir)/src/*.h)
clean: clean-build
endif
