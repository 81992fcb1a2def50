-- scale.sql - documents of :rows products, and a chain of ten levels
SET search_path = tviews_profiling, public;

CREATE TABLE tb_category (pk_category int PRIMARY KEY, name text NOT NULL);
CREATE TABLE tb_product (pk_product int PRIMARY KEY, fk_category int NOT NULL REFERENCES tb_category, name text NOT NULL, price numeric NOT NULL);
CREATE TABLE tb_review (pk_review int PRIMARY KEY, fk_product int NOT NULL, stars int NOT NULL);
INSERT INTO tb_category SELECT i, 'category ' || i FROM generate_series(1, 1000) i;
INSERT INTO tb_product SELECT i, i % 1000 + 1, 'product ' || i, i % 100 FROM generate_series(1, :rows) i;
INSERT INTO tb_review SELECT i, i % :rows + 1, i % 5 FROM generate_series(1, :rows) i;
CREATE INDEX ON tb_product (fk_category);
CREATE INDEX ON tb_review (fk_product);
ANALYZE tb_category, tb_product, tb_review;

CREATE VIEW v_product AS
SELECT p.pk_product, jsonb_build_object('name', p.name, 'price', p.price, 'category', c.name,
           'reviews', (SELECT count(*) FROM tb_review r WHERE r.fk_product = p.pk_product)) AS document
  FROM tb_product p JOIN tb_category c ON c.pk_category = p.fk_category;

-- each level reads the one below
CREATE TABLE tb_level (pk_level int PRIMARY KEY, value int NOT NULL);
INSERT INTO tb_level SELECT i, i FROM generate_series(1, 20000) i;
CREATE VIEW v_level0 AS SELECT pk_level AS pk_level0, value FROM tb_level;
CREATE TABLE tb_many (pk_many bigint PRIMARY KEY, keep boolean NOT NULL);
CREATE VIEW v_many AS SELECT pk_many, keep FROM tb_many WHERE keep;
