"""The entry point of `python -m gmcore`, which runs the command `gmcore`."""

from gmcore.cli import main

if __name__ == "__main__":
    main()
