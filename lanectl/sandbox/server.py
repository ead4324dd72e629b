"""The sandbox itself: a server on a folder, started and ended like a file is opened and closed."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lanectl.sandbox import draws, ledger
from lanectl.sandbox.exchange import Seen
from lanectl.sandbox.faults import Faults
from lanectl.sandbox.ledger import Accepted
from lanectl.sandbox.provider import DEFAULT_WORKSPACE, FATES, Provider
from lanectl.sandbox.refusals import ApiError
from lanectl.sandbox.store import Store
from lanectl.sandbox.wire import Server


class Sandbox:
    """A local server that speaks the API; every process that opens the same folder meets the same batches.

    `clock` gives seconds since the epoch. `duration_s` is how long a new batch takes (0: it has ended when
    first looked at). `faults` replaces the folder's switches; None leaves them. `port` 0 takes a free one.
    `cold_burst` requests of a batch miss a cold prefix before the first read. `tokens_per_s` paces streams on
    the machine's own time. `strict_schemas` refuses the JSON Schema keywords that the API refuses. `prefix`
    is a path that clients put before `/v1`, as behind a gateway (`results_url` lacks it, as it does there).
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        duration_s: float = 3.0,
        faults: Faults | None = None,
        seed: int = 0,
        port: int = 0,
        cold_burst: int = 20,
        tokens_per_s: float | None = None,
        strict_schemas: bool = False,
        prefix: str = "",
    ) -> None:
        self._port = port
        self._provider = Provider(
            Store(folder, seed=seed),
            clock,
            seed=seed,
            duration_s=duration_s,
            cold_burst=cold_burst,
            tokens_per_s=tokens_per_s,
            strict_schemas=strict_schemas,
            prefix=prefix,
        )
        if faults is not None:
            self._provider.store.set_faults(faults)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listens on 127.0.0.1. Raises OSError when the port is taken."""
        provider = self._provider
        turns = itertools.count(1)
        boot = time.monotonic_ns()
        server = Server(
            self._port, provider.now, lambda: draws.name("req_", provider.seed, boot, next(turns))
        )
        provider.origin = f"http://127.0.0.1:{server.server_port}"
        provider.ending.clear()
        provider.store.open()
        self._server = server
        self._thread = threading.Thread(target=self._serve, args=(server,), daemon=True)
        self._thread.start()

    def _serve(self, server: Server) -> None:
        # The endpoints are loaded beside the caller's own start; requests wait in the socket meanwhile.
        from lanectl.sandbox import routes

        server.answering = partial(routes.answer, self._provider)
        server.serve_forever(0.02)

    def stop(self) -> None:
        """Ends the server and every connection; what was accepted stays in the folder."""
        if self._server is None or self._thread is None:
            return
        self._provider.ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.end()
        self._server = None

    @property
    def url(self) -> str:
        """What a client takes for `base_url`."""
        return self._provider.origin + self._provider.prefix

    @property
    def folder(self) -> Path:
        """Where everything is kept."""
        return self._provider.store.folder

    @property
    def seen(self) -> tuple[Seen, ...]:
        """The requests that arrived at this server (the newest 10,000), refused ones included."""
        return tuple(self._server.seen) if self._server is not None else ()

    def now(self) -> float:
        """The sandbox's time, in seconds since the epoch."""
        return self._provider.now()

    def ledger(self) -> list[Accepted]:
        """Every batch that was ever accepted on this folder, strangers' excepted, oldest first."""
        return ledger.read(self.folder / "ledger.jsonl")

    def requests(self, batch_id: str) -> Iterator[dict[str, Any]]:
        """The requests of a batch as they were sent. Raises KeyError for an unknown id."""
        from lanectl.sandbox import bodies

        with self.body(batch_id).open("rb") as body:
            for _, raw in bodies.requests(body.read, {}):
                yield json.loads(raw)

    def body(self, batch_id: str) -> Path:
        """The file that holds a batch's body as it was received. Raises KeyError for an unknown id."""
        batch = self._provider.store.find(batch_id)
        if batch is None:
            raise KeyError(batch_id)
        return self._provider.store.where(batch) / "body.json"

    def set_faults(self, faults: Faults) -> None:
        """Sets the switches anew, unused, for every process on the folder."""
        self._provider.store.set_faults(faults)

    def set_duration(self, seconds: float) -> None:
        """How long batches take that this server accepts from now on."""
        self._provider.duration_s = seconds

    def advance(self, seconds: float) -> float:
        """Moves the clock on, for every process on the folder; gives the new time."""
        return self._provider.advance(seconds)

    def foreign(
        self,
        count: int = 1,
        *,
        requests: int = 1,
        custom_ids: tuple[str, ...] = (),
        age_s: float = 0.0,
        workspace: str = DEFAULT_WORKSPACE,
    ) -> list[str]:
        """Makes batches that somebody else sent, `age_s` seconds ago; gives their ids."""
        from lanectl.sandbox import control

        wanted: Mapping[str, Any] = {
            "batches": count,
            "requests": requests,
            "custom_ids": custom_ids,
            "age_s": age_s,
            "workspace": workspace,
        }
        return [batch.id for batch in control.foreign(self._provider, wanted)]

    def befall(self, batch_id: str, what: str) -> None:
        """Lets a batch be `canceled`, `deleted`, `archived`, `expired` or `ended` by somebody else.

        Raises ValueError for another word, KeyError for an unknown id.
        """
        from lanectl.sandbox import control

        if what not in FATES:
            raise ValueError(f"{what!r} is none of {', '.join(FATES)}")
        try:
            control.befall(self._provider, batch_id, what)
        except ApiError as error:
            raise KeyError(f"{batch_id}: {error.message}") from None
