"""Options that several commands have."""

import click

__all__ = ["as_json", "with_profile"]

as_json = click.option("--json", "as_json", is_flag=True, help="Put the result on stdout, as one JSON object.")

with_profile = click.option("--profile", is_flag=True, help="Say where the time went, and how much memory was taken.")
