UPDATE hand_update t SET (price, document) = ROW (v.price, v.document)
  FROM v_item v WHERE t.pk_item = v.pk_item AND v.pk_item = ANY (ARRAY (SELECT pk FROM changed));
