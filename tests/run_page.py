"""Run the examples of a Markdown page in the current folder, in order, as its reader would.

- `python`: all blocks share one namespace; one with prompts is a doctest. A `text` block after it is what it prints.
- `console`, `sh`: commands run. Output that is shown must be what comes; `...` stands for anything.
- `toml`: must parse.
- A block whose first line is a comment with a path is that file; a run file that no command names is then checked.

python tests/run_page.py docs/tutorial.md
"""

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH_COMMENT = re.compile(r"# ([\w./-]+\.\w+)\n")
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n?((?:(?!\$ ).*\n)*)", re.MULTILINE)
SETS_UP_A_MACHINE = {"git", "make", "uv"}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield each block's first line in the page, its language and its text."""
    for match in BLOCK.finditer(text):
        yield text.count("\n", 0, match.start(2)), match[1], match[2]


class Page:
    """A page that is being run, and what its blocks leave for those after them."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.text = Path(path).read_text()
        self.names = {"__name__": "__main__"}
        self.printed = ""
        self.folder = Path.cwd()
        self.site = self.folder / ".site"
        scripts = str(Path(sys.executable).parent)
        path = os.pathsep.join([scripts, os.environ.get("PATH", "")])
        self.environment = os.environ | {"PATH": path, "PYTHONPATH": str(self.site), "COLUMNS": "100"}

    def run_block(self, line: int, language: str, text: str) -> None:
        printed, self.printed = self.printed, ""
        if named := PATH_COMMENT.match(text):
            self.write(named[1], text[named.end() :].lstrip("\n"))
        elif language == "python":
            self.run_python(line, text)
        elif language == "text" and printed:
            check_output("the block above", text, printed)
        elif language == "console":
            for match in COMMAND.finditer(text):
                self.run_command(match[1], expected=match[2])
        elif language == "sh":
            for command in text.replace("\\\n", " ").splitlines():
                self.run_command(command)
        elif language == "toml":
            assert not is_run_file(text), "a whole run file must say where it stands: # path/to/run.toml"

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        if file.exists():
            assert file.read_text() == text, f"{name} is not what the page shows"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if file.suffix == ".toml" and is_run_file(text) and self.text.count(name) == 1:
            self.run_command(f"gmcore check {shlex.quote(name)}")

    def run_python(self, line: int, text: str) -> None:
        if not text.startswith(">>>"):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(compile("\n" * line + text, self.path, "exec"), self.names)  # noqa: S102 - the page's own code
            self.printed = printed.getvalue()
            return
        example = doctest.DocTestParser().get_doctest(text, {}, self.path, self.path, line)
        example.globs = self.names
        assert doctest.DocTestRunner(optionflags=FLAGS).run(example, clear_globs=False).failed == 0

    def run_command(self, command: str, *, expected: str = "") -> None:
        words = shlex.split(command, comments=True)
        if not words or words[0] in SETS_UP_A_MACHINE:
            return
        if words[0] == "cd":
            self.folder /= words[1]
        elif words[:2] == ["pip", "install"]:
            self.install([word for word in words[2:] if word.startswith((".", "/"))])
        else:
            self.check(command, self.call(["bash", "-c", command]), expected)

    def install(self, projects: list[str]) -> None:
        """Install what the page has written; what comes from an index is here already."""
        offline = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(self.site)]
        if projects:
            self.check("pip", self.call([sys.executable, "-m", "pip", "install", *offline, *projects]), "")
            sys.path.insert(0, str(self.site))

    def call(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.run(words, cwd=self.folder, env=self.environment, check=False, **output)

    def check(self, command: str, done: subprocess.CompletedProcess[str], expected: str) -> None:
        """Without shown output a command must succeed; with it, an error may be what is shown."""
        assert done.returncode == 0 or expected, f"{command}: exit status {done.returncode}\n{done.stdout}"
        if expected:
            check_output(command, expected, done.stdout)


def check_output(what: str, expected: str, found: str) -> None:
    same = doctest.OutputChecker().check_output(expected, found, FLAGS)
    assert same, f"{what} is shown to print\n{expected}\nbut prints\n{found}"


def is_run_file(text: str) -> bool:
    return {"data", "model"} <= tomllib.loads(text).keys()


def main(path: str) -> None:
    page = Page(path)
    for line, language, text in blocks(page.text):
        try:
            page.run_block(line, language, text)
        except BaseException as error:
            error.add_note(f"in the {language} block at {path}:{line}")
            raise


if __name__ == "__main__":
    main(sys.argv[1])
