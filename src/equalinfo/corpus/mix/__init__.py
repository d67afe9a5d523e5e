"""English text of many kinds from packages of registries: where it is, how it is read, how it is cleaned."""
