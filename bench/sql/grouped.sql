-- Views over a grouped table, one per shape, in a schema per size: :products products with ten reviews each.
CREATE SCHEMA :schema;
SET search_path = :schema, public;
CREATE TABLE tb_brand (pk_brand int PRIMARY KEY, name text NOT NULL);
CREATE TABLE tb_product (
    pk_product int PRIMARY KEY,
    fk_brand   int NOT NULL REFERENCES tb_brand,
    name       text NOT NULL);
CREATE TABLE tb_review (
    pk_review  int PRIMARY KEY,
    fk_product int NOT NULL REFERENCES tb_product,
    fk_brand   int NOT NULL,
    rating     int NOT NULL,
    author     text NOT NULL,
    created    timestamp NOT NULL);
CREATE TABLE tb_question (
    pk_question int PRIMARY KEY,
    fk_product  int NOT NULL REFERENCES tb_product);
INSERT INTO tb_brand SELECT n, 'brand ' || n FROM generate_series(1, :products / 10) n;
INSERT INTO tb_product SELECT n, n % (:products / 10) + 1, 'product ' || n FROM generate_series(1, :products) n;
INSERT INTO tb_review
SELECT n, n % :products + 1, (n % :products + 1) % (:products / 10) + 1, n * 7 % 5 + 1, 'author ' || n % 5000,
       timestamp '2026-01-01' + n * interval '1 second'
  FROM generate_series(1, :products * 10) n;
INSERT INTO tb_question SELECT n, n % :products + 1 FROM generate_series(1, :products * 2) n;
CREATE INDEX ON tb_product (fk_brand);
CREATE INDEX ON tb_review (fk_product, created);
CREATE INDEX ON tb_review (fk_brand);
CREATE INDEX ON tb_question (fk_product);

CREATE VIEW v_group AS
SELECT p.pk_product AS pk_group, p.name, r.reviews, r.rating
  FROM tb_product p
  LEFT JOIN (SELECT fk_product, count(*) AS reviews, avg(rating) AS rating FROM tb_review GROUP BY fk_product) r
    ON r.fk_product = p.pk_product;

CREATE VIEW v_distinct_on AS
SELECT p.pk_product AS pk_distinct_on, p.name, r.author, r.created
  FROM tb_product p
  LEFT JOIN (SELECT DISTINCT ON (fk_product) fk_product, author, created FROM tb_review
              ORDER BY fk_product, created DESC, pk_review) r ON r.fk_product = p.pk_product;

CREATE VIEW v_window AS
SELECT p.pk_product AS pk_window, p.name, r.author, r.rating, r.mean
  FROM tb_product p
  LEFT JOIN (SELECT fk_product, author, rating, avg(rating) OVER w AS mean, row_number() OVER w AS n FROM tb_review
             WINDOW w AS (PARTITION BY fk_product ORDER BY created DESC, pk_review)) r
    ON r.fk_product = p.pk_product AND r.n = 1;

CREATE VIEW v_nested AS
SELECT p.pk_product AS pk_nested, p.name, r.most, r.kinds, r.total
  FROM tb_product p
  LEFT JOIN (SELECT fk_product, max(votes) AS most, count(*) AS kinds, sum(votes * rating) AS total
               FROM (SELECT fk_product, rating, count(*) AS votes FROM tb_review GROUP BY fk_product, rating) v
              GROUP BY fk_product) r ON r.fk_product = p.pk_product;

CREATE VIEW v_union_all AS
SELECT p.pk_product, u.kind, p.name, u.entries
  FROM tb_product p
  JOIN (SELECT fk_product, 'reviews' AS kind, sum(rating) AS entries FROM tb_review GROUP BY fk_product
         UNION ALL
        SELECT fk_product, 'questions', count(*) FROM tb_question GROUP BY fk_product) u ON u.fk_product = p.pk_product;

CREATE VIEW v_not_key AS
SELECT p.pk_product AS pk_not_key, p.name, b.reviews, b.rating
  FROM tb_product p
  LEFT JOIN (SELECT fk_brand, count(*) AS reviews, avg(rating) AS rating FROM tb_review GROUP BY fk_brand) b
    ON b.fk_brand = p.fk_brand;

-- the rows of v_group, kept by hand
CREATE TABLE hand_group AS TABLE v_group;
CREATE UNIQUE INDEX ON hand_group (pk_group);

CREATE UNLOGGED TABLE changed (pk int PRIMARY KEY);
