--
-- Lineage, the corpus: a small schema and the views whose routes the analysis
-- must find.  lineage_play compares the routes and plays changes over the
-- views; lineage_buffers measures the lookups over large tables.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE SCHEMA corpus;
SET search_path = corpus, public;

----------------------------------------------------------------------
-- Tables.  Few values, so that random changes meet; almost every column
-- may be NULL; most references may dangle.
----------------------------------------------------------------------

CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

CREATE TABLE cust (id int PRIMARY KEY, name text NOT NULL, region text, grp int, boss int);
CREATE TABLE cat (id int PRIMARY KEY, name text NOT NULL, parent int);
CREATE TABLE prod (id int PRIMARY KEY, name text NOT NULL, cat int, price int, tags int[] NOT NULL DEFAULT '{}', twin int);
CREATE TABLE ord (id int PRIMARY KEY, cust int, placed date NOT NULL, status text);
CREATE TABLE item (ord int NOT NULL REFERENCES ord ON UPDATE CASCADE ON DELETE CASCADE, line int, prod int, qty int,
                   PRIMARY KEY (ord, line));
CREATE TABLE review (id int PRIMARY KEY, prod int, cust int, stars int, body text);
CREATE TABLE tag (id int PRIMARY KEY, label text);
CREATE TABLE badge (id bigint PRIMARY KEY, label varchar(20), prod int);
CREATE TABLE asset (id uuid PRIMARY KEY, prod int REFERENCES prod ON UPDATE CASCADE ON DELETE SET NULL, kind text, size bigint);
CREATE TABLE acct (no numeric PRIMARY KEY, owner citext, kind char(6), nick text COLLATE nocase, bal int);
CREATE TABLE entry (id bigint PRIMARY KEY, acct numeric, who citext, kind char(8), nick text COLLATE nocase, amount int,
                    doubled int GENERATED ALWAYS AS (amount * 2) STORED);
