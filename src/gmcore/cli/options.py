"""Options shared by several commands."""

import click

from gmcore.cli.output import reserve_stdout

__all__ = ["as_json", "with_engine", "with_profile"]

as_json = click.option(
    "--json", "as_json", is_flag=True, callback=reserve_stdout, help="Print the result to stdout as one JSON object."
)

with_profile = click.option("--profile", is_flag=True, help="Print the time of each phase and the memory used.")

with_engine = click.option("--engine", metavar="NAME", help="Engine to use instead of the run's.")
