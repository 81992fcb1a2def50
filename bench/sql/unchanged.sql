-- Documents that do not show small changes of their source, and a second level on top.  :items rows.
CREATE TABLE tb_item (pk_item int PRIMARY KEY, fk_group int NOT NULL, name text NOT NULL, price numeric NOT NULL);
INSERT INTO tb_item SELECT n, n % 1000 + 1, 'item ' || n, n % 1000 + 0.01 FROM generate_series(1, :items) n;
CREATE INDEX ON tb_item (fk_group);
CREATE VIEW v_item AS
SELECT pk_item, fk_group, jsonb_build_object('name', name, 'price', round(price)) AS document FROM tb_item;
SELECT tviews_create('v_item');
CREATE INDEX ON tv_item (fk_group);
CREATE VIEW v_group AS
SELECT fk_group AS pk_group, count(*) AS items, sum((document ->> 'price')::numeric) AS price FROM tv_item GROUP BY fk_group;
SELECT tviews_create('v_group');
VACUUM ANALYZE;
