-- 100,000 rows, each written once at most, and a TVIEW that joins them: a row's commit and its document's commit can be told.
CREATE TABLE tb_group (pk_group int PRIMARY KEY, name text NOT NULL);
CREATE TABLE tb_item (pk_item int PRIMARY KEY, fk_group int NOT NULL REFERENCES tb_group, price int NOT NULL);
INSERT INTO tb_group SELECT n, 'group ' || n FROM generate_series(1, 100) n;
INSERT INTO tb_item SELECT n, n % 100 + 1, n FROM generate_series(1, 100000) n;
CREATE VIEW v_item AS
SELECT i.pk_item, jsonb_build_object('price', i.price, 'group', g.name) AS document
  FROM tb_item i JOIN tb_group g ON g.pk_group = i.fk_group;
SELECT tviews_create('v_item');
VACUUM ANALYZE;
