"""A sealed file: a safetensors file in which every changed bit is found."""

import json
import re

import numpy as np
import pytest
from safetensors import safe_open

from gmcore.errors import FormatError
from gmcore.storage.sealed import opened, sealed

ARRAYS = {"w": np.arange(3, dtype=np.float32), "n": np.array(7, np.int32), "ü.none": np.zeros((0, 2))}
ABOUT = {"format": 3, "note": 'a "sha256":"00" and ü', "seconds": 1.5}


def content(**about):
    return b"".join(sealed(ARRAYS, key="k", about={**ABOUT, **about}))


def reopened(whole):
    return opened(whole, key="k", known=3, what="the file")


def test_it_comes_back_as_it_was():
    arrays, about = reopened(content())
    assert {name: (one.dtype, one.tolist()) for name, one in arrays.items()} == {
        name: (one.dtype, one.tolist()) for name, one in ARRAYS.items()
    }
    assert about == {"note": ABOUT["note"], "seconds": 1.5}


def test_other_programs_read_it(tmp_path):
    (tmp_path / "file.safetensors").write_bytes(content())
    with safe_open(tmp_path / "file.safetensors", "np") as file:
        np.testing.assert_array_equal(file.get_tensor("w"), ARRAYS["w"])
        assert json.loads(file.metadata()["k"]) == ABOUT


def test_equal_content_gives_equal_bytes():
    assert content() == content()


def test_any_changed_bit_is_found():
    whole = content()
    for place in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(ValueError, match=r".+"):
            reopened(bytes(damaged))


def test_any_shorter_or_longer_file_is_refused():
    whole = content()
    for damaged in (*(whole[:size] for size in range(len(whole))), whole + b"\0"):
        with pytest.raises(ValueError, match=r".+"):
            reopened(damaged)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (2, "an older version of gmcore (format 2; this version reads format 3): use the version that wrote it"),
        (4, "a later version of gmcore (format 4; this version reads format 3): update gmcore"),
    ],
)
def test_another_format_is_named_with_what_to_do(found, said):
    with pytest.raises(FormatError, match=re.escape(f"the file was written by {said}")):
        reopened(content(format=found))


def test_a_file_of_an_earlier_format_is_brought_into_the_present_one():
    def reader(file):
        arrays, about = file
        return {**arrays, "more": arrays["n"]}, {**about, "seconds": 0.0}

    arrays, about = opened(content(format=2), key="k", known=3, what="the file", readers={2: reader})
    assert (arrays["more"], about) == (7, {"note": ABOUT["note"], "seconds": 0.0})


def test_a_header_that_is_nested_deeply_is_refused():
    with pytest.raises(ValueError, match="nested too deeply"):
        reopened(b"".join(_with_text("[" * 100_000)))


def _with_text(text):
    header = json.dumps({"__metadata__": {"k": text}}).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little"), header
