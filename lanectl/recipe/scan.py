"""Finds, before anything is paid for, what a template speaks of and will never be given."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, meta, nodes

from lanectl.recipe import filters, tree
from lanectl.recipe.complaints import Problem, nearest
from lanectl.recipe.engine import Engine
from lanectl.recipe.fields import CONTEXT, ELEMENT_FIELDS, ITEM_FIELDS, OPEN_KINDS, REPO_FIELDS
from lanectl.recipe.tables import RecipeFile

_PREFIX_CONTEXT = ("vars", "repo")
_PREFIX_RULE = "[prefix] sees only vars and repo.name: all requests share its bytes"
_NO_FILTER = re.compile(r"No (filter|test) named '(\w+)'")


@dataclass(frozen=True, slots=True)
class Place:
    """One template of a recipe."""

    name: str
    source: str
    in_prefix: bool = False


def places(recipe: RecipeFile) -> list[Place]:
    """The recipe's templates, in the order of the file."""
    found = [
        Place("[prefix] system", recipe.prefix.system, in_prefix=True),
        Place("[job] key", recipe.job.key),
        Place("[job] prompt", recipe.job.prompt),
    ]
    if recipe.output.path is not None:
        found.append(Place("[output] path", recipe.output.path))
    return found


def problems(recipe: RecipeFile) -> list[Problem]:
    """Every syntax error and every name or field that no item of the recipe's source has."""
    engine = Engine(fencing=False)
    return [problem for place in places(recipe) for problem in _problems(place, recipe, engine)]


def spoken(place: Place) -> frozenset[str]:
    """The names a sound template speaks of: `today`, `item.path`, and `item` for the whole of it."""
    parsed = Engine(fencing=False).parse(place.source)
    dotted = {f"{name}.{field}" for name in CONTEXT for field, _ in tree.spoken_of(parsed, name)}
    return frozenset(dotted | meta.find_undeclared_variables(parsed))


def _problems(place: Place, recipe: RecipeFile, engine: Engine) -> Iterator[Problem]:
    try:
        parsed = engine.parse(place.source)
        unknown = meta.find_undeclared_variables(parsed)
    except TemplateSyntaxError as error:
        yield _at(place, error.lineno, _syntax(error))
        return
    except RecursionError:
        yield Problem(place.name, "is nested too deeply")
        return
    line = tree.borrowed(parsed)
    if line is not None:
        yield _at(place, line, "a recipe's template stands alone: no include, import or extends")
    for name in sorted(tree.assigned(parsed) & set(CONTEXT)):
        yield Problem(place.name, f"gives {name} another value")
    allowed = _PREFIX_CONTEXT if place.in_prefix else CONTEXT
    for name in sorted(unknown - set(allowed)):
        yield Problem(place.name, _unknown_name(name, place, recipe))
    yield from _fields(place, recipe, parsed)


def _fields(place: Place, recipe: RecipeFile, parsed: nodes.Template) -> Iterator[Problem]:
    kind = recipe.source.kind
    valid: dict[str, Collection[str]] = {
        "item": ITEM_FIELDS[kind],
        "vars": recipe.vars,
        "repo": ("name",) if place.in_prefix else REPO_FIELDS,
    }
    for owner, fields in valid.items():
        if owner == "item" and (place.in_prefix or kind in OPEN_KINDS):
            continue
        for field, line in tree.spoken_of(parsed, owner):
            if field not in fields and not (owner == "item" and field in filters.METHODS[dict]):
                rule = _PREFIX_RULE if place.in_prefix and owner == "repo" else ""
                yield _at(
                    place, line, rule or _no_field(owner, field, fields, owner if owner == "repo" else kind)
                )
    for element, field, loop in tree.loops_over(parsed, "item"):
        known = ELEMENT_FIELDS.get((kind, field))
        for body in loop.body if known else ():
            for name, line in tree.spoken_of(body, element):
                if known and name not in known and name not in filters.METHODS[dict]:
                    yield _at(place, line, _no_field(element, name, known, f"item.{field}"))


def _no_field(owner: str, field: str, fields: Collection[str], of: str) -> str:
    close = nearest(field, fields, owner=f"{owner}.")
    if not close:
        close = ": [vars] does not declare it" if owner == "vars" else f": {of} has {', '.join(fields)}"
    return f"{owner}.{field} is unknown{close}"


def _unknown_name(name: str, place: Place, recipe: RecipeFile) -> str:
    if place.in_prefix and name in CONTEXT:
        return f"speaks of {name}, but {_PREFIX_RULE}"
    if name in recipe.vars:
        return f"speaks of {name}: write vars.{name}"
    if name in ITEM_FIELDS[recipe.source.kind]:
        return f"speaks of {name}: write item.{name}"
    close = nearest(name, CONTEXT) or f": it sees {', '.join(CONTEXT)}"
    return f"speaks of {name}, which nobody gives it{close}"


def _syntax(error: TemplateSyntaxError) -> str:
    message = error.message or "not a template"
    found = _NO_FILTER.search(message)
    if found is None or found[1] != "filter":
        return message
    return f"there is no filter {found[2]}{nearest(found[2], filters.KEPT)}"


def _at(place: Place, line: int, text: str) -> Problem:
    return Problem(f"{place.name} line {line}" if place.source.count("\n") else place.name, text)
