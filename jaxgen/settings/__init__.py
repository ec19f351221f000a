"""What a config sets of a family, whatever its networks are: the keys, and the family put together from them."""
