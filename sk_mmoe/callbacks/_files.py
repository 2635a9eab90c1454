"""Files that are whole at any moment: the old content or the new one, never a part."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def replace_file(
    path: str | os.PathLike[str], parts: Iterable[bytes | memoryview], *, what: str
) -> None:
    """Write a file, or replace one as a whole.

    Parameters
    ----------
    path : str or path-like
        The file.
    parts : iterable of bytes-like
        The content, in parts that follow each other.
    what : str
        What the file holds, for messages.

    Raises
    ------
    OSError
        If the file cannot be written, for example because the disk is full. The file that was there
        before stays, and no other one is left.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    in_place = target.exists() and not target.is_file()  # a pipe or a device
    written = target if in_place else target.with_name(f"{target.name}.partial")
    try:
        with written.open("wb") as file:
            for part in parts:
                file.write(part)
            if not in_place:
                file.flush()
                # Else a power cut may leave the new name without its content.
                os.fsync(file.fileno())
        if not in_place:
            written.replace(target)
    except BaseException as error:
        if not in_place:
            with suppress(OSError):
                written.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        reason = f"the {what} cannot be written: {error.strerror or error}"
        raise OSError(error.errno, reason, os.fspath(path)) from error
