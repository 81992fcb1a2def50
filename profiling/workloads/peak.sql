-- peak.sql - a fresh backend changes rows (:change) and drains; how much more memory it had meanwhile
-- variables: step, change, settings; environment: PROFILING, PEAKFILE, or PEAKFILE empty where nobody can look
SET search_path = tviews_profiling, public;
:settings
SELECT mark('warm up') FROM generate_series(1, 2);
:change
\c
SET search_path = tviews_profiling, public;
:settings
SELECT mark('warm up') FROM generate_series(1, 2);
SELECT pg_backend_pid() AS pid, smaps('Anonymous') AS before \gset
\setenv BACKEND :pid
\! [ -z "$PEAKFILE" ] || "$PROFILING"/peak start $BACKEND "$PEAKFILE"
SELECT changes AS drained FROM tviews_drain() \gset
\! [ -z "$PEAKFILE" ] || "$PROFILING"/peak stop "$PEAKFILE"
SELECT peak_bytes AS contexts FROM tviews_memory() WHERE area = 'drain' AND context IS NULL \gset
\set bytes `if [ -n "$PEAKFILE" ]; then cat "$PEAKFILE"; else echo -1; fi`
INSERT INTO peak (step, bytes, contexts)
SELECT :'step', CASE WHEN :bytes < 0 THEN :contexts ELSE :bytes - :before END, :contexts;
SELECT mark('after ' || :'step');
