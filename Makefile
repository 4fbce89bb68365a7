# dml: deep metric learning inside PostgreSQL.
#
#   make && sudo make install    for the PostgreSQL whose pg_config comes first in PATH
#   make installcheck            the SQL tests in the server that PGHOST, PGPORT and PGUSER name
#   make check                   builds and tests in a private cluster: about five minutes
#   make check-all               what takes longer: sanitizers, valgrind, a second compiler
#   make demo / make demo-stop   the main job on real data, in a private cluster
#
# check, check-all and demo install what they need and then call this Makefile again, so they
# work before there is a pg_config: they do not read PGXS.  All others work outside the tree, too: make -f TREE/Makefile.

ifneq ($(filter check check-all demo demo-stop,$(MAKECMDGOALS)),)

.PHONY: check check-all demo demo-stop
check:
	test/check
check-all:
	test/check all
demo:
	demo/start
demo-stop:
	demo/stop

else

EXTENSION = dml
EXTVERSION = 1.0
MODULE_big = dml

# The tree with a slash behind it, in a build outside of it; else nothing.
tree := $(filter-out ./,$(dir $(firstword $(MAKEFILE_LIST))))

# A room's SQL may use what the rooms before it define.
ROOMS = vector model read embed train evaluate index answer picture
ROOM_SQL = $(foreach room,$(ROOMS),$(sort $(wildcard $(tree)src/pg/$(room)/*.sql)))
INSTALL_SQL = $(EXTENSION)--$(EXTVERSION).sql

DATA_built = $(INSTALL_SQL)
SOURCES = $(wildcard $(addprefix $(tree)src/,base/*.c math/*.c learn/*/*.c ann/*.c pg/*.c pg/*/*.c))
OBJS = $(patsubst $(tree)%.c,%.o,$(sort $(SOURCES)))
DEPS = $(OBJS:.o=.d)

PG_CPPFLAGS = -I$(tree)src -I$(tree)src/pg
PG_CFLAGS = -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare -MMD -MP
EXTRA_CLEAN = $(DEPS) $(INSTALL_SQL)
REGRESS = $(patsubst $(tree)sql/%.sql,%,$(sort $(wildcard $(tree)sql/*.sql)))
$(if $(tree),$(shell mkdir -p $(sort $(dir $(OBJS)))))

# LLVM bitcode buys nothing here: no function of ours is worth inlining into a query.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Nothing but what PostgreSQL looks up is visible: two libraries in one backend may
# have functions of one name.
ifeq ($(PORTNAME),linux)
SHLIB_LINK += -Wl,--version-script=$(tree)src/pg/dml.map
endif
SHLIB_LINK += -lm -ldl -lpthread

# Objects that were made for another PostgreSQL include its headers: they are compiled again.
OF_ANOTHER := $(filter %.d,$(shell grep -LF '$(includedir_server)/postgres.h' $(filter src/pg/%,$(wildcard $(DEPS))) /dev/null))
ifneq ($(OF_ANOTHER),)
.PHONY: another_postgresql
$(OF_ANOTHER:.d=.o) $(INSTALL_SQL): another_postgresql
endif

include $(tree)src/simd.mk
-include $(DEPS)

# Types have subscripts from PostgreSQL 14 on.
ifeq ($(MAJORVERSION),13)
ROOM_SQL := $(filter-out %/15_subscript.sql,$(ROOM_SQL))
endif

# A line @name@ in a room's SQL stands for the lines of name.part: what several statements have in common.
SQL_PARTS = $(wildcard $(tree)src/pg/*/*.part)

$(INSTALL_SQL): $(ROOM_SQL) $(SQL_PARTS) $(tree)Makefile
	{ printf '%s\n' '\echo Use "CREATE EXTENSION dml" to load this file. \quit'; cat $(ROOM_SQL); } | \
		sed $(foreach part,$(SQL_PARTS),-e '/^@$(basename $(notdir $(part)))@$$/{' -e 'r $(part)' -e 'd' -e '}') > $@

.PHONY: unit
unit:
	$(MAKE) -C $(tree)test/unit check

endif
