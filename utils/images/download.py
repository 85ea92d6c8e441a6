"""In goes where a large file can be had, out comes the file, whole and of the right MD5."""

import hashlib
import math
import os
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from utils.core.progress import Progress

PIECE = 1 << 16  # bytes read at a time, at most


class MirrorError(Exception):
    """Why a mirror did not deliver, and whether it may when it is asked again."""

    def __init__(self, why: str, again: bool = False):
        super().__init__(why)
        self.again = again


def fetch(path, mirrors, md5, size, *, floor=250_000, patience=20, timeout=10) -> Path:
    """Fetch a file of `size` bytes to `path` from the first of the `mirrors` (URLs) that works.

    A mirror is left for the next where it stays under `floor` bytes per second for `patience`
    seconds, sends nothing for `timeout` seconds, breaks off, or has other content. What has come
    until then stays in a file beside `path`: the next mirror, or the next call, sends the rest.
    Raises OSError, in one line, with what went wrong at each mirror.
    """
    path = Path(path)
    # the name that `atomic_write` would give it, but an interruption leaves it there
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    # slow beats nothing: the last is not left for slowness
    tries = [(url, patience) for url in mirrors[:-1]] + [(mirrors[-1], math.inf)]
    failures = []
    for url, limit in tries:
        try:
            resumed = download(url, partial, size, floor, limit, timeout)
            check(partial, md5, resumed)
        except MirrorError as error:
            failures.append(f"{urlsplit(url).hostname}: {error}")
            if error.again:
                tries.append((url, math.inf))  # for when all the others have failed too
        else:
            os.replace(partial, path)
            return path
    raise OSError("; ".join(failures))


def download(url, partial, size, floor, limit, timeout) -> bool:
    """Add to the file `partial` what it lacks; whether some of it was there before."""
    start = partial.stat().st_size if partial.exists() else 0
    if start >= size:
        return True  # interrupted after the last byte
    response, start = connect(url, start, timeout)
    with response:
        rest = bytes_to_come(response, start, size)
        # of what is to come, or the time left would count what came earlier as quick
        title = f"Fetching {'the rest of ' if start else ''}{url}"
        with open(partial, "ab" if start else "wb") as file, Progress(rest, title) as bar:
            began, came = time.monotonic(), 0
            for piece in pieces(response, rest, floor, limit):
                file.write(piece)
                came += len(piece)
                rate = came / max(time.monotonic() - began, 1e-9) / 1e6
                bar.advance(len(piece), f"{rate:.1f} MB/s")
    return start > 0


def connect(url, start, timeout) -> tuple:
    """The response to a request for all bytes from `start`, and the byte with which it starts: 0
    where the mirror cannot send a part.
    """
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if start and error.code == 416:  # it has no such part
            return connect(url, 0, timeout)
        raise MirrorError(str(error)) from error
    except (OSError, HTTPException) as error:
        raise MirrorError(str(getattr(error, "reason", error))) from error
    if not start or response.status != 206:
        return response, 0
    if response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        return response, start
    response.close()
    return connect(url, 0, timeout)


def bytes_to_come(response, start: int, size: int) -> int:
    """How many bytes a response that starts at `start` has. Raises MirrorError where the file has
    not `size` bytes, before anything is overwritten.
    """
    rest = size - start if response.length is None else response.length
    if start + rest != size:
        raise MirrorError(f"has {start + rest} bytes instead of {size}")
    return rest


def pieces(response, rest: int, floor, limit):
    """The next `rest` bytes of a response, as they come. Raises MirrorError where it breaks off or
    stays under `floor` bytes per second for `limit` seconds.
    """
    since, came = time.monotonic(), 0
    while rest:
        try:
            # `read` would wait for all of it, drop by drop
            piece = response.read1(min(rest, PIECE))
        except (OSError, HTTPException) as error:
            raise MirrorError(f"broke off ({error})") from error
        if not piece:
            raise MirrorError(f"broke off {rest} bytes before the end")
        yield piece
        rest, came = rest - len(piece), came + len(piece)
        seconds = time.monotonic() - since
        if rest and seconds >= limit:
            if came < floor * seconds:
                raise MirrorError(f"stayed under {floor / 1000:g} kB/s", again=True)
            since, came = time.monotonic(), 0


def check(partial, md5: str, resumed: bool):
    """Bring a finished file safely to the disk, or delete it where its content is wrong."""
    with open(partial, "r+b") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        os.fsync(file.fileno())  # or a power cut could leave the new name on nothing
    if digest.hexdigest() != md5:
        partial.unlink()
        # of two mirrors, it may be the other one that sent what is wrong
        raise MirrorError(f"other content than MD5 {md5}", again=resumed)
