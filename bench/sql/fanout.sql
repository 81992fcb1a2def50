-- Three levels of TVIEWs: a user's document, in the documents of posts, in the documents of cards.
-- :posts posts, a quarter of them by user 1.  The same tables once more without TVIEWs, for the writer with no trigger.
CREATE TABLE tb_user (pk_user int PRIMARY KEY, name text NOT NULL, email text NOT NULL);
CREATE TABLE tb_post (
    pk_post int PRIMARY KEY,
    fk_user int NOT NULL REFERENCES tb_user,
    title   text NOT NULL);
INSERT INTO tb_user SELECT n, 'user ' || n, 'user' || n || '@example.org' FROM generate_series(1, 10000) n;
INSERT INTO tb_post SELECT n, CASE WHEN n % 4 = 0 THEN 1 ELSE n % 9999 + 2 END, 'post ' || n FROM generate_series(1, :posts) n;
CREATE INDEX ON tb_post (fk_user);
CREATE TABLE tb_user_none (LIKE tb_user INCLUDING ALL);
INSERT INTO tb_user_none TABLE tb_user;

CREATE VIEW v_user AS
SELECT pk_user, jsonb_build_object('name', name, 'email', email) AS document FROM tb_user;
SELECT tviews_create('v_user');
CREATE VIEW v_post AS
SELECT p.pk_post, p.fk_user, jsonb_build_object('title', p.title, 'user', u.document) AS document
  FROM tb_post p JOIN tv_user u ON u.pk_user = p.fk_user;
SELECT tviews_create('v_post');
CREATE INDEX ON tv_post (fk_user);
CREATE VIEW v_card AS
SELECT t.pk_post AS pk_card, jsonb_build_object('card', t.pk_post, 'post', t.document) AS document FROM tv_post t;
SELECT tviews_create('v_card');

-- the same documents, kept by hand
CREATE TABLE hand_user AS TABLE v_user;
ALTER TABLE hand_user ADD PRIMARY KEY (pk_user);
CREATE TABLE hand_post AS TABLE v_post;
ALTER TABLE hand_post ADD PRIMARY KEY (pk_post);
CREATE INDEX ON hand_post (fk_user);
CREATE TABLE hand_card AS TABLE v_card;
ALTER TABLE hand_card ADD PRIMARY KEY (pk_card);
VACUUM ANALYZE;
