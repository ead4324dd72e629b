"""A recipe, from its TOML file to what the other rooms may rely on."""
