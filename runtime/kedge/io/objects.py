"""A store in a bucket (S3, GCS, Azure) through obstore.

obstore starts threads at its first use, and a process forked after that hangs in its next request. So nothing is opened
before the first request, a store made before a fork works in the child, and a request in a process forked too late is
refused with an error instead of hanging.

A request that goes wrong for reasons that may pass is tried again for a bounded time, and then raises
`StoreUnavailable`. It runs where a signal can end the wait for it.

Large objects go up as multipart uploads and come down as ranges, a few pieces at a time: memory beside the value's own
stays under about 64 MB.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from kedge.io.errors import ObjectExists, ObjectMissing, StoreError, StoreUnavailable
from kedge.io.stores import STREAM_BYTES, BytesLike, ObjectInfo, Store, Writer, byte_view, check_path, check_size
from kedge.io.waiting import interruptibly, threads

if TYPE_CHECKING:
    from concurrent.futures import Future

    from obstore.store import ObjectStore as Backend

_PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 3
_REQUESTS_AT_ONCE = 16
_RETRY_SECONDS = 20
"""So long a request is tried again that fails for reasons that may pass. obstore itself gives a connection 5 seconds
and a request 30 (options given here would hide those of the environment), so 50 seconds are the most."""
_REFUSED = re.compile(r"status code: 4(?!08|29)\d\d")
_DENIED = "code: AccessDenied"
"""So a request for many objects says of one that it was refused, with status 200 for the whole."""
_PANIC = "PanicException"
"""What obstore raises where its code gives up; no Exception, and by no name that could be imported."""
_STATUS = re.compile(r".*?status code: \d{3}[^:]*", re.DOTALL)
_TOLD = (re.compile(r"<Code>([^<]+)</Code>"), re.compile(r"<Message>([^<]+)</Message>"))
"""The parts of an S3 or Azure error. Google's are JSON, which any server speaks; its status says enough."""
_TOLD_MAX = 300
_CLIENT_OPTIONS = (
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "pool_idle_timeout",
    "proxy_url",
    "timeout",
    "user_agent",
)
_PREFIX = re.compile(r"^(aws|google|azure)_")
_process_of_first_use: int | None = None
T = TypeVar("T")


