"""A local page to type into: tokenizers side by side, and an M2 that continues the text (`equalinfo playground`)."""