CREATE TABLE wide (id bigint PRIMARY KEY, prod bigint, val int);
CREATE TABLE node (a int, b int, val int, up_a int, up_b int, PRIMARY KEY (a, b));
CREATE TABLE event (id int, day date, prod int, amount int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-01-04');
CREATE TABLE event_2 (amount int, gone int, prod int, day date NOT NULL, id int NOT NULL);
ALTER TABLE event_2 DROP COLUMN gone;
ALTER TABLE event ATTACH PARTITION event_2 FOR VALUES FROM ('2024-01-04') TO ('2024-01-06');
CREATE TABLE event_3 PARTITION OF event DEFAULT;
CREATE TABLE person (id int PRIMARY KEY, name text, grp int);
CREATE TABLE staff (salary int, PRIMARY KEY (id)) INHERITS (person);

CREATE INDEX ON cust (region);
CREATE INDEX ON cust (lower(region));
CREATE INDEX ON cust (boss);
CREATE INDEX ON cat (parent);
CREATE INDEX ON cat (name);
CREATE INDEX ON prod (cat);
CREATE INDEX ON prod (twin);
CREATE INDEX ON ord (cust);
CREATE INDEX ON ord (placed);
CREATE INDEX ON item (prod);
CREATE INDEX ON review (prod);
CREATE INDEX ON review (cust);
CREATE INDEX ON tag (label);
CREATE INDEX ON badge (label);
CREATE INDEX ON asset (prod);
CREATE INDEX ON acct (owner);
CREATE INDEX ON acct (kind);
CREATE INDEX ON acct (nick);
CREATE INDEX ON entry (acct);
CREATE INDEX ON entry (who);
CREATE INDEX ON entry (kind);
CREATE INDEX ON wide (prod);
CREATE INDEX ON node (up_a, up_b);
CREATE INDEX ON event (prod);
CREATE INDEX ON event (day);
CREATE INDEX ON person (grp);
CREATE INDEX ON staff (grp);

-- views that corpus views read
CREATE VIEW b_review_stats AS
    SELECT rv.prod, count(*) AS n, sum(rv.stars) AS stars FROM review rv GROUP BY rv.prod;
CREATE VIEW b_order_cust AS
    SELECT o.id, o.status, o.placed, c.id AS cust, c.region FROM ord o JOIN cust c ON c.id = o.cust;
CREATE VIEW b_order_lines AS
    SELECT b.id, b.region, i.line, i.qty, i.prod FROM b_order_cust b JOIN item i ON i.ord = b.id;

----------------------------------------------------------------------
-- The corpus
----------------------------------------------------------------------

-- routes: 'alias:route' with the aliases that base tables have in the view
-- text.  'routed' means direct or lookup: the rules leave the choice open.
-- ambitious: the rules allow the route, but a simpler analysis may say full.
-- indexed: every lookup can start from the changed row with an index.
-- exact: rows have one image; false where equal values differ in their image.
CREATE TABLE corpus (
    name text PRIMARY KEY, topic text NOT NULL, view_sql text NOT NULL, key name[], routes text[] NOT NULL,
    ambitious boolean NOT NULL DEFAULT false, indexed boolean NOT NULL DEFAULT true, exact boolean NOT NULL DEFAULT true);

-- inner join, WHERE
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('inner_fk', 'inner',
 $$SELECT o.id, o.status, c.name, c.region FROM ord o JOIN cust c ON c.id = o.cust$$,
 '{id}', '{o:direct,c:lookup}'),
('inner_chain', 'inner',
 $$SELECT i.ord, i.line, i.qty, o.status, c.name, p.name AS pname FROM item i JOIN ord o ON o.id = i.ord
   JOIN cust c ON c.id = o.cust JOIN prod p ON p.id = i.prod$$,
 '{ord,line}', '{i:direct,o:routed,c:lookup,p:lookup}'),
('inner_where', 'inner',
 $$SELECT r.id, r.stars, p.name, k.name AS cat FROM review r, prod p, cat k
   WHERE p.id = r.prod AND k.id = p.cat AND k.parent IS NOT NULL AND r.stars > 1 AND p.price >= r.stars - 2$$,
 '{id}', '{r:direct,p:lookup,k:lookup}'),
('inner_group', 'inner',
 $$SELECT c.region, count(*) AS n, sum(i.qty) AS qty FROM item i JOIN ord o ON o.id = i.ord JOIN cust c ON c.id = o.cust
   WHERE c.region IS NOT NULL GROUP BY c.region$$,
 NULL, '{i:lookup,o:lookup,c:direct}'),
('inner_group_null', 'inner',
 $$SELECT c.region, count(*) AS n, sum(i.qty) AS qty FROM item i JOIN ord o ON o.id = i.ord JOIN cust c ON c.id = o.cust
   GROUP BY c.region$$,
 '{region}', '{i:lookup,o:lookup,c:direct}'),
('inner_date', 'inner',
 $$SELECT o.placed, count(*) AS n, array_agg(DISTINCT c.region ORDER BY c.region) AS regions
   FROM ord o JOIN cust c ON c.id = o.cust GROUP BY o.placed$$,
 NULL, '{o:direct,c:lookup}'),
('inner_uuid', 'inner',
 $$SELECT a.id, a.kind, a.size, p.name FROM asset a JOIN prod p ON p.id = a.prod AND p.price > 1$$,
 NULL, '{a:direct,p:lookup}'),
('inner_pair', 'inner',
 $$SELECT n.a, n.b, n.val, u.val AS up FROM node n JOIN node u ON (u.a, u.b) = (n.up_a, n.up_b)$$,
 '{a,b}', '{n:direct,u:lookup}'),
('inner_using', 'inner',
 $$SELECT r.id, prod, p.pname, r.stars FROM review r JOIN (SELECT pp.id AS prod, pp.name AS pname FROM prod pp) p USING (prod)$$,
 '{id}', '{r:direct,pp:lookup}'),
('inner_merge_key', 'inner',
 $$SELECT prod, count(*) AS n, max(a.size) AS size FROM review r JOIN asset a USING (prod) GROUP BY prod$$,
 NULL, '{r:direct,a:direct}'),
('inner_expression_key', 'inner',
 $$SELECT extract(year FROM o.placed)::int AS y, extract(day FROM o.placed)::int % 2 AS d, count(*) AS n, sum(i.qty) AS qty
   FROM ord o JOIN item i ON i.ord = o.id GROUP BY 1, 2$$,
 NULL, '{o:routed,i:lookup}');

-- nullable side
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('left_chain', 'nullable side',
 $$SELECT p.id, p.name, k.name AS cat, g.name AS super FROM prod p LEFT JOIN cat k ON k.id = p.cat LEFT JOIN cat g ON g.id = k.parent
   WHERE coalesce(g.name, '') <> 'c1'$$,
 '{id}', '{p:direct,k:lookup,g:lookup}'),
('left_where', 'nullable side',
 $$SELECT p.id, count(*) AS n, count(r.id) AS reviews FROM prod p LEFT JOIN review r ON r.prod = p.id
   WHERE r.id IS NULL OR r.stars > 3 GROUP BY p.id$$,
 NULL, '{p:direct,r:direct}'),
('left_where_lookup', 'nullable side',
 $$SELECT p.id, p.cat, k.parent FROM prod p LEFT JOIN cat k ON k.id = p.cat AND k.name > 'c0'
   WHERE k.parent IS NULL OR k.parent = p.twin$$,
 '{id}', '{p:direct,k:lookup}'),
('left_partner_missing', 'nullable side',
 $$SELECT c.id, count(*) AS n, sum(p.price) AS price FROM (cust c CROSS JOIN prod p) LEFT JOIN review r ON r.id = p.twin AND r.cust = c.grp
   WHERE coalesce(r.stars, p.price) = c.grp GROUP BY c.id$$,
 '{id}', '{c:direct,r:lookup,p:full}'),
('left_where_nonstrict', 'nullable side',
 $$SELECT p.id, p.cat, k.parent FROM prod p LEFT JOIN cat k ON k.id = p.cat WHERE coalesce(k.parent % 2, 1) = p.price % 2$$,
 '{id}', '{p:direct,k:lookup}'),
('left_where_nonstrict_many', 'nullable side',
 $$SELECT r.id, p.twin FROM review r LEFT JOIN prod p ON p.id = r.prod WHERE coalesce(p.price % 2, 1) = r.stars % 2$$,
 '{id}', '{r:direct,p:lookup}'),
('left_where_chain', 'nullable side',
 $$SELECT p.id, g.name FROM prod p LEFT JOIN cat k ON k.id = p.cat LEFT JOIN cat g ON g.id = k.parent WHERE coalesce(g.parent, 2) = coalesce(k.parent, 2)$$,
 '{id}', '{p:direct,k:lookup,g:lookup}'),
('left_on_extra', 'nullable side',
 $$SELECT p.id, count(r.id) AS n, sum(r.stars) AS s FROM prod p LEFT JOIN review r ON r.prod = p.id AND r.stars >= 3 AND p.price > 2
   GROUP BY p.id$$,
 NULL, '{p:direct,r:direct}'),
('left_joined_side', 'nullable side',
 $$SELECT p.id, count(c.id) AS n, string_agg(c.name, ',' ORDER BY r.id) AS who
   FROM prod p LEFT JOIN (review r JOIN cust c ON c.id = r.cust AND c.grp <> 1) ON r.prod = p.id GROUP BY p.id$$,
 NULL, '{p:direct,r:direct,c:lookup}'),
('left_nested', 'nullable side',
 $$SELECT p.id, count(*) AS n, count(r.id) AS reviews, count(c.id) AS people
   FROM prod p LEFT JOIN (review r LEFT JOIN cust c ON c.id = r.cust AND c.grp = 1) ON r.prod = p.id AND (c.id IS NULL OR c.region = 'r1')
   GROUP BY p.id$$,
 NULL, '{p:direct,r:direct,c:lookup}'),
('left_nested_trap', 'nullable side',
 $$SELECT k.id, count(r.id) AS reviews
   FROM cat k LEFT JOIN (prod p LEFT JOIN review r ON r.prod = p.id) ON p.cat = k.id AND (r.id IS NULL OR r.stars > 2)
   GROUP BY k.id$$,
 NULL, '{k:direct,p:direct,r:lookup}'),
('left_anti', 'nullable side',
 $$SELECT p.id, p.name FROM prod p LEFT JOIN review r ON r.prod = p.id AND r.stars = p.price WHERE r.id IS NULL$$,
 '{id}', '{p:direct,r:direct}'),
('right_join', 'nullable side',
 $$SELECT p.id, p.name, count(r.id) AS n FROM review r RIGHT JOIN prod p ON r.prod = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,r:direct}'),
('right_chain', 'nullable side',
 $$SELECT p.id, k.name AS cat, g.name AS super FROM cat g RIGHT JOIN cat k ON g.id = k.parent RIGHT JOIN prod p ON k.id = p.cat$$,
 '{id}', '{p:direct,k:lookup,g:lookup}');

-- preserved side
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('preserved_group', 'preserved side',
 $$SELECT p.cat, count(*) AS n, count(k.id) AS found FROM prod p LEFT JOIN cat k ON k.id = p.cat AND p.price > 3
   WHERE p.cat IS NOT NULL GROUP BY p.cat$$,
 '{cat}', '{p:direct,k:direct}'),
('preserved_on', 'preserved side',
 $$SELECT c.region, count(*) AS n, count(o.id) AS orders FROM cust c LEFT JOIN ord o ON o.cust = c.id AND c.grp = 1
   GROUP BY c.region$$,
 '{region}', '{c:direct,o:lookup}'),
('preserved_on_equality', 'preserved side',
 $$SELECT r.id, p.name, c.name AS cust FROM review r JOIN prod p ON p.id = r.prod LEFT JOIN cust c ON c.id = r.cust AND p.price = r.stars$$,
 '{id}', '{r:direct,p:lookup,c:lookup}'),
('preserved_inner', 'preserved side',
 $$SELECT r.id, p.name, c.name AS cust FROM review r JOIN prod p ON p.id = r.prod AND p.price > 1 LEFT JOIN cust c ON c.id = r.cust AND p.cat = c.grp$$,
 '{id}', '{r:direct,p:lookup,c:lookup}');

-- a nullable-side column as key, group, DISTINCT, partition or correlation column
INSERT INTO corpus (name, topic, view_sql, key, routes, ambitious, indexed) VALUES
('nullable_group', 'nullable key',
 $$SELECT c.region, count(*) AS n FROM ord o LEFT JOIN cust c ON c.id = o.cust GROUP BY c.region$$,
 '{region}', '{o:lookup,c:lookup}', true, true),
('nullable_group_coalesce', 'nullable key',
 $$SELECT coalesce(c.region, 'none') AS region, count(*) AS n FROM ord o LEFT JOIN cust c ON c.id = o.cust AND c.grp > 1 GROUP BY 1$$,
 '{region}', '{o:lookup,c:lookup}', true, true),
('nullable_distinct', 'nullable key',
 $$SELECT DISTINCT k.name FROM prod p LEFT JOIN cat k ON k.id = p.cat$$,
 '{name}', '{p:lookup,k:lookup}', true, true),
('nullable_partition', 'nullable key',
 $$SELECT p.id, k.parent, count(*) OVER (PARTITION BY k.parent) AS n FROM prod p LEFT JOIN cat k ON k.id = p.cat$$,
 '{id}', '{p:lookup,k:lookup}', true, false),
('nullable_key', 'nullable key',
 $$SELECT p.id, r.id AS review, r.stars FROM prod p LEFT JOIN review r ON r.prod = p.id$$,
 '{id,review}', '{p:routed,r:routed}', true, true),
('nullable_constant', 'nullable key',
 $$SELECT o.status, x.found, count(*) AS n FROM ord o LEFT JOIN (SELECT c.id, 1 AS found FROM cust c WHERE c.grp > 1) x ON x.id = o.cust
   GROUP BY o.status, x.found$$,
 '{status,found}', '{o:routed,c:routed}', true, false),
('nullable_constant_filter', 'nullable key',
 $$SELECT k.id, count(*) AS n FROM cat k JOIN prod p ON p.cat = k.id LEFT JOIN (SELECT t.id, 1 AS found FROM tag t) x ON x.id = p.twin
   WHERE coalesce(x.found, 2) = p.price GROUP BY k.id$$,
 '{id}', '{k:direct,p:direct,t:lookup}', true, true),
('nullable_constant_arms', 'nullable key',
 $$SELECT p.cat, u.what, count(*) AS n FROM prod p LEFT JOIN (SELECT t.id, 'tag' AS what FROM tag t UNION ALL SELECT k.id, 'cat' FROM cat k WHERE k.parent > 2) u
   ON u.id = p.twin GROUP BY p.cat, u.what$$,
 '{cat,what}', '{p:routed,t:routed,k:routed}', true, false),
('nullable_coalesce_below', 'nullable key',
 $$SELECT x.region, count(*) AS n FROM ord o LEFT JOIN (SELECT c.id, coalesce(c.region, 'r0') AS region FROM cust c) x ON x.id = o.cust GROUP BY x.region$$,
 '{region}', '{o:routed,c:routed}', true, false),
('nullable_outer_column', 'nullable key',
 $$SELECT x.status, count(*) AS n FROM ord o LEFT JOIN LATERAL (SELECT c.id, o.status FROM cust c WHERE c.id = o.cust) x ON true GROUP BY x.status$$,
 '{status}', '{o:routed,c:routed}', true, false),
('nullable_correlation', 'nullable key',
 $$SELECT c.id, sum(x.n) AS n FROM cust c LEFT JOIN review r ON r.cust = c.id AND r.stars = 5,
   LATERAL (SELECT count(*) AS n FROM event e WHERE e.prod IS NOT DISTINCT FROM r.prod) x GROUP BY c.id$$,
 '{id}', '{c:direct,r:direct,e:lookup}', true, false);

-- outer joins whose NULLs a condition above them refuses, or does not
INSERT INTO corpus (name, topic, view_sql, key, routes, indexed) VALUES
('chain_group', 'nullable chain',
 $$SELECT k.name, count(*) AS n FROM review r LEFT JOIN prod p ON p.id = r.prod LEFT JOIN cat k ON k.id = p.cat GROUP BY k.name$$,
 '{name}', '{r:lookup,p:lookup,k:routed}', true),
('chain_group_extra', 'nullable chain',
 $$SELECT k.id, count(*) AS n, count(c.id) AS m FROM review r LEFT JOIN prod p ON p.id = r.prod AND r.stars > 1 LEFT JOIN cust c ON c.id = p.twin
   LEFT JOIN cat k ON k.id = p.cat AND c.grp > 1 GROUP BY k.id$$,
 '{id}', '{r:lookup,p:routed,c:lookup,k:routed}', false),
('chain_then_inner', 'nullable chain',
 $$SELECT k.id, count(*) AS n FROM review r LEFT JOIN prod p ON p.id = r.prod JOIN cat k ON k.id = p.cat GROUP BY k.id$$,
 '{id}', '{r:lookup,p:direct,k:direct}', true),
('chain_in_sublink', 'nullable chain',
 $$SELECT c.id, (SELECT count(*) FROM item i LEFT JOIN ord o ON o.id = i.ord WHERE o.cust = c.id) AS n FROM cust c$$,
 '{id}', '{c:direct,i:lookup,o:direct}', true),
('chain_trap_or', 'nullable chain',
 $$SELECT k.name, count(*) AS n FROM review r LEFT JOIN prod p ON p.id = r.prod LEFT JOIN cat k ON k.id = p.cat OR p.id IS NULL GROUP BY k.name$$,
 '{name}', '{r:full,p:full,k:routed}', true),
('chain_trap_coalesce', 'nullable chain',
 $$SELECT k.name, count(*) AS n FROM review r LEFT JOIN prod p ON p.id = r.prod LEFT JOIN cat k ON k.id = coalesce(p.cat, r.stars) GROUP BY k.name$$,
 '{name}', '{r:full,p:full,k:routed}', true);

-- FULL JOIN
INSERT INTO corpus (name, topic, view_sql, key, routes, ambitious) VALUES
('full_coalesce', 'full join',
 $$SELECT coalesce(t.id, k.id) AS id, t.label, k.name FROM tag t FULL JOIN cat k ON t.id = k.id$$,
 '{id}', '{t:direct,k:direct}', true),
('full_using', 'full join',
 $$SELECT id, t.label, k.name FROM tag t FULL JOIN cat k USING (id)$$,
 '{id}', '{t:direct,k:direct}', true),
('full_using_groups', 'full join',
 $$SELECT prod, r.n AS reviews, a.n AS assets FROM (SELECT rv.prod, count(*) AS n FROM review rv WHERE rv.prod IS NOT NULL GROUP BY rv.prod) r
   FULL JOIN (SELECT s.prod, count(*) AS n FROM asset s WHERE s.prod IS NOT NULL GROUP BY s.prod) a USING (prod)$$,
 '{prod}', '{rv:direct,s:direct}', true),
('full_pairs', 'full join',
 $$SELECT t.id AS tag, k.id AS cat, t.label, k.name FROM tag t FULL JOIN cat k ON k.parent = t.id$$,
 '{tag,cat}', '{t:full,k:full}', false),
('full_expression', 'full join',
 $$SELECT coalesce(coalesce(c.parent, 0), coalesce(p.cat, 0)) AS k, count(*) AS n FROM cat c FULL JOIN prod p ON coalesce(c.parent, 0) = coalesce(p.cat, 0)
   GROUP BY 1$$,
 '{k}', '{c:full,p:full}', false),
('full_group', 'full join',
 $$SELECT c.region, count(*) AS n, count(o.id) AS orders FROM ord o FULL JOIN cust c ON c.id = o.cust GROUP BY c.region$$,
 '{region}', '{o:full,c:full}', false);

-- sublinks
INSERT INTO corpus (name, topic, view_sql, key, routes, indexed) VALUES
('exists', 'sublink',
 $$SELECT p.id, p.name FROM prod p WHERE EXISTS (SELECT FROM review r WHERE r.prod = p.id AND r.stars > 3)$$,
 '{id}', '{p:direct,r:direct}', true),
('not_exists_nested', 'sublink',
 $$SELECT p.id, p.name FROM prod p WHERE NOT EXISTS (SELECT FROM item i WHERE i.prod = p.id
   AND NOT EXISTS (SELECT FROM ord o WHERE o.id = i.ord AND o.status = 'paid'))$$,
 '{id}', '{p:direct,i:direct,o:lookup}', true),
('in_top', 'sublink',
 $$SELECT c.id, c.name FROM cust c WHERE c.id IN (SELECT o.cust FROM ord o JOIN item i ON i.ord = o.id WHERE i.qty > 2)$$,
 '{id}', '{c:direct,o:direct,i:lookup}', true),
('in_link', 'sublink',
 $$SELECT p.id, p.cat FROM prod p WHERE p.cat IN (SELECT k.id FROM cat k WHERE k.parent IS NOT NULL) AND p.price > 1$$,
 '{id}', '{p:direct,k:lookup}', true),
('any_array', 'sublink',
 $$SELECT p.id, p.cat FROM prod p WHERE p.cat = ANY (SELECT k.id FROM cat k WHERE k.name <> p.name)$$,
 '{id}', '{p:direct,k:lookup}', true),
('not_in', 'sublink',
 $$SELECT p.id FROM prod p WHERE p.id NOT IN (SELECT r.prod FROM review r WHERE r.stars > 2)$$,
 '{id}', '{p:direct,r:full}', true),
('not_in_correlated', 'sublink',
 $$SELECT p.id FROM prod p WHERE p.twin NOT IN (SELECT r.cust FROM review r WHERE r.prod = p.id)$$,
 '{id}', '{p:direct,r:direct}', true),
('in_below_or', 'sublink',
 $$SELECT p.id FROM prod p WHERE p.price > 3 OR p.id IN (SELECT r.prod FROM review r)$$,
 '{id}', '{p:direct,r:full}', true),
('in_target_list', 'sublink',
 $$SELECT p.id, p.id IN (SELECT r.prod FROM review r) AS reviewed FROM prod p$$,
 '{id}', '{p:direct,r:full}', true),
('in_case', 'sublink',
 $$SELECT p.id FROM prod p WHERE CASE WHEN p.price > 2 THEN p.id IN (SELECT r.prod FROM review r) ELSE p.cat IS NOT NULL END$$,
 '{id}', '{p:direct,r:full}', true),
('scalar_target', 'sublink',
 $$SELECT p.id, (SELECT count(*) FROM item i JOIN ord o ON o.id = i.ord WHERE i.prod = p.id AND o.status = 'paid') AS sold FROM prod p$$,
 '{id}', '{p:direct,i:direct,o:lookup}', true),
('array_sublink', 'sublink',
 $$SELECT p.id, ARRAY(SELECT r.body FROM review r WHERE r.prod = p.id ORDER BY r.id) AS bodies FROM prod p$$,
 '{id}', '{p:direct,r:direct}', true),
('array_sublink_any', 'sublink',
 $$SELECT p.id, ARRAY(SELECT t.label FROM tag t WHERE t.id = ANY (p.tags) ORDER BY t.id) AS labels FROM prod p$$,
 '{id}', '{p:direct,t:lookup}', false),
('sublink_in_on', 'sublink',
 $$SELECT p.id, count(r.id) AS n FROM prod p LEFT JOIN review r ON r.prod = p.id
   AND EXISTS (SELECT FROM cust c WHERE c.id = r.cust AND c.grp = 1) GROUP BY p.id$$,
 '{id}', '{p:direct,r:direct,c:lookup}', true),
('in_in_on', 'sublink',
 $$SELECT p.id, count(r.id) AS n FROM prod p LEFT JOIN review r ON r.prod = p.id
   AND r.cust IN (SELECT c.id FROM cust c WHERE c.grp = 1) GROUP BY p.id$$,
 '{id}', '{p:direct,r:direct,c:lookup}', true),
('sublink_in_having', 'sublink',
 $$SELECT o.cust, count(*) AS n FROM ord o WHERE o.cust IS NOT NULL GROUP BY o.cust
   HAVING count(*) >= (SELECT c.grp FROM cust c WHERE c.id = o.cust)$$,
 '{cust}', '{o:direct,c:direct}', true),
('in_in_having', 'sublink',
 $$SELECT o.cust, count(*) AS n FROM ord o GROUP BY o.cust HAVING o.cust IN (SELECT c.id FROM cust c WHERE c.grp = 1)$$,
 '{cust}', '{o:direct,c:direct}', true),
('sublink_in_aggregate', 'sublink',
 $$SELECT i.ord, sum((SELECT p.price FROM prod p WHERE p.id = i.prod)) AS total FROM item i GROUP BY i.ord$$,
 '{ord}', '{i:direct,p:lookup}', true),
('sublink_in_filter', 'sublink',
 $$SELECT r.prod, count(*) FILTER (WHERE EXISTS (SELECT FROM cust c WHERE c.id = r.cust AND c.region = 'r1')) AS n
   FROM review r GROUP BY r.prod$$,
 '{prod}', '{r:direct,c:lookup}', true),
('row_in', 'sublink',
 $$SELECT n.a, n.b, n.val FROM node n WHERE (n.up_a, n.up_b) IN (SELECT u.a, u.b FROM node u WHERE u.val > 1)$$,
 '{a,b}', '{n:direct,u:lookup}', true),
('sublink_two_up', 'sublink',
 $$SELECT c.id, (SELECT count(*) FROM ord o WHERE o.cust = c.id AND EXISTS (SELECT FROM review r WHERE r.cust = c.id
   AND r.prod IN (SELECT i.prod FROM item i WHERE i.ord = o.id))) AS n FROM cust c$$,
 '{id}', '{c:direct,o:direct,r:direct,i:lookup}', true),
('all_sublink', 'sublink',
 $$SELECT p.id FROM prod p WHERE p.price >= ALL (SELECT q.price FROM prod q WHERE q.cat = p.cat AND q.price IS NOT NULL)$$,
 '{id}', '{p:direct,q:lookup}', true),
('count_siblings', 'sublink',
 $$SELECT p.id, (SELECT count(*) FROM prod s WHERE s.cat = p.cat AND s.price < p.price) AS cheaper FROM prod p$$,
 '{id}', '{p:direct,s:lookup}', true),
('sublink_condition_outside', 'sublink',
 $$SELECT p.id, k.name FROM prod p JOIN cat k ON k.id = p.cat
   WHERE NOT EXISTS (SELECT FROM review r WHERE r.prod = p.id AND k.parent = p.price)$$,
 '{id}', '{p:direct,k:lookup,r:direct}', true),
('sublink_condition_target', 'sublink',
 $$SELECT p.id, (SELECT count(*) FROM review r WHERE r.prod = p.id AND k.parent = p.price) AS n FROM prod p JOIN cat k ON k.id = p.cat$$,
 '{id}', '{p:direct,k:lookup,r:direct}', true),
('lateral_condition_outside', 'sublink',
 $$SELECT p.id, x.n FROM prod p JOIN cat k ON k.id = p.cat, LATERAL (SELECT count(*) AS n FROM review r WHERE r.prod = p.id AND k.parent = p.price) x$$,
 '{id}', '{p:direct,k:lookup,r:direct}', true),
('sublink_below_not', 'sublink',
 $$SELECT r.id FROM review r WHERE NOT (r.stars > 2 AND EXISTS (SELECT FROM cust c JOIN ord o ON o.cust = c.id WHERE c.id = r.cust))$$,
 '{id}', '{r:direct,c:lookup,o:lookup}', true),
('row_in_target', 'sublink',
 $$SELECT n.a, n.b, (n.up_a, n.up_b) IN (SELECT u.a, u.b FROM node u WHERE u.val = n.val) AS linked FROM node n$$,
 '{a,b}', '{n:direct,u:lookup}', false);

-- the value of a sublink as key, group, partition or link
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('sublink_value_condition', 'sublink value',
 $$SELECT i.ord, i.line, p.name, k.name AS cat FROM item i JOIN prod p ON p.id = i.prod JOIN cat k ON k.id = p.cat
   WHERE p.price >= (SELECT min(q.price) FROM prod q WHERE q.cat = p.cat)$$,
 '{ord,line}', '{i:direct,p:lookup,k:lookup,q:lookup}'),
('sublink_value_group', 'sublink value',
 $$SELECT (SELECT c.grp FROM cust c WHERE c.id = o.cust) AS grp, count(*) AS n FROM ord o GROUP BY 1$$,
 '{grp}', '{o:full,c:full}'),
('sublink_value_link', 'sublink value',
 $$SELECT k.id, count(s.id) AS n FROM cat k LEFT JOIN
   (SELECT x.id, (SELECT q.cat FROM prod q WHERE q.id = x.prod) AS cat FROM review x) s ON s.cat = k.id GROUP BY k.id$$,
 '{id}', '{k:direct,x:full,q:full}'),
('sublink_value_partition', 'sublink value',
 $$SELECT o.id, count(*) OVER (PARTITION BY (SELECT c.grp FROM cust c WHERE c.id = o.cust)) AS n FROM ord o$$,
 '{id}', '{o:full,c:full}');

-- GROUP BY, DISTINCT, DISTINCT ON below other things
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('group_below', 'grouped',
 $$SELECT p.id, p.name, a.n, a.s FROM prod p LEFT JOIN (SELECT r.prod, count(*) AS n, sum(r.stars) AS s FROM review r GROUP BY r.prod) a
   ON a.prod = p.id$$,
 '{id}', '{p:direct,r:direct}'),
('group_below_filter', 'grouped',
 $$SELECT p.id, a.n FROM prod p JOIN (SELECT r.prod, count(*) AS n FROM review r GROUP BY r.prod HAVING sum(r.stars) > 3) a
   ON a.prod = p.id WHERE a.n < 3$$,
 '{id}', '{p:direct,r:direct}'),
('group_below_join', 'grouped',
 $$SELECT c.id, s.q FROM cust c LEFT JOIN (SELECT o.cust, sum(i.qty) AS q FROM ord o JOIN item i ON i.ord = o.id GROUP BY o.cust
   HAVING count(*) > 1) s ON s.cust = c.id$$,
 '{id}', '{c:direct,o:direct,i:lookup}'),
('distinct_below', 'grouped',
 $$SELECT p.id, count(d.cust) AS n FROM prod p JOIN (SELECT DISTINCT r.prod, r.cust FROM review r) d ON d.prod = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,r:direct}'),
('distinct_top', 'grouped',
 $$SELECT DISTINCT r.prod, c.region IS NULL AS nowhere FROM review r JOIN cust c ON c.id = r.cust$$,
 '{prod,nowhere}', '{r:routed,c:routed}'),
('distinct_one', 'grouped',
 $$SELECT DISTINCT p.cat FROM prod p JOIN review r ON r.prod = p.id WHERE r.stars > 2$$,
 NULL, '{p:direct,r:lookup}'),
('distinct_on', 'grouped',
 $$SELECT DISTINCT ON (r.prod) r.prod, r.id, r.stars FROM review r WHERE r.prod IS NOT NULL ORDER BY r.prod, r.stars DESC NULLS LAST, r.id$$,
 '{prod}', '{r:direct}'),
('distinct_on_below', 'grouped',
 $$SELECT p.id, l.cust, l.stars FROM prod p LEFT JOIN
   (SELECT DISTINCT ON (r.prod) r.prod, r.cust, r.stars FROM review r ORDER BY r.prod, r.stars DESC NULLS LAST, r.id) l ON l.prod = p.id$$,
 '{id}', '{p:direct,r:direct}'),
('distinct_on_other', 'grouped',
 $$SELECT c.id, count(l.prod) AS n FROM cust c LEFT JOIN
   (SELECT DISTINCT ON (r.prod) r.prod, r.cust FROM review r ORDER BY r.prod, r.stars DESC NULLS LAST, r.id) l ON l.cust = c.id GROUP BY c.id$$,
 '{id}', '{c:direct,r:full}'),
('group_twice', 'grouped',
 $$SELECT x.cust, sum(x.n) AS n, count(*) AS prods FROM (SELECT r.prod, r.cust, count(*) AS n FROM review r GROUP BY r.prod, r.cust) x
   GROUP BY x.cust$$,
 '{cust}', '{r:direct}'),
('group_by_aggregate', 'grouped',
 $$SELECT x.n, count(*) AS groups FROM (SELECT r.prod, count(*) AS n FROM review r GROUP BY r.prod) x GROUP BY x.n$$,
 '{n}', '{r:full}'),
('join_on_aggregate', 'grouped',
 $$SELECT r.id, m.cat FROM review r JOIN (SELECT q.cat, max(q.id) AS top FROM prod q GROUP BY q.cat) m ON m.top = r.prod$$,
 '{id}', '{r:direct,q:full}'),
('cte_group', 'grouped',
 $$WITH s AS (SELECT r.prod, count(*) AS n FROM review r GROUP BY r.prod), big AS (SELECT s.prod, s.n FROM s WHERE s.n > 1)
   SELECT p.id, p.name, big.n FROM prod p LEFT JOIN big ON big.prod = p.id$$,
 '{id}', '{p:direct,r:direct}'),
('cte_twice', 'grouped',
 $$WITH s AS (SELECT r.prod, count(*) AS n FROM review r GROUP BY r.prod)
   SELECT p.id, x.n AS own, y.n AS twins FROM prod p LEFT JOIN s x ON x.prod = p.id LEFT JOIN s y ON y.prod = p.twin$$,
 '{id}', '{p:direct,r:routed}'),
('cte_materialized', 'grouped',
 $$WITH s AS MATERIALIZED (SELECT o.cust, o.id FROM ord o WHERE o.status <> 'new')
   SELECT c.id, c.name, count(s.id) AS n FROM cust c LEFT JOIN s ON s.cust = c.id GROUP BY c.id$$,
 '{id}', '{c:direct,o:direct}'),
('view_over_view', 'grouped',
 $$SELECT p.id, p.name, b.n, b.stars FROM prod p LEFT JOIN b_review_stats b ON b.prod = p.id$$,
 '{id}', '{p:direct,rv:direct}'),
('view_three_deep', 'grouped',
 $$SELECT l.region, count(*) AS n, sum(l.qty) AS qty, max(p.name) AS name FROM b_order_lines l JOIN prod p ON p.id = l.prod
   WHERE l.region IS NOT NULL GROUP BY l.region$$,
 '{region}', '{o:lookup,c:direct,i:lookup,p:lookup}'),
('group_key_determined', 'grouped',
 $$SELECT p.id, p.name, p.price, count(r.id) AS n FROM prod p JOIN review r ON r.prod = p.id GROUP BY p.id$$,
 NULL, '{p:direct,r:direct}'),
('group_document', 'grouped',
 $$SELECT o.id, jsonb_build_object('status', o.status, 'lines', coalesce(jsonb_agg(jsonb_build_object('p', p.name, 'q', i.qty)
   ORDER BY i.line) FILTER (WHERE i.line IS NOT NULL), '[]')) AS doc
   FROM ord o LEFT JOIN item i ON i.ord = o.id LEFT JOIN prod p ON p.id = i.prod GROUP BY o.id$$,
 '{id}', '{o:direct,i:direct,p:lookup}');

-- windows
INSERT INTO corpus (name, topic, view_sql, key, routes, ambitious) VALUES
('window_partition', 'window',
 $$SELECT r.id, r.prod, row_number() OVER (PARTITION BY r.prod ORDER BY r.stars, r.id) AS rn, sum(r.stars) OVER (PARTITION BY r.prod) AS s FROM review r$$,
 '{id}', '{r:lookup}', false),
('window_global', 'window',
 $$SELECT r.id, row_number() OVER (ORDER BY r.stars, r.id) AS rn FROM review r$$,
 '{id}', '{r:full}', false),
('window_over_window', 'window',
 $$SELECT x.id, x.rn, sum(x.rn) OVER (PARTITION BY x.c) AS s FROM
   (SELECT v.id, v.cust % 2 AS c, row_number() OVER (PARTITION BY v.prod % 2 ORDER BY v.stars, v.id) AS rn FROM review v) x$$,
 '{id}', '{v:routed}', false),
('window_two', 'window',
 $$SELECT r.id, count(*) OVER (PARTITION BY r.prod) AS a, rank() OVER (PARTITION BY r.cust ORDER BY r.stars) AS b FROM review r$$,
 '{id}', '{r:lookup}', false),
('window_two_one_global', 'window',
 $$SELECT r.id, count(*) OVER (PARTITION BY r.prod) AS a, count(*) OVER () AS b FROM review r$$,
 '{id}', '{r:full}', false),
('window_below', 'window',
 $$SELECT o.id, w.rn, w.grp FROM ord o JOIN (SELECT c.id, c.grp, row_number() OVER (PARTITION BY c.region ORDER BY c.grp, c.id) AS rn FROM cust c) w
   ON w.id = o.cust$$,
 '{id}', '{o:direct,c:lookup}', false),
('window_below_chain', 'window',
 $$SELECT p.id, w.rn, g.name FROM prod p JOIN (SELECT k.id, k.parent, row_number() OVER (PARTITION BY k.name ORDER BY k.id) AS rn FROM cat k) w
   ON w.id = p.cat LEFT JOIN cat g ON g.id = w.parent$$,
 '{id}', '{p:direct,k:lookup,g:lookup}', false),
('window_lag', 'window',
 $$SELECT o.id, o.placed, lag(o.placed) OVER (PARTITION BY o.cust ORDER BY o.placed, o.id) AS before FROM ord o WHERE o.status <> 'new'$$,
 '{id}', '{o:lookup}', false),
('window_limited', 'limited rows',
 $$SELECT x.id, x.prod, x.rn FROM (SELECT r.id, r.prod, row_number() OVER (PARTITION BY r.prod ORDER BY r.stars DESC, r.id) AS rn FROM review r) x
   WHERE x.rn <= 2$$,
 '{id}', '{r:lookup}', false),
('window_limited_position', 'limited rows',
 $$SELECT x.prod, x.rn, x.id FROM (SELECT r.id, r.prod, row_number() OVER (PARTITION BY r.prod ORDER BY r.stars DESC, r.id) AS rn FROM review r) x
   WHERE x.rn <= 2$$,
 '{prod,rn}', '{r:routed}', true),
('window_limited_below', 'limited rows',
 $$SELECT p.id, jsonb_agg(w.body ORDER BY w.rn) AS top FROM prod p JOIN
   (SELECT r.prod, r.body, row_number() OVER (PARTITION BY r.prod ORDER BY r.stars DESC, r.id) AS rn FROM review r) w
   ON w.prod = p.id AND w.rn <= 2 GROUP BY p.id$$,
 '{id}', '{p:direct,r:routed}', false),
('window_limited_link', 'limited rows',
 $$SELECT c.id, count(w.prod) AS n FROM cust c LEFT JOIN
   (SELECT r.prod, r.cust, row_number() OVER (PARTITION BY r.prod ORDER BY r.stars DESC, r.id) AS rn FROM review r) w
   ON w.cust = c.id AND w.rn <= 2 GROUP BY c.id$$,
 '{id}', '{c:direct,r:lookup}', false),
('window_joined_partition', 'window',
 $$SELECT o.id, c.region, count(*) OVER (PARTITION BY c.region) AS n FROM ord o JOIN cust c ON c.id = o.cust$$,
 '{id}', '{o:lookup,c:lookup}', false),
('window_two_member_partition', 'window',
 $$SELECT i.ord, i.line, count(*) OVER (PARTITION BY o.status, p.cat) AS n FROM item i JOIN ord o ON o.id = i.ord JOIN prod p ON p.id = i.prod$$,
 '{ord,line}', '{i:lookup,o:lookup,p:lookup}', true),
('window_over_group', 'window',
 $$SELECT p.cat, p.twin, count(*) AS n, sum(count(*)) OVER (PARTITION BY p.cat) AS total FROM prod p GROUP BY p.cat, p.twin$$,
 '{cat,twin}', '{p:routed}', true),
('window_expression', 'window',
 $$SELECT r.id, count(*) OVER (PARTITION BY r.stars % 2) AS n FROM review r WHERE r.prod < 3$$,
 '{id}', '{r:lookup}', false);
-- the other rows of a partition may come from another arm, or from the other side
INSERT INTO corpus (name, topic, view_sql, key, routes, indexed) VALUES
('window_union', 'window split',
 $$SELECT u.what, u.id, rank() OVER (PARTITION BY u.prod ORDER BY u.n) AS rank FROM (SELECT 'r' AS what, r.id, r.prod, r.stars AS n FROM review r
   UNION ALL SELECT 'i', i.ord * 10 + i.line, i.prod, i.qty FROM item i) u$$,
 '{what,id}', '{r:full,i:full}', false),
('window_union_below', 'window split',
 $$SELECT x.prod, x.kind, x.n, sum(x.n) OVER (PARTITION BY x.prod) AS s FROM (SELECT u.prod, u.kind, count(*) AS n FROM
   (SELECT r.prod, r.cust AS kind FROM review r UNION ALL SELECT i.prod, i.qty FROM item i) u GROUP BY u.prod, u.kind) x$$,
 '{prod,kind}', '{r:full,i:full}', false),
('window_full_join', 'window split',
 $$SELECT prod, g.n, h.m, sum(g.n) OVER (PARTITION BY prod % 2) AS s FROM (SELECT r.prod, count(*) AS n FROM review r WHERE r.prod IS NOT NULL AND r.stars > 3 GROUP BY r.prod) g
   FULL JOIN (SELECT i.prod, sum(i.qty) AS m FROM item i WHERE i.prod IS NOT NULL AND i.qty > 3 GROUP BY i.prod) h USING (prod)$$,
 '{prod}', '{r:lookup,i:lookup}', false),
('window_full_join_beside', 'window split',
 $$SELECT prod, p.cat, g.n, h.m, sum(g.n) OVER (PARTITION BY p.cat > 2) AS s FROM (SELECT r.prod, count(*) AS n FROM review r WHERE r.prod IS NOT NULL AND r.stars > 3 GROUP BY r.prod) g
   FULL JOIN (SELECT i.prod, sum(i.qty) AS m FROM item i WHERE i.prod IS NOT NULL AND i.qty > 3 GROUP BY i.prod) h USING (prod) JOIN prod p ON p.id < prod AND p.id > prod - 2$$,
 '{prod}', '{r:full,i:full,p:routed}', false),
('window_lateral_union', 'window split',
 $$SELECT p.id, y.top FROM prod p LEFT JOIN LATERAL (SELECT array_agg(x.n ORDER BY x.rn) AS top FROM (SELECT u.n, row_number() OVER (ORDER BY u.n DESC NULLS LAST, u.what, u.id) AS rn FROM
   (SELECT 'r' AS what, r.id, r.prod, r.stars AS n FROM review r UNION ALL SELECT 'i', i.ord * 10 + i.line, i.prod, i.qty FROM item i) u WHERE u.prod = p.id) x WHERE x.rn < 3) y ON true$$,
 '{id}', '{p:direct,r:routed,i:routed}', false),
('window_lateral_union_rows', 'window split',
 $$SELECT p.id, x.what, x.id AS row, x.rn FROM prod p JOIN LATERAL (SELECT u.what, u.id, row_number() OVER (ORDER BY u.n DESC NULLS LAST, u.what, u.id) AS rn FROM
   (SELECT 'r' AS what, r.id, r.prod, r.stars AS n FROM review r UNION ALL SELECT 'i', i.ord * 10 + i.line, i.prod, i.qty FROM item i) u WHERE u.prod = p.id) x ON true$$,
 '{id,what,row}', '{p:routed,r:full,i:full}', false),
('window_lateral_union_led', 'window split',
 $$SELECT p.id, sum(y.n) AS s FROM cat k JOIN LATERAL (SELECT u.prod, count(*) OVER () AS n FROM
   (SELECT r.prod, r.stars AS x FROM review r UNION ALL SELECT i.prod, i.qty FROM item i) u WHERE u.x = k.id) y ON true JOIN prod p ON p.id = y.prod GROUP BY p.id$$,
 '{id}', '{k:routed,r:full,i:full,p:direct}', false),
('window_lateral_union_called', 'window split',
 $$SELECT p.id, sum(y.n) AS s FROM cat k JOIN LATERAL (SELECT u.prod, count(*) OVER () AS n FROM
   (SELECT r.prod, r.stars AS x FROM review r UNION ALL SELECT i.prod, i.qty FROM item i) u WHERE u.x = k.id) y ON true
   JOIN LATERAL unnest(ARRAY[y.prod, 1]) e ON true JOIN prod p ON p.id = e GROUP BY p.id$$,
 '{id}', '{k:routed,r:full,i:full,p:direct}', false),
('window_lateral_union_named', 'window split',
 $$SELECT p.id, array_agg(y.n ORDER BY y.n, c.name) AS ns, array_agg(c.name ORDER BY y.n, c.name) AS names FROM prod p JOIN LATERAL (SELECT u.cust, count(*) OVER (ORDER BY u.x) AS n FROM
   (SELECT r.prod, r.cust, r.stars AS x FROM review r UNION ALL SELECT i.prod, i.line, i.qty FROM item i) u WHERE u.prod = p.id) y ON true JOIN cust c ON c.id = y.cust AND c.grp <= p.cat GROUP BY p.id$$,
 '{id}', '{p:direct,c:lookup,r:direct,i:direct}', false),
('window_sublink_union_twice', 'window split',
 $$SELECT p.id, p.cat, (SELECT sum(y.n) FROM (SELECT u.x, count(*) OVER () AS n FROM (SELECT r.prod, r.stars AS x FROM review r UNION ALL SELECT i.prod, i.qty FROM item i) u WHERE u.prod = p.cat) y
   WHERE y.x = p.price) AS s FROM prod p$$,
 '{id}', '{p:direct,r:lookup,i:lookup}', false),
-- the way of p must not go by rows of u, whose own ways go by p: both may be gone
('window_lateral_union_around', 'window split',
 $$SELECT c.id, count(*) AS n, sum(y.rn) AS s FROM cust c JOIN ord o ON o.cust = c.id JOIN item i ON i.ord = o.id JOIN prod p ON p.id = i.prod
   JOIN LATERAL (SELECT u.cust, row_number() OVER (ORDER BY u.x, u.what, u.id) AS rn FROM (SELECT 'r' AS what, r.id, r.prod, r.cust, r.stars AS x FROM review r
   UNION ALL SELECT 'j', j.ord * 10 + j.line, j.prod, j.line, j.qty FROM item j) u WHERE u.prod = p.id) y ON y.cust = c.id GROUP BY c.id$$,
 '{id}', '{c:direct,o:direct,i:lookup,p:lookup,r:lookup,j:lookup}', false),
-- one evaluation's rows are in several partitions
('window_full_join_around', 'window split',
 $$SELECT z.id, sum(z.s) AS s FROM (SELECT p.id, sum(y.rn) OVER (PARTITION BY y.k) AS s FROM prod p, LATERAL (SELECT k, row_number() OVER (ORDER BY k) AS rn FROM
   (SELECT DISTINCT r.cust AS k, r.prod FROM review r WHERE r.cust IS NOT NULL AND r.prod IS NOT NULL) a FULL JOIN
   (SELECT DISTINCT i.line AS k, i.prod FROM item i WHERE i.prod IS NOT NULL) b USING (k, prod) WHERE prod = p.id) y) z GROUP BY z.id$$,
 '{id}', '{p:full,r:full,i:full}', false);

UPDATE corpus SET indexed = false WHERE name IN ('window_expression', 'window_two_member_partition');

-- windows of a correlated query: its evaluations are their partitions
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('window_lateral', 'window correlated',
 $$SELECT p.id, x.top FROM prod p LEFT JOIN LATERAL (SELECT array_agg(y.stars ORDER BY y.rn) AS top FROM
   (SELECT r.stars, row_number() OVER (ORDER BY r.stars DESC, r.id) AS rn FROM review r WHERE r.prod = p.id) y WHERE y.rn <= 2) x ON true$$,
 '{id}', '{p:direct,r:lookup}'),
('window_lateral_rows', 'window correlated',
 $$SELECT p.id, y.id AS review, y.rn, y.total FROM prod p JOIN LATERAL
   (SELECT r.id, r.cust, row_number() OVER (ORDER BY r.stars, r.id) AS rn, count(*) OVER () AS total FROM review r WHERE r.prod = p.id) y ON y.cust = p.twin$$,
 '{review}', '{p:lookup,r:lookup}'),
('window_lateral_condition', 'window correlated',
 $$SELECT p.id, y.rn, y.stars FROM prod p LEFT JOIN LATERAL
   (SELECT r.cust, r.stars, row_number() OVER (ORDER BY r.stars DESC, r.id) AS rn FROM review r WHERE r.prod = p.twin AND r.stars > p.price - 3) y
   ON y.rn = 1 AND y.cust = p.cat$$,
 '{id}', '{p:direct,r:lookup}'),
('window_sublink', 'window correlated',
 $$SELECT p.id, (SELECT string_agg(t.stars || ':' || t.n, ',' ORDER BY t.n, t.stars) FROM
   (SELECT r.stars, dense_rank() OVER (ORDER BY c.grp) AS n FROM review r JOIN cust c ON c.id = r.cust WHERE r.prod = p.id) t WHERE t.n < 3) AS top FROM prod p$$,
 '{id}', '{p:direct,r:lookup,c:lookup}'),
('window_in', 'window correlated',
 $$SELECT p.id, p.price FROM prod p WHERE p.price IN (SELECT q.rn FROM
   (SELECT row_number() OVER (ORDER BY r.stars, r.id) AS rn FROM review r WHERE r.prod = p.id) q)$$,
 '{id}', '{p:direct,r:lookup}'),
('window_lateral_group', 'window correlated',
 $$SELECT p.id, y.cust, y.n, y.rn FROM prod p JOIN LATERAL
   (SELECT r.cust, count(*) AS n, row_number() OVER (ORDER BY count(*), r.cust) AS rn FROM review r WHERE r.prod = p.id GROUP BY r.cust) y ON true$$,
 '{id,cust}', '{p:routed,r:routed}'),
('window_lateral_partition', 'window correlated',
 $$SELECT p.id, y.id AS review, y.n FROM prod p JOIN LATERAL
   (SELECT r.id, count(*) OVER (PARTITION BY r.cust) AS n FROM review r WHERE r.prod = p.id) y ON true$$,
 '{review}', '{p:routed,r:lookup}'),
('window_lateral_twice', 'window correlated',
 $$SELECT p.id, y.n FROM prod p LEFT JOIN LATERAL (SELECT max(z.rn * 10 + i.qty) AS n FROM item i JOIN LATERAL
   (SELECT o.id, row_number() OVER (ORDER BY o.placed, o.id) AS rn FROM ord o WHERE o.cust = p.twin) z ON z.id = i.ord WHERE i.prod = p.id) y ON true$$,
 '{id}', '{p:direct,i:direct,o:lookup}'),
('window_lateral_on', 'window correlated',
 $$SELECT p.id, x.cust, x.review, x.rn FROM prod p JOIN LATERAL
   (SELECT c.id AS cust, r.id AS review, row_number() OVER (ORDER BY c.name, c.id, r.id) AS rn
      FROM cust c LEFT JOIN review r ON r.cust = c.id AND c.boss = p.twin WHERE c.grp = p.price) x ON true$$,
 '{id,cust,review}', '{p:routed,c:lookup,r:lookup}'),
-- these are not: what correlates stands on a nullable side, above the window, or is no equality
('window_lateral_left', 'window correlated',
 $$SELECT p.id, y.s FROM prod p LEFT JOIN LATERAL (SELECT sum(x.rn * x.stars) AS s FROM
   (SELECT r.stars, row_number() OVER (ORDER BY c.id, r.id) AS rn FROM cust c LEFT JOIN review r ON r.cust = c.id AND r.prod = p.id) x) y ON true$$,
 '{id}', '{p:direct,r:full,c:full}'),
('window_lateral_above', 'window correlated',
 $$SELECT p.id, y.s FROM prod p LEFT JOIN LATERAL (SELECT sum(x.rn) AS s FROM
   (SELECT r.prod, row_number() OVER (ORDER BY r.stars, r.id) AS rn FROM review r) x WHERE x.prod = p.id) y ON true$$,
 '{id}', '{p:direct,r:full}'),
('window_in_above', 'window correlated',
 $$SELECT p.id, p.price FROM prod p WHERE (p.id, p.price) IN (SELECT r.prod, row_number() OVER (ORDER BY r.stars, r.id) FROM review r)$$,
 '{id}', '{p:direct,r:full}'),
('window_in_constant', 'window correlated',
 $$SELECT p.id, p.price FROM prod p WHERE ('new', 1) IN (SELECT o.status, row_number() OVER (PARTITION BY c.grp ORDER BY i.ord, i.line)
   FROM item i JOIN ord o ON o.id = i.ord JOIN cust c ON c.id = o.cust WHERE c.boss = p.id)$$,
 '{id}', '{p:direct,i:lookup,o:lookup,c:lookup}'),
('window_lateral_less', 'window correlated',
 $$SELECT p.id, y.s FROM prod p LEFT JOIN LATERAL (SELECT sum(x.rn * x.stars) AS s FROM
   (SELECT r.stars, row_number() OVER (ORDER BY r.stars, r.id) AS rn FROM review r WHERE r.prod <= p.id) x) y ON true$$,
 '{id}', '{p:direct,r:full}');
UPDATE corpus SET indexed = false WHERE name IN ('window_sublink', 'window_in_constant');

-- LIMIT
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('limit_lateral', 'limit',
 $$SELECT p.id, x.best FROM prod p, LATERAL (SELECT array_agg(y.stars ORDER BY y.stars DESC, y.id) AS best FROM
   (SELECT r.stars, r.id FROM review r WHERE r.prod = p.id AND r.stars IS NOT NULL ORDER BY r.stars DESC, r.id LIMIT 2) y) x$$,
 '{id}', '{p:direct,r:direct}'),
('limit_lateral_rows', 'limit',
 $$SELECT p.id, x.id AS review, x.stars FROM prod p CROSS JOIN LATERAL
   (SELECT r.id, r.stars FROM review r WHERE r.prod = p.id ORDER BY r.stars DESC NULLS LAST, r.id LIMIT 2) x$$,
 '{id,review}', '{p:routed,r:routed}'),
('limit_sublink', 'limit',
 $$SELECT p.id, (SELECT r.body FROM review r WHERE r.prod = p.id ORDER BY r.id DESC LIMIT 1) AS last FROM prod p$$,
 '{id}', '{p:direct,r:direct}'),
('limit_filtered', 'limit',
 $$SELECT p.id, x.stars FROM prod p LEFT JOIN LATERAL
   (SELECT r.id, r.stars FROM review r WHERE r.prod = p.id ORDER BY r.id LIMIT 1) x ON x.stars > 3$$,
 '{id}', '{p:direct,r:direct}'),
('limit_inner_filtered', 'limit',
 $$SELECT k.id, count(*) AS n FROM cat k JOIN prod p ON p.cat = k.id CROSS JOIN LATERAL
   (SELECT r.cust, r.stars FROM review r WHERE r.prod = p.id ORDER BY r.stars DESC NULLS LAST, r.id LIMIT 1) x WHERE x.cust = p.twin GROUP BY k.id$$,
 '{id}', '{k:direct,p:direct,r:lookup}'),
('limit_chain', 'limit',
 $$SELECT c.id, count(i.line) AS n FROM cust c CROSS JOIN LATERAL
   (SELECT o.id FROM ord o WHERE o.cust = c.id ORDER BY o.placed DESC, o.id LIMIT 1) l LEFT JOIN item i ON i.ord = l.id GROUP BY c.id$$,
 '{id}', '{c:direct,o:direct,i:full}'),
('limit_set_operation', 'limit',
 $$SELECT p.id, count(u.x) AS n, min(u.x) AS x FROM prod p LEFT JOIN (SELECT v.prod, v.id AS x FROM review v
   UNION ALL SELECT i.prod, i.ord * 10 + i.line + 100 FROM item i ORDER BY 2 LIMIT 5) u ON u.prod = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,v:full,i:full}'),
('limit_uncorrelated', 'limit',
 $$SELECT p.id, p.name FROM prod p ORDER BY p.price DESC NULLS LAST, p.id LIMIT 3$$,
 '{id}', '{p:full}'),
('limit_below_uncorrelated', 'limit',
 $$SELECT r.id, r.stars FROM review r JOIN (SELECT p.id FROM prod p ORDER BY p.price, p.id OFFSET 1) x ON x.id = r.prod$$,
 '{id}', '{r:direct,p:full}');

-- set operations
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('union_all_tagged', 'set operation',
 $$SELECT 'prod' AS what, p.id, p.name FROM prod p UNION ALL SELECT 'cust', c.id, c.name FROM cust c WHERE c.grp > 1$$,
 '{what,id}', '{p:routed,c:routed}'),
('union', 'set operation',
 $$SELECT r.prod AS id, r.cust FROM review r UNION SELECT i.prod, o.cust FROM item i JOIN ord o ON o.id = i.ord$$,
 '{id,cust}', '{r:routed,i:routed,o:routed}'),
('union_one', 'set operation',
 $$SELECT r.prod AS id FROM review r UNION SELECT i.prod FROM item i JOIN ord o ON o.id = i.ord WHERE o.status = 'paid'$$,
 '{id}', '{r:direct,i:direct,o:lookup}'),
('except', 'set operation',
 $$SELECT r.prod, r.cust FROM review r EXCEPT SELECT i.prod, i.qty FROM item i$$,
 '{prod,cust}', '{r:direct,i:direct}'),
('intersect', 'set operation',
 $$SELECT r.prod FROM review r INTERSECT SELECT i.prod FROM item i WHERE i.qty > 1$$,
 '{prod}', '{r:direct,i:direct}'),
('except_group', 'set operation',
 $$SELECT x.prod, count(*) AS n FROM (SELECT r.prod, r.cust FROM review r EXCEPT SELECT e.prod, e.amount FROM event e) x
   WHERE x.prod IS NOT NULL GROUP BY x.prod$$,
 '{prod}', '{r:direct,e:direct}'),
('except_all_group', 'set operation',
 $$SELECT x.prod, count(*) AS n FROM (SELECT r.prod, r.stars FROM review r EXCEPT ALL SELECT i.prod, i.qty FROM item i) x GROUP BY x.prod$$,
 '{prod}', '{r:direct,i:direct}'),
('union_all_group', 'set operation',
 $$SELECT u.k, sum(u.n) AS n FROM (SELECT i.prod AS k, i.qty AS n FROM item i UNION ALL SELECT e.prod, e.amount FROM event e) u GROUP BY u.k$$,
 '{k}', '{i:direct,e:direct}'),
('union_all_joined', 'set operation',
 $$SELECT p.id, count(u.w) AS n FROM prod p LEFT JOIN (SELECT r.prod, r.stars AS w FROM review r
   UNION ALL SELECT a.prod, 1 FROM asset a JOIN prod z ON z.id = a.prod AND z.price > 1) u ON u.prod = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,r:direct,a:direct,z:routed}'),
('intersect_nested', 'set operation',
 $$SELECT t.id, t.label FROM tag t WHERE t.id IN (SELECT r.prod FROM review r UNION (SELECT o.cust FROM ord o INTERSECT SELECT c.boss FROM cust c))$$,
 '{id}', '{t:direct,r:direct,o:direct,c:direct}');

-- what has no way at all
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('aggregate_global', 'no way',
 $$SELECT 1 AS one, count(*) AS n, max(p.price) AS price FROM prod p$$,
 '{one}', '{p:full}'),
('aggregate_beside', 'no way',
 $$SELECT o.id, count(*) AS rows, sum(s.n) AS n FROM ord o JOIN prod p ON p.price >= o.cust
   CROSS JOIN LATERAL (SELECT count(*) AS n FROM review r WHERE r.prod = p.id AND r.cust = o.cust) s GROUP BY o.id$$,
 '{id}', '{o:direct,p:lookup,r:lookup}'),
('aggregate_joined', 'no way',
 $$SELECT p.id, p.price - m.top AS below FROM prod p CROSS JOIN (SELECT max(q.price) AS top FROM prod q) m$$,
 '{id}', '{p:direct,q:full}'),
('sublink_uncorrelated', 'no way',
 $$SELECT p.id, (SELECT max(r.stars) FROM review r) AS top FROM prod p$$,
 '{id}', '{p:direct,r:full}'),
('exists_uncorrelated', 'no way',
 $$SELECT p.id FROM prod p WHERE EXISTS (SELECT FROM review r WHERE r.stars = 5)$$,
 '{id}', '{p:direct,r:full}'),
('having_scalar', 'no way',
 $$SELECT p.cat, sum(p.price) AS s FROM prod p GROUP BY p.cat HAVING sum(p.price) > (SELECT avg(r.stars) FROM review r)$$,
 '{cat}', '{p:direct,r:full}'),
('recursive', 'no way',
 $$WITH RECURSIVE t AS (SELECT k.id, k.id AS root, 0 AS depth FROM cat k WHERE k.parent IS NULL
   UNION SELECT s.id, t.root, t.depth + 1 FROM t JOIN cat s ON s.parent = t.id WHERE t.depth < 9) SELECT t.id, t.root, t.depth FROM t$$,
 '{id}', '{k:full,s:full}'),
('recursive_below', 'no way',
 $$WITH RECURSIVE t AS (SELECT k.id, k.parent AS up FROM cat k UNION SELECT t.id, s.parent FROM t JOIN cat s ON s.id = t.up)
   SELECT p.id, array_agg(t.up ORDER BY t.up) AS ups FROM prod p JOIN t ON t.id = p.cat GROUP BY p.id$$,
 '{id}', '{p:direct,k:full,s:full}'),
('grouping_sets', 'no way',
 $$SELECT p.cat, p.twin, grouping(p.cat, p.twin) AS g, count(*) AS n FROM prod p GROUP BY GROUPING SETS ((p.cat), (p.twin), ())$$,
 '{cat,twin,g}', '{p:full}'),
('rollup_joined', 'no way',
 $$SELECT c.region, o.status, grouping(c.region, o.status) AS g, count(*) AS n FROM ord o JOIN cust c ON c.id = o.cust
   GROUP BY ROLLUP (c.region, o.status)$$,
 '{region,status,g}', '{o:full,c:full}'),
-- rows of a smaller grouping set have NULL where the tables have none, and one of them is there without any row
('rollup_below', 'no way',
 $$SELECT s.cat, s.twin, s.g, s.n, k.name FROM (SELECT p.cat, p.twin, grouping(p.cat, p.twin) AS g, count(*) AS n FROM prod p
   GROUP BY ROLLUP (p.cat, p.twin)) s LEFT JOIN cat k ON k.id = s.cat$$,
 '{cat,twin,g}', '{p:full,k:full}'),
('rollup_total', 'no way',
 $$SELECT s.cat, s.n, k.name FROM (SELECT p.cat, count(*) AS n FROM prod p WHERE p.cat IS NOT NULL GROUP BY ROLLUP (p.cat)) s
   LEFT JOIN cat k ON k.id = coalesce(s.cat, 1)$$,
 '{cat}', '{p:full,k:full}'),
('rollup_lateral', 'no way',
 $$SELECT t.id, count(*) AS n FROM prod p CROSS JOIN tag t CROSS JOIN LATERAL (SELECT count(*) AS n FROM review r
   WHERE r.prod = p.id AND r.cust = t.id GROUP BY ROLLUP (r.stars)) s GROUP BY t.id$$,
 '{id}', '{p:full,t:direct,r:full}'),
('group_nothing', 'no way',
 $$SELECT t.id, count(*) AS n FROM prod p CROSS JOIN tag t CROSS JOIN LATERAL (SELECT 1 AS one FROM review r
   WHERE r.prod = p.id AND r.cust = t.id GROUP BY ()) s GROUP BY t.id$$,
 '{id}', '{p:full,t:direct,r:full}'),
('target_srf', 'no way',
 $$SELECT x.id, x.tag, count(*) AS n FROM (SELECT p.id, unnest(p.tags) AS tag FROM prod p) x GROUP BY x.id, x.tag$$,
 '{id,tag}', '{p:full}'),
('target_srf_series', 'no way',
 $$SELECT i.ord, i.line, generate_series(1, i.qty) AS n FROM item i$$,
 '{ord,line,n}', '{i:full}'),
-- what it returns cannot stand in a condition of a lookup
('target_srf_joined', 'no way',
 $$SELECT x.id AS prod, t.id AS tag, t.label FROM (SELECT DISTINCT p.id, unnest(p.tags) AS tag FROM prod p) x JOIN tag t ON t.id = x.tag$$,
 '{prod,tag}', '{p:full,t:direct}'),
('target_srf_grouped', 'no way',
 $$SELECT t.label, count(*) AS n FROM (SELECT p.id, unnest(p.tags) AS tag FROM prod p) x JOIN tag t ON t.id = x.tag GROUP BY t.label$$,
 '{label}', '{p:full,t:direct}'),
('target_srf_filtered', 'no way',
 $$SELECT x.tag, count(*) AS n FROM (SELECT unnest(p.tags) AS tag FROM prod p) x WHERE EXISTS (SELECT FROM tag t WHERE t.id = x.tag) GROUP BY x.tag$$,
 '{tag}', '{p:full,t:full}'),
('target_srf_keyed', 'no way',
 $$SELECT x.tag, count(t.id) AS n FROM (SELECT p.id, unnest(p.tags) AS tag FROM prod p) x JOIN tag t ON t.id = x.id GROUP BY x.tag$$,
 '{tag}', '{p:full,t:full}');

-- functions and VALUES in FROM
INSERT INTO corpus (name, topic, view_sql, key, routes, ambitious, indexed) VALUES
('unnest_group', 'function',
 $$SELECT u.x, count(*) AS n FROM prod p, unnest(p.tags) AS u(x) WHERE p.price > 1 GROUP BY u.x$$,
 '{x}', '{p:lookup}', false, true),
('unnest_join', 'function',
 $$SELECT t.id, t.label, count(p.id) AS n FROM tag t LEFT JOIN (prod p CROSS JOIN LATERAL unnest(p.tags) AS u(x)) ON u.x = t.id GROUP BY t.id$$,
 '{id}', '{t:direct,p:lookup}', true, true),
('unnest_ordinality', 'function',
 $$SELECT p.id, u.n, t.label FROM prod p, unnest(p.tags) WITH ORDINALITY AS u(x, n) JOIN tag t ON t.id = u.x$$,
 '{id,n}', '{p:routed,t:lookup}', true, false),
('series_lateral', 'function',
 $$SELECT i.ord, i.line, s.n, p.name FROM item i CROSS JOIN LATERAL generate_series(1, i.qty) AS s(n) LEFT JOIN prod p ON p.id = i.prod$$,
 '{ord,line,n}', '{i:routed,p:lookup}', true, true),
('series_calendar', 'function',
 $$SELECT s.n, count(r.id) AS reviews FROM generate_series(1, 5) AS s(n) LEFT JOIN review r ON r.stars = s.n GROUP BY s.n$$,
 '{n}', '{r:routed}', true, true),
('values_join', 'function',
 $$SELECT v.k, v.label, count(c.id) AS n FROM (VALUES (1, 'one'), (2, 'two'), (9, 'nine')) AS v(k, label) LEFT JOIN cust c ON c.grp = v.k
   GROUP BY v.k, v.label$$,
 '{k,label}', '{c:routed}', true, true),
('values_filter', 'function',
 $$SELECT c.id, v.label FROM cust c JOIN (VALUES (1, 'one'), (2, 'two')) AS v(k, label) ON v.k = c.grp$$,
 '{id}', '{c:direct}', true, true),
('unnest_then_join', 'function',
 $$SELECT t.label, count(*) AS n FROM prod p, unnest(p.tags) AS u(x) JOIN tag t ON t.id = u.x GROUP BY t.label$$,
 '{label}', '{p:lookup,t:direct}', false, true),
('unnest_twice', 'function',
 $$SELECT k.name, count(*) AS n FROM prod p, unnest(p.tags) AS u(x), generate_series(u.x, u.x + 1) AS g(y), cat k
   WHERE k.id = g.y GROUP BY k.name$$,
 '{name}', '{p:lookup,k:direct}', false, true),
('values_lateral', 'function',
 $$SELECT p.id, v.k, c.name FROM prod p CROSS JOIN LATERAL (VALUES (p.cat, 1), (p.twin, 2)) AS v(x, k) LEFT JOIN cat c ON c.id = v.x$$,
 '{id,k}', '{p:direct,c:lookup}', true, false),
-- what is called with the NULLs of an outer join may return rows all the same
('unnest_outer', 'function',
 $$SELECT c.id, count(*) AS n, min(t.label) AS label FROM cust c LEFT JOIN prod p ON p.id = c.boss
   CROSS JOIN LATERAL unnest(coalesce(p.tags, '{1}')) AS u(x) JOIN tag t ON t.id = u.x GROUP BY c.id$$,
 '{id}', '{c:direct,p:lookup,t:full}', true, false),
('unnest_outer_strict', 'function',
 $$SELECT c.id, count(*) AS n, min(t.label) AS label FROM cust c LEFT JOIN prod p ON p.id = c.boss
   CROSS JOIN LATERAL unnest(p.tags) AS u(x) JOIN tag t ON t.id = u.x GROUP BY c.id$$,
 '{id}', '{c:direct,p:lookup,t:lookup}', true, false),
('unnest_outer_key', 'function',
 $$SELECT t.id, count(*) AS n FROM cust c LEFT JOIN prod p ON p.id = c.boss
   CROSS JOIN LATERAL unnest(coalesce(p.tags, '{1}')) AS u(x) JOIN tag t ON t.id = u.x GROUP BY t.id$$,
 '{id}', '{c:full,p:full,t:direct}', true, false),
('unnest_outer_group', 'function',
 $$SELECT u.x, count(*) AS n FROM cust c LEFT JOIN prod p ON p.id = c.boss CROSS JOIN LATERAL unnest(coalesce(p.tags, '{1}')) AS u(x) GROUP BY u.x$$,
 '{x}', '{c:full,p:full}', true, false),
('values_outer', 'function',
 $$SELECT c.id, count(*) AS n, min(k.name) AS name FROM cust c LEFT JOIN prod p ON p.id = c.boss
   CROSS JOIN LATERAL (VALUES (p.cat), (1)) AS v(k) JOIN cat k ON k.id = v.k GROUP BY c.id$$,
 '{id}', '{c:direct,p:lookup,k:full}', true, false),
('call_outer', 'function',
 $$SELECT c.id, min(k.name) AS name FROM cust c LEFT JOIN prod p ON p.id = c.boss
   CROSS JOIN LATERAL abs(p.cat) AS v(k) JOIN cat k ON k.id = coalesce(v.k, 1) GROUP BY c.id$$,
 '{id}', '{c:direct,p:lookup,k:full}', true, false);

-- the same source twice or more
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('self_chain', 'self join',
 $$SELECT a.id, a.name, b.name AS boss, d.name AS bigboss FROM cust a LEFT JOIN cust b ON b.id = a.boss LEFT JOIN cust d ON d.id = b.boss$$,
 '{id}', '{a:direct,b:lookup,d:lookup}'),
('self_reports', 'self join',
 $$SELECT b.id, count(a.id) AS reports, sum((SELECT count(*) FROM cust z WHERE z.boss = a.id)) AS below
   FROM cust b LEFT JOIN cust a ON a.boss = b.id GROUP BY b.id$$,
 '{id}', '{b:direct,a:direct,z:lookup}'),
('two_embeds', 'self join',
 $$SELECT p.id, x.name AS cat, y.name AS twin_cat FROM prod p LEFT JOIN cat x ON x.id = p.cat LEFT JOIN cat y ON y.id = p.twin$$,
 '{id}', '{p:direct,x:lookup,y:lookup}');

-- plain columns, odd conditions, whole rows
INSERT INTO corpus (name, topic, view_sql, key, routes, indexed) VALUES
('link_expression', 'plain',
 $$SELECT p.id, k.name FROM prod p JOIN cat k ON k.id + 1 = p.cat$$,
 '{id}', '{p:direct,k:lookup}', true),
('link_function', 'plain',
 $$SELECT k.id, count(c.id) AS n FROM cat k LEFT JOIN cust c ON lower(c.region) = lower(k.name) GROUP BY k.id$$,
 '{id}', '{k:direct,c:lookup}', false),
('link_inequality', 'plain',
 $$SELECT r.id, p.name FROM review r JOIN prod p ON p.id = r.prod AND p.price BETWEEN r.stars - 1 AND r.stars + 1$$,
 '{id}', '{r:direct,p:lookup}', true),
('condition_nullif', 'plain',
 $$SELECT r.id, p.name FROM review r JOIN prod p ON p.id = r.prod AND NULLIF(p.price, r.stars) IS NOT NULL$$,
 '{id}', '{r:direct,p:lookup}', true),
('condition_distinct', 'plain',
 $$SELECT r.id, p.name FROM review r JOIN prod p ON p.id = r.prod AND p.twin IS DISTINCT FROM r.cust$$,
 '{id}', '{r:direct,p:lookup}', true),
('condition_not_distinct', 'plain',
 $$SELECT r.id, count(p.id) AS n FROM review r LEFT JOIN prod p ON p.twin IS NOT DISTINCT FROM r.cust GROUP BY r.id$$,
 '{id}', '{r:direct,p:lookup}', false),
('condition_case', 'plain',
 $$SELECT r.id, p.name FROM review r JOIN prod p ON p.id = r.prod AND CASE r.stars WHEN p.price THEN p.cat = 1 ELSE p.twin IS NULL END$$,
 '{id}', '{r:direct,p:lookup}', true),
('condition_or', 'plain',
 $$SELECT r.id, c.name FROM review r JOIN cust c ON c.id = r.cust OR c.boss = r.cust AND c.grp = 1 WHERE c.id <= coalesce((SELECT min(d.id) FROM cust d
   WHERE d.id = r.cust OR d.boss = r.cust AND d.grp = 1), c.id)$$,
 '{id}', '{r:direct,c:lookup,d:lookup}', false),
('aggregate_filter_outer', 'plain',
 $$SELECT p.id, a.n FROM prod p LEFT JOIN (SELECT r.prod, count(*) AS n FROM review r GROUP BY r.prod) a ON a.prod = p.id WHERE a.n = p.price OR a.n IS NULL$$,
 '{id}', '{p:direct,r:direct}', true),
('whole_row', 'plain',
 $$SELECT p.id, p AS row, r.n FROM prod p LEFT JOIN b_review_stats r ON r.prod = p.id$$,
 '{id}', '{p:direct,rv:direct}', true),
('row_to_jsonb', 'plain',
 $$SELECT o.id, to_jsonb(o) AS doc, to_jsonb(c) AS cust FROM ord o LEFT JOIN cust c ON c.id = o.cust$$,
 '{id}', '{o:direct,c:lookup}', true),
('row_agg', 'plain',
 $$SELECT p.id, (SELECT jsonb_agg(r ORDER BY r.id) FROM review r WHERE r.prod = p.id) AS reviews FROM prod p$$,
 '{id}', '{p:direct,r:direct}', true);

-- equal is not identical
INSERT INTO corpus (name, topic, view_sql, key, routes, exact) VALUES
('numeric_key', 'equal', $$SELECT a.no, count(*) AS n FROM acct a JOIN entry e ON e.acct = a.no GROUP BY a.no$$,
 '{no}', '{a:direct,e:routed}', true),
('numeric_text_key', 'equal', $$SELECT a.no::text AS k, count(*) AS n FROM acct a JOIN entry e ON e.acct = a.no GROUP BY a.no::text$$,
 '{k}', '{a:routed,e:lookup}', true),
('numeric_scale_key', 'equal', $$SELECT scale(a.no) AS k, count(*) AS n FROM acct a LEFT JOIN entry e ON e.acct = a.no GROUP BY 1$$,
 '{k}', '{a:routed,e:lookup}', true),
('numeric_group', 'equal', $$SELECT e.acct, count(*) AS n, sum(a.bal) AS bal FROM entry e LEFT JOIN acct a ON a.no = e.acct GROUP BY e.acct$$,
 '{acct}', '{e:direct,a:routed}', false),
('citext_key', 'equal', $$SELECT a.owner, count(*) AS n FROM acct a JOIN entry e ON e.who = a.owner GROUP BY a.owner$$,
 '{owner}', '{a:direct,e:routed}', false),
('citext_text_key', 'equal', $$SELECT a.owner::text AS k, count(*) AS n FROM acct a JOIN entry e ON e.who = a.owner GROUP BY 1$$,
 '{k}', '{a:routed,e:lookup}', true),
('citext_link', 'equal', $$SELECT e.id, string_agg(a.owner::text, ',' ORDER BY a.no) AS owners FROM entry e JOIN acct a ON a.owner = e.who GROUP BY e.id$$,
 '{id}', '{e:direct,a:lookup}', true),
('bpchar_key', 'equal', $$SELECT octet_length(a.kind) AS k, count(*) AS n FROM acct a JOIN entry e ON e.kind = a.kind GROUP BY 1$$,
 '{k}', '{a:routed,e:lookup}', true),
('bpchar_padded_key', 'equal', $$SELECT octet_length(a.kind) || left(a.kind, 2) AS k, count(*) AS n FROM acct a JOIN entry e ON e.kind = a.kind GROUP BY 1$$,
 '{k}', '{a:routed,e:lookup}', true),
('collation_key', 'equal', $$SELECT a.nick COLLATE "C" AS k, count(*) AS n FROM acct a JOIN entry e ON e.nick = a.nick GROUP BY 1$$,
 '{k}', '{a:routed,e:lookup}', true),
-- the rows of one evaluation have several values of what its condition takes for equal
('collation_evaluation', 'equal',
 $$SELECT a.no, w.id, w.rank FROM acct a CROSS JOIN LATERAL (SELECT e.id, rank() OVER (ORDER BY e.amount) AS rank FROM entry e
   WHERE e.who::text = (a.owner::text COLLATE nocase)) w$$, '{no,id}', '{a:direct,e:full}', true),
('collation_group', 'equal', $$SELECT e.nick, count(*) AS n, max(a.bal) AS bal FROM entry e LEFT JOIN acct a ON a.nick = e.nick GROUP BY e.nick$$,
 '{nick}', '{e:direct,a:routed}', false),
('cross_type', 'equal', $$SELECT p.id, count(w.id) AS n FROM prod p LEFT JOIN wide w ON w.prod = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,w:lookup}', true),
('cross_type_back', 'equal', $$SELECT w.prod, count(*) AS n, max(p.price) AS price FROM wide w LEFT JOIN prod p ON p.id = w.prod GROUP BY w.prod$$,
 '{prod}', '{w:direct,p:lookup}', true),
('cross_type_cast', 'equal', $$SELECT a.no, count(*) AS n FROM acct a JOIN review r ON r.prod = a.no GROUP BY a.no$$,
 '{no}', '{a:direct,r:lookup}', true),
('generated_column', 'equal', $$SELECT e.doubled, count(*) AS n FROM entry e WHERE e.doubled > 2 GROUP BY e.doubled$$,
 '{doubled}', '{e:routed}', true);
UPDATE corpus SET indexed = false WHERE name IN ('aggregate_beside', 'cross_type_cast', 'collation_key',
    'left_partner_missing', 'full_expression', 'sublink_value_condition', 'window_over_window', 'limit_set_operation');

-- ... whose row appears because something is gone
INSERT INTO corpus (name, topic, view_sql, key, routes, ambitious, indexed) VALUES
('gone_not_exists', 'several carriers, gone',
 $$SELECT c.grp, p.price, count(*) AS n FROM review r JOIN cust c ON c.id = r.cust JOIN prod p ON p.id = r.prod
   WHERE NOT EXISTS (SELECT FROM ord o JOIN item i ON i.ord = o.id WHERE o.cust = c.grp AND i.qty = p.price) GROUP BY c.grp, p.price$$,
 '{grp,price}', '{c:routed,p:routed,r:routed,o:routed,i:routed}', true, false),
('gone_having', 'several carriers, gone',
 $$SELECT c.grp, p.price, count(*) AS n FROM review r JOIN cust c ON c.id = r.cust JOIN prod p ON p.id = r.prod
   GROUP BY c.grp, p.price HAVING count(*) < 2$$,
 '{grp,price}', '{c:routed,p:routed,r:routed}', true, false),
('gone_except', 'several carriers, gone',
 $$SELECT c.grp, c.boss FROM cust c EXCEPT SELECT o.cust, i.qty FROM ord o JOIN item i ON i.ord = o.id$$,
 '{grp,boss}', '{c:routed,o:routed,i:routed}', true, false),
('gone_outer', 'several carriers, gone',
 $$SELECT c.grp, p.price, count(*) AS n FROM review r JOIN cust c ON c.id = r.cust JOIN prod p ON p.id = r.prod
   LEFT JOIN (ord o JOIN item i ON i.ord = o.id) ON o.cust = c.grp AND i.qty = p.price WHERE o.id IS NULL GROUP BY c.grp, p.price$$,
 '{grp,price}', '{c:routed,p:routed,r:routed,o:routed,i:routed}', true, false);

-- a key with several carriers
INSERT INTO corpus (name, topic, view_sql, key, routes, ambitious, indexed) VALUES
('carriers_group', 'several carriers',
 $$SELECT c.region, p.cat, count(*) AS n FROM item i JOIN ord o ON o.id = i.ord JOIN cust c ON c.id = o.cust JOIN prod p ON p.id = i.prod
   GROUP BY c.region, p.cat$$,
 '{region,cat}', '{c:routed,p:routed,i:lookup,o:lookup}', true, true),
('carriers_pair', 'several carriers',
 $$SELECT p.id AS prod, c.id AS cust, max(r.stars) AS best, p.name, c.region FROM review r JOIN prod p ON p.id = r.prod JOIN cust c ON c.id = r.cust
   GROUP BY p.id, c.id$$,
 '{prod,cust}', '{p:routed,c:routed,r:routed}', true, true),
('carriers_plain_pair', 'several carriers',
 $$SELECT o.id AS ord, e.id AS event, e.day, e.amount FROM ord o JOIN event e ON e.day = o.placed$$,
 '{ord,event,day}', '{o:routed,e:routed}', true, false),
('carriers_distinct', 'several carriers',
 $$SELECT DISTINCT c.grp, p.cat FROM review r JOIN cust c ON c.id = r.cust JOIN prod p ON p.id = r.prod$$,
 '{grp,cat}', '{c:routed,p:routed,r:lookup}', true, true),
('carriers_three', 'several carriers',
 $$SELECT c.grp, p.cat, o.status, sum(i.qty) AS q FROM item i JOIN ord o ON o.id = i.ord JOIN cust c ON c.id = o.cust JOIN prod p ON p.id = i.prod
   GROUP BY c.grp, p.cat, o.status$$,
 '{grp,cat,status}', '{c:routed,p:routed,o:routed,i:lookup}', true, false),
('carriers_below', 'several carriers',
 $$SELECT k.id, sum(g.n) AS n FROM cat k LEFT JOIN (SELECT c.grp, p.cat, count(*) AS n FROM review r JOIN cust c ON c.id = r.cust
   JOIN prod p ON p.id = r.prod GROUP BY c.grp, p.cat) g ON g.cat = k.id AND g.grp > 1 GROUP BY k.id$$,
 '{id}', '{k:direct,p:direct,c:lookup,r:lookup}', true, false),
('carriers_two_columns', 'several carriers',
 $$SELECT k.id, sum(x.n) AS n FROM cat k JOIN (SELECT c.grp, p.cat, count(*) AS n FROM review r JOIN cust c ON c.id = r.cust
   JOIN prod p ON p.id = r.prod GROUP BY c.grp, p.cat) x ON x.cat = k.id AND x.grp = k.id % 3 + 1 GROUP BY k.id$$,
 '{id}', '{k:direct,p:direct,c:lookup,r:lookup}', true, false),
('carriers_sum', 'several carriers',
 $$SELECT k.id, sum(x.n) AS n FROM cat k JOIN (SELECT c.grp, p.cat, r.stars, count(*) AS n FROM review r JOIN cust c ON c.id = r.cust
   JOIN prod p ON p.id = r.prod GROUP BY c.grp, p.cat, r.stars) x ON x.cat = k.id AND x.grp + x.stars = k.id + 2 GROUP BY k.id$$,
 '{id}', '{k:direct,p:direct,c:lookup,r:lookup}', true, false),
('carriers_left', 'several carriers',
 $$SELECT o.status, c.region, count(*) AS n FROM ord o LEFT JOIN cust c ON c.id = o.cust GROUP BY o.status, c.region$$,
 '{status,region}', '{o:routed,c:routed}', true, false);

-- partitions, inheritance
INSERT INTO corpus (name, topic, view_sql, key, routes) VALUES
('part_root', 'inner', $$SELECT e.id, e.day, e.amount, p.name FROM event e LEFT JOIN prod p ON p.id = e.prod$$,
 '{id,day}', '{e:direct,p:lookup}'),
('part_group', 'inner', $$SELECT p.id, sum(e.amount) AS amount FROM prod p JOIN event e ON e.prod = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,e:direct}'),
('part_leaf', 'inner', $$SELECT e.id, e.day, e.amount, p.name FROM event_2 e JOIN prod p ON p.id = e.prod$$,
 '{id,day}', '{e:direct,p:lookup}'),
('inherited', 'inner', $$SELECT h.grp, count(*) AS n, max(h.name) AS name FROM person h GROUP BY h.grp$$,
 '{grp}', '{h:direct}'),
('inherited_only', 'inner', $$SELECT h.id, h.name, c.name AS cust FROM ONLY person h LEFT JOIN cust c ON c.id = h.grp$$,
 '{id}', '{h:direct,c:lookup}'),
('inherited_child', 'inner', $$SELECT s.grp, sum(s.salary) AS salary FROM staff s GROUP BY s.grp$$,
 '{grp}', '{s:direct}');

-- subqueries that the keys are carried into, and some that they must not be
INSERT INTO corpus (name, topic, view_sql, key, routes, indexed) VALUES
('push_group', 'pushdown',
 $$SELECT p.id, p.name, r.n, r.stars FROM prod p LEFT JOIN (SELECT v.prod, count(*) AS n, sum(v.stars) AS stars FROM review v GROUP BY v.prod) r ON r.prod = p.id$$,
 '{id}', '{p:direct,v:direct}', true),
('push_distinct_on', 'pushdown',
 $$SELECT p.id, p.name, r.stars FROM prod p LEFT JOIN (SELECT DISTINCT ON (v.prod) v.prod, v.stars FROM review v ORDER BY v.prod, v.id DESC) r ON r.prod = p.id$$,
 '{id}', '{p:direct,v:direct}', true),
('push_window', 'pushdown',
 $$SELECT p.id, p.name, r.stars, r.of FROM prod p LEFT JOIN (SELECT v.prod, v.stars, row_number() OVER (PARTITION BY v.prod ORDER BY v.id) AS rn,
   count(*) OVER (PARTITION BY v.prod) AS of FROM review v WHERE v.prod IS NOT NULL) r ON r.prod = p.id AND r.rn = 1$$,
 '{id}', '{p:direct,v:routed}', true),
('push_window_other', 'pushdown',
 $$SELECT p.id, r.rn, r.stars FROM prod p JOIN (SELECT v.prod, v.stars, row_number() OVER (PARTITION BY v.cust ORDER BY v.id) AS rn, v.id FROM review v
   WHERE v.cust IS NOT NULL) r ON r.prod = p.id AND r.id = p.twin$$,
 '{id}', '{p:direct,v:routed}', false),
('push_two_windows', 'pushdown',
 $$SELECT p.id, max(r.a) AS a, max(r.b) AS b FROM prod p JOIN (SELECT v.prod, count(*) OVER (PARTITION BY v.prod, v.cust) AS a,
   sum(v.stars) OVER (PARTITION BY v.cust) AS b FROM review v WHERE v.cust IS NOT NULL AND v.prod IS NOT NULL) r ON r.prod = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,v:routed}', false),
('push_window_both', 'pushdown',
 $$SELECT p.id, r.a, r.b FROM prod p LEFT JOIN (SELECT v.prod, v.id, v.stars, sum(v.stars) OVER (PARTITION BY v.prod) AS a,
   count(*) OVER (PARTITION BY v.cust, v.prod) AS b, row_number() OVER (PARTITION BY v.prod ORDER BY v.id) AS rn FROM review v
   WHERE v.stars > 1 AND v.cust IS NOT NULL) r ON r.prod = p.id AND r.rn = 1$$,
 '{id}', '{p:direct,v:routed}', true),
('push_nested', 'pushdown',
 $$SELECT p.id, p.name, r.most FROM prod p LEFT JOIN (SELECT x.prod, max(x.n) AS most FROM (SELECT v.prod, v.cust, count(*) AS n FROM review v GROUP BY v.prod, v.cust) x
   GROUP BY x.prod) r ON r.prod = p.id$$,
 '{id}', '{p:direct,v:direct}', true),
('push_union', 'pushdown',
 $$SELECT p.id, u.kind, u.n FROM prod p JOIN (SELECT v.prod, 'r' AS kind, count(*) AS n FROM review v GROUP BY v.prod
   UNION ALL SELECT i.prod, 'i', sum(i.qty) FROM item i GROUP BY i.prod) u ON u.prod = p.id$$,
 '{id,kind}', '{p:routed,v:routed,i:routed}', true),
('push_union_types', 'pushdown',
 $$SELECT p.id, sum(u.n) AS n FROM prod p LEFT JOIN (SELECT v.prod, count(*) AS n FROM review v GROUP BY v.prod
   UNION ALL SELECT w.prod, sum(w.val) FROM wide w GROUP BY w.prod) u ON u.prod = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,v:routed,w:routed}', true),
('push_union_feed', 'pushdown',
 $$SELECT 'r' AS kind, v.id, v.prod, v.body AS what FROM review v UNION ALL SELECT 'w', w.id, w.prod, w.val::text FROM wide w
   UNION ALL SELECT 'o', o.id, i.prod, o.status FROM ord o LEFT JOIN item i ON i.ord = o.id AND i.line = 1$$,
 '{kind,id}', '{v:routed,w:routed,o:routed,i:routed}', true),
('push_union_words', 'pushdown',
 $$SELECT t.label, t.id FROM tag t UNION ALL SELECT b.label, b.id FROM badge b$$,
 '{label,id}', '{t:routed,b:routed}', true),
('push_union_varchar', 'pushdown',
 $$SELECT b.label, b.prod FROM badge b WHERE b.label IS NOT NULL UNION SELECT t.label, t.id FROM tag t WHERE t.label IS NOT NULL$$,
 '{label,prod}', '{b:routed,t:routed}', true),
('push_except', 'pushdown',
 $$SELECT k.id, count(e.prod) AS n FROM prod k LEFT JOIN (SELECT i.prod, i.qty FROM item i EXCEPT ALL SELECT v.prod, v.stars FROM review v) e ON e.prod = k.id GROUP BY k.id$$,
 '{id}', '{k:direct,i:direct,v:direct}', true),
('push_intersect', 'pushdown',
 $$SELECT k.id, e.qty FROM prod k LEFT JOIN (SELECT g.prod, max(g.qty) AS qty FROM (SELECT i.prod, i.qty FROM item i INTERSECT SELECT v.prod, v.stars FROM review v) g
   GROUP BY g.prod) e ON e.prod = k.id$$,
 '{id}', '{k:direct,i:direct,v:direct}', true),
('push_other_column', 'pushdown',
 $$SELECT p.id, p.name, r.n FROM prod p LEFT JOIN (SELECT q.cat, count(*) AS n, sum(v.stars) AS stars FROM prod q JOIN review v ON v.prod = q.id GROUP BY q.cat) r
   ON r.cat = p.cat$$,
 '{id}', '{p:direct,q:lookup,v:lookup}', true),
('push_two_steps', 'pushdown',
 $$SELECT p.id, g.n, h.m FROM prod p LEFT JOIN cat k ON k.id = p.cat LEFT JOIN (SELECT c.parent, count(*) AS n FROM cat c GROUP BY c.parent) g ON g.parent = k.parent
   LEFT JOIN (SELECT o.cust, count(*) AS m FROM ord o GROUP BY o.cust) h ON h.cust = g.n$$,
 '{id}', '{p:direct,k:lookup,c:lookup,o:full}', true),
('push_aggregate', 'pushdown',
 $$SELECT p.id, p.name, r.n FROM prod p LEFT JOIN (SELECT max(v.prod) AS prod, count(*) AS n FROM review v) r ON r.prod = p.id$$,
 '{id}', '{p:direct,v:full}', true),
('push_limit', 'pushdown',
 $$SELECT p.id, p.name, r.stars FROM prod p LEFT JOIN (SELECT v.prod, v.stars FROM review v ORDER BY v.id LIMIT 1) r ON r.prod = p.id$$,
 '{id}', '{p:direct,v:full}', true),
('push_sets', 'pushdown',
 $$SELECT p.id, r.n FROM prod p LEFT JOIN (SELECT v.prod, count(*) AS n FROM review v GROUP BY GROUPING SETS ((v.prod), (v.prod, v.cust))
   HAVING grouping(v.cust) = 1 AND v.prod IS NOT NULL) r ON r.prod = p.id$$,
 '{id}', '{p:direct,v:full}', true),
('push_nullable', 'pushdown',
 $$SELECT p.id, g.n, h.m FROM prod p LEFT JOIN (SELECT c.id, c.grp, x.n FROM cust c LEFT JOIN (SELECT v.cust, count(*) AS n FROM review v GROUP BY v.cust) x
   ON x.cust = c.id) g ON g.id = p.twin LEFT JOIN (SELECT o.cust, count(*) AS m FROM ord o GROUP BY o.cust) h ON h.cust = g.id$$,
 '{id}', '{p:direct,c:lookup,v:lookup,o:lookup}', true),
('push_preserved', 'pushdown',
 $$SELECT k.id, g.n FROM (SELECT v.prod, count(*) AS n FROM review v GROUP BY v.prod) g RIGHT JOIN prod k ON g.prod = k.id AND g.n > 1$$,
 '{id}', '{v:direct,k:direct}', true),
('push_full', 'pushdown',
 $$SELECT prod, g.n, h.m FROM (SELECT v.prod, count(*) AS n FROM review v WHERE v.prod IS NOT NULL GROUP BY v.prod) g FULL JOIN (SELECT i.prod, sum(i.qty) AS m FROM item i WHERE i.prod IS NOT NULL GROUP BY i.prod) h
   USING (prod)$$,
 '{prod}', '{v:direct,i:direct}', true),
('push_full_tables', 'pushdown',
 $$SELECT id, p.cat, k.name, k.parent FROM prod p FULL JOIN cat k USING (id)$$,
 '{id}', '{p:direct,k:direct}', true),
('push_full_coalesce', 'pushdown',
 $$SELECT coalesce(p.id, k.id) AS id, p.cat, k.name, c.region FROM prod p FULL JOIN (cat k LEFT JOIN cust c ON c.id = k.parent) ON k.id = p.id$$,
 '{id}', '{p:direct,k:direct,c:lookup}', true),
('push_full_three', 'pushdown',
 $$SELECT id, p.cat, k.name, o.status FROM prod p FULL JOIN cat k USING (id) FULL JOIN (SELECT * FROM ord WHERE status <> 'new') o USING (id)$$,
 '{id}', '{p:routed,k:routed,ord:routed}', false),
('push_full_whole', 'pushdown',
 $$SELECT id, to_jsonb(p) AS p, k.name FROM prod p FULL JOIN cat k USING (id)$$,
 '{id}', '{p:direct,k:direct}', false),
('push_full_dropped', 'pushdown',
 $$SELECT id, k.name, x.day, x.amount FROM cat k FULL JOIN event_2 x USING (id)$$,
 '{id,day}', '{k:routed,x:routed}', false),
('push_full_null', 'pushdown',
 $$SELECT prod, o.id AS ord, r.id AS review, r.stars FROM (SELECT o.id, o.cust AS prod FROM ord o) o FULL JOIN review r USING (prod)$$,
 '{prod,ord,review}', '{o:routed,r:routed}', false),
('push_full_grouped', 'pushdown',
 $$SELECT id, p.cat, h.m, count(*) AS n FROM prod p FULL JOIN (SELECT i.prod AS id, sum(i.qty) AS m FROM item i WHERE i.prod IS NOT NULL GROUP BY i.prod) h USING (id) GROUP BY id, p.cat, h.m$$,
 '{id}', '{p:direct,i:direct}', true),
('push_full_beside', 'pushdown',
 $$SELECT k.id, b.n, h.m FROM cat k LEFT JOIN ((prod a JOIN (SELECT v.prod, count(*) AS n FROM review v GROUP BY v.prod) b ON b.prod = a.twin)
   FULL JOIN (SELECT i.prod, i.qty, count(*) AS m FROM item i GROUP BY i.prod, i.qty) h ON h.qty = b.prod AND h.prod = a.id) ON a.id = k.id$$,
 '{id}', '{k:direct,a:direct,v:lookup,i:full}', false),
('push_null_key', 'pushdown',
 $$SELECT c.region, count(*) AS n, sum(g.m) AS m FROM cust c LEFT JOIN (SELECT o.cust, count(*) AS m FROM ord o GROUP BY o.cust) g ON g.cust = c.id GROUP BY c.region$$,
 '{region}', '{c:direct,o:lookup}', true),
('push_null_keys', 'pushdown',
 $$SELECT g.region, g.grp, g.n, h.m FROM (SELECT c.region, c.grp, count(*) AS n FROM cust c GROUP BY c.region, c.grp) g LEFT JOIN
   (SELECT q.cat, count(*) AS m FROM prod q GROUP BY q.cat) h ON h.cat = g.grp$$,
 '{region,grp}', '{c:direct,q:routed}', true),
('push_cross_type', 'pushdown',
 $$SELECT w.id, g.n, h.m FROM wide w LEFT JOIN (SELECT v.prod, count(*) AS n FROM review v GROUP BY v.prod) g ON g.prod = w.prod
   LEFT JOIN (SELECT i.prod, count(*) AS m FROM item i GROUP BY i.prod) h ON h.prod = w.id$$,
 '{id}', '{w:direct,v:lookup,i:routed}', true),
('push_citext', 'pushdown',
 $$SELECT a.no, g.n, g.most FROM acct a LEFT JOIN (SELECT e.who, count(*) AS n, max(e.amount) AS most FROM entry e GROUP BY e.who) g ON g.who = a.owner$$,
 '{no}', '{a:direct,e:lookup}', true),
('push_case_when', 'pushdown',
 $$SELECT a.no, g.n FROM acct a LEFT JOIN (SELECT e.acct, sum(CASE e.who WHEN 'Ann' THEN 1 WHEN 'BOB' THEN 2 END) AS n FROM entry e GROUP BY e.acct) g ON g.acct = a.no$$,
 '{no}', '{a:direct,e:routed}', false),
('push_numeric', 'pushdown',
 $$SELECT a.no, g.n FROM acct a LEFT JOIN (SELECT e.acct, count(*) AS n FROM entry e GROUP BY e.acct) g ON g.acct = a.no$$,
 '{no}', '{a:direct,e:routed}', true),
('push_collation', 'pushdown',
 $$SELECT a.no, g.n FROM acct a LEFT JOIN (SELECT e.nick, count(*) AS n FROM entry e GROUP BY e.nick) g ON g.nick = a.nick$$,
 '{no}', '{a:direct,e:lookup}', true),
('push_citext_text', 'pushdown',
 $$SELECT a.no, count(g.n) AS n, sum(g.n) AS all FROM acct a LEFT JOIN (SELECT e.who, count(*) AS n FROM entry e GROUP BY e.who) g
   ON g.who::text = a.owner::text GROUP BY a.no$$,
 '{no}', '{a:direct,e:full}', false),
('push_nullable_key', 'pushdown',
 $$SELECT g.stars, count(*) AS n, max(g.n) AS most FROM prod p LEFT JOIN (SELECT v.prod, v.stars, count(*) AS n FROM review v GROUP BY v.prod, v.stars) g ON g.prod = p.id
   GROUP BY g.stars$$,
 '{stars}', '{p:lookup,v:lookup}', false),
('push_outer_condition', 'pushdown',
 $$SELECT k.id, count(*) AS n, sum(g.n) AS reviews, sum(b.qty) AS qty FROM cat k CROSS JOIN (SELECT v.prod, count(*) AS n FROM review v GROUP BY v.prod) g
   LEFT JOIN item b ON b.ord = k.id AND b.prod = g.prod GROUP BY k.id$$,
 '{id}', '{k:direct,v:full,b:direct}', false),
('push_cte', 'pushdown',
 $$WITH s (pr, n) AS (SELECT v.prod, count(*) FROM review v GROUP BY v.prod), t AS MATERIALIZED (SELECT s.pr, s.n FROM s WHERE s.n > 1)
   SELECT p.id, s.n, t.n AS more FROM prod p LEFT JOIN s ON s.pr = p.id LEFT JOIN t ON t.pr = p.id$$,
 '{id}', '{p:direct,v:direct}', true),
('push_cte_kept', 'pushdown',
 $$WITH s AS MATERIALIZED (SELECT v.prod, v.cust, count(*) AS n FROM review v GROUP BY v.prod, v.cust),
   t AS MATERIALIZED (SELECT s.prod AS pr, sum(s.n) AS n FROM s WHERE s.cust > 1 GROUP BY s.prod)
   SELECT p.id, count(s.n) AS n, max(t.n) AS more FROM prod p LEFT JOIN s ON s.prod = p.id LEFT JOIN t ON t.pr = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,v:direct}', false),
('push_cte_arms', 'pushdown',
 $$WITH s AS MATERIALIZED (SELECT v.prod, v.stars, count(*) AS n FROM review v GROUP BY v.prod, v.stars)
   SELECT 1 AS kind, s.prod, s.stars, s.n FROM s UNION ALL SELECT 2, s.prod, -1, sum(s.n) FROM s GROUP BY s.prod$$,
 '{kind,prod,stars}', '{v:direct}', false),
('push_cte_full', 'pushdown',
 $$WITH s AS MATERIALIZED (SELECT v.prod, v.cust, count(*) AS n FROM review v WHERE v.prod IS NOT NULL GROUP BY v.prod, v.cust)
   SELECT prod, a.n AS some, b.n AS others FROM (SELECT s.prod, s.n FROM s WHERE s.cust = 1) a FULL JOIN (SELECT s.prod, s.n FROM s WHERE s.cust = 2) b USING (prod)$$,
 '{prod}', '{v:direct}', false),
('push_cte_differs', 'pushdown',
 $$WITH s AS MATERIALIZED (SELECT v.prod, count(*) AS n FROM review v GROUP BY v.prod)
   SELECT p.id, s.n, t.n AS twin FROM prod p LEFT JOIN s ON s.prod = p.id LEFT JOIN s t ON t.prod = p.twin$$,
 '{id}', '{p:direct,v:routed}', false),
('push_cte_shared', 'pushdown',
 $$WITH s AS MATERIALIZED (SELECT v.prod, v.cust, count(*) AS n, min(v.id) AS id FROM review v GROUP BY v.prod, v.cust)
   SELECT p.id, max(s.n) AS n, count(t.n) AS m, max(r.stars) AS stars FROM prod p JOIN s ON s.prod = p.id AND s.cust = p.cat
   LEFT JOIN s t ON t.cust = p.cat AND t.prod = p.id LEFT JOIN (SELECT s.prod, s.cust, x.stars FROM s JOIN review x ON x.id = s.id) r ON r.prod = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,v:routed,x:full}', false),
('push_view', 'pushdown',
 $$SELECT p.id, s.n, s.stars, to_jsonb(x) AS x FROM prod p LEFT JOIN b_review_stats s ON s.prod = p.id LEFT JOIN (SELECT i.prod, sum(i.qty) AS qty FROM item i GROUP BY i.prod) x
   ON x.prod = p.id$$,
 '{id}', '{p:direct,rv:direct,i:direct}', true),
('push_expression', 'pushdown',
 $$SELECT p.id, g.n FROM prod p LEFT JOIN (SELECT v.body::text AS b, substr(v.body, 2)::int AS k, count(*) AS n FROM review v WHERE v.body LIKE 'b_' GROUP BY 1, 2) g
   ON g.k = p.id$$,
 '{id}', '{p:direct,v:routed}', false);

-- windows whose PARTITION BY lacks the key: the partitions of the keys are looked for
INSERT INTO corpus (name, topic, view_sql, key, routes, indexed) VALUES
('parted_rank', 'partitions',
 $$SELECT k.id, k.name, rank() OVER (PARTITION BY k.name ORDER BY k.parent) AS rank, count(*) OVER (PARTITION BY k.name) AS of FROM cat k$$,
 '{id}', '{k:routed}', true),
('parted_shared', 'partitions',
 $$SELECT r.id, sum(r.stars) OVER (PARTITION BY r.prod, r.cust) AS s, dense_rank() OVER (PARTITION BY r.cust ORDER BY r.stars) AS rank,
   first_value(r.stars) OVER (PARTITION BY r.body, r.cust ORDER BY r.stars) AS first FROM review r WHERE r.body <> 'b2'$$,
 '{id}', '{r:routed}', false),
('parted_two_nullable', 'partitions',
 $$SELECT r.id, lag(r.stars) OVER (PARTITION BY r.prod, r.cust ORDER BY r.stars, r.id) AS before FROM review r$$,
 '{id}', '{r:routed}', true),
('parted_three_nullable', 'partitions',
 $$SELECT r.id, count(*) OVER (PARTITION BY r.prod, r.cust, r.stars) AS n, o.status FROM review r LEFT JOIN ord o ON o.id = r.cust$$,
 '{id}', '{r:routed,o:routed}', false),
('parted_none_shared', 'partitions',
 $$SELECT r.id, count(*) OVER (PARTITION BY r.prod) AS a, count(*) OVER (PARTITION BY r.cust) AS b, count(*) OVER (PARTITION BY r.prod, r.cust) AS c FROM review r$$,
 '{id}', '{r:routed}', false),
('parted_left', 'partitions',
 $$SELECT p.id, k.name, rank() OVER (PARTITION BY k.name, p.twin ORDER BY p.price) AS rank FROM prod p LEFT JOIN cat k ON k.id = p.cat AND k.parent IS NOT NULL$$,
 '{id}', '{p:routed,k:routed}', false),
('parted_left_merged', 'partitions',
 $$SELECT p.id, r.id AS review, sum(r.stars) OVER (PARTITION BY r.cust) AS s FROM prod p LEFT JOIN (SELECT v.id, v.prod, v.cust, max(v.stars) AS stars FROM review v GROUP BY v.id) r
   ON r.prod = p.id$$,
 '{id,review}', '{p:full,v:full}', false),
('parted_joined', 'partitions',
 $$SELECT i.ord, i.line, k.name, sum(i.qty) OVER (PARTITION BY k.name) AS qty, b.n FROM item i JOIN prod p ON p.id = i.prod JOIN cat k ON k.id = p.cat
   LEFT JOIN (SELECT v.prod, count(*) AS n FROM review v GROUP BY v.prod) b ON b.prod = p.id WHERE i.qty IS NOT NULL$$,
 '{ord,line}', '{i:routed,p:routed,k:routed,v:routed}', false),
('parted_group', 'partitions',
 $$SELECT p.id, sum(r.stars) AS stars, rank() OVER (PARTITION BY p.cat ORDER BY sum(r.stars)) AS rank FROM prod p LEFT JOIN review r ON r.prod = p.id GROUP BY p.id
   HAVING count(*) < 4$$,
 '{id}', '{p:routed,r:routed}', false),
('parted_group_columns', 'partitions',
 $$SELECT p.cat, p.twin, count(*) AS n, sum(count(*)) OVER (PARTITION BY p.cat) AS total FROM prod p WHERE p.twin IS NOT NULL GROUP BY p.twin, p.cat$$,
 '{twin,cat}', '{p:routed}', false),
('parted_below', 'partitions',
 $$WITH w AS (SELECT r.id, r.prod, r.cust, row_number() OVER (PARTITION BY r.cust ORDER BY r.stars, r.id) AS rn FROM review r)
   SELECT p.id, w.id AS review, w.rn FROM prod p JOIN w ON w.prod = p.id WHERE w.rn < 4$$,
 '{id,review}', '{p:routed,r:routed}', true),
('parted_group_above', 'partitions',
 $$SELECT p.id, count(w.rn) AS n, sum(w.rn) AS s FROM prod p LEFT JOIN (SELECT r.prod, row_number() OVER (PARTITION BY r.cust ORDER BY r.stars, r.id) AS rn FROM review r) w
   ON w.prod = p.id GROUP BY p.id$$,
 '{id}', '{p:direct,r:routed}', false),
('parted_told', 'partitions',
 $$SELECT r.cust, r.id, rank() OVER (PARTITION BY r.cust ORDER BY r.stars) AS rank FROM review r WHERE r.cust IS NOT NULL$$,
 '{cust,id}', '{r:routed}', false),
('parted_told_half', 'partitions',
 $$SELECT r.cust, r.id, rank() OVER (PARTITION BY r.cust, r.prod ORDER BY r.stars) AS rank FROM review r WHERE r.cust IS NOT NULL$$,
 '{cust,id}', '{r:routed}', true),
('parted_citext', 'partitions',
 $$SELECT e.id, rank() OVER (PARTITION BY e.who ORDER BY e.amount) AS rank, count(*) OVER (PARTITION BY e.who, e.acct) AS n FROM entry e$$,
 '{id}', '{e:routed}', true),
('parted_collation', 'partitions',
 $$SELECT e.id, rank() OVER (PARTITION BY e.nick ORDER BY e.amount) AS rank FROM entry e$$,
 '{id}', '{e:routed}', false),
('parted_bpchar', 'partitions',
 $$SELECT e.id, rank() OVER (PARTITION BY e.kind, e.acct ORDER BY e.amount) AS rank FROM entry e WHERE e.acct IS NOT NULL$$,
 '{id}', '{e:routed}', false),
('parted_array', 'partitions',
 $$SELECT p.id, count(*) OVER (PARTITION BY p.tags) AS alike FROM prod p$$,
 '{id}', '{p:routed}', false),
('parted_inherited', 'partitions',
 $$SELECT x.id, count(*) AS rows, max(x.n) AS n FROM (SELECT h.id, count(*) OVER (PARTITION BY h.grp) AS n FROM person h) x GROUP BY x.id$$,
 '{id}', '{h:routed}', false),
('parted_distinct', 'partitions',
 $$SELECT DISTINCT p.twin, count(*) OVER (PARTITION BY p.cat) AS n, k.id FROM prod p LEFT JOIN cat k ON k.id = p.cat WHERE p.cat IS NOT NULL$$,
 '{twin,n,id}', '{p:routed,k:routed}', false),
('parted_distinct_nullable', 'partitions',
 $$SELECT DISTINCT p.twin, count(*) OVER (PARTITION BY p.cat) AS n FROM prod p$$,
 '{twin,n}', '{p:routed}', false),
('parted_sorted', 'partitions',
 $$SELECT k.id, k.name, array_agg(x.n ORDER BY x.n) AS counts FROM cat k JOIN (SELECT q.cat, q.id, count(*) OVER (PARTITION BY q.twin) AS n FROM prod q ORDER BY q.id) x ON x.cat = k.id GROUP BY k.id$$,
 '{id}', '{k:direct,q:routed}', false),
('parted_chosen', 'partitions',
 $$SELECT x.id, x.cust, count(*) OVER (PARTITION BY x.cust) AS n FROM (SELECT DISTINCT ON (r.prod) r.prod AS id, r.cust FROM review r WHERE r.prod IS NOT NULL ORDER BY r.prod, r.id) x$$,
 '{id}', '{r:full}', false),
('parted_computed', 'partitions',
 $$SELECT x.cat, count(*) OVER (PARTITION BY x.n) AS alike FROM (SELECT p.cat, count(*) AS n FROM prod p GROUP BY p.cat) x$$,
 '{cat}', '{p:full}', false),
('parted_global', 'partitions',
 $$SELECT p.id, rank() OVER (PARTITION BY p.cat ORDER BY p.price) AS rank, rank() OVER (ORDER BY p.price) AS of FROM prod p$$,
 '{id}', '{p:full}', false);
