-- views_package.sql - what an application wants to read, as ordinary views: the first, which the others build on

-- A package as one document.
CREATE VIEW v_package AS
SELECT p.pk_package,
       p.fk_maintainer,
       p.name,
       p.installed_size,
       (SELECT count(DISTINCT r.fk_package)
          FROM tb_dependency r
         WHERE r.target = p.name AND r.kind IN ('depends', 'pre-depends')) AS needed_by,
       jsonb_build_object(
           'name', p.name,
           'version', p.version,
           'summary', p.summary,
           'section', s.name,
           'maintainer', jsonb_build_object('name', m.name, 'email', m.email),
           'dependencies', coalesce((SELECT jsonb_agg(jsonb_build_object('kind', d.kind, 'name', d.target, 'version', d.version)
                                                      ORDER BY d.group_number, d.alternative)
                                       FROM tb_dependency d
                                      WHERE d.fk_package = p.pk_package), '[]')) AS document
  FROM tb_package p
       JOIN tb_section s ON s.pk_section = p.fk_section
       JOIN tb_maintainer m ON m.pk_maintainer = p.fk_maintainer;
