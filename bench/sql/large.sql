-- :items rows in one TVIEW that embeds, through a TVIEW of its own, the one row that all of them refer to
CREATE TABLE tb_owner (pk_owner int PRIMARY KEY, name text NOT NULL);
INSERT INTO tb_owner VALUES (1, 'the owner'), (2, 'somebody');
CREATE TABLE tb_item (pk_item int PRIMARY KEY, fk_owner int NOT NULL, price int NOT NULL);
INSERT INTO tb_item SELECT n, 1, n % 5000 FROM generate_series(1, :items) n;
VACUUM ANALYZE;
CREATE VIEW v_owner AS SELECT pk_owner, name FROM tb_owner;
SELECT tviews_create('v_owner');
CREATE VIEW v_item AS
SELECT i.pk_item, o.name AS owner, i.price FROM tb_item i JOIN tv_owner o ON o.pk_owner = i.fk_owner;
SELECT tviews_create('v_item');
VACUUM ANALYZE;