class ObjectStore(Store):
    """``s3://``, ``gs://`` or ``az://``.

    `backend` (for tests) makes the obstore store; by default the URL and the options do.
    """

    def __init__(
        self, url: str, options: Mapping[str, str] | None = None, *, backend: Callable[[], Backend] | None = None
    ) -> None:
        super().__init__(url, options)
        self._make = backend or self._from_url
        self._backend: Backend | None = None
        self._opening = threading.Lock()

    def get(self, path: str, *, most: int | None = None) -> bytes:
        import obstore

        def read(backend: Backend) -> bytes:
            found = obstore.get(backend, path)  # its head: the body follows when it is asked for
            check_size(self.url, path, found.meta["size"], most)
            return found.bytes().to_bytes()

        return self._call(path, read)

    def get_many(self, paths: Sequence[str], *, most: int | None = None) -> list[bytes]:
        if len(paths) < 2:
            return [self.get(path, most=most) for path in paths]
        with threads(min(_REQUESTS_AT_ONCE, len(paths))) as pool:
            return list(pool.map(partial(self.get, most=most), paths))

    def put(self, path: str, data: BytesLike, *, create: bool = False) -> None:
        import obstore

        if create:
            self._call(
                path, lambda backend: obstore.put(backend, path, byte_view(data), mode="create", use_multipart=False)
            )
        else:
            self._call(path, lambda backend: obstore.put(backend, path, byte_view(data)))

    @contextmanager
    def writer(self, path: str) -> Iterator[Writer]:
        check_path(self.url, path)
        upload = _Upload(self, path)
        try:
            yield upload
        except BaseException as error:
            upload.abort(wait=isinstance(error, Exception))
            raise
        upload.finish()

    def delete(self, paths: Iterable[str]) -> None:
        import obstore

        wanted = [check_path(self.url, path) for path in paths]
        for start in range(0, len(wanted), 1000):
            batch = wanted[start : start + 1000]
            try:
                self._call(batch[0], partial(obstore.delete, paths=batch))
            except ObjectMissing:
                self._delete_each(batch)

    def info(self, path: str) -> ObjectInfo:
        import obstore

        meta = self._call(path, lambda backend: obstore.head(backend, path))
        return ObjectInfo(path, meta["size"], meta["last_modified"].timestamp())

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        import obstore

        folder = prefix.strip("/")
        with self._request(folder or None) as backend:
            batches = obstore.list(backend, folder or None)
            while (batch := interruptibly(lambda: next(batches, None))) is not None:
                for meta in batch:
                    yield ObjectInfo(meta["path"], meta["size"], meta["last_modified"].timestamp())

    def list_folders(self, prefix: str = "") -> Sequence[str]:
        import obstore

        folder = prefix.strip("/")
        found = self._call(folder or None, lambda backend: obstore.list_with_delimiter(backend, folder or None))
        return sorted(found["common_prefixes"])

    def stream(self, path: str, chunk_bytes: int = STREAM_BYTES) -> Iterator[memoryview]:
        import obstore

        with self._request(path) as backend:
            chunks = iter(interruptibly(lambda: obstore.get(backend, path)).stream(min_chunk_size=chunk_bytes))
            while (chunk := interruptibly(lambda: next(chunks, None))) is not None:
                yield memoryview(chunk)

    def read_into(self, path: str, buffer: memoryview) -> Iterator[memoryview]:
        size = min(len(buffer), self.info(path).size)
        starts = iter(range(0, size, _PART_BYTES))
        pending: list[Future[memoryview]] = []
        with threads(_PARTS_AT_ONCE) as pool:

            def ask() -> None:
                if (start := next(starts, None)) is not None:
                    pending.append(
                        pool.submit(self._fetch, path, start, buffer[start : min(start + _PART_BYTES, size)])
                    )

            for _ in range(_PARTS_AT_ONCE):
                ask()
            while pending:
                part = pending.pop(0).result()
                ask()
                yield part

    def _fetch(self, path: str, start: int, part: memoryview) -> memoryview:
        import obstore

        with self._request(path) as backend:
            data = memoryview(obstore.get_range(backend, path, start=start, length=len(part)))
        if len(data) != len(part):
            raise ObjectMissing(f"store {self.url}: {path!r} was replaced while it was read; read it again")
        part[:] = data
        return part

    def _delete_each(self, paths: Sequence[str]) -> None:
        """For a back end which counts a missing object as an error."""
        import obstore

        for path in paths:
            try:
                self._call(path, partial(obstore.delete, paths=path))
            except ObjectMissing:
                continue

    def _from_url(self) -> Backend:
        from datetime import timedelta

        from obstore.store import from_url

        given = {_option_name(name): value for name, value in self._options.items()}
        client = {name: _client_value(value) for name, value in given.items() if name in _CLIENT_OPTIONS}
        config = {name: value for name, value in given.items() if name not in _CLIENT_OPTIONS}
        return from_url(
            self.url,
            config=cast(Any, config or None),
            client_options=cast(Any, client or None),
            retry_config={
                "max_retries": 10,
                "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2), "base": 2},
                "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
            },
        )

    def _call(self, path: str | None, act: Callable[[Backend], T]) -> T:
        """One request, which a signal can end."""
        with self._request(path) as backend:
            return interruptibly(lambda: act(backend))

    @contextmanager
    def _request(self, path: str | None) -> Iterator[Backend]:
        """The open back end for one request; what obstore raises in the block becomes an error of ours."""
        global _process_of_first_use
        if path is not None:
            check_path(self.url, path)
        if _process_of_first_use not in (None, os.getpid()):
            raise StoreError(
                f"store {self.url}: process {os.getpid()} was forked from {_process_of_first_use} after that one had "
                "used an object store, and would hang; fork before the first use, or start processes with 'spawn'"
            )
        _process_of_first_use = os.getpid()
        try:
            with self._opening:
                if self._backend is None:
                    self._backend = self._make()
                backend = self._backend
            yield backend
        except StoreError:
            raise
        except Exception as error:
            raise self._error(path, error) from error
        except BaseException as error:
            if type(error).__name__ != _PANIC:
                raise
            raise StoreError(
                f"store {self.url}: no request can be made with its options; does a key or a token hold a line end?"
            ) from error

    def _error(self, path: str | None, error: Exception) -> Exception:
        """Ours for an error of obstore's; any other error as it is."""
        from obstore import exceptions

        where = f"store {self.url}: " + ("" if path is None else f"{path!r}: ")
        reason = _without_body(str(error).split("\n\nDebug source", 1)[0].strip())
        if isinstance(error, FileNotFoundError | exceptions.NotFoundError):
            return ObjectMissing(f"{where}no such object")
        if isinstance(error, FileExistsError | exceptions.AlreadyExistsError | exceptions.PreconditionError):
            return ObjectExists(f"{where}exists already and was to be created")
        denied = isinstance(error, PermissionError | exceptions.PermissionDeniedError | exceptions.UnauthenticatedError)
        if denied or _DENIED in reason:
            return StoreError(
                f"{where}access refused; check the credentials in the environment and their rights: {reason}"
            )
        may_pass = isinstance(error, exceptions.GenericError) and _REFUSED.search(reason) is None
        if may_pass or isinstance(error, TimeoutError | ConnectionError):
            return StoreUnavailable(
                f"{where}the store didn't answer as it should; check endpoint and network: {reason}"
            )
        if isinstance(error, exceptions.BaseError):
            return StoreError(f"{where}refused; check the URL, the path and the store's options: {reason}")
        return error


