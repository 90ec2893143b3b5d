"""A public price catalogue: list prices behind the operator's own, and whose names find them."""
