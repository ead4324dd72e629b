"""A headless Chromium at the end of a pipe: pages are loaded, asked and typed at as a person would."""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_TIMEOUT_S = 180.0
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)  # fmt: skip -- the command line


class Browser:
    """The DevTools protocol over the pipe: messages of JSON, each ended by NUL."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._buffer = b""
        self._last_id = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One command and its result."""
        self._last_id += 1
        message: dict[str, Any] = {"id": self._last_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while (answer := self._receive()).get("id") != self._last_id:
            self.events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Until such an event has come."""
        while not any(map(wanted, self.events)):
            self.events.append(self._receive())

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + _TIMEOUT_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._from, 1 << 20)
            assert data, "the browser has gone"
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        value: dict[str, Any] = json.loads(message)
        return value


class Page:
    """One page in the browser."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command to this page."""
        return self._browser.call(method, self._session, **params)

    def load(self, method: str, **params: Any) -> None:
        """A command that loads the page, and the wait until it is there.

        Told by its document: that of the page before may say just now that it is there too.
        """
        before = self.call("Page.getFrameTree")["frameTree"]["frame"]["loaderId"]

        def loaded(event: dict[str, Any]) -> bool:
            told = event.get("params", {})
            return (
                event.get("method") == "Page.lifecycleEvent"
                and told["name"] == "load"
                and told["loaderId"] != before
            )

        self._browser.events.clear()
        self.call(method, **params)
        self._browser.wait_for(loaded)

    def reload(self) -> None:
        """The page again, as it is on disk."""
        self.load("Page.reload")

    def close(self) -> None:
        """The end of the page."""
        self._browser.call("Target.closeTarget", targetId=self._target)

    def ask(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        """Keys one after the other, as the browser's user presses them."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def click(self, selector: str) -> None:
        """A click on the element."""
        self.ask(f"document.querySelector({json.dumps(selector)}).click()")

    def choose(self, selector: str, value: str) -> None:
        """A value put into a field, with the event that typing it would give."""
        field = f"document.querySelector({json.dumps(selector)})"
        event = "new Event('input', {bubbles: true})"
        self.ask(f"{field}.value = {json.dumps(value)}; {field}.dispatchEvent({event})")

    def look(self, *, width: int, dark: bool = False, paper: bool = False) -> None:
        """The page as a window of that width has it, at night, or on paper."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media="print" if paper else "", features=scheme)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    @property
    def requests(self) -> list[str]:
        """Every address the page asked for."""
        asked = self._events("Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in asked]

    @property
    def refused(self) -> list[str]:
        """The addresses among them that the page's own policy kept from being asked."""
        failed = {
            event["params"]["requestId"]
            for event in self._events("Network.loadingFailed")
            if event["params"].get("blockedReason") == "csp"
        }
        asked = self._events("Network.requestWillBeSent")
        return [e["params"]["request"]["url"] for e in asked if e["params"]["requestId"] in failed]

    @property
    def complaints(self) -> list[str]:
        """What the console says: errors, exceptions, refusals of the page's own policy."""
        logged = [event["params"]["entry"]["text"] for event in self._events("Log.entryAdded")]
        thrown = [str(event["params"]) for event in self._events("Runtime.exceptionThrown")]
        printed = [str(event["params"]["args"]) for event in self._events("Runtime.consoleAPICalled")]
        return logged + thrown + printed

    def _events(self, method: str) -> Iterator[dict[str, Any]]:
        # An answer to any command comes after the events before it.
        self.call("Runtime.evaluate", expression="0")
        mine = [event for event in self._browser.events if event.get("sessionId") == self._session]
        return (event for event in mine if event.get("method") == method)


def open_page(browser: Browser, address: str) -> Page:
    """A page that has loaded `address`, watched from before its first request."""
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    page = Page(browser, target, session)
    for domain in ("Page", "Runtime", "Network", "Log"):
        page.call(f"{domain}.enable")
    page.call("Page.setLifecycleEventsEnabled", enabled=True)
    page.load("Page.navigate", url=address)
    return page


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a profile of its own, gone with the block."""
    assert PROGRAM
    our_read, its_write = os.pipe()
    its_read, our_write = os.pipe()

    def place() -> None:
        # The browser reads from 3 and writes to 4; neither may be overwritten before it is copied.
        high_read, high_write = os.dup(its_read), os.dup(its_write)
        os.dup2(high_read, 3)
        os.dup2(high_write, 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [PROGRAM, *_ARGUMENTS, f"--user-data-dir={profile}", "about:blank"]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(
            command,
            preexec_fn=place,
            close_fds=False,
            start_new_session=True,
            stdout=quiet,
            stderr=quiet,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": profile, "LANG": "C.UTF-8"},
        )
        os.close(its_read)
        os.close(its_write)
        try:
            yield Browser(our_write, our_read)
        finally:
            # Its helpers are of its session, which is of its own making.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            os.close(our_read)
            os.close(our_write)
