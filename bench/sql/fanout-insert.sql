INSERT INTO hand_user SELECT pk_user, jsonb_build_object('name', name, 'email', email) FROM tb_user WHERE pk_user = 1
    ON CONFLICT (pk_user) DO UPDATE SET document = excluded.document;
INSERT INTO hand_post
SELECT p.pk_post, p.fk_user, jsonb_build_object('title', p.title, 'user', u.document)
  FROM tb_post p JOIN hand_user u ON u.pk_user = p.fk_user WHERE p.fk_user = 1
    ON CONFLICT (pk_post) DO UPDATE SET (fk_user, document) = ROW (excluded.fk_user, excluded.document);
INSERT INTO hand_card
SELECT p.pk_post, jsonb_build_object('card', p.pk_post, 'post', p.document) FROM hand_post p WHERE p.fk_user = 1
    ON CONFLICT (pk_card) DO UPDATE SET document = excluded.document;
