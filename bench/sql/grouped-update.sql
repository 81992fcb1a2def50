-- the rows of some keys of v_group, found by these keys in the grouped table too
UPDATE hand_group t SET (name, reviews, rating) = ROW (p.name, r.reviews, r.rating)
  FROM tb_product p
  LEFT JOIN (SELECT fk_product, count(*) AS reviews, avg(rating) AS rating FROM tb_review
              WHERE fk_product = ANY (ARRAY (SELECT pk FROM changed)) GROUP BY fk_product) r ON r.fk_product = p.pk_product
 WHERE t.pk_group = p.pk_product AND p.pk_product = ANY (ARRAY (SELECT pk FROM changed));
