"""Reads a batch's body one request at a time, in the memory of its largest request."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from lanectl.models import JsonValue

Read = Callable[[int], bytes]

_CHUNK: Final = 1 << 18
_STRUCTURE: Final = re.compile(rb'["{}\[\]]')
_IN_STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_SCALAR: Final = re.compile(rb"[^\s,\]}]*+")


class NotJsonError(ValueError):
    """The body is not JSON, or not an object with a list of requests; the message names the byte."""


class Values:
    """Steps over the values of a JSON text without building them."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._buffer = b""
        self._at = 0
        self._dropped = 0

    @property
    def offset(self) -> int:
        """How many bytes have been consumed."""
        return self._dropped + self._at

    def fail(self, what: str) -> NoReturn:
        """Raises `NotJsonError` for the place reached."""
        raise NotJsonError(f"{what} at byte {self.offset}")

    def peek(self) -> bytes:
        """The next byte that is not white space; empty at the end."""
        if self._at > _CHUNK:
            self._dropped += self._at
            self._buffer = self._buffer[self._at :]
            self._at = 0
        while True:
            match = _SPACE.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._fill():
                return b""

    def expect(self, allowed: bytes) -> bytes:
        """Consumes one of the bytes `allowed`."""
        found = self.peek()
        if not found or found not in allowed:
            self.fail(f"{allowed.decode()!r} expected")
        self._at += 1
        return found

    def value(self) -> tuple[int, bytes]:
        """Consumes one value: where it began in the body, and its bytes."""
        first = self.peek()
        start = self.offset
        end = self._end_of(first)
        value = self._buffer[self._at : end]
        self._at = end
        return start, value

    def _end_of(self, first: bytes) -> int:
        if first == b'"':
            return self._string_end(self._at + 1)
        if first and first in b"{[":
            return self._nested_end(self._at + 1)
        end = self._at
        while True:
            match = _SCALAR.match(self._buffer, end)
            end = match.end() if match else end
            if end < len(self._buffer) or not self._fill():
                return end

    def _string_end(self, at: int) -> int:
        while True:
            match = _IN_STRING.match(self._buffer, at)
            at = match.end() if match else at
            if at < len(self._buffer) and self._buffer[at] == 0x22:
                return at + 1
            if not self._fill():
                self.fail("a string does not end")

    def _nested_end(self, at: int) -> int:
        depth = 1
        while True:
            match = _STRUCTURE.search(self._buffer, at)
            if match is None:
                at = len(self._buffer)
                if not self._fill():
                    self.fail("a value does not end")
                continue
            at = match.end()
            mark = match[0]
            if mark == b'"':
                at = self._string_end(at)
            else:
                depth += 1 if mark in b"{[" else -1
                if not depth:
                    return at

    def _fill(self) -> bool:
        # Doubling keeps the copying linear in the size of the value that does not fit.
        more = self._read(max(_CHUNK, len(self._buffer) - self._at))
        self._buffer += more
        return bool(more)


def load(value: bytes) -> JsonValue:
    """One value. Raises NotJsonError."""
    try:
        loaded: JsonValue = json.loads(value.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise NotJsonError("nested too deeply") from None
    except ValueError as error:
        raise NotJsonError(str(error)) from None
    return loaded


def _no_constant(word: str) -> NoReturn:
    raise NotJsonError(f"{word} is not JSON")


def requests(read: Read, others: dict[str, JsonValue]) -> Iterator[tuple[int, bytes]]:
    """Each element of `requests` as (offset, bytes); the body's other keys land in `others`.

    Raises NotJsonError, also when there is no list of requests.
    """
    body = Values(read)
    body.expect(b"{")
    found = False
    while body.peek() != b"}":
        if body.peek() != b'"':
            body.fail("a key expected")
        key = str(load(body.value()[1]))
        body.expect(b":")
        if key == "requests" and body.peek() == b"[" and not found:
            found = True
            yield from _elements(body)
        else:
            others[key] = load(body.value()[1])
        if body.peek() == b"}":
            break
        body.expect(b",")
    body.expect(b"}")
    if body.peek():
        body.fail("more than one value")
    if not found:
        raise NotJsonError("requests: Field required, a list")


def _elements(body: Values) -> Iterator[tuple[int, bytes]]:
    body.expect(b"[")
    if body.peek() == b"]":
        body.expect(b"]")
        return
    while True:
        yield body.value()
        if body.expect(b",]") == b"]":
            return
