"""Numbers, paths and files that occur by mistake: one message, the documented status, and no traceback."""

import os
import subprocess
import sys

import pytest

CHANGES = {
    "a whole number of 67 bits": ("max_epochs = 4", f"max_epochs = {10**20}", "training.max_epochs: must be between"),
    "a seed of 66 bits": ("seed = 3", f"seed = {2**65}", "seed: must be between -2^63 and 2^63"),
    "a number of 6,000 digits": ("seed = 3", f"seed = {'9' * 4000}{'9' * 2000}", "not valid TOML"),
    "a hexadecimal number of 36,000 bits": ("seed = 3", f"seed = 0x{'f' * 9000}", "a number of 36000 bits"),
    "a size beyond 63 bits": ("max_epochs = 4", 'row_memory = "99999999999 TB"', "training.row_memory: must be less"),
    "a size that is infinite": ("max_epochs = 4", f'row_memory = "1{"0" * 400} TB"', "training.row_memory: must be"),
    "a batch larger than any memory": ("batch_size = 16", f"batch_size = {10**18}", "training.batch_size"),
    "a backend that is a number": ("seed = 3", "backend = { use = 3 }", "backend.use: must be the name of a backend"),
    "a null character": ('"flowers.csv"', '"flow\\u0000.csv"', "data.path: must be a path, got text with a null"),
    "nobody's home": ('"flowers.csv"', '"~nobody-at-all/x.csv"', "names a home folder that does not exist"),
    "a path of 5,000 letters": ('"flowers.csv"', f'"{"a" * 5000}.csv"', "File name too long"),
    "lists in lists": ("seed = 3", f"seed = {'[' * 3000}{']' * 3000}", "nested too deeply"),
    "tables in tables": ("[data]", f"[{'.'.join('a' * 3000)}]\nb = 1\n[data]", "nested too deeply"),
}


@pytest.mark.parametrize("command", ["check", "train", "validate"])
@pytest.mark.parametrize(("old", "new", "message"), CHANGES.values(), ids=CHANGES)
def test_a_run_file_out_of_this_world_is_refused_and_nothing_is_left_behind(old, new, message, command, folder, call):
    text = (folder / "run.toml").read_text()
    assert old in text
    (folder / "run.toml").write_text(text.replace(old, new))
    before = sorted(folder.rglob("*"))
    done = call(command, "run.toml")
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("name", ["fifo", "loop", "folder", "x" * 300, "/dev/zero"])
def test_a_run_file_that_is_no_file_is_refused_at_once(name, folder, call):
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to("loop")
    (folder / "folder").mkdir()
    done = call("check", name)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["check", "run.toml", "--json"], ["--version"]], ids=["json", "text"])
def test_a_full_output_is_one_message(folder, arguments):
    # An unbuffered stream has nothing left to write when the process ends.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "gmcore", *arguments]
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "Error: the output can't be written: No space left on device"
    assert "Exception ignored" not in done.stderr
