"""Jinja2 as recipes get it: sandboxed, strict, plain data only, and bounded in what it may make."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lanectl.recipe import filters, tree
from lanectl.recipe.fences import CLOSE, OPEN, Composed, Trusted, bare, marked
from lanectl.recipe.filters import MAX_CHARS, MAX_POWER_BITS, MAX_PRODUCT, TooMuchError, at_most

MAX_STEPS = 1_000_000


class Engine(ImmutableSandboxedEnvironment):
    """One environment; with `fencing` what is printed of the data is marked.

    Not to be shared between threads: it counts the steps of the template that runs.
    """

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, *, fencing: bool) -> None:
        super().__init__(
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            autoescape=False,
            finalize=self._marked if fencing else filters.plain,
            extensions=[_Data],
        )
        self.fencing = fencing
        self.steps = 0
        self.filters = {
            **{name: made for name, made in self.filters.items() if name in filters.KEPT},
            "indent": filters.indent,
            "join": filters.join,
            "replace": filters.replace,
            "round": filters.rounded,
            "tojson": filters.tojson,
            tree.TRUST: filters.trusted,
            tree.COUNT: self._counted,
            tree.JOIN: filters.concatenated,
        }
        # lipsum draws lots, and cycler and joiner make objects that are no data.
        self.globals = {name: self.globals[name] for name in ("range", "namespace", "dict")}

    def prepared(self, source: str) -> "Prepared":
        """The template in `source`, ready to run; raises jinja2.TemplateSyntaxError."""
        parsed = tree.guarded(self.parse(source))
        parsed.set_environment(self)
        code = self.compile(parsed)
        return Prepared(self, self.template_class.from_code(self, code, self.make_globals(None)))

    def concat(self, parts: Iterable[str]) -> str:
        """What a macro or a block wrote: jinja2 calls it for nothing else."""
        self.step()
        return Composed.of("".join(parts))

    def step(self) -> None:
        """One more turn of a loop or a call; raises TooMuchError after too many."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TooMuchError(f"runs longer than {MAX_STEPS:,} steps")

    def getattr(self, obj: object, attribute: str) -> Any:  # noqa: ANN401 -- jinja2's own signature
        """Fields before methods: an item's `items` or `values` is data."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Of plain data only the methods that are named; of jinja2's own objects what it thinks safe."""
        for kind, allowed in filters.METHODS.items():
            if isinstance(obj, kind):
                return attr in allowed
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: object) -> Callable[..., str] | None:  # noqa: ARG002 -- jinja2's own signature
        """`format` is no method that templates have: a width in it makes any amount of text."""
        return None

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- jinja2's own
        """Any call in a template; those that could make any amount of text are measured first."""
        self.step()
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str) and obj.__name__ == "replace" and len(args) > 1:
            return filters.replace(owner, *args, **kwargs)
        if isinstance(owner, str) and obj.__name__ == "join" and args:
            return filters.join(self, args[0], owner)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 -- jinja2's own
        """The operators that could make any amount of text, measured first."""
        if operator == "%" and isinstance(left, str):
            raise SecurityError("% does not format text here: join with ~")
        if operator == "+" and isinstance(left, str | list) and isinstance(right, str | list):
            at_most(len(left) + len(right), MAX_CHARS)
        if operator == "*":
            for many, times in ((left, right), (right, left)):
                if isinstance(many, str | list | tuple) and isinstance(times, int):
                    at_most(len(many) * times, MAX_PRODUCT)
        if operator == "**" and isinstance(left, int) and isinstance(right, int):
            at_most(left.bit_length() * abs(right), MAX_POWER_BITS)
        return super().call_binop(context, operator, left, right)

    def _counted(self, many: Iterable[Any]) -> Iterator[Any]:
        for one in many:
            self.step()
            yield one

    def _marked(self, value: object) -> str:
        if isinstance(value, Trusted | Undefined):
            return str(value)
        text = filters.plain(value)
        return marked(text) if isinstance(value, str | list | dict | tuple) else text


class Prepared:
    """A template and its engine."""

    def __init__(self, engine: Engine, template: Template) -> None:
        self._engine = engine
        self._template = template

    def text(self, context: Mapping[str, Any]) -> str:
        """What the template writes.

        Raises jinja2.TemplateError, and what Python raises for wrong operands.
        """
        self._engine.steps = 0
        written: list[str] = []
        size = 0
        for part in self._template.generate(**context):
            size += len(part)
            at_most(size, MAX_CHARS)
            written.append(part)
        return "".join(written)


class _Data(Extension):
    """`{% data %}...{% enddata %}`: all of it is one piece of data, in one fence."""

    tags = {"data"}  # noqa: RUF012 -- an instance variable to jinja2, and so to mypy

    def parse(self, parser: Parser) -> nodes.Node:
        """The tag as a call of `_one` with what stands inside."""
        lineno = next(parser.stream).lineno
        body = parser.parse_statements(("name:enddata",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_one"), [], [], body).set_lineno(lineno)

    def _one(self, caller: Callable[[], str]) -> str:
        # The line breaks next to the tags belong to the tags.
        text = bare(str(caller())).removeprefix("\n").removesuffix("\n")
        engine = self.environment
        fencing = isinstance(engine, Engine) and engine.fencing
        return f"{OPEN}{text}{CLOSE}" if fencing and text else text
