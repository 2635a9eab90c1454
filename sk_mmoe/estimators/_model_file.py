"""Files of models: weights and JSON in a safetensors file with a checksum."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import Any, BinaryIO

from torch import Tensor

from sk_mmoe.callbacks._files import replace_file
from sk_mmoe.estimators._plain import from_plain, to_plain

# Of the format. Files of another version are refused.
VERSION = 3
_KEY = "sk_mmoe"
# The checksum is that of the whole file with zeros in its place.
_BLANK = 64 * "0"
# A safetensors file begins with the size of its header. safetensors reads no larger one.
_SIZE_BYTES = 8
_LARGEST_HEADER = 100_000_000


def write_model(
    path: str | os.PathLike[str], description: dict[str, Any], weights: dict[str, Tensor]
) -> None:
    """Write a model to a file, which is whole at any moment.

    Parameters
    ----------
    path : str or path-like
        The file.
    description : dict
        What :func:`~sk_mmoe.estimators._plain.to_plain` can express.
    weights : dict of Tensor
        The weights by name.

    Raises
    ------
    TypeError
        If the description has a value that cannot be expressed.
    OSError
        If the file cannot be written. One that was there before stays.
    """
    text = json.dumps({"sha256": _BLANK, "version": VERSION, "model": to_plain(description)})
    content = require_safetensors().torch.save(weights, {_KEY: text})
    checksum = sha256(content).hexdigest()
    replace_file(path, [content.replace(_entry(_BLANK), _entry(checksum), 1)], what="model")


def read_model(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a model that :func:`write_model` wrote; no code in the file is run.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    description : dict
        The description.
    weights : dict of Tensor
        The weights by name.

    Raises
    ------
    ValueError
        If the file is of another kind or version, or damaged.
    """
    safetensors = require_safetensors()
    name = repr(os.fspath(path))
    with open(path, "rb") as file:
        try:
            head, metadata = _read_header(file)
        except Exception as error:  # whatever a file that someone made up leads to
            raise ValueError(
                f"{name} was not written by sk_mmoe.save_model, or is damaged. It is no "
                "safetensors file."
            ) from error
        if _KEY not in metadata:
            raise ValueError(f"{name} was not written by sk_mmoe.save_model.")
        try:
            text = json.loads(metadata[_KEY])
            version, checksum = text["version"], text["sha256"]
            description = from_plain(text["model"])
        except Exception as error:
            raise ValueError(f"{name} is damaged: its description cannot be read.") from error
        if version != VERSION:
            raise ValueError(
                f"{name} has the format version {version}, this release reads version {VERSION}. "
                "Load it with the release that saved it."
            )
        content = head + file.read()
    if sha256(content.replace(_entry(checksum), _entry(_BLANK), 1)).hexdigest() != checksum:
        raise ValueError(f"{name} is damaged: its checksum is not that of its content.")
    try:
        return description, safetensors.torch.load(content)
    except Exception as error:
        raise ValueError(f"{name} is damaged: its weights cannot be read.") from error


def _read_header(file: BinaryIO) -> tuple[bytes, dict[str, str]]:
    """Return the first bytes of a safetensors file, up to its weights, and the metadata in them."""
    size = file.read(_SIZE_BYTES)
    n_bytes = int.from_bytes(size, "little")
    if n_bytes > min(_LARGEST_HEADER, os.fstat(file.fileno()).st_size):
        raise ValueError("the header would be larger than the file.")
    header = file.read(n_bytes)
    return size + header, dict(json.loads(header).get("__metadata__", {}))


def _entry(checksum: str) -> bytes:
    """Return the beginning of a description, which is the checksum."""
    # The text stands in the JSON of the header, where its quotation marks are escaped.
    return rf"{{\"sha256\": \"{checksum}\"".encode()


def require_safetensors() -> Any:
    """Return the safetensors package, or say how to get it."""
    try:
        import safetensors.torch
    except ImportError as error:
        raise ImportError(
            "saving and loading models needs safetensors: pip install safetensors, or "
            'pip install "sk_mmoe[persist]".'
        ) from error
    return safetensors
