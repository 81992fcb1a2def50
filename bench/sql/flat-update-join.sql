UPDATE hand_update t SET (price, document) = ROW (v.price, v.document)
  FROM changed JOIN v_item v ON v.pk_item = changed.pk WHERE t.pk_item = v.pk_item;
