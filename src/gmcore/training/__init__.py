"""What gmcore does, against ports alone."""
