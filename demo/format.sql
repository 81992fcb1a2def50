-- format.sql - how the demo prints: plain lines and aligned tables; included by the other scripts

\set QUIET on
\pset pager off
\pset footer off
\pset border 1
\pset null '-'
\set VERBOSITY terse
SET client_min_messages = warning;
