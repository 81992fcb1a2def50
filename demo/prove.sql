-- prove.sql - every TVIEW equals its view; a row changed by hand is found and repaired

\ir format.sql

-- both comparisons for one TVIEW: the extension's, and plain SQL that knows nothing of it
CREATE FUNCTION demo.compare(view text, tview text, OUT rows bigint, OUT missing bigint, OUT unexpected bigint,
                             OUT different bigint, OUT view_except_tview bigint, OUT tview_except_view bigint)
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT (SELECT count(*) FROM %2$s), v.missing, v.unexpected, v.different,
                           (SELECT count(*) FROM (TABLE %1$s EXCEPT ALL TABLE %2$s) a),
                           (SELECT count(*) FROM (TABLE %2$s EXCEPT ALL TABLE %1$s) b)
                      FROM tviews_verify(%2$L) v', view, tview)
       INTO rows, missing, unexpected, different, view_except_tview, tview_except_view;
END
$$;

\echo '=== 6. Every TVIEW equals its view ==='
\echo
\echo 'missing, unexpected, different: SELECT * FROM tviews_verify(...); the last two columns: EXCEPT ALL both ways'
\echo
CREATE TABLE demo.proof AS
SELECT t.level, t.tview, c.* FROM tviews_batch.tview t, LATERAL demo.compare(t.view::text, t.tview::text) c;
SELECT tview, rows, missing, unexpected, different, view_except_tview, tview_except_view
  FROM demo.proof ORDER BY level, tview::text;
DO $$
BEGIN
    IF EXISTS (SELECT FROM demo.proof WHERE missing + unexpected + different + view_except_tview + tview_except_view <> 0) THEN
        RAISE EXCEPTION 'a TVIEW differs from its view';
    END IF;
END
$$;

\echo '=== 7. A row changed by hand is found ==='
\echo

CREATE FUNCTION demo.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN '    done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN format(E'    ERROR:  %s\n    HINT:  %s', message, hint);
END
$$;

SELECT min(pk_package) AS package FROM tv_package \gset
\set change 'UPDATE tv_package SET name = ''tampered'' WHERE pk_package = ' :package
\pset tuples_only on
\pset format unaligned
\echo '   ' :change
SELECT demo.attempt(:'change');
\echo
\echo '    SET tviews_batch.guard = off;'
\echo '   ' :change
SET tviews_batch.guard = off;
SELECT demo.attempt(:'change');
RESET tviews_batch.guard;
\pset tuples_only off
\pset format aligned
\echo
\echo '    SELECT * FROM tviews_verify(''tv_package'');'
SELECT * FROM tviews_verify('tv_package');
\echo '    SELECT tview, state FROM tviews_status;'
SELECT tview, state FROM tviews_status ORDER BY level, tview::text;
\echo '    CALL tviews_reconcile();     -- what the nightly job does, and drains little by little'
CALL tviews_reconcile();
\echo
\echo '    SELECT * FROM tviews_verify(''tv_package'');'
SELECT * FROM tviews_verify('tv_package');
\echo '    SELECT tview, state FROM tviews_status;'
SELECT tview, state FROM tviews_status ORDER BY level, tview::text;
SELECT bool_and(missing + unexpected + different = 0 AND state = 'ok') AS repaired
  FROM tviews_status, LATERAL tviews_verify(tview) \gset
\if :repaired
\else
    DO $$ BEGIN RAISE EXCEPTION 'the TVIEW was not repaired'; END $$;
\endif

SELECT tviews_schedule('1 second') \g /dev/null
