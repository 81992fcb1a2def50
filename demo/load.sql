-- load.sql - split what was read into the tables; :packages limits it to the packages most depended on, 0: all

\set QUIET on
SET client_min_messages = warning;

DELETE FROM load.package p USING load.package q WHERE p.name = q.name AND p.number > q.number;

SELECT CASE WHEN :packages > 0 THEN :packages ELSE count(*) END AS packages FROM load.package \gset

DELETE FROM load.package
 WHERE number NOT IN (SELECT p.number
                        FROM load.package p
                             LEFT JOIN (SELECT target, count(*) AS n FROM load.dependency GROUP BY target) d ON d.target = p.name
                       ORDER BY coalesce(d.n, 0) DESC, p.name
                       LIMIT :packages);

INSERT INTO tb_section (name)
SELECT DISTINCT section FROM load.package ORDER BY section;

CREATE TABLE load.maintainer AS
SELECT DISTINCT maintainer,
       trim(both ' "' FROM regexp_replace(maintainer, '\s*<[^>]*>.*$', '')) AS name,
       coalesce(substring(maintainer FROM '<([^>]*)>'), '') AS email
  FROM load.package;

INSERT INTO tb_maintainer (name, email)
SELECT DISTINCT name, email FROM load.maintainer ORDER BY name, email;

INSERT INTO tb_package (pk_package, fk_section, fk_maintainer, name, version, architecture, priority, installed_size, summary)
SELECT row_number() OVER (ORDER BY p.number), s.pk_section, m.pk_maintainer,
       p.name, p.version, p.architecture, p.priority, p.installed_size, p.summary
  FROM load.package p
       JOIN tb_section s ON s.name = p.section
       JOIN load.maintainer l USING (maintainer)
       JOIN tb_maintainer m ON m.name = l.name AND m.email = l.email;

INSERT INTO tb_dependency (fk_package, kind, group_number, alternative, target, version)
SELECT t.pk_package, d.kind, d.group_number, d.alternative, d.target, d.version
  FROM load.dependency d
       JOIN load.package p USING (number)
       JOIN tb_package t ON t.name = p.name
 ORDER BY 1, 3, 4;

INSERT INTO tb_provided (fk_package, name)
SELECT DISTINCT t.pk_package, v.name
  FROM load.provided v
       JOIN load.package p USING (number)
       JOIN tb_package t ON t.name = p.name
 ORDER BY 1, 2;

SELECT setval(pg_get_serial_sequence('tb_package', 'pk_package'), max(pk_package)) FROM tb_package \g /dev/null

DROP SCHEMA load CASCADE;
VACUUM ANALYZE;
