"""Safetensors files whose every byte is covered by a checksum.

The checksum is the SHA-256 of the whole file with 64 zeros in its place. It stands in the file's JSON header, so that
the file is an ordinary safetensors file for every other program:

    length  8 bytes     little-endian
    header  JSON        {"__metadata__": {"sha256": checksum, KEY: JSON of gmcore}, NAME: {dtype, shape, offsets}, …}
    arrays              row by row
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gmcore.errors import ModelFileError
from gmcore.storage.formats import in_present_format

__all__ = ["Opened", "Readers", "opened", "sealed"]

Opened = tuple[dict[str, np.ndarray], dict[str, object]]
"""The arrays of a sealed file, by name, and its JSON values without `format`."""
Readers = Mapping[int, Callable[[Opened], Opened]]
"""By number, what brings a file of that format into the next one, as in `in_present_format`."""

_NONE: Readers = MappingProxyType({})

_BLANK = b"0" * 64
_FIELD = b'"sha256":"'
_LENGTH = 8


def sealed(arrays: Mapping[str, np.ndarray], *, key: str, about: Mapping[str, object]) -> tuple[bytes, memoryview]:
    """Return a file in two parts, its header and its arrays; equal content gives equal bytes.

    Args:
        arrays: C-contiguous arrays, by name.
        key: name of gmcore's entry in the header.
        about: JSON values for that entry.
    """
    # One entry, since safetensors does not keep the order of several.
    text = json.dumps(dict(about), sort_keys=True, separators=(",", ":"))
    whole = memoryview(save(dict(arrays), metadata={key: text}))
    size = int.from_bytes(whole[:_LENGTH], "little")
    header = json.loads(bytes(whole[_LENGTH : _LENGTH + size]))
    head = _head({"__metadata__": {"sha256": _BLANK.decode(), key: text}, **_without_metadata(header)})
    body = whole[_LENGTH + size :]
    return _filled(head, _digest(head, body)), body


def opened(
    content: bytes,
    *,
    key: str,
    known: int,
    what: str,
    readers: Readers = _NONE,
    advice: str = "use the version that wrote it",
) -> Opened:
    """Return the arrays of a sealed file, and its JSON values without `format`, both in the present format.

    Args:
        content: the file.
        key: name of gmcore's entry in the header.
        known: the present format.
        what: the file, for messages.
        readers: bring older formats into the present one.
        advice: what to do with a file whose format is too old.

    Raises:
        FormatError: if the file has a later format, or an older one that can't be read.
        ModelFileError: if its checksum does not match.
        ValueError: if it is no such file.
    """
    size = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    try:
        arrays = load(content)
        metadata = json.loads(content[_LENGTH:size])["__metadata__"]
        about = json.loads(metadata[key])
        found = about.pop("format")
    except (SafetensorError, RecursionError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(_words(error)) from error
    # Before the checksum, which other formats may lack or compute in another way.
    present = in_present_format((arrays, about), found, present=known, readers=readers, what=what, advice=advice)
    checksum = metadata.get("sha256")
    head = content[:size]
    place = head.find(_FIELD) + len(_FIELD)
    blank = head[:place] + _BLANK + head[place + len(_BLANK) :]
    body = memoryview(content)[size:]
    if checksum != head[place : place + len(_BLANK)].decode() or checksum != _digest(blank, body):
        raise ModelFileError(f"{what} is damaged: its checksum does not match")
    return present


def _without_metadata(header: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in header.items() if name != "__metadata__"}


def _head(header: Mapping[str, object]) -> bytes:
    """Return the length and the text of a header, padded so that the arrays are aligned, as safetensors does."""
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _LENGTH)
    return len(text).to_bytes(_LENGTH, "little") + text


def _digest(head: bytes, body: memoryview) -> str:
    digest = hashlib.sha256(head)
    digest.update(body)
    return digest.hexdigest()


def _filled(head: bytes, checksum: str) -> bytes:
    place = head.find(_FIELD) + len(_FIELD)
    return head[:place] + checksum.encode() + head[place + len(_BLANK) :]


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    # The texts of safetensors are about its code, such as "Error while deserializing: header too large".
    return "it is no safetensors file" if isinstance(error, SafetensorError) else "its header is malformed"
