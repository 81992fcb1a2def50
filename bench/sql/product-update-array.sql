UPDATE hand_update_array t SET (fk_category, price, document) = ROW (v.fk_category, v.price, v.document)
  FROM v_product v
 WHERE t.pk_product = v.pk_product AND v.pk_product = ANY (ARRAY (SELECT pk FROM changed));
