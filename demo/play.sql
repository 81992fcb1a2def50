-- play.sql - changes, what they cost the writer, and what bringing five TVIEWs up to date costs

\ir format.sql

CREATE TABLE demo.step (
    n integer PRIMARY KEY, title text, writer_ms numeric, queued bigint, changes bigint, keys bigint,
    inserted bigint, updated bigint, deleted bigint, levels integer, drain_ms numeric, refresh_ms numeric
);

\echo '=== 5. Changes ==='
\echo
\echo 'From here on each change is followed by one SELECT * FROM tviews_drain(), and by REFRESH MATERIALIZED VIEW'
\echo 'CONCURRENTLY of five materialized views with the same queries.  The client takes the times, commits included.'
\echo

-- one row
SELECT pk_package AS package
  FROM tv_package
 WHERE jsonb_array_length(document->'dependencies') BETWEEN 2 AND 6
 ORDER BY abs(needed_by - 20), name LIMIT 1 \gset
\set title 'One package gets a new version'
\set change 'UPDATE tb_package SET version = ''9.9-1'' WHERE pk_package = ' :package
\set look 'SELECT format(''tv_package: %s'', document) FROM tv_package WHERE pk_package = ' :package
\ir step.sql

-- columns no view reads
SELECT count(*) AS n FROM tb_package \gset
\set title 'All ' :n ' packages get another priority, a column that none of the views reads'
\set change 'UPDATE tb_package SET priority = ''extra'''
\set look 'SELECT ''no capture trigger found a change that a view could see'''
\ir step.sql

-- a cascade of two levels
SELECT pk_maintainer AS maintainer, count(*) AS n
  FROM tb_maintainer JOIN tb_package ON fk_maintainer = pk_maintainer
 GROUP BY pk_maintainer ORDER BY count(*) DESC, pk_maintainer LIMIT 1 \gset
\set title 'A maintainer of ' :n ' packages is renamed: the packages change, then the dashboard that reads them'
\set change 'UPDATE tb_maintainer SET name = ''The Renamed Group'' WHERE pk_maintainer = ' :maintainer
\set look 'SELECT format(E''tv_package:    %s\\ntv_maintainer: %s'', (SELECT min(document->>''maintainer'') FROM tv_package WHERE fk_maintainer = ' :maintainer '), (SELECT to_jsonb(m) FROM tv_maintainer m WHERE pk_maintainer = ' :maintainer '))'
\ir step.sql

-- a row moves from one group to another
SELECT a.pk_section AS section_from, a.name AS section_from_name, b.pk_section AS section_to, b.name AS section_to_name
  FROM (SELECT s.* FROM tb_section s JOIN tb_package p ON fk_section = pk_section AND pk_package = :package) a,
       LATERAL (SELECT s.* FROM tb_section s WHERE s.pk_section <> a.pk_section ORDER BY pk_section LIMIT 1) b \gset
\set title 'A package moves from section ' :section_from_name ' to section ' :section_to_name
\set change 'UPDATE tb_package SET fk_section = ' :section_to ' WHERE pk_package = ' :package
\set look 'SELECT string_agg(format(''tv_section: %s'', to_jsonb(s)), E''\\n'' ORDER BY pk_section) FROM tv_section s WHERE pk_section IN (' :section_from ', ' :section_to ')'
\ir step.sql

-- many rows
SELECT least(1000, count(*) / 4) AS n FROM tb_package \gset
\set title :n ' packages are rebuilt and get a new version'
\set change 'UPDATE tb_package SET version = version || ''+demo1'' WHERE pk_package <= ' :n
\set look 'SELECT format(''tv_package: %s documents have a version that ends in +demo1'', count(*)) FROM tv_package WHERE document->>''version'' LIKE ''%+demo1'''
\ir step.sql

-- rows leave a view
SELECT target AS wanted, count(*) AS n FROM tv_unmet GROUP BY target ORDER BY count(*) DESC, target LIMIT 1 \gset
\set title 'A package is added that ' :n ' unmet dependencies were waiting for: ' :wanted
\set change 'INSERT INTO tb_package (fk_section, fk_maintainer, name, version, architecture, priority, installed_size, summary)\n    VALUES (' :section_to ', ' :maintainer ', ''' :wanted ''', ''1.0'', ''all'', ''optional'', 42, ''made for the demo'')'
\set look 'SELECT format(E''tv_unmet:  %s dependencies on %s are unmet now\\ntv_impact: %s packages need it'', (SELECT count(*) FROM tv_unmet WHERE target = name), name, dependants) FROM tv_impact WHERE name = ''' :wanted ''''
\ir step.sql

-- rows come into a view
SELECT name AS needed, dependants AS n, pk_package AS package FROM tv_impact ORDER BY dependants DESC, name LIMIT 1 \gset
\set title 'The package that most others need is removed: ' :needed ' (' :n ' dependants)'
\set change 'DELETE FROM tb_package WHERE pk_package = ' :package
\set look 'SELECT format(E''tv_unmet:  %s dependencies on ' :needed ' are unmet now\\ntv_impact: %s rows for it'', (SELECT count(*) FROM tv_unmet WHERE target = ''' :needed '''), (SELECT count(*) FROM tv_impact WHERE name = ''' :needed '''))'
\ir step.sql

\echo 'All steps (times in milliseconds):'
\echo
SELECT n, left(title, 60) || CASE WHEN length(title) > 60 THEN '...' ELSE '' END AS change,
       round(writer_ms, 1) AS writer, queued, keys, inserted + updated + deleted AS written, levels,
       round(drain_ms, 1) AS drain, round(refresh_ms, 1) AS "refresh", CASE WHEN queued > 0 THEN round(refresh_ms / drain_ms, 1) END AS "refresh / drain"
  FROM demo.step ORDER BY n;
