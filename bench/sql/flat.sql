-- A narrow TVIEW of :items rows in a schema of its own, and one table for each hand-written form.
CREATE SCHEMA :schema;
SET search_path = :schema, public;
CREATE TABLE tb_shelf (pk_shelf int PRIMARY KEY, name text NOT NULL);
INSERT INTO tb_shelf SELECT n, 'shelf ' || n FROM generate_series(1, 1000) n;
CREATE TABLE tb_item (
    pk_item  int PRIMARY KEY,
    fk_shelf int NOT NULL REFERENCES tb_shelf,
    price    int NOT NULL);
ALTER TABLE tb_item DISABLE TRIGGER ALL; -- only while it is filled
INSERT INTO tb_item SELECT n, n % 1000 + 1, n % 5000 FROM generate_series(1, :items) n;
ALTER TABLE tb_item ENABLE TRIGGER ALL;
CREATE VIEW v_item AS
SELECT i.pk_item, i.price, jsonb_build_object('shelf', s.name, 'price', i.price) AS document
  FROM tb_item i JOIN tb_shelf s ON s.pk_shelf = i.fk_shelf;
VACUUM ANALYZE tb_item, tb_shelf;

SELECT tviews_create('v_item');
CREATE TABLE hand_insert AS TABLE v_item;
ALTER TABLE hand_insert ADD PRIMARY KEY (pk_item);
CREATE TABLE hand_update AS TABLE v_item;
ALTER TABLE hand_update ADD PRIMARY KEY (pk_item);
CREATE UNLOGGED TABLE changed (pk int PRIMARY KEY);
VACUUM ANALYZE tv_item, hand_insert, hand_update;
