"""The operations of the delivery of keys, and their endpoints: JSON over `/v1`, strict in both directions."""
