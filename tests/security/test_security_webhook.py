"""Our own messages go to the address that was looked at, once, and to none of this machine unasked."""

import contextlib
import ipaddress
import itertools
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanectl import webhook
from lanectl.errors import ConfigError, LanectlError, TryLater
from lanectl.webhook import Message, post
from tests.ports import deaf_port
from tests.security.hostile_world import KEY, Cli, hits

CLOSED = (
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *(
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "192.0.0.192",
    ),
    *(
        "198.18.0.1",
        "203.0.113.7",
        "240.0.0.1",
        "168.63.129.16",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
    ),
    *(
        "fd00:ec2::254",
        "ff02::1",
        "fec0::1",
        "2001:db8::1",
        "2001::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
    ),
    *(
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
    ),
)
OPEN = (
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "172.32.0.1",
    "192.169.0.1",
    "2606:4700::1111",
    "64:ff9b::101:101",
)


_DRIP_S = 0.05


class Server:
    """A listener on this machine that reads one request a connection and answers with the same bytes."""

    def __init__(
        self,
        answer: bytes,
        *,
        context: ssl.SSLContext | None = None,
        drips_until: threading.Event | None = None,
    ) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.seen: list[bytes] = []
        self.names: list[str] = []
        self._answer, self._drips_until = answer, drips_until
        self._context = context
        if context is not None:
            context.sni_callback = lambda _, name, __: self.names.append(str(name))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self._socket.accept()
            except OSError:
                return
            with raw, contextlib.suppress(OSError):
                raw.settimeout(120)
                with self._context.wrap_socket(raw, server_side=True) if self._context else raw as wire:
                    self.seen.append(self._request(wire))
                    self._reply(wire)

    def _reply(self, wire: socket.socket) -> None:
        if self._drips_until is None:
            wire.sendall(self._answer)
            return
        for letter in itertools.cycle(self._answer):
            wire.sendall(bytes([letter]))
            if self._drips_until.wait(_DRIP_S):
                return

    def _request(self, wire: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += wire.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        while len(body) < length:
            body += wire.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        # Closed last: a thread on its way into `accept` would take the connections of whoever has the number
        # of this descriptor next.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


OK = b"HTTP/1.1 204 No Content\r\n\r\n"
MESSAGE = Message(b'{"text": "good morning"}', key="run-1")


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(OK)
    yield made
    made.close()


def leading_to(*addresses: str) -> webhook.Resolve:
    def resolve(_: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, (one, port)) for one in addresses]

    return resolve


@pytest.mark.parametrize("address", CLOSED)
def test_closed_address_is_refused_before_anything_is_connected(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        post("https://hooks.example/T0/secret", MESSAGE, resolve=leading_to(address))
    told = address.partition("%")[0]
    assert str(caught.value) == (
        f"this name leads to {ipaddress.ip_address(told)}, an address of this machine or its "
        "networks - hooks.example"
    )


@pytest.mark.parametrize("address", OPEN)
def test_public_address_is_open(address: str) -> None:
    assert not webhook.is_closed(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://localhost/x",
    ],
)
def test_closed_address_is_refused_however_it_is_spelled(url: str) -> None:
    with pytest.raises(ConfigError, match="an address of this machine"):
        post(url, MESSAGE)


def test_one_closed_address_among_public_ones_is_refused() -> None:
    with pytest.raises(ConfigError):
        post("https://hooks.example/", MESSAGE, resolve=leading_to("1.1.1.1", "10.0.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://hooks.example/x",
            "ftp://hooks.example/x",
            "file:///etc/passwd",
            "hooks.example/x",
            "https:///x",
        ),
        *(
            "https://user:pw@hooks.example/x",
            "https://hooks.example:99999/x",
            "https://hooks.example/a b",
            "https://[::1/x",
        ),
    ],
)
def test_url_that_is_no_plain_https_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        post(url, MESSAGE, resolve=leading_to("1.1.1.1"))
    assert "/x" not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_message_arrives_once_with_its_key_at_the_checked_address(server: Server) -> None:
    url = f"http://hooks.example:{server.port}/T0/secret?x=1"
    # The name is not asked again: only `resolve` knows it.
    status = post(url, MESSAGE, allow_private=True, resolve=leading_to("127.0.0.1"))
    assert status == 204
    head, _, body = server.seen[0].partition(b"\r\n\r\n")
    assert (len(server.seen), body) == (1, MESSAGE.body)
    assert head.split(b"\r\n") == [
        b"POST /T0/secret?x=1 HTTP/1.1",
        b"Accept-Encoding: identity",
        b"Content-Length: 24",
        f"Host: hooks.example:{server.port}".encode(),
        b"Content-Type: application/json",
        b"Idempotency-Key: run-1",
        b"User-Agent: lanectl",
        b"Connection: close",
    ]


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
            LanectlError,
            "it answered with a redirect, and those are not followed",
        ),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", LanectlError, "it answered 404"),
        (b"HTTP/1.1 503 No\r\n\r\n", TryLater, "it answered 503"),
        (b"HTTP/1.1 429 No\r\n\r\n", TryLater, "it answered 429"),
        (b"nonsense\r\n\r\n", TryLater, "no connection (BadStatusLine)"),
        (b"", TryLater, "no connection (RemoteDisconnected)"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n", TryLater, "no connection (HTTPException)"),
    ],
)  # fmt: skip -- a table
def test_answer_that_is_no_success_is_an_error_of_its_sort(
    answer: bytes, error: type[LanectlError], message: str
) -> None:
    made = Server(answer)
    with pytest.raises(LanectlError) as caught:
        post(f"http://127.0.0.1:{made.port}/x", MESSAGE, allow_private=True)
    assert (type(caught.value), caught.value.message) == (error, message)
    assert len(made.seen) == 1
    made.close()


