"""Files of checkpoints: whole or refused, and replaced at once."""

from __future__ import annotations

from collections.abc import Set
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from sk_mmoe.callbacks._files import replace_file

# A line with the version, a line with a digest of what follows, and the state in torch's format.
_TITLE = b"sk_mmoe checkpoint, version "
_VERSION = b"1"
_LONGEST_LINE = 80


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
    head = b"\n".join([_TITLE + _VERSION, digest, b""])
    replace_file(path, [head, content], what="checkpoint")


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
    afresh = "Delete it to start afresh."
    with path.open("rb") as file:
        title = file.readline(_LONGEST_LINE).removesuffix(b"\n")
        if title.startswith(_TITLE) and title != _TITLE + _VERSION:
            version = title.removeprefix(_TITLE).decode(errors="replace")
            raise ValueError(
                f"{str(path)!r} is a checkpoint of format version {version}, this release reads "
                f"version {_VERSION.decode()}. {afresh}"
            )
        digest = file.readline(_LONGEST_LINE).removesuffix(b"\n")
        # Of a file that is none of ours, which may be large, two lines are enough.
        content = file.read() if title == _TITLE + _VERSION else b""
    foreign = f"{str(path)!r} is no checkpoint of sk_mmoe, or damaged. {afresh}"
    if sha256(content).hexdigest().encode() != digest:
        raise ValueError(foreign)
    try:
        state: Any = torch.load(BytesIO(content), map_location=device, weights_only=True)
    except Exception as error:  # whatever torch raises on a file that someone made up
        raise ValueError(foreign) from error
    if not isinstance(state, dict) or state.keys() != names:
        raise ValueError(foreign)
    return state
