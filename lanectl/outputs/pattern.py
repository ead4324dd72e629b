"""Matches regular expressions of a JSON Schema in time that grows with the text and not beyond.

A schema comes with a recipe, which may be a stranger's, and the text from a model: `re` can be made to run
for years by such a pair. This walks all possibilities at once instead (Thompson 1968), over the subset that
structured outputs know: no lookaround, no backreference, no word boundary.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from re import _constants as op  # type: ignore[attr-defined]  # the standard parser, which has no public name
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any

# Steps of a compiled pattern: what `{1,1000}` unrolls to must stay small.
MAX_STEPS = 4000
_CACHED = 20_000


class PatternError(ValueError):
    """The pattern is broken, too large, or needs what this does not know; the message says which."""


class Pattern:
    """One compiled pattern; `search` finds it anywhere in a text, as JSON Schema's `pattern` does."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._unrolled = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = parser.parse(source)
        except (re.error, RecursionError, OverflowError) as error:
            raise PatternError(f"the pattern {source[:80]!a} is no regular expression: {error}") from None
        if tree.state.flags & ~re.UNICODE:
            raise self._unknown("flags")
        # A step is (kind, argument, next steps); step 0 accepts.
        self._steps: list[tuple[str, Any, tuple[int, ...]]] = [("accept", None, ())]
        self._start = self._sequence(list(tree), 0)
        self._moves: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in `text`."""
        first = self._closed({self._start}, at_start=True, at_end=not text)
        if 0 in first:
            return True
        again = self._closed({self._start}, at_start=False, at_end=False)
        current = first
        last = len(text) - 1
        for index, char in enumerate(text):
            if index == last:
                moved = self._moved(current, char)
                return 0 in self._closed(moved | {self._start}, at_start=False, at_end=True)
            key = (current, char)
            following = self._moves.get(key)
            if following is None:
                if len(self._moves) >= _CACHED:
                    self._moves.clear()
                moved = self._moved(current, char)
                following = self._closed(moved, at_start=False, at_end=False) | again
                self._moves[key] = following
            if 0 in following:
                return True
            current = following
        return False

    def _moved(self, states: frozenset[int], char: str) -> set[int]:
        return {
            target
            for state in states
            for kind, argument, targets in (self._steps[state],)
            if kind == "char" and _accepts(argument, char)
            for target in targets
        }

    def _closed(self, states: set[int], *, at_start: bool, at_end: bool) -> frozenset[int]:
        waiting, seen = list(states), set(states)
        while waiting:
            kind, _, targets = self._steps[waiting.pop()]
            passes = kind == "split" or (kind == "start" and at_start) or (kind == "end" and at_end)
            for target in targets if passes else ():
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
        return frozenset(seen)

    def _add(self, kind: str, argument: Any, *targets: int) -> int:  # noqa: ANN401 -- the standard parser's own nodes
        if len(self._steps) >= MAX_STEPS:
            raise PatternError(f"the pattern {self._source[:80]!a} is too large to check")
        self._steps.append((kind, argument, targets))
        return len(self._steps) - 1

    def _sequence(self, nodes: list[Any], following: int) -> int:
        for code, argument in reversed(nodes):
            following = self._node(code, argument, following)
        return following

    def _node(self, code: Any, argument: Any, following: int) -> int:  # noqa: ANN401 -- as above
        if code in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            return self._add("char", (code, argument), following)
        if code in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, body = argument
            return self._repeat(int(least), most, list(body), following)
        if code is op.SUBPATTERN:
            if argument[1] or argument[2]:
                raise self._unknown("flags")
            return self._sequence(list(argument[-1]), following)
        if code is op.BRANCH:
            return self._add("split", None, *(self._sequence(list(arm), following) for arm in argument[1]))
        if code is op.AT and argument in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
            return self._add("start", None, following)
        if code is op.AT and argument in (op.AT_END, op.AT_END_STRING):
            return self._add("end", None, following)
        raise self._unknown(str(code).lower())

    def _unknown(self, what: str) -> PatternError:
        return PatternError(f"the pattern {self._source[:80]!a} uses {what}, which is not supported")

    def _unroll(self, times: int) -> range:
        self._unrolled += times
        if self._unrolled > MAX_STEPS:
            raise PatternError(f"the pattern {self._source[:80]!a} is too large to check")
        return range(times)

    def _repeat(self, least: int, most: Any, body: list[Any], following: int) -> int:  # noqa: ANN401 -- as above
        if most is op.MAXREPEAT:
            loop = self._add("split", None, following)
            inner = self._sequence(body, loop)
            self._steps[loop] = ("split", None, (inner, following))
            following = loop
        else:
            for _ in self._unroll(int(most) - least):
                following = self._add("split", None, self._sequence(body, following), following)
        for _ in self._unroll(least):
            following = self._sequence(body, following)
        return following


def _accepts(test: tuple[Any, Any], char: str) -> bool:
    code, argument = test
    if code is op.LITERAL:
        return bool(argument == ord(char))
    if code is op.NOT_LITERAL:
        return bool(argument != ord(char))
    if code is op.ANY:
        return char != "\n"
    negated = bool(argument) and argument[0][0] is op.NEGATE
    return any(_listed(member, char) for member in argument[1 if negated else 0 :]) is not negated


def _listed(member: tuple[Any, Any], char: str) -> bool:
    code, argument = member
    if code is op.RANGE:
        return bool(argument[0] <= ord(char) <= argument[1])
    if code is op.LITERAL:
        return bool(argument == ord(char))
    return _CATEGORIES[argument](char)


# ECMA 262's classes, which JSON Schema means: ASCII digits and word characters.
_CATEGORIES: Mapping[object, Callable[[str], bool]] = {
    op.CATEGORY_DIGIT: lambda char: char in "0123456789",
    op.CATEGORY_NOT_DIGIT: lambda char: char not in "0123456789",
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    op.CATEGORY_WORD: lambda char: char == "_" or (char.isascii() and char.isalnum()),
    op.CATEGORY_NOT_WORD: lambda char: not (char == "_" or (char.isascii() and char.isalnum())),
}
