-- define.sql - the TVIEWs: one call for each view

\ir format.sql

SELECT (SELECT count(*) FROM tb_package) AS packages,
       (SELECT count(*) FROM tb_maintainer) AS maintainers,
       (SELECT count(*) FROM tb_section) AS sections,
       (SELECT count(*) FROM tb_dependency) AS dependencies,
       (SELECT count(*) FROM tb_provided) AS provided_names;

\echo '=== 3. Five views become TVIEWs ==='
\echo
\echo 'demo/views_package.sql and demo/views.sql have the views.  A TVIEW is a table with the rows of a view, made by one call:'
\echo

CREATE EXTENSION pg_cron;
CREATE EXTENSION pg_tviews_batch;

CREATE SCHEMA demo;
CREATE TABLE demo.made (n integer GENERATED ALWAYS AS IDENTITY, call text, took interval);

-- run(sql): run it, remember how long it took
CREATE PROCEDURE demo.run(call text) LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz := clock_timestamp();
BEGIN
    EXECUTE call;
    INSERT INTO demo.made (call, took) VALUES (call, clock_timestamp() - started);
END
$$;

\ir views_package.sql
CALL demo.run($$SELECT tviews_create('v_package')$$);
CREATE INDEX ON tv_package (fk_maintainer);
\ir views.sql
CALL demo.run($$SELECT tviews_create('v_maintainer')$$);
CALL demo.run($$SELECT tviews_create('v_impact', key => '{pk_package}')$$);
CALL demo.run($$SELECT tviews_create('v_unmet', key => '{pk_dependency}')$$);
CALL demo.run($$SELECT tviews_create('v_section')$$);
VACUUM ANALYZE;

SELECT call, round(extract(epoch FROM took) * 1000) AS ms FROM demo.made ORDER BY n;

\echo 'Which changes touch which rows was found from the views (tviews_explain):'
\echo

SELECT t.tview::regclass AS tview, e.source, e.alias, e.route, e.link_columns
  FROM tviews_batch.tview t, LATERAL tviews_explain(t.tview) e
 ORDER BY t.level, t.tview, e.alias;

-- for comparison: materialized views with the same queries, and what REFRESH ... CONCURRENTLY needs
CREATE MATERIALIZED VIEW mv_package AS TABLE v_package;
CREATE UNIQUE INDEX ON mv_package (pk_package);
CREATE MATERIALIZED VIEW mv_maintainer AS TABLE v_maintainer;
CREATE UNIQUE INDEX ON mv_maintainer (pk_maintainer);
CREATE MATERIALIZED VIEW mv_impact AS TABLE v_impact;
CREATE UNIQUE INDEX ON mv_impact (pk_package);
CREATE MATERIALIZED VIEW mv_unmet AS TABLE v_unmet;
CREATE UNIQUE INDEX ON mv_unmet (pk_dependency);
CREATE MATERIALIZED VIEW mv_section AS TABLE v_section;
CREATE UNIQUE INDEX ON mv_section (pk_section);
ANALYZE;
