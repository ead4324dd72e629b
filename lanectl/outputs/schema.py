"""A JSON Schema of the subset that structured outputs know: as it is sent, and as answers are checked again
here.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from lanectl.errors import ConfigError
from lanectl.models import JsonValue
from lanectl.outputs.pattern import Pattern, PatternError

Node: TypeAlias = Mapping[str, Any] | bool

_TYPES: Mapping[str, Callable[[JsonValue], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, float) and value.is_integer())
    ),
}
_LIMITS: Mapping[str, tuple[str, Callable[[Any, Any], bool], str]] = {
    "minimum": ("number", lambda value, limit: value >= limit, "is below {}"),
    "maximum": ("number", lambda value, limit: value <= limit, "is above {}"),
    "exclusiveMinimum": ("number", lambda value, limit: value > limit, "is not above {}"),
    "exclusiveMaximum": ("number", lambda value, limit: value < limit, "is not below {}"),
    "minLength": ("string", lambda value, limit: len(value) >= limit, "is shorter than {}"),
    "maxLength": ("string", lambda value, limit: len(value) <= limit, "is longer than {}"),
    "minItems": ("array", lambda value, limit: len(value) >= limit, "has fewer than {} items"),
    "maxItems": ("array", lambda value, limit: len(value) <= limit, "has more than {} items"),
    "minProperties": ("object", lambda value, limit: len(value) >= limit, "has fewer than {} keys"),
    "maxProperties": ("object", lambda value, limit: len(value) <= limit, "has more than {} keys"),
}
_SILENT = frozenset({"title", "description", "default", "examples", "format", "$schema", "$id", "$comment"})
_KNOWN = (
    _SILENT
    | _LIMITS.keys()
    | {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "const",
        "pattern",
        "anyOf",
        "allOf",
        "oneOf",
        "$ref",
        "$defs",
        "definitions",
    }
)  # fmt: skip -- a table of words
# What the SDK's own transformation moves into the description, since the provider refuses it (anthropic 2.13,
# lib/_parse/_transform.py); `minItems` 0 and 1 it keeps.
_TOLD = (*_LIMITS, "pattern")
_NOT_SENT = frozenset({"additionalProperties", "$schema", "$id", "$comment", "examples"})
# A schema that refers to itself can ask for more comparisons than anybody would wait for.
_MOST_STEPS = 500_000
# Four frames a level: far below Python's recursion limit, far above what 64 levels of value need.
_DEEPEST = 160


class Schema:
    """One schema, found usable; a keyword it could not check is an error, never ignored.

    Raises ConfigError naming the place in the schema.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._patterns: dict[str, Pattern] = {}
        waiting: list[tuple[str, Node]] = [("#", root)]
        while waiting:
            where, node = waiting.pop()
            self._usable(where, node)
            waiting.extend(_below(where, node))

    def sent(self) -> dict[str, Any]:
        """The schema for `output_config.format`: what the provider refuses is told in descriptions."""
        sent = _sent(self._root)
        return sent if isinstance(sent, dict) else {}

    def problem(self, value: JsonValue) -> str | None:
        """The first complaint about `value`, with its place, or None."""
        return _Check(self._root, self._patterns).problem(self._root, value, "the answer")

    def _usable(self, where: str, node: object) -> None:
        if isinstance(node, bool):
            return
        if not isinstance(node, Mapping):
            raise _unusable(where, "is not a schema")
        for key in node:
            if key not in _KNOWN:
                raise _unusable(where, f"uses {key!a}, which would not be checked")
        named = node.get("type", [])
        for name in named if isinstance(named, list) else [named]:
            if name not in _TYPES:
                raise _unusable(where, f"has the unknown type {name!a}")
        for key in _LIMITS:
            if key in node and not _TYPES["number"](node[key]):
                raise _unusable(where, f"has a {key} that is no number")
        for key, kind in (
            ("properties", dict),
            ("required", list),
            ("enum", list),
            ("$ref", str),
            ("pattern", str),
        ):
            if key in node and not isinstance(node[key], kind):
                raise _unusable(where, f"has a {key} of a wrong type")
        if "$ref" in node and _target(self._root, node["$ref"]) is None:
            raise _unusable(where, f"refers to {node['$ref']!a}, which is not in the schema")
        if "pattern" in node:
            try:
                self._patterns[node["pattern"]] = Pattern(node["pattern"])
            except PatternError as error:
                raise _unusable(where, f"has a bad pattern: {error}") from None


