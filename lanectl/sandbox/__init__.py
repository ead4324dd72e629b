"""A local server that speaks the API, for trying and testing without a key; it reads nothing but the wire."""
