"""A corpus to token shards: format, tokenizing on one machine or many, verifying, exporting."""
