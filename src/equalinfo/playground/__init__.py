"""A local page to type into: tokenizers side by side, and an M2 that goes on with the text (`equalinfo playground`)."""
