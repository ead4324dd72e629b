"""Writes keys, paths, prompts and the system text of a recipe, with text from outside fenced."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanectl.errors import ConfigError
from lanectl.models import Item
from lanectl.recipe.complaints import Problem, nearest, refusal
from lanectl.recipe.fences import Trusted, bare, fenced
from lanectl.recipe.tables import JsonScalar, Recipe

if TYPE_CHECKING:
    from lanectl.recipe.engine import Prepared

_NO_FIELD = re.compile(r"has no (?:attribute|element) '?([^']+)'?$")
_BREAKS = re.compile(r"[\r\n\t\v\f\x1c-\x1e\x85\u2028\u2029]+")


def check(recipe: Recipe) -> list[str]:
    """What is wrong with the recipe's templates: syntax, and names or fields that nothing will ever have."""
    from lanectl.recipe import scan

    return [str(problem) for problem in scan.problems(recipe)]


class Templates:
    """The templates of one recipe, compiled.

    Raises ConfigError where `check` has something to say, and for an item that no template fits.
    Not to be shared between threads.
    """

    def __init__(self, recipe: Recipe, *, fence_key: bytes) -> None:
        from lanectl.recipe import scan
        from lanectl.recipe.engine import Engine

        problems = scan.problems(recipe)
        if problems:
            raise refusal(_path(recipe), problems)
        fencing, plain = Engine(fencing=True), Engine(fencing=False)
        self._recipe = recipe
        self._fence_key = fence_key
        self._prompt = fencing.prepared(recipe.job.prompt)
        self._key = plain.prepared(recipe.job.key)
        self._path = plain.prepared(recipe.output.path or "")
        self._system = plain.prepared(recipe.prefix.system)
        self._last: tuple[tuple[object, ...], dict[str, Any]] | None = None

    def prompt(
        self,
        item: Item,
        vars: Mapping[str, JsonScalar],  # noqa: A002 -- the templates' own word
        repo: Mapping[str, str | None],
        today: date | str,
    ) -> str:
        """The user turn for one item; `repo` has `name`, `commit`, `branch`."""
        return self._written("[job] prompt", self._prompt, item, self._context(item, vars, repo, today))

    def key(
        self,
        item: Item,
        vars: Mapping[str, JsonScalar],  # noqa: A002 -- the templates' own word
        repo: Mapping[str, str | None],
        today: date | str,
    ) -> str:
        """The job's key on one line, without fences."""
        context = self._context(item, vars, repo, today)
        key = _one_line(self._written("[job] key", self._key, item, context))
        if not key:
            raise self._refused("[job] key", item, "the key is empty")
        return key

    def path(
        self,
        item: Item,
        vars: Mapping[str, JsonScalar],  # noqa: A002 -- the templates' own word
        repo: Mapping[str, str | None],
        today: date | str,
    ) -> str:
        """The artifact's path as the recipe wants it, not yet made safe; "" where it has no wish."""
        context = self._context(item, vars, repo, today)
        return _one_line(self._written("[output] path", self._path, item, context))

    def prefix_system(self, vars: Mapping[str, JsonScalar], repo_name: str) -> str:  # noqa: A002 -- as above
        """The system text: the same for every item of a run."""
        context = {"vars": _trusted(vars), "repo": {"name": Trusted.of(bare(repo_name))}}
        return self._written("[prefix] system", self._system, None, context)

    def _context(
        self,
        item: Item,
        vars: Mapping[str, JsonScalar],  # noqa: A002 -- the templates' own word
        repo: Mapping[str, str | None],
        today: date | str,
    ) -> dict[str, Any]:
        # Key, path and prompt of an item are written one after the other: its data is copied once.
        same = (item, vars, repo, today)
        if self._last is None or any(old is not new for old, new in zip(self._last[0], same, strict=True)):
            context = {
                "item": _data(item.fields),
                "vars": _trusted(vars),
                "repo": {
                    "name": Trusted.of(bare(repo.get("name") or "")),
                    "commit": _data(repo.get("commit")),
                    "branch": _data(repo.get("branch")),
                },
                "today": Trusted.of(bare(today if isinstance(today, str) else today.isoformat())),
            }
            self._last = (same, context)
        return self._last[1]

    def _written(
        self, place: str, template: "Prepared", item: Item | None, context: Mapping[str, Any]
    ) -> str:
        from jinja2 import TemplateError, UndefinedError

        try:
            return fenced(template.text(context), self._fence_key)
        except UndefinedError as error:
            raise self._refused(place, item, _undefined(error.message or "", item)) from None
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise self._refused(place, item, str(error) or type(error).__name__) from None
        except (RecursionError, MemoryError):
            raise self._refused(place, item, "the template has no end") from None

    def _refused(self, place: str, item: Item | None, why: str) -> ConfigError:
        about = f"item {item.name}: " if item is not None else ""
        return refusal(_path(self._recipe), [Problem(place, f"{about}{why}")])


def _path(recipe: Recipe) -> Path | str:
    return recipe.path or recipe.name


def _undefined(message: str, item: Item | None) -> str:
    found = _NO_FIELD.search(message)
    if found is None:
        return message
    return f'there is no "{found[1]}"{nearest(found[1], item.fields if item is not None else ())}'


def _one_line(text: str) -> str:
    return _BREAKS.sub(" ", text).strip(" ")


def _trusted(variables: Mapping[str, JsonScalar]) -> dict[str, JsonScalar]:
    return {
        name: Trusted.of(bare(value)) if isinstance(value, str) else value
        for name, value in variables.items()
    }


def _data(value: object) -> Any:  # noqa: ANN401 -- a copy of any plain data
    """A copy of `value` made of texts, numbers, lists and tables, without our marks; TypeError for more."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return bare(str(value))
    if isinstance(value, int | float):
        return float(value) if isinstance(value, float) else int(value)
    if isinstance(value, Mapping):
        return {bare(str(key)): _data(element) for key, element in value.items()}
    if isinstance(value, list | tuple):
        return [_data(element) for element in value]
    raise TypeError(f"a {type(value).__name__} is no plain data")
