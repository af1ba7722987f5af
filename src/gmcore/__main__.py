"""`python -m gmcore` is the command `gmcore`."""

from gmcore.cli import main

if __name__ == "__main__":
    main()
