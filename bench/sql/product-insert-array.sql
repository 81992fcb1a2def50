INSERT INTO hand_insert_array
SELECT * FROM v_product WHERE pk_product = ANY (ARRAY (SELECT pk FROM changed))
ON CONFLICT (pk_product) DO UPDATE
   SET (fk_category, price, document) = ROW (excluded.fk_category, excluded.price, excluded.document);
