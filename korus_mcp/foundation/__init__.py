"""Basic modules that all other packages may import, and that import none of them."""
