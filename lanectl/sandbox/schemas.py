"""Makes a valid instance of a JSON Schema out of the material an answer is about."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lanectl.models import JsonValue
from lanectl.sandbox.draws import Draw
from lanectl.sandbox.material import Material
from lanectl.sandbox.refusals import invalid
from lanectl.sandbox.strings import Strings

Schema = Mapping[str, Any]

# Beyond, lists stay empty and what is optional is left out: a schema may contain itself.
_DEEP: Final = 8
_FEW_ITEMS_FROM: Final = 4
_MOST_ITEMS: Final = 3
_UNITS: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
# One pair of names per habit of writing a search-and-replace block.
SEARCH: Final = ("search", "find", "old", "old_string", "before")
REPLACE: Final = ("replace", "replacement", "new", "new_string", "after")
WHOLE: Final = ("whole", "content", "text", "new_text", "new_content")


def instance(schema: Schema, material: Material, draw: Draw) -> JsonValue:
    """A value that `schema` holds for, the same for the same words. Raises ApiError for what is no schema."""
    try:
        return _Maker(schema, material, draw).value(schema, "", "$", 0)
    except RecursionError:
        raise invalid("output_config.format.schema: has no instance of finite size") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise invalid("output_config.format.schema: is not a valid JSON Schema") from None


class _Maker:
    """Walks a schema; `where` is the path of the value being made, which fixes what is drawn for it."""

    def __init__(self, root: Schema, material: Material, draw: Draw) -> None:
        self._root = root
        self._material = material
        self._draw = draw
        self._strings = Strings(material, draw)
        self._about_edits = _names_edits(root, root, 0)

    def value(self, schema: object, name: str, where: str, depth: int) -> JsonValue:
        """A value for one schema, as the property `name`."""
        if not isinstance(schema, Mapping):
            return self._strings.text(name, where, {})
        schema = resolved(self._root, schema)
        if "const" in schema:
            return schema["const"]  # type: ignore[no-any-return] # a JSON value, as the schema is one
        if schema.get("enum"):
            return self._member(schema["enum"], name, where)
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self._alternative(schema, schema[key], name, where, depth)
        return self._of_kind(_kind(schema, self._draw, where), schema, name, where, depth)

    def _of_kind(self, kind: str, schema: Schema, name: str, where: str, depth: int) -> JsonValue:
        makers: dict[str, Callable[[], JsonValue]] = {
            "null": lambda: None,
            "boolean": lambda: bool(self._draw.below(2, where)),
            "integer": lambda: int(self._number(schema, name, where, whole=True)),
            "number": lambda: self._number(schema, name, where, whole=False),
            "string": lambda: self._string(schema, name, where),
            "array": lambda: self._array(schema, name, where, depth),
            "object": lambda: self._object(schema, where, depth),
        }
        return makers[kind]()

    def _member(self, values: Sequence[JsonValue], name: str, where: str) -> JsonValue:
        words: Sequence[JsonValue] = [value for value in values if value is not None] or values
        mild = [value for value in words if isinstance(value, str) and value.lower() in _MILD]
        if mild and name.lower() in _GRADES and self._draw.below(5, where):
            return self._draw.pick(mild, where)
        return self._draw.pick(words, where)

    def _alternative(
        self, schema: Schema, options: Sequence[object], name: str, where: str, depth: int
    ) -> JsonValue:
        shared = {key: part for key, part in schema.items() if key not in ("anyOf", "oneOf", "$defs")}
        forms = [option for option in options if isinstance(option, Mapping)] or [{"type": "null"}]
        flat = [form for form in forms if _is_flat(form)]
        real = [form for form in forms if form.get("type") != "null"]
        pool = (flat or forms) if depth > _DEEP else (real or forms)
        return self.value({**shared, **self._draw.pick(pool, where)}, name, where, depth + 1)

    def _string(self, schema: Schema, name: str, where: str) -> str:
        if self._about_edits and name in WHOLE:
            return self._strings.whole()
        return self._strings.text(name, where, schema)

    def _number(self, schema: Schema, name: str, where: str, *, whole: bool) -> float:
        step = schema.get("multipleOf") or (1 if whole else 0)
        least = _bound(schema, "minimum", "exclusiveMinimum", step or 0.5)
        most = _bound(schema, "maximum", "exclusiveMaximum", -(step or 0.5))
        wanted: float = self._strings.line if name in _LINES else 1 + self._draw.below(5, where)
        if least is not None and wanted < least:
            wanted = least
        if most is not None and wanted > most:
            wanted = most if least is None else max(least, most)
        if step:
            wanted = -(-wanted // step) * step if least is not None else wanted // step * step
            wanted -= step if most is not None and wanted > most else 0
        return wanted

    def _array(self, schema: Schema, name: str, where: str, depth: int) -> JsonValue:
        least = int(schema.get("minItems", 0))
        most = int(schema.get("maxItems", max(least, _MOST_ITEMS)))
        wanted = self._wanted(schema, name, where) if depth <= _DEEP else 0
        wanted = min(wanted, 1) if depth >= _FEW_ITEMS_FROM else wanted
        items = resolved(self._root, schema.get("items") or {})
        fixed = schema.get("prefixItems") or ()
        made = [self.value(part, name, f"{where}/{place}", depth + 1) for place, part in enumerate(fixed)]
        for place in range(len(made), max(least, min(wanted, most))):
            made.append(self._element(items, name, f"{where}/{place}", depth, made, schema))
        return made

    def _element(
        self, items: Schema, name: str, where: str, depth: int, made: list[JsonValue], schema: Schema
    ) -> JsonValue:
        found = self.value(items, name.removesuffix("s"), where, depth + 1)
        for turn in range(20):
            if found not in made or not schema.get("uniqueItems"):
                break
            found = self.value(items, name.removesuffix("s"), f"{where}~{turn}", depth + 1)
        return found

    def _wanted(self, schema: Schema, name: str, where: str) -> int:
        items = resolved(self._root, schema.get("items") or {})
        if edit_keys(items) is not None:
            return self._strings.prepare_edits(1 + self._draw.below(2, where))
        if name in _FOUND and self._strings.nothing_to_find:
            return 0
        # One reviewer in four finds nothing: readers must be shown that too.
        return self._draw.pick((0, 1, 2, 3) if name in _FOUND else (1, 2, 3), where)

    def _object(self, schema: Schema, where: str, depth: int) -> JsonValue:
        parts = _merged(self._root, schema)
        properties: Mapping[str, Any] = parts.get("properties") or {}
        pair = edit_keys(parts)
        before = self._strings.enter(where)
        made: dict[str, JsonValue] = {}
        as_edits = self._keeps_edits(properties, where)
        for name, part in properties.items():
            if depth > _DEEP and name not in parts.get("required", ()):
                continue
            made[name] = self._property(name, part, f"{where}.{name}", depth, edits=as_edits)
        if pair is not None:
            made[pair[0]], made[pair[1]] = self._strings.next_edit()
        for name in parts.get("required", ()):
            made.setdefault(name, self._strings.text(name, f"{where}.{name}", {}))
        self._strings.leave(before)
        return made

    def _property(self, name: str, part: object, where: str, depth: int, *, edits: bool | None) -> JsonValue:
        if edits is True and name in WHOLE and _takes_null(self._root, part):
            return None
        if edits is False and isinstance(part, Mapping) and _holds_edits(self._root, part):
            return []
        return self.value(part, name, where, depth + 1)

    def _keeps_edits(self, properties: Mapping[str, Any], where: str) -> bool | None:
        """For an object that takes a whole text or edits: whether it shall be edits; None for others."""
        whole = [name for name in properties if name in WHOLE]
        blocks = [part for part in properties.values() if _holds_edits(self._root, part)]
        if not whole or not blocks:
            return None
        if not self._material.main or blocks[0].get("minItems"):
            return True
        return self._material.main.count("\n") > 400 or not self._draw.below(3, where)


_GRADES: Final = ("severity", "priority", "level", "impact", "confidence", "risk", "importance")
_MILD: Final = ("medium", "low", "minor", "moderate", "info", "warning", "note")
_LINES: Final = ("line", "start_line", "end_line", "line_number", "lineno", "start", "end")
_FOUND: Final = (
    "findings",
    "issues",
    "problems",
    "comments",
    "violations",
    "bugs",
    "vulnerabilities",
    "results",
)


def resolved(root: Schema, schema: object) -> Schema:
    """The schema that a chain of local `$ref`s leads to, with what stands beside them."""
    seen = 0
    while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str) and seen < 50:
        target: Any = root
        for step in schema["$ref"].removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            target = target.get(key, {}) if isinstance(target, Mapping) and key else target
        beside = {key: part for key, part in schema.items() if key != "$ref"}
        schema = {**target, **beside} if isinstance(target, Mapping) else {}
        seen += 1
    return schema if isinstance(schema, Mapping) else {}


def edit_keys(schema: Schema) -> tuple[str, str] | None:
    """The names under which an object holds a search-and-replace block, if it is one."""
    properties = schema.get("properties") or {}
    search = next((name for name in SEARCH if name in properties), None)
    replace = next((name for name in REPLACE if name in properties), None)
    return (search, replace) if search and replace else None


def _holds_edits(root: Schema, part: object) -> bool:
    found = resolved(root, part)
    return edit_keys(resolved(root, found.get("items") or {})) is not None


def _takes_null(root: Schema, part: object) -> bool:
    found = resolved(root, part)
    options = [found, *(resolved(root, one) for one in (*found.get("anyOf", ()), *found.get("oneOf", ())))]
    return any("null" in (one.get("type"), *_listed(one.get("type"))) for one in options)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _names_edits(root: Schema, schema: object, depth: int) -> bool:
    found = resolved(root, schema)
    if edit_keys(found) is not None or {"whole", "edits"} & set(found.get("properties") or {}):
        return True
    parts = [found.get("items"), *(found.get("properties") or {}).values()]
    parts += [*found.get("anyOf", ()), *found.get("oneOf", ()), *found.get("allOf", ())]
    return depth < _DEEP and any(_names_edits(root, part, depth + 1) for part in parts if part)


def _is_flat(form: Schema) -> bool:
    return "$ref" not in form and form.get("type") not in ("object", "array")


def _kind(schema: Schema, draw: Draw, where: str) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        real = [one for one in kind if one != "null"] or ["null"]
        kind = draw.pick(real, where)
    if kind in _UNITS:
        return str(kind)
    if "properties" in schema or "allOf" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _merged(root: Schema, schema: Schema) -> Schema:
    merged: dict[str, Any] = dict(schema)
    for part in schema.get("allOf", ()):
        found = _merged(root, resolved(root, part))
        merged["properties"] = {**(merged.get("properties") or {}), **(found.get("properties") or {})}
        merged["required"] = [*merged.get("required", ()), *found.get("required", ())]
    return merged


def _bound(schema: Schema, key: str, exclusive: str, step: float) -> float | None:
    if isinstance(schema.get(exclusive), int | float) and not isinstance(schema[exclusive], bool):
        return float(schema[exclusive] + step)
    return schema.get(key)
