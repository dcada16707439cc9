"""One class per resource of the API, read leniently: see `base`."""
