INSERT INTO hand_insert SELECT * FROM v_item WHERE pk_item = ANY (ARRAY (SELECT pk FROM changed))
ON CONFLICT (pk_item) DO UPDATE SET (price, document) = ROW (excluded.price, excluded.document);
