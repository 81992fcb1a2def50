UPDATE hand_user t SET document = jsonb_build_object('name', u.name, 'email', u.email)
  FROM tb_user u WHERE u.pk_user = t.pk_user AND u.pk_user = 1;
UPDATE hand_post t SET document = jsonb_build_object('title', p.title, 'user', u.document)
  FROM tb_post p JOIN hand_user u ON u.pk_user = p.fk_user WHERE t.pk_post = p.pk_post AND p.fk_user = 1;
UPDATE hand_card t SET document = jsonb_build_object('card', p.pk_post, 'post', p.document)
  FROM hand_post p WHERE t.pk_card = p.pk_post AND p.fk_user = 1;
