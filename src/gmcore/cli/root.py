"""The `gmcore` command: its subcommands, and the exit status of each error."""

import contextlib
import importlib
import signal
from collections.abc import Callable, Iterator, Mapping, MutableMapping

import click

from gmcore import __version__
from gmcore.errors import Cancelled, GmcoreError, InputError

__all__ = ["Commands", "gmcore", "main"]

_SIGNAL_STATUS = 128  # shells report 128 plus the number of the signal


class Commands(click.Group):
    """A group whose subcommands are files of a package, each imported only when it is used.

    This keeps `--help` fast, and lists plugins without importing NumPy.

    Args:
        name: the command's name.
        package: the package with one file per subcommand.
        summaries: one line of help per subcommand, by name, in the order of the help.
        callback: as for `click.Group`, like the following.
        params: options and arguments.
        help: the help text.
        context_settings: settings of the context.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        package: str,
        summaries: Mapping[str, str],
        callback: Callable[..., object] | None = None,
        params: list[click.Parameter] | None = None,
        help: str | None = None,
        context_settings: MutableMapping[str, object] | None = None,
    ) -> None:
        super().__init__(name, callback=callback, params=params, help=help, context_settings=context_settings)
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

    def invoke(self, ctx: click.Context) -> object:
        with _exit_statuses():
            return super().invoke(ctx)


@click.command(
    cls=Commands,
    package="gmcore.cli",
    summaries={
        "train": "Train one model.",
        "validate": "Cross-validate: train one model per fold, score each on held-out rows.",
        "search": "Try settings: score each by cross-validation, train the best one on all rows.",
        "resume": "Resume a run that was stopped or killed.",
        "replay": "Train a finished run again, and report whether the results are bit-identical.",
        "predict": "Predict the rows of a file with a trained model.",
        "check": "Report every problem of a run file, without training.",
        "plugins": "List the installed plugins and their options.",
        "doctor": "Report versions, backends, devices and broken plugins.",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="gmcore", message="%(prog)s %(version)s")
@click.pass_context
def gmcore(ctx: click.Context) -> None:
    """Train, cross-validate and predict, with plugins for data, models, validation and compute.

    A run file describes what to do: gmcore train run.toml. Text is printed to stderr; --json prints one JSON
    object to stdout. Exit status: 0 success, 1 failure, 2 wrong input, 130 and 143 stopped by Ctrl-C and SIGTERM.
    """
    if ctx.invoked_subcommand != "plugins":  # its subcommands import `logging` only if they import a plugin
        from gmcore.cli.messages import messages_shown  # noqa: PLC0415 - the help does not need it

        ctx.with_resource(messages_shown())


def main() -> None:
    """Run the command line and exit with its status."""
    gmcore(prog_name="gmcore")


@contextlib.contextmanager
def _exit_statuses() -> Iterator[None]:
    """Print gmcore's own errors and exit with their status; other exceptions are bugs and propagate."""
    try:
        yield
    except InputError as error:
        raise _exit(error, 2) from error
    except Cancelled as error:
        raise _exit(error, _SIGNAL_STATUS + error.signal if error.signal else 1) from error
    except GmcoreError as error:
        raise _exit(error, 1) from error
    except KeyboardInterrupt as error:
        raise _exit(Cancelled("stopped on request"), _SIGNAL_STATUS + signal.SIGINT) from error


def _exit(error: GmcoreError, status: int) -> click.exceptions.Exit:
    click.echo("\n".join([f"Error: {error}", *getattr(error, "__notes__", ())]), err=True)
    return click.exceptions.Exit(status)
