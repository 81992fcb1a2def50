INSERT INTO hand_insert_join
SELECT v.* FROM changed JOIN v_product v ON v.pk_product = changed.pk
ON CONFLICT (pk_product) DO UPDATE
   SET (fk_category, price, document) = ROW (excluded.fk_category, excluded.price, excluded.document);
