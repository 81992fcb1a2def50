-- Product documents: scalar joins, correlated subqueries, the last five reviews.  :products rows, five reviews each.
CREATE TABLE tb_category (pk_category int PRIMARY KEY, name text NOT NULL);
CREATE TABLE tb_supplier (pk_supplier int PRIMARY KEY, name text NOT NULL, country text NOT NULL);
CREATE TABLE tb_product (
    pk_product  int PRIMARY KEY,
    fk_category int NOT NULL REFERENCES tb_category,
    fk_supplier int NOT NULL REFERENCES tb_supplier,
    name        text NOT NULL,
    price       numeric NOT NULL);
CREATE TABLE tb_inventory (
    fk_product int PRIMARY KEY REFERENCES tb_product,
    quantity   int NOT NULL,
    warehouse  text NOT NULL);
CREATE TABLE tb_review (
    pk_review  int PRIMARY KEY,
    fk_product int NOT NULL REFERENCES tb_product,
    rating     int NOT NULL,
    author     text NOT NULL,
    created    timestamp NOT NULL);

INSERT INTO tb_category SELECT n, 'category ' || n FROM generate_series(1, 200) n;
INSERT INTO tb_supplier SELECT n, 'supplier ' || n, 'country ' || n % 30 FROM generate_series(1, 1000) n;
INSERT INTO tb_product SELECT n, n % 200 + 1, n % 1000 + 1, 'product ' || n, n % 10000 / 100.0 FROM generate_series(1, :products) n;
INSERT INTO tb_inventory SELECT n, n % 50, 'warehouse ' || n % 10 FROM generate_series(1, :products) n;
INSERT INTO tb_review SELECT n, n % :products + 1, n * 7 % 5 + 1, 'author ' || n % 5000, timestamp '2026-01-01' + n * interval '1 second'
  FROM generate_series(1, :products * 5) n;
CREATE INDEX ON tb_product (fk_category);
CREATE INDEX ON tb_product (fk_supplier);
CREATE INDEX ON tb_review (fk_product, created);

CREATE VIEW v_product AS
SELECT p.pk_product, p.fk_category, p.price,
       jsonb_build_object(
           'name', p.name, 'price', p.price, 'category', c.name,
           'supplier', jsonb_build_object('name', s.name, 'country', s.country),
           'quantity', i.quantity, 'warehouse', i.warehouse,
           'reviews', (SELECT count(*) FROM tb_review r WHERE r.fk_product = p.pk_product),
           'rating', (SELECT round(avg(r.rating), 2) FROM tb_review r WHERE r.fk_product = p.pk_product),
           'last', (SELECT jsonb_agg(jsonb_build_object('author', l.author, 'rating', l.rating) ORDER BY l.created DESC, l.pk_review)
                      FROM (SELECT * FROM tb_review r WHERE r.fk_product = p.pk_product
                             ORDER BY r.created DESC, r.pk_review LIMIT 5) l)) AS document
  FROM tb_product p
  JOIN tb_category c ON c.pk_category = p.fk_category
  JOIN tb_supplier s ON s.pk_supplier = p.fk_supplier
  LEFT JOIN tb_inventory i ON i.fk_product = p.pk_product;
VACUUM ANALYZE;

SELECT tviews_create('v_product');

-- the keys of a round, and one table for each hand-written form
CREATE UNLOGGED TABLE changed (pk int PRIMARY KEY);
CREATE TABLE hand_insert_array AS TABLE v_product;
ALTER TABLE hand_insert_array ADD PRIMARY KEY (pk_product);
CREATE TABLE hand_insert_join AS TABLE v_product;
ALTER TABLE hand_insert_join ADD PRIMARY KEY (pk_product);
CREATE TABLE hand_update_array AS TABLE v_product;
ALTER TABLE hand_update_array ADD PRIMARY KEY (pk_product);
CREATE TABLE hand_update_join AS TABLE v_product;
ALTER TABLE hand_update_join ADD PRIMARY KEY (pk_product);
CREATE MATERIALIZED VIEW mv_product AS TABLE v_product;
CREATE UNIQUE INDEX ON mv_product (pk_product);
VACUUM ANALYZE;
