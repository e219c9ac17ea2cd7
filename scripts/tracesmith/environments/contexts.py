"""The folder that is sent to the engine with a Dockerfile, as an archive that is the same on every machine."""

import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tracesmith import files, git, scratch
from tracesmith.environments import cleaning, steps
from tracesmith.environments.profiles import Profile

DATE = 946684800  # 2000-01-01, as of the commits in `git`


@contextmanager
def system(dockerfile: str) -> Iterator[IO[bytes]]:
    """Make the context of the first stage, which needs no file."""
    with _packed(lambda archive: _add_bytes(archive, "Dockerfile", dockerfile.encode())) as data:
        yield data


@contextmanager
def whole(
    dockerfile: str, profile: Profile, source: Path, lock: Path | None, certificates: bytes | None
) -> Iterator[IO[bytes]]:
    """Make the context of all stages, see `dockerfiles.make`."""
    pristine = files.list_files(source)
    texts = {
        "Dockerfile": dockerfile.encode(),
        "cleaning/cleaning.cjs": cleaning.SCRIPT.read_bytes(),
        "cleaning/cleaning.json": cleaning.spec(source, profile, pristine),
        **({"ca.pem": certificates} if certificates else {}),
        **({f"before/{lock.name}": lock.read_bytes()} if lock else {}),
    }

    def fill(archive: tarfile.TarFile) -> None:
        """Add files, texts and the repository."""
        order = steps.order(profile, source, pristine)
        for place, names in (("before", order.before), ("after", order.after)):
            archive.addfile(_folder(place))
            for name in names:
                archive.add(source / name, f"{place}/{name}", filter=_anonymous)
        for name, data in texts.items():
            _add_bytes(archive, name, data)
        with scratch.folder() as work:
            git.make_repository(work / "git", source)
            archive.add(work / "git", "git", filter=_anonymous)

    with _packed(fill) as data:
        yield data


@contextmanager
def _packed(fill: Callable[[tarfile.TarFile], None]) -> Iterator[IO[bytes]]:
    with scratch.folder() as work, (work / "context.tar").open("w+b") as data:
        with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
            fill(archive)
        data.seek(0)
        yield data


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out of an entry what differs from machine to machine, since the builder's cache looks at it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = DATE
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def _folder(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.DIRTYPE
    return _anonymous(entry)


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(_anonymous(entry), io.BytesIO(data))
