"""Files of data sets: where they are looked for, damage, and downloads from a stand-in server."""

import gzip
import hashlib
import tarfile
import zipfile
from http.client import IncompleteRead
from io import BytesIO
from pathlib import Path
from urllib.error import URLError

import pytest
from sklearn.datasets import get_data_home

from sk_mmoe.datasets import _files
from sk_mmoe.datasets._files import data_folder, load_files

URL = "https://example.org/letters+1.zip"
FIRST, SECOND = "letters.data", "letters.test"
LETTERS = {FIRST: b"alpha, beta\n" * 50, SECOND: b"gamma, delta\n" * 20}
CHECKSUMS = {name: hashlib.sha256(content).hexdigest() for name, content in LETTERS.items()}


def load(folder, *, download_if_missing=True, n_retries=3, delay=1.0):
    return load_files(
        folder,
        CHECKSUMS,
        url=URL,
        download_if_missing=download_if_missing,
        n_retries=n_retries,
        delay=delay,
    )


def place(folder, names=(FIRST, SECOND), packed=False):
    for name in names:
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(LETTERS[name]))
        else:
            (folder / name).write_bytes(LETTERS[name])


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Make any use of the network, and any pause, an error."""
    monkeypatch.setattr(_files, "urlopen", None)
    monkeypatch.setattr(_files.time, "sleep", None)


# Where the files lie


def test_data_home_comes_before_the_environment_before_scikit_learn(tmp_path, monkeypatch):
    monkeypatch.delenv("SK_MMOE_DATA", raising=False)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "sklearn"))
    assert data_folder("x", None) == Path(get_data_home(), "x") == tmp_path / "sklearn" / "x"
    monkeypatch.setenv("SK_MMOE_DATA", "")
    assert data_folder("x", None) == tmp_path / "sklearn" / "x"
    monkeypatch.setenv("SK_MMOE_DATA", str(tmp_path / "variable"))
    assert data_folder("x", None) == tmp_path / "variable" / "x"
    assert data_folder("x", tmp_path / "argument") == tmp_path / "argument" / "x"
    assert data_folder("x", str(tmp_path / "argument")) == tmp_path / "argument" / "x"


def test_data_home_may_begin_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert data_folder("x", "~/here") == tmp_path / "here" / "x"


@pytest.mark.parametrize("packed", [[], [FIRST], [FIRST, SECOND]])
def test_files_are_found_raw_and_compressed(tmp_path, packed):
    place(tmp_path, packed, packed=True)
    place(tmp_path, [name for name in LETTERS if name not in packed])
    contents = load(tmp_path)
    assert contents == LETTERS
    assert list(contents) == [FIRST, SECOND]


@pytest.mark.parametrize("present", [[], [FIRST], [SECOND]])
def test_missing_file_says_what_where_and_how(tmp_path, present):
    place(tmp_path, present)
    with pytest.raises(FileNotFoundError) as caught:
        load(tmp_path, download_if_missing=False)
    message = str(caught.value)
    for name in LETTERS:
        assert (name in message) == (name not in present)
    for part in (str(tmp_path), "download_if_missing is False", URL, "SK_MMOE_DATA"):
        assert part in message


def test_without_download_no_folder_is_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "new", download_if_missing=False)
    assert not list(tmp_path.iterdir())


# Damaged files


@pytest.mark.parametrize("name", LETTERS)
@pytest.mark.parametrize("packed", [True, False])
def test_changed_file_fails_its_checksum(tmp_path, name, packed):
    place(tmp_path, LETTERS.keys() - {name})
    changed = LETTERS[name].replace(b"a", b"b", 1)
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(changed) if packed else changed)
    with pytest.raises(OSError, match="SHA256") as caught:
        load(tmp_path)
    found = hashlib.sha256(changed).hexdigest()
    for part in (str(path), found, CHECKSUMS[name], "Delete it"):
        assert part in str(caught.value)
    assert path.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-20],
        lambda content: b"",
        lambda content: b"no gzip",
        lambda content: content[:12] + bytes(8) + content[20:],
    ],
    ids=["cut off", "empty", "other format", "bytes lost"],
)
def test_damaged_gzip_raises(tmp_path, damage):
    place(tmp_path, packed=True)
    path = tmp_path / f"{SECOND}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(OSError, match=f"{SECOND}.gz.*Delete it"):
        load(tmp_path)


# Downloads


def zipped(files):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files, mode="w:gz"):
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, BytesIO(content))
    return buffer.getvalue()


def gzipped(files):
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


OTHERS = {"letters.names": b"| text", "._letters.data": b"no", "folder/": b"", "empty.txt": b""}
ARCHIVES = {
    "zip of tar.gz": zipped({"letters.tar.gz": tarred(OTHERS | LETTERS)}),
    "zip of tgz": zipped({"letters.tgz": tarred(LETTERS)}),
    "zip of tar": zipped({"letters.tar": tarred(LETTERS, "w")}),
    "zip of files": zipped(OTHERS | LETTERS),
    "zip of gz": zipped(OTHERS | gzipped(LETTERS)),
    "zip of folders": zipped({f"a/b/{name}": content for name, content in LETTERS.items()}),
    "zip of zips": zipped({f"{name}.zip": zipped({name: LETTERS[name]}) for name in LETTERS}),
    "zip of tar.gz of gz": zipped({"letters.tar.gz": tarred(gzipped(LETTERS))}),
    "tar.xz": tarred(LETTERS, "w:xz"),
}


class Server:
    """Stands in for the network: fails some times, then answers."""

    def __init__(self, content, failures=0, error=None):
        self.content = content
        self.failures = failures
        self.error = error
        self.urls = []
        self.pauses = []

    def urlopen(self, url, timeout):
        assert 0 < timeout < 1000
        self.urls.append(url)
        if len(self.urls) <= self.failures:
            raise self.error
        return BytesIO(self.content)


@pytest.fixture
def serve(monkeypatch):
    """Return a function that puts a server in place of the network."""

    def start(*args, **kwargs):
        server = Server(*args, **kwargs)
        monkeypatch.setattr(_files, "urlopen", server.urlopen)
        monkeypatch.setattr(_files.time, "sleep", server.pauses.append)
        return server

    return start


@pytest.mark.parametrize("layout", ARCHIVES)
def test_files_are_found_at_any_depth_of_the_archive(tmp_path, serve, layout):
    server = serve(ARCHIVES[layout])
    folder = tmp_path / "new" / "folder"
    assert load(folder) == LETTERS
    assert server.urls == [URL]
    assert server.pauses == []
    assert files_in(tmp_path) == [f"{FIRST}.gz", f"{SECOND}.gz"]
    for name, content in LETTERS.items():
        assert gzip.decompress((folder / f"{name}.gz").read_bytes()) == content


def test_second_call_downloads_nothing(tmp_path, serve):
    server = serve(ARCHIVES["zip of tar.gz"])
    assert load(tmp_path) == load(tmp_path, download_if_missing=False)
    assert len(server.urls) == 1


@pytest.mark.parametrize("present", LETTERS)
def test_only_the_missing_file_is_written(tmp_path, serve, present):
    place(tmp_path, [present])
    serve(ARCHIVES["zip of tar.gz"])
    contents = load(tmp_path)
    assert contents == LETTERS
    assert list(contents) == [FIRST, SECOND]
    (missing,) = LETTERS.keys() - {present}
    assert files_in(tmp_path) == sorted([present, f"{missing}.gz"])


@pytest.mark.parametrize(
    "error",
    [URLError("down"), TimeoutError("slow"), ConnectionResetError("reset"), IncompleteRead(b"PK")],
)
def test_failed_download_is_tried_again_after_a_pause(tmp_path, serve, error):
    server = serve(ARCHIVES["zip of files"], failures=2, error=error)
    assert load(tmp_path, delay=0.5) == LETTERS
    assert len(server.urls) == 3
    assert server.pauses == [0.5, 0.5]


@pytest.mark.parametrize("n_retries", [0, 1, 4])
@pytest.mark.parametrize("error", [URLError("no route to host"), IncompleteRead(b"PK")])
def test_offline_gives_up_and_says_what_to_do(tmp_path, serve, n_retries, error):
    server = serve(b"", failures=100, error=error)
    with pytest.raises(OSError, match="downloading failed") as caught:
        load(tmp_path, n_retries=n_retries)
    assert len(server.urls) == n_retries + 1
    assert len(server.pauses) == n_retries
    for part in (FIRST, SECOND, str(tmp_path), URL, "SK_MMOE_DATA", str(error)):
        assert part in str(caught.value)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(LETTERS)[:-40], "cannot be read"),
        (zipped({"letters.tar.gz": tarred(LETTERS)[:-40]}), "cannot be read"),
        (zipped({"a.gz": gzip.compress(b"text")[:-4]}), "cannot be read"),
        (b"<html>moved</html>", f"does not contain {FIRST} and {SECOND}"),
        (zipped(OTHERS | {SECOND: LETTERS[SECOND]}), f"does not contain {FIRST}. Download"),
        (zipped(LETTERS | {FIRST: LETTERS[SECOND]}), f"{FIRST} in the archive.*SHA256"),
        (zipped(LETTERS | {SECOND: b""}), f"{SECOND} in the archive.*SHA256"),
    ],
    ids=["cut zip", "cut tar", "cut gzip", "page", "one absent", "swapped", "empty"],
)
def test_bad_archive_leaves_no_file(tmp_path, serve, content, message):
    serve(content)
    with pytest.raises(OSError, match=message):
        load(tmp_path)
    assert files_in(tmp_path) == []


def test_interrupted_write_leaves_no_half_file(tmp_path, serve, monkeypatch):
    written = []

    def write_half(path, content):
        written.append(path)
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise KeyboardInterrupt

    serve(ARCHIVES["zip of files"])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_half)
        with pytest.raises(KeyboardInterrupt):
            load(tmp_path)
    assert len(written) == 1
    assert list(tmp_path.iterdir()) == []
    assert load(tmp_path) == LETTERS
