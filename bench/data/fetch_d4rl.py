"""Download D4RL's files, verify them, and resume interrupted downloads.

A file under data/d4rl is complete and has the sha256 of config/d4rl.tsv; an unfinished download
ends in `.part`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import http.client
import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.config.d4rl_files import TABLE, Source
from bench.data import http_answers
from bench.data.http_answers import Refused, check_address, within
from bench.errors import BenchError, shown
from bench.progress import Progress

BASE_URL = "D4RL_BASE_URL"  # environment variable: a mirror to use instead of the table's addresses
SIGNATURE = b"\x89HDF\r\n\x1a\n"
ATTEMPTS = 4  # at each address
PAUSE = 5.0  # seconds before the second attempt, doubled each time
TIMEOUT = 25.0  # seconds without a byte; two addresses out of reach take less than a minute


def fault(source: Source, path: Path) -> str | None:
    """Return what is wrong with a file that should be `source`, or None."""
    size = path.stat().st_size
    if source.bytes is not None and size != source.bytes:
        return f"has {size:,} bytes where {TABLE} expects {source.bytes:,}"
    with open(path, "rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return "is not an HDF5 file"
    if source.sha256 is not None and sha256(path) != source.sha256:
        return f"does not have the sha256 of {source.dataset}"
    return None


def sha256(path: Path) -> str:
    """Return the sha256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(source: Source, local: Path | None = None, base_url: str | None = None) -> Path:
    """Put the verified file at `source.path` and return that path.

    `local` is a folder that already holds it, for a machine without a network. `base_url`
    (or the variable D4RL_BASE_URL) replaces the part of the addresses before `folder/name`.
    Raises BenchError where no address gives the file or it fails verification.
    """
    path = source.path
    if path.exists():
        problem = fault(source, path)
        if problem:
            raise BenchError(f"{path}: {problem}; delete it and fetch it again.")
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with _locked(part) as file:
        if path.exists():  # another process was faster
            return path
        if local is not None:
            _copy(source, local, part)
        else:
            _download(source, base_url or os.environ.get(BASE_URL), part, file)
        os.replace(part, path)
    if source.sha256 is None:
        print(f"{path}: UNVERIFIED, {TABLE} has no sha256 for it; this file's is {sha256(path)}")
    return path


@contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """Open the partial file for appending, locked to this process."""
    with open(part, "ab", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError(
                f"{part}: another process is fetching it; wait until it ends."
            ) from None
        try:
            yield file
        finally:
            if part.exists() and not part.stat().st_size:
                part.unlink()


def _copy(source: Source, local: Path, part: Path) -> None:
    name = source.path.name
    found = next((p for p in sorted(local.rglob(name)) if p.is_file()), None)
    if found is None:
        raise BenchError(f"{local}: {name} not found; copy {source.urls[0]} to this folder.")
    problem = fault(source, found)
    if problem:
        raise BenchError(f"{found}: {problem}; download it again from {source.urls[0]}.")
    part.unlink()
    try:
        os.link(found.resolve(), part)  # takes no disk space
    except OSError:  # another file system
        shutil.copyfile(found, part)
        if fault(source, part):
            part.unlink()
            raise BenchError(f"{found}: changed while being copied; fetch it again.") from None


def _download(source: Source, base_url: str | None, part: Path, file: IO[bytes]) -> None:
    urls = source.urls
    if base_url:
        check_address(base_url, BASE_URL)
        urls = (f"{base_url.rstrip('/')}/{'/'.join(urls[0].split('/')[-2:])}",)
    problems = []
    with Progress(f"fetch {source.dataset}", source.bytes or 1, "bytes") as progress:
        for url in urls:
            problem = _from(url, source, part, file, progress)
            if problem is None:
                return
            problems.append(f"{url} {problem}")
            print(shown(f"{source.dataset}: {problems[-1]}"), flush=True)
    raise BenchError(
        f"{source.path}: no address gave the file ({'; '.join(problems)}); download it elsewhere "
        f"and run `python -m bench fetch {source.dataset} --from FOLDER`."
    )


def _from(url: str, source: Source, part: Path, file: IO[bytes], progress: Progress) -> str | None:
    """Fill `part` from one address; return what is wrong, or None once the file is verified.

    Received bytes are kept for the next attempt, unless the complete file is wrong.
    """
    problem: str | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        resumed = part.stat().st_size > 0
        try:
            size, expected = _stream(url, source, file, progress)
        except Refused as error:
            return str(error)
        except urllib.error.HTTPError as error:
            problem = f"answers {error.code} {error.reason}"
            if error.code == 416:  # `part` is longer than the file
                file.truncate(0)
            elif error.code < 500 and error.code not in (408, 429):
                return problem
            continue
        except urllib.error.URLError as error:
            problem = f"does not answer ({error.reason})"
            if out_of_reach(error):
                return problem
            continue
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            problem = f"does not answer ({str(error) or type(error).__name__})"
            continue
        if expected is not None and size < expected:
            problem = f"broke off at {size:,} of {expected:,} bytes"
            continue
        problem = fault(source, part)
        if problem is None:
            return None
        file.truncate(0)  # none of it can be trusted
        if not resumed:
            break
    return problem


def out_of_reach(error: urllib.error.URLError) -> bool:
    """Return whether no connection could be made, as without a network: asking again is futile."""
    reason = error.reason
    if isinstance(reason, socket.gaierror | ConnectionRefusedError | TimeoutError):
        return True
    unreachable = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
    return isinstance(reason, OSError) and reason.errno in unreachable


def _stream(
    url: str, source: Source, file: IO[bytes], progress: Progress
) -> tuple[int, int | None]:
    """Append the missing bytes to `file`, or all of them where the server ignores the range.

    Returns the number of bytes in the file and, if known, the expected number.
    """
    size = os.fstat(file.fileno()).st_size
    if size == source.bytes:
        return size, size
    headers = {"User-Agent": "iql-reproduction", "Range": f"bytes={size}-"}
    request = urllib.request.Request(url, headers=headers if size else {})
    with within(2 * TIMEOUT, "does not answer"):
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    with answer:
        rest = answer.headers.get("Content-Range", "").startswith(f"bytes {size}-")
        if size and not (answer.status == 206 and rest):
            file.truncate(0)
            size = 0
        length = http_answers.length(answer.headers)
        expected = source.bytes if length is None else size + length
        if source.bytes is not None and expected != source.bytes:
            raise Refused(f"offers {expected:,} bytes instead of {source.bytes:,}")
        progress(size - progress.done)
        while chunk := http_answers.read(answer):
            if not size and not chunk.startswith(SIGNATURE):
                raise Refused("sends something that is not an HDF5 file")
            size += len(chunk)
            if source.bytes is not None and size > source.bytes:
                file.truncate(0)
                raise Refused(f"sends more than {source.bytes:,} bytes")
            _write(file, chunk)
            progress(len(chunk))
    return size, expected


def _write(file: IO[bytes], chunk: bytes) -> None:
    try:
        while chunk:  # an unbuffered file may take only a part
            chunk = chunk[file.write(chunk) :]
    except OSError as error:
        raise BenchError(
            f"{file.name}: cannot be written ({error.strerror}); fix that and fetch it again: "
            "the received part is kept."
        ) from None
