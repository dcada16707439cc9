"""The local catalog: what is on sale, searchable, and the offers of a product base."""
