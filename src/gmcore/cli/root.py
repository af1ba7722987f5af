"""The `gmcore` command: its subcommands, and the exit status of each error."""

import contextlib
import errno
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import click

from gmcore import __version__
from gmcore.cli.output import OWN_PROCESS, say
from gmcore.cli.startup import interrupt_as_usual
from gmcore.errors import Cancelled, GmcoreError, InputError, OutputError, TrainingError

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
        command: click.Command = importlib.import_module(f"{self.package}.{cmd_name.replace('-', '_')}").command
        interrupt_as_usual()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with _exit_statuses():
            return super().make_context(info_name, args, parent, **extra)

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
        "find-rate": "Find a learning rate: train briefly at many, all at once, and compare the losses.",
        "resume": "Resume a run that was stopped or killed.",
        "replay": "Train a finished run again, and report whether the results are bit-identical.",
        "predict": "Predict the rows of a file with a trained model.",
        "check": "Report every problem of a run file, without training.",
        "plugins": "List the installed plugins and their options.",
        "cache": "Show or remove what is kept between runs: rows, compiled programs.",
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
        from gmcore.cli.messages import messages_shown  # the help does not need it

        ctx.with_resource(messages_shown())


def main() -> None:
    """Run the command line and exit with its status."""
    gmcore(prog_name="gmcore", obj=OWN_PROCESS)


@contextlib.contextmanager
def _exit_statuses() -> Iterator[None]:
    """Print gmcore's own errors and those of plugins, and exit with their status; others are bugs and propagate."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BaseException as error:
        shown = _shown(error)
        if shown is None:
            raise
        lines = [f"Error: {shown}", *getattr(shown, "__notes__", ())]
        with contextlib.suppress(OSError):
            say("\n".join(lines))
        raise click.exceptions.Exit(_status(shown)) from error


def _shown(error: BaseException) -> GmcoreError | None:
    """Return the error to print; None for a bug of gmcore's, whose traceback is needed."""
    if isinstance(error, GmcoreError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return _with_notes(Cancelled("stopped on request", signal=signal.SIGINT), error)
    if isinstance(error, MemoryError):
        return _with_notes(TrainingError(f"not enough memory: {error}".rstrip(": ")), error)
    from gmcore.registry.exits import exit_error, is_exit, plugin_error  # used for errors only

    if is_exit(error):
        return exit_error(error)
    # click ends quietly if the reader of the output has closed it.
    if isinstance(error, OSError) and error.errno != errno.EPIPE:
        return _with_notes(_system_error(error), error)
    return plugin_error(error) if isinstance(error, Exception) else None


def _system_error(error: OSError) -> GmcoreError:
    """Return the error for a file or stream that failed outside of what handles its errors, such as a full stdout."""
    from gmcore.storage.files import printable, reason  # used for errors only

    stdout = sys.__stdout__
    if error.filename is None and stdout is not None and sys.stdout is stdout:
        # Drop what it has not written, or Python reports the error once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
    what = printable(str(error.filename)) if error.filename is not None else "the output can't be written"
    return OutputError(f"{what}: {reason(error)}")


def _status(error: GmcoreError) -> int:
    if isinstance(error, Cancelled):
        return _SIGNAL_STATUS + error.signal if error.signal else 1
    return 2 if isinstance(error, InputError) else 1


def _with_notes(error: GmcoreError, cause: BaseException) -> GmcoreError:
    for note in getattr(cause, "__notes__", ()):
        error.add_note(note)
    return error
