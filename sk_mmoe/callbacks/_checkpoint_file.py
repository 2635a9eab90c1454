"""Files of checkpoints: whole or refused, and replaced at once."""

from __future__ import annotations

import os
from collections.abc import Set
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

# A line with the version, a line with a digest of what follows, and the state in torch's format.
_TITLE = b"sk_mmoe checkpoint, version "
_VERSION = b"1"


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state to a file, which is whole at any moment.

    Parameters
    ----------
    path : Path
        The file.
    state : dict
        Tensors, and plain numbers, texts, lists and dicts.

    Raises
    ------
    OSError
        If the file cannot be written, for example because the disk is full. The file that was there
        before stays, and no other one is left.
    """
    buffer = BytesIO()
    torch.save(state, buffer)
    content = buffer.getbuffer()
    digest = sha256(content).hexdigest().encode()
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(b"\n".join([_TITLE + _VERSION, digest, b""]))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name without its content
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        reason = f"the checkpoint cannot be written: {error.strerror or error}"
        raise OSError(error.errno, reason, str(path)) from error


def read_checkpoint(path: Path, device: str, *, names: Set[str]) -> dict[str, Any]:
    """Read the state that :func:`write_checkpoint` wrote; no code in the file is run.

    Parameters
    ----------
    path : Path
        The file.
    device : str
        Where the tensors are wanted.
    names : set of str
        The names of the entries that the state must have.

    Returns
    -------
    dict
        The state.

    Raises
    ------
    ValueError
        If the file is not one of :func:`write_checkpoint`, is damaged, or is of another version.
    """
    title, _, rest = path.read_bytes().partition(b"\n")
    digest, _, content = rest.partition(b"\n")
    afresh = "Delete it to start afresh."
    if title.startswith(_TITLE) and title != _TITLE + _VERSION:
        version = title.removeprefix(_TITLE).decode(errors="replace")
        raise ValueError(
            f"{str(path)!r} is a checkpoint of format version {version}, this release reads "
            f"version {_VERSION.decode()}. {afresh}"
        )
    foreign = f"{str(path)!r} is no checkpoint of sk_mmoe, or damaged. {afresh}"
    if title != _TITLE + _VERSION or sha256(content).hexdigest().encode() != digest:
        raise ValueError(foreign)
    try:
        state: Any = torch.load(BytesIO(content), map_location=device, weights_only=True)
    except Exception as error:  # whatever torch raises on a file that someone made up
        raise ValueError(foreign) from error
    if not isinstance(state, dict) or state.keys() != names:
        raise ValueError(foreign)
    return state
