"""Files of public data sets: find them, download them and verify their checksums."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import time
import zipfile
import zlib
from collections.abc import Collection, Mapping
from http.client import HTTPException
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from sklearn.datasets import get_data_home

_DATA_VARIABLE = "SK_MMOE_DATA"
# Seconds to wait for an answer of the server.
_TIMEOUT = 60
_UNREADABLE = (
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def data_folder(name: str, data_home: str | os.PathLike[str] | None) -> Path:
    """Return the folder of a data set.

    Parameters
    ----------
    name : str
        The name of the data set.
    data_home : str, path-like or None
        The folder of all data sets. `None` means the environment variable SK_MMOE_DATA or, if that
        is not set, the data folder of scikit-learn.

    Returns
    -------
    Path
        The folder of the data set. It may not exist.
    """
    home = data_home or os.environ.get(_DATA_VARIABLE) or get_data_home()
    return Path(home).expanduser() / name


def load_files(
    folder: Path,
    checksums: Mapping[str, str],
    *,
    url: str,
    download_if_missing: bool,
    n_retries: int,
    delay: float,
) -> dict[str, bytes]:
    """Return the content of files and download missing ones.

    Parameters
    ----------
    folder : Path
        The folder of the files, which are raw or compressed as ``.gz``.
    checksums : mapping from str to str
        The SHA256 checksum of each file's uncompressed content, by name.
    url : str
        The address of an archive that contains the files. It may be a zip, tar or gzip file, or
        several of them nested.
    download_if_missing : bool
        Whether to download the archive if a file is missing.
    n_retries : int
        Number of further attempts after a failed download.
    delay : float
        Seconds between two attempts.

    Returns
    -------
    dict from str to bytes
        The uncompressed content of each file.

    Raises
    ------
    OSError
        If a file is missing and cannot be downloaded, if `download_if_missing` is False, or if a
        file differs from its checksum.
    """
    contents = {}
    for name, checksum in checksums.items():
        for path in (folder / name, folder / f"{name}.gz"):
            if name not in contents and path.exists():
                contents[name] = _read(path, checksum)
    if not (missing := [name for name in checksums if name not in contents]):
        return contents

    listed = " and ".join(missing)
    mend = (
        f"Download {listed} from {url} and copy them, raw or as .gz, to {folder}. To use another "
        f"parent folder, pass `data_home` or set the environment variable {_DATA_VARIABLE}."
    )
    if not download_if_missing:
        raise FileNotFoundError(
            f"{listed} not found in {folder}, and download_if_missing is False. {mend}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        archive = _download(url, n_retries, delay)
    except (OSError, HTTPException) as error:
        raise OSError(
            f"{listed} not found in {folder}, and downloading failed {n_retries + 1} times, last "
            f"with: {error}. {mend}"
        ) from error
    try:
        found = _unpack(PurePosixPath(url).name, archive, missing)
    except _UNREADABLE as error:
        raise OSError(f"The archive at {url} cannot be read: {error}. {mend}") from error
    if absent := [name for name in missing if name not in found]:
        raise OSError(f"The archive at {url} does not contain {' and '.join(absent)}. {mend}")
    for name, content in found.items():
        _verify(content, checksums[name], f"{name} in the archive at {url}", mend)
    _write(folder, found)
    contents |= found
    return {name: contents[name] for name in checksums}


def _read(path: Path, checksum: str) -> bytes:
    """Return the uncompressed, verified content of a file."""
    content = path.read_bytes()
    mend = "Delete it to download it again, or replace it with the published file."
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except _UNREADABLE as error:
            raise OSError(f"{path} cannot be decompressed: {error}. {mend}") from error
    _verify(content, checksum, str(path), mend)
    return content


def _verify(content: bytes, checksum: str, origin: str, mend: str) -> None:
    """Raise an OSError unless the content has the checksum."""
    found = hashlib.sha256(content).hexdigest()
    if found != checksum:
        raise OSError(
            f"{origin} differs from the published file. Its uncompressed content must have the "
            f"SHA256 checksum {checksum}, got {found}. {mend}"
        )


def _download(url: str, n_retries: int, delay: float) -> bytes:
    """Return the content at a URL. Try `n_retries` more times if it fails."""
    while True:
        try:
            with urlopen(url, timeout=_TIMEOUT) as response:
                content: bytes = response.read()
            return content
        except (OSError, HTTPException):
            if n_retries == 0:
                raise
        n_retries -= 1
        time.sleep(delay)


def _unpack(name: str, content: bytes, wanted: Collection[str]) -> dict[str, bytes]:
    """Return the wanted files in an archive, at any depth. A single file may be wanted itself."""
    if content.startswith(b"\x1f\x8b"):
        return _unpack(name.removesuffix(".gz"), gzip.decompress(content), wanted)
    if PurePosixPath(name).name in wanted:
        return {PurePosixPath(name).name: content}
    found: dict[str, bytes] = {}
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for entry in archive.infolist():
                found |= _unpack(entry.filename, archive.read(entry), wanted)
    elif tarfile.is_tarfile(BytesIO(content)):
        with tarfile.open(fileobj=BytesIO(content)) as archive:
            for member in archive:
                if (file := archive.extractfile(member)) is not None:
                    found |= _unpack(member.name, file.read(), wanted)
    return found


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write compressed files. Each is written completely or not at all."""
    with TemporaryDirectory(dir=folder) as temporary:
        for name, content in contents.items():
            path = Path(temporary, f"{name}.gz")
            path.write_bytes(gzip.compress(content, compresslevel=6, mtime=0))
            # Atomic, because both are in the same file system.
            path.replace(folder / path.name)
