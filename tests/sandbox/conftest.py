"""A sandbox on the test's own folder, with a clock that stands still, and the real SDK in front of it."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import anthropic
import pytest

from lanectl.sandbox.server import Sandbox

NOW = 1_795_478_400.0  # 2026-11-24T00:00:00Z


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Start(Protocol):
    """Starts a sandbox on the test's folder."""

    def __call__(self, **settings: Any) -> Sandbox: ...


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(tmp_path: Path, clock: Clock) -> Iterator[Start]:
    """Starts sandboxes that end with the test; `duration_s` is 0 unless told."""
    with ExitStack() as stack:

        def one(**settings: Any) -> Sandbox:
            folder = settings.pop("folder", tmp_path / "sandbox")
            return stack.enter_context(Sandbox(folder, **{"clock": clock, "duration_s": 0.0, **settings}))

        yield one


@pytest.fixture
def connect() -> Iterator[Callable[..., anthropic.Anthropic]]:
    """Makes SDK clients that are closed with the test; no retries unless told."""
    with ExitStack() as stack:

        def one(sandbox: Sandbox, **settings: Any) -> anthropic.Anthropic:
            client = anthropic.Anthropic(
                **{"api_key": "sk-ant-sandbox", "base_url": sandbox.url, "max_retries": 0, **settings}
            )
            return stack.enter_context(client)

        yield one


@pytest.fixture
def sandbox(start: Start) -> Sandbox:
    return start()


@pytest.fixture
def client(sandbox: Sandbox, connect: Callable[..., anthropic.Anthropic]) -> anthropic.Anthropic:
    return connect(sandbox)


class Raw:
    """HTTP without the SDK: one connection, whole answers."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", int(sandbox.url.rsplit(":", 1)[1]), timeout=120
        )
        self.headers = {"x-api-key": "sk-ant-sandbox", "anthropic-version": "2026-10-21"}

    def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        told = {**self.headers, **{key.replace("_", "-"): value for key, value in headers.items()}}
        self.connection.request(method, path, body, told)
        answer = self.connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()


@pytest.fixture
def raw() -> Iterator[Callable[[Sandbox], Raw]]:
    with ExitStack() as stack:

        def one(sandbox: Sandbox) -> Raw:
            made = Raw(sandbox)
            stack.callback(made.connection.close)
            return made

        yield one
