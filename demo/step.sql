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

SELECT pending_changes AS queued FROM tviews_queue_depth WHERE source IS NULL \gset

SELECT clock_timestamp() AS started \gset
SELECT * FROM tviews_drain() \gset drain_
SELECT extract(epoch FROM clock_timestamp() - :'started') * 1000 AS drain_ms \gset
-- which way it took, from its row in the history; a drain that found nothing writes none
SELECT coalesce(max(keyed), 0) AS keyed, coalesce(max(compared), 0) AS compared
  FROM tviews_drains
 WHERE :drain_changes > 0 AND id = (SELECT max(id) FROM tviews_drains) \gset

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
SELECT format(E'    writer   %s ms\n    queued   %s\n    drain    %s ms   %s\n    REFRESH  %s ms   the same five views, CONCURRENTLY\n',
              to_char(writer_ms, '999990.0'), to_char(queued, '9999990'), to_char(drain_ms, '999990.0'),
              CASE WHEN changes = 0 THEN 'nothing to do'
                   ELSE format('%s keys; rows: %s inserted, %s updated, %s deleted; TVIEWs: %s key by key, %s compared whole',
                               keys, inserted, updated, deleted, :keyed, :compared) END,
              to_char(refresh_ms, '999990.0'))
  FROM demo.step WHERE n = :n;
SELECT format('    %s', line) FROM (:look) l (document), LATERAL regexp_split_to_table(document, '\n') line;
\pset tuples_only off
\pset format aligned
\echo
