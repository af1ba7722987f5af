"""The `gmcore` command: which subcommands there are, and what their ends mean to the shell."""

import contextlib
import importlib
import signal
from collections.abc import Iterator, Mapping
from typing import Any

import click

from gmcore import __version__
from gmcore.errors import Cancelled, GmcoreError, InputError

__all__ = ["Commands", "gmcore", "main"]

_STOPPED = 128


class Commands(click.Group):
    """Subcommands, each in a file of its own, which is imported when the subcommand is used.

    So `--help` is there at once, and listing plugins needs no NumPy.

    Args:
        package: where the files are.
        summaries: a line for each subcommand, by name, in the order of the help.
    """

    def __init__(self, *, package: str, summaries: Mapping[str, str], **settings: Any) -> None:
        click.Group.__init__(self, **settings)
        self.package = package
        self.summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in self.summaries:
            return None
        command: click.Command = importlib.import_module(f"{self.package}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))

    def invoke(self, ctx: click.Context) -> Any:
        with _exit_statuses():
            return click.Group.invoke(self, ctx)


@click.command(
    cls=Commands,
    package="gmcore.cli",
    summaries={
        "train": "Train one model.",
        "validate": "Cross-validate: train one model a fold, score each on rows it never saw.",
        "search": "Try settings: score each by cross-validation, train the best one on all rows.",
        "resume": "Go on with a run that was stopped or killed.",
        "replay": "Train a finished run again, and say whether the same bits come out.",
        "predict": "Predict the rows of a file with a trained model.",
        "check": "Say everything that is wrong with a run file, without training.",
        "plugins": "List the plugins that are installed, and their options.",
        "doctor": "Say what is here to compute with, and what is broken.",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="gmcore", message="%(prog)s %(version)s")
@click.pass_context
def gmcore(ctx: click.Context) -> None:
    """Train, cross-validate and predict, with plugins for data, models, validation and compute.

    A run file says what to do: gmcore train run.toml. What people read goes to stderr; --json puts one JSON
    object on stdout. Exit status: 0 done, 1 failed, 2 the input is wrong, 130 and 143 stopped by Ctrl-C and
    SIGTERM.
    """
    if ctx.invoked_subcommand != "plugins":  # its subcommands import `logging` where they import a plugin
        from gmcore.cli.messages import messages_shown  # noqa: PLC0415 - the help needs none of it

        ctx.with_resource(messages_shown())


def main() -> None:
    """Run the command line and exit with its status."""
    gmcore(prog_name="gmcore")


@contextlib.contextmanager
def _exit_statuses() -> Iterator[None]:
    """Turn what gmcore raises on purpose into a message and an exit status; anything else is a bug and shows itself."""
    try:
        yield
    except InputError as error:
        raise _end(error, 2) from error
    except Cancelled as error:
        raise _end(error, _STOPPED + error.signal if error.signal else 1) from error
    except GmcoreError as error:
        raise _end(error, 1) from error
    except KeyboardInterrupt as error:
        raise _end(Cancelled("stopped on request"), _STOPPED + signal.SIGINT) from error


def _end(error: GmcoreError, status: int) -> click.exceptions.Exit:
    click.echo("\n".join([f"Error: {error}", *getattr(error, "__notes__", ())]), err=True)
    return click.exceptions.Exit(status)