def test_drip_and_dead_name_server_end_after_the_time_for_all_of_it() -> None:
    # Neither ever ends by itself: that these come back at all is the limit's doing.
    gate = threading.Event()
    made = Server(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 90, drips_until=gate)
    with pytest.raises(TryLater, match=r"no answer within 0\.3 seconds"):
        post(f"http://127.0.0.1:{made.port}/x", MESSAGE, allow_private=True, timeout_s=0.3)

    def never(_: str, __: int) -> list[tuple[int, tuple[object, ...]]]:
        gate.wait()
        return []

    with pytest.raises(TryLater, match=r"no answer within 0\.3 seconds"):
        post("https://hooks.example/", MESSAGE, resolve=never, timeout_s=0.3)
    gate.set()
    made.close()


def test_connection_that_times_out_by_itself_is_told_as_no_answer() -> None:
    def late(_: str, __: int) -> list[tuple[int, tuple[object, ...]]]:
        raise TimeoutError

    with pytest.raises(TryLater, match="no answer within 60 seconds"):
        post("https://hooks.example/", MESSAGE, resolve=late, timeout_s=60)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_certificate_and_name_are_those_of_the_url_not_of_the_address(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            key,
            "-out",
            certificate,
            "-days",
            "2",
            "-subj",
            "/CN=hooks.example",
            "-addext",
            "subjectAltName=DNS:hooks.example",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip -- one command
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate, key)
    made = Server(OK, context=theirs)
    ours = ssl.create_default_context(cafile=str(certificate))
    here = leading_to("127.0.0.1")
    url = f"https://hooks.example:{made.port}/x"
    assert post(url, MESSAGE, allow_private=True, resolve=here, context=ours) == 204
    assert made.names == ["hooks.example"]
    with pytest.raises(LanectlError, match="its certificate is not good for this name - other"):
        post(url.replace("hooks", "other"), MESSAGE, allow_private=True, resolve=here, context=ours)
    with pytest.raises(LanectlError, match="its certificate is not good for this name"):
        post(url, MESSAGE, allow_private=True, resolve=here)
    assert len(made.seen) == 1
    made.close()


def ping(home: Path, url: str, *, allow: bool = True) -> None:
    config = home / "lanectl/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'[health]\nping = "{url}"\nallow_private = {str(allow).lower()}\n')


@pytest.mark.usefixtures("relay")
def test_tick_and_pull_ping_begin_and_end_without_the_key(cli: Cli, home: Path) -> None:
    made = Server(OK)
    ping(home, f"http://127.0.0.1:{made.port}/uuid/")
    assert (cli("tick").code, cli("pull").code) == (0, 0)
    lines = [seen.split(b" HTTP")[0] for seen in made.seen]
    assert lines == [b"POST /uuid/start", b"POST /uuid", b"POST /uuid/start", b"POST /uuid"]
    assert cli("--sandbox", "tick").code == 0
    assert len(made.seen) == 4
    assert hits(b"".join(made.seen), KEY) == 0
    made.close()


@pytest.mark.usefixtures("relay")
def test_failed_command_pings_fail_with_its_sentence(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Server(OK)
    ping(home, f"http://127.0.0.1:{made.port}/uuid")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    ran = cli("pull", "no-such-run")
    assert ran.code == 2
    head, _, body = made.seen[-1].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /uuid/fail HTTP")
    assert body.decode() in ran.err
    assert body
    made.close()


@pytest.mark.usefixtures("relay")
def test_ping_that_is_refused_or_unheard_is_a_warning_and_stops_nothing(cli: Cli, home: Path) -> None:
    ping(home, "https://127.0.0.1/hush-hush", allow=False)
    ran = cli("tick")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines() == [
        "warning: this name leads to 127.0.0.1, an address of this machine or its networks - 127.0.0.1"
    ]
    with deaf_port() as number:
        ping(home, f"http://127.0.0.1:{number}/hush-hush")
        ran = cli("tick")
    assert ran.code == 0
    assert ran.err.splitlines() == [
        "warning: health ping: no connection (ConnectionRefusedError) - 127.0.0.1"
    ]