class _Upload:
    """An object on its way up. A small one waits here and goes in one request; others move on a thread."""

    def __init__(self, store: ObjectStore, path: str) -> None:
        self._store = store
        self._path = path
        self._waiting: list[memoryview] = []
        self._bytes = 0
        self._queue: queue.Queue[memoryview | _Aborted | None] = queue.Queue(2)
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def write(self, data: BytesLike, /) -> int:
        view = byte_view(data)
        for start in range(0, view.nbytes, _PART_BYTES):
            piece = view[start : start + _PART_BYTES]
            self._waiting.append(piece)
            self._bytes += len(piece)
            if self._bytes >= _PART_BYTES:
                self._send_waiting()
        return view.nbytes

    def finish(self) -> None:
        """Make the object appear, or raise what went wrong on the way."""
        if self._thread is None:
            self._store.put(self._path, b"".join(self._waiting))
            return
        self._send_waiting()
        self._end(None)
        if self._failure is not None:
            raise self._failure

    def abort(self, wait: bool) -> None:
        """Drop what was sent, and wait until that is done; or else see to it that it will be."""
        if self._thread is None:
            return
        if wait:
            self._end(_Aborted())
            return
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        self._queue.put_nowait(_Aborted())

    def _send_waiting(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._send, name=f"upload {self._path}", daemon=True)
            self._thread.start()
        for piece in self._waiting:
            self._queue.put(piece)
        self._waiting, self._bytes = [], 0
        if self._failure is not None:
            raise self._failure

    def _end(self, last: _Aborted | None) -> None:
        self._queue.put(last)
        if self._thread is not None:
            self._thread.join()

    def _send(self) -> None:
        import obstore

        ended = False

        def pieces() -> Iterator[memoryview]:
            nonlocal ended
            while (piece := self._queue.get()) is not None:
                if isinstance(piece, _Aborted):
                    ended = True
                    raise piece
                yield piece
            ended = True

        try:
            with self._store._request(self._path) as backend:
                obstore.put(
                    backend,
                    self._path,
                    pieces(),
                    use_multipart=True,
                    chunk_size=_PART_BYTES,
                    max_concurrency=_PARTS_AT_ONCE,
                )
        except BaseException as error:
            self._failure = error
            while not ended:  # let the writing side go on to its end
                ended = not isinstance(self._queue.get(), memoryview)


class _Aborted(Exception):
    """The writing side gave up."""


def _option_name(name: str) -> str:
    """An option by its name, or as the environment has it (`AWS_ALLOW_HTTP`): one for the client has no prefix."""
    bare = _PREFIX.sub("", name.lower())
    return bare if bare in _CLIENT_OPTIONS else name.lower()


def _without_body(reason: str) -> str:
    """What obstore says, and of an answer what a store says in it: what else may answer there is nobody's business."""
    status = _STATUS.match(reason)
    if status is None:
        return reason
    from html import unescape

    told = [unescape(one)[:_TOLD_MAX] for pattern in _TOLD for one in pattern.findall(reason, status.end())[:1]]
    return ": ".join([status[0], *told])


def _client_value(value: str) -> str | bool:
    """Client options are typed in obstore: words for yes and no become booleans."""
    return {"true": True, "false": False}.get(value.lower(), value)
