# pg_tviews_batch: PGXS build.  "make demo" and "make test" do their own set-up (scripts/).

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

srcdir ?= .
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

%.o: $(wildcard $(srcdir)/src/*.h)
