"""Files as such, whatever is in them."""
