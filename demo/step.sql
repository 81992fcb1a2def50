-- step.sql - play one change: :title, :change (a statement), :look (a query that yields one text)

SELECT count(*) + 1 AS n FROM demo.step \gset
\echo :n'.' :title
\echo
\echo '   ' :change
\echo

SELECT clock_timestamp() AS started \gset
BEGIN;
:change;
COMMIT;
SELECT extract(epoch FROM clock_timestamp() - :'started') * 1000 AS writer_ms \gset

SELECT coalesce(sum(pending_changes), 0) AS queued FROM tviews_batch.queue_depth() WHERE source IS NOT NULL \gset

SELECT clock_timestamp() AS started \gset
SELECT * FROM tviews_drain() \gset drain_
SELECT extract(epoch FROM clock_timestamp() - :'started') * 1000 AS drain_ms \gset

SELECT clock_timestamp() AS started \gset
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_package;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_maintainer;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_impact;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_unmet;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_section;
SELECT extract(epoch FROM clock_timestamp() - :'started') * 1000 AS refresh_ms \gset

INSERT INTO demo.step (n, title, writer_ms, queued, changes, keys, inserted, updated, deleted, levels, drain_ms, refresh_ms)
VALUES (:n, :'title', :writer_ms, :queued, :drain_changes, :drain_keys, :drain_inserted, :drain_updated, :drain_deleted,
        :drain_levels, :drain_ms, :refresh_ms);

\pset tuples_only on
\pset format unaligned
SELECT format(E'    writer   %s ms\n    queue    %s changes\n    drain    %s ms: %s keys on %s levels, %s rows inserted, %s updated, %s deleted\n    REFRESH  %s ms for the same five views, CONCURRENTLY\n',
              to_char(writer_ms, '999990.0'), to_char(queued, '99999990'), to_char(drain_ms, '999990.0'),
              keys, levels, inserted, updated, deleted, to_char(refresh_ms, '999990.0'))
  FROM demo.step WHERE n = :n;
SELECT format('    %s', line) FROM (:look) l (document), LATERAL regexp_split_to_table(document, '\n') line;
\pset tuples_only off
\pset format aligned
\echo
