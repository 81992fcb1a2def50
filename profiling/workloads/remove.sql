-- remove.sql - drop all that a tool has made on a server that is not its own
DROP SCHEMA IF EXISTS tviews_profiling CASCADE;
