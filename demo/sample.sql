-- sample.sql - a made-up archive of the same shape, for machines without package lists
-- Everything follows from numbers, so it is the same each time.  :packages is its size.

INSERT INTO load.package
SELECT n, 'package-' || n, '1.' || n % 10 || '-' || n % 4, CASE n % 3 WHEN 0 THEN 'all' ELSE 'amd64' END,
       'section-' || (n * 7919::bigint) % 58, 'optional', 10 + n * 7907::bigint % 5000,
       -- few maintainers have most of the packages
       'Maintainer ' || m || ' <maintainer-' || m || '@example.org>', 'Made-up package number ' || n
  FROM generate_series(1, :packages) n,
       LATERAL (SELECT floor(power(n * 104729::bigint % 1000 / 1000.0, 4) * (:packages / 30 + 1)) AS m) maintainer;

INSERT INTO load.dependency
SELECT n, (ARRAY['depends', 'depends', 'recommends', 'suggests'])[1 + (n + d) % 4], d, 1,
       -- most dependencies go to the low numbers, every eighth to a name that is virtual or absent
       CASE WHEN (n + d * 3) % 8 = 0 THEN 'virtual-' || t % 500 ELSE 'package-' || t END,
       CASE WHEN d % 2 = 0 THEN '>= 1.0' END
  FROM generate_series(1, :packages) n,
       generate_series(1, 6) d,
       LATERAL (SELECT 1 + floor(power((n * 15485863::bigint + d * 32452843::bigint) % 10007 / 10007.0, 5) * :packages)::bigint AS t) target
 WHERE t <> n;

INSERT INTO load.provided
SELECT n, 'virtual-' || n % 300 FROM generate_series(1, :packages, 7) n;
