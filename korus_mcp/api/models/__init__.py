"""One pydantic model per resource of the API. Parsing is lenient, see `base`."""
