"""The plugin gmcore ships, through the same door as all others."""