class _Check:
    """One comparison of one value with one schema, bounded in steps."""

    def __init__(self, root: Node, patterns: Mapping[str, Pattern]) -> None:
        self._root = root
        self._patterns = patterns
        self._steps = 0
        self._depth = 0

    def problem(self, node: Node, value: JsonValue, where: str) -> str | None:
        self._steps += 1
        if self._steps > _MOST_STEPS or self._depth >= _DEEPEST:
            return f"{where} cannot be checked: the schema refers to itself too often"
        if isinstance(node, bool):
            return None if node else f"{where} is not allowed"
        self._depth += 1
        checks = (self._plain, self._text, self._members, self._items, self._choices, self._combined)
        found = next((found for check in checks if (found := check(node, value, where)) is not None), None)
        self._depth -= 1
        return found

    def _plain(self, node: Mapping[str, Any], value: JsonValue, where: str) -> str | None:
        if "type" in node:
            names = node["type"] if isinstance(node["type"], list) else [node["type"]]
            if not any(_TYPES[name](value) for name in names):
                return f"{where} is {_kind(value)}, not {' or '.join(names)}"
        for key, (kind, holds, words) in _LIMITS.items():
            if key in node and _TYPES[kind](value) and not holds(value, node[key]):
                return f"{where} {words.format(node[key])}"
        return None

    def _text(self, node: Mapping[str, Any], value: JsonValue, where: str) -> str | None:
        if "pattern" in node and isinstance(value, str) and not self._patterns[node["pattern"]].search(value):
            return f"{where} does not match the pattern {node['pattern'][:80]!a}"
        return None

    def _choices(self, node: Mapping[str, Any], value: JsonValue, where: str) -> str | None:
        if "const" in node and not _same(node["const"], value):
            return f"{where} is not {str(node['const'])[:60]!a}"
        if "enum" in node and not any(_same(choice, value) for choice in node["enum"]):
            return (
                f"{where} is {str(value)[:60]!a}, which is none of {', '.join(map(str, node['enum']))[:200]}"
            )
        return None

    def _members(self, node: Mapping[str, Any], value: JsonValue, where: str) -> str | None:
        if not isinstance(value, dict):
            return None
        properties: Mapping[str, Node] = node.get("properties", {})
        missing = next((key for key in node.get("required", ()) if key not in value), None)
        if missing is not None:
            return f"{where} lacks {str(missing)[:60]!a}"
        others: Node = node.get("additionalProperties", True)
        for key, member in value.items():
            if key not in properties and others is False:
                return f"{where} has {key[:60]!a}, which the schema does not know"
            found = self.problem(properties.get(key, others), member, f"{where}.{key[:60]}")
            if found:
                return found
        return None

    def _items(self, node: Mapping[str, Any], value: JsonValue, where: str) -> str | None:
        if not isinstance(value, list) or "items" not in node:
            return None
        found = (self.problem(node["items"], item, f"{where}[{index}]") for index, item in enumerate(value))
        return next((complaint for complaint in found if complaint is not None), None)

    def _combined(self, node: Mapping[str, Any], value: JsonValue, where: str) -> str | None:
        target = [_target(self._root, node["$ref"])] if "$ref" in node else []
        for arm in (*target, *node.get("allOf", ())):
            found = self.problem(arm, value, where)
            if found:
                return found
        for key in ("anyOf", "oneOf"):
            if key not in node:
                continue
            found_each = [self.problem(arm, value, where) for arm in node[key]]
            fitting = found_each.count(None)
            if fitting == 0:
                return (
                    f"{where} fits none of the choices ({found_each[0] if found_each else 'there is none'})"
                )
            if key == "oneOf" and fitting > 1:
                return f"{where} fits {fitting} of the choices, not one"
        return None


def _below(where: str, node: Node) -> Iterator[tuple[str, Node]]:
    if isinstance(node, bool):
        return
    for key in ("properties", "$defs", "definitions"):
        for name, child in node.get(key, {}).items() if isinstance(node.get(key, {}), Mapping) else ():
            yield f"{where}/{key}/{name}", child
    for key in ("anyOf", "allOf", "oneOf"):
        arms = node.get(key, [])
        if not isinstance(arms, list):
            raise _unusable(where, f"has a {key} that is no list")
        yield from ((f"{where}/{key}/{index}", child) for index, child in enumerate(arms))
    for key in ("items", "additionalProperties"):
        if key in node:
            yield f"{where}/{key}", node[key]


def _sent(node: Any) -> Any:  # noqa: ANN401 -- any JSON value goes in and out
    if not isinstance(node, Mapping):
        return node
    sent: dict[str, Any] = {}
    told = [
        f"{key}: {node[key]}"
        for key in _TOLD
        if key in node and not (key == "minItems" and node[key] in (0, 1))
    ]
    for key, value in node.items():
        if key in ("properties", "$defs", "definitions"):
            sent[key] = {name: _sent(child) for name, child in value.items()}
        elif key in ("anyOf", "allOf", "oneOf"):
            sent["anyOf" if key == "oneOf" else key] = [_sent(child) for child in value]
        elif key == "items":
            sent[key] = _sent(value)
        elif key not in _TOLD and key not in _NOT_SENT:
            sent[key] = value
    if node.get("minItems") in (0, 1):
        sent["minItems"] = node["minItems"]
    if node.get("type") == "object" or "properties" in node:
        sent["additionalProperties"] = False
    if told:
        sent["description"] = "\n\n".join(
            filter(None, (node.get("description"), "{" + ", ".join(told) + "}"))
        )
    return sent


def _target(root: Any, reference: str) -> Any:  # noqa: ANN401 -- a walk through any JSON
    if not reference.startswith("#"):
        return None
    node = root
    for part in reference[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, Mapping) or name not in node:
            return None
        node = node[name]
    return node if isinstance(node, Mapping | bool) else None


def _same(one: JsonValue, other: JsonValue) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other


def _kind(value: JsonValue) -> str:
    return next(name for name in ("null", "boolean", "integer", *_TYPES) if _TYPES[name](value))


def _unusable(where: str, message: str) -> ConfigError:
    return ConfigError(
        f"the schema {message}", where=f"[output] schema, at {where}", hint="lanectl recipes check FILE"
    )
