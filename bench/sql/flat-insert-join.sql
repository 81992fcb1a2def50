INSERT INTO hand_insert SELECT v.* FROM changed JOIN v_item v ON v.pk_item = changed.pk
ON CONFLICT (pk_item) DO UPDATE SET (price, document) = ROW (excluded.price, excluded.document);
