"""How plugins are found, named, checked and built; the only user of pluggy."""
