-- views.sql - what an application wants to read, as ordinary views: the rest; see also views_package.sql

-- A maintainer's dashboard.  It reads the TVIEW of the view above: a change goes through two levels.
CREATE VIEW v_maintainer AS
SELECT m.pk_maintainer,
       m.name,
       count(p.pk_package) AS packages,
       coalesce(sum(p.installed_size), 0) AS installed_size,
       (SELECT jsonb_agg(jsonb_build_object('name', t.name, 'needed_by', t.needed_by) ORDER BY t.needed_by DESC, t.name)
          FROM (SELECT q.name, q.needed_by
                  FROM tv_package q
                 WHERE q.fk_maintainer = m.pk_maintainer
                 ORDER BY q.needed_by DESC, q.name
                 LIMIT 5) t) AS most_needed
  FROM tb_maintainer m
       LEFT JOIN tv_package p ON p.fk_maintainer = m.pk_maintainer
 GROUP BY m.pk_maintainer;

-- What breaks if a package goes: the packages that name it as a dependency.
CREATE VIEW v_impact AS
SELECT p.pk_package,
       p.name,
       (SELECT count(DISTINCT d.fk_package)
          FROM tb_dependency d
         WHERE d.target = p.name AND d.kind IN ('depends', 'pre-depends')) AS dependants,
       (SELECT jsonb_agg(DISTINCT q.name ORDER BY q.name)
          FROM tb_dependency d
               JOIN tb_package q ON q.pk_package = d.fk_package
         WHERE d.target = p.name AND d.kind IN ('depends', 'pre-depends')) AS breaks
  FROM tb_package p;

-- Dependencies on a name that no package has or provides.
CREATE VIEW v_unmet AS
SELECT d.pk_dependency,
       p.name AS package,
       d.kind,
       d.target
  FROM tb_dependency d
       JOIN tb_package p ON p.pk_package = d.fk_package
 WHERE NOT EXISTS (SELECT FROM tb_package t WHERE t.name = d.target)
   AND NOT EXISTS (SELECT FROM tb_provided v WHERE v.name = d.target);

-- The sections of the archive.
CREATE VIEW v_section AS
SELECT s.pk_section,
       s.name,
       count(p.pk_package) AS packages,
       count(DISTINCT p.fk_maintainer) AS maintainers,
       coalesce(sum(p.installed_size), 0) AS installed_size,
       max(p.installed_size) AS largest
  FROM tb_section s
       LEFT JOIN tb_package p ON p.fk_section = s.pk_section
 GROUP BY s.pk_section;
