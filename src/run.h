/* run.h - SQL under one snapshot, and SQL on the extension's own tables */
#ifndef TVB_RUN_H
#define TVB_RUN_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "nodes/plannodes.h"
#include "tcop/dest.h"
#include "utils/queryenvironment.h"
#include "utils/snapshot.h"
#include "utils/tuplestore.h"

/* A stretch of work all of whose queries see one state of the tables, and its own writes. */
typedef struct TvbRun
{
	MemoryContext context;		/* lives as long as the work */
	Snapshot	snapshot;		/* registered */
	CommandId	seen;			/* own writes before this are seen by the last
								 * query */
} TvbRun;

/* The parameters of a statement. */
typedef struct TvbRunArgs
{
	int			nargs;
	Oid		   *types;
	Datum	   *values;
	const char *nulls;			/* 'n' per NULL as in SPI, or NULL */
	EphemeralNamedRelation relation;	/* rows it can name, or NULL */
	bool		keyed;			/* it reads few rows, by keys that changed a moment ago */
} TvbRunArgs;

/* One parameter, as the initializer of a TvbRunArgs; lasts as long as the block it stands in. */
#define TVB_RUN_ARG(type, value) {1, (Oid[]) {type}, (Datum[]) {value}, NULL}

/*
 * Run a query under the snapshot and send its rows to dest.  The user and the
 * settings are those in force.  Memory: the current context is the same
 * afterwards; nothing is left in it.
 */
extern void tvb_run_query(TvbRun *run, const char *sql, const TvbRunArgs *args,
						  DestReceiver *dest);

/* The same, but of the run's own writes the query sees no more than the one before it. */
extern void tvb_run_query_again(TvbRun *run, const char *sql, const TvbRunArgs *args,
								DestReceiver *dest);

/* The same with a plan that was made before; between, it was locked as the planner does. */
extern void tvb_run_planned(TvbRun *run, PlannedStmt *stmt, const char *sql, const TvbRunArgs *args,
							DestReceiver *dest);

/* What a query's text means, as for pg_plan_query, in the current context. */
extern List *tvb_run_analyze(RawStmt *raw, const char *sql, const TvbRunArgs *args);

/* Between them the planner knows that a query reads few rows.  Returns a level for end. */
extern int	tvb_run_begin_planning(const TvbRunArgs *args);
extern void tvb_run_end_planning(int level);

/* The named relation of arguments as statements take it, in the current context; NULL: none. */
extern QueryEnvironment *tvb_run_environment(const TvbRunArgs *args);

/* What the planner thinks a query costs, and how many rows it yields (rows may be NULL). */
extern double tvb_run_cost(TvbRun *run, const char *sql, const TvbRunArgs *args, double *rows);

/* Run INSERT, UPDATE or DELETE with rows of a relation under the snapshot; returns the rows written. */
extern uint64 tvb_run_write(TvbRun *run, const char *sql, EphemeralNamedRelation relation);

/* Describe a tuplestore as a named relation.  name, desc and store must last as long as it is used. */
extern void tvb_run_describe(EphemeralNamedRelation relation, const char *name, TupleDesc desc,
							 Tuplestorestate *store);

/*
 * Run a statement on the extension's own tables as the extension's owner.
 * query sees what the active snapshot sees and this transaction's own writes,
 * change a new snapshot.  The result is in
 * SPI_tuptable (free it with SPI_freetuptable); returns SPI_processed.  The
 * plan is kept in *plan for the next call; plan NULL: it is not, as for a large one that is seldom used.
 */
extern uint64 tvb_run_own_query(SPIPlanPtr *plan, const char *sql, const TvbRunArgs *args);
extern uint64 tvb_run_own_change(SPIPlanPtr *plan, const char *sql, const TvbRunArgs *args);

/* An oid list as an oid[] parameter of such a statement. */
extern Datum tvb_run_oid_array(List *oids);

/*
 * Run such a statement as a change, and return the first column of its rows as an oid list,
 * without NULLs.
 */
extern List *tvb_run_own_oids(SPIPlanPtr *plan, const char *sql, const TvbRunArgs *args);

/* A column of the last such statement's rows as an oid list, without NULLs. */
extern List *tvb_run_oid_column(int column);

/* Contexts of the plans kept so, in the current context: MemoryContext list.  For tviews_memory. */
extern List *tvb_run_kept_contexts(void);

/* Make what the active snapshot shows, and all this transaction has written, visible, until PopActiveSnapshot. */
extern void tvb_run_push_own_snapshot(void);

#endif
