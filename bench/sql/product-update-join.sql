UPDATE hand_update_join t SET (fk_category, price, document) = ROW (v.fk_category, v.price, v.document)
  FROM changed JOIN v_product v ON v.pk_product = changed.pk
 WHERE t.pk_product = v.pk_product;
