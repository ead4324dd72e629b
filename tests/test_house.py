"""The table of rooms: who may import whom, who alone may touch what, read from the source itself."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "lanectl"

GROUND = frozenset({"errors", "models", "text"})
DOORS = frozenset({"state", "api", "files", "programs", "webhook"})
FIRST = frozenset({"config", "recipe", "sources", "prices", "spool", "artifacts"})
SECOND = frozenset({"plan", "outputs", "digest"})
THIRD = frozenset({"lane", "audit", "notify", "schedule", "sandbox"})
ROOF = frozenset({"render", "cli", "__main__"})
ROOMS = GROUND | DOORS | FIRST | SECOND | THIRD | ROOF

# What a room may import of the package besides itself.
ALLOWED = {
    **dict.fromkeys(GROUND, frozenset[str]()),
    **dict.fromkeys(DOORS, GROUND),
    "config": GROUND | {"files"},
    "recipe": GROUND | {"files", "programs"},
    "sources": GROUND | {"files", "programs", "recipe"},
    "prices": frozenset({"errors", "models"}),
    "spool": GROUND | {"files"},
    "artifacts": GROUND | {"files"},
    "plan": GROUND | {"recipe", "prices"},
    "outputs": GROUND | {"recipe"},
    "digest": GROUND,
    **dict.fromkeys(("lane", "audit", "notify", "schedule"), GROUND | DOORS | FIRST | SECOND),
    "sandbox": frozenset({"models"}),
    "render": ROOMS - ROOF - DOORS,
    "cli": ROOMS - {"cli", "__main__"},
    "__main__": frozenset({"cli"}),
    # The one re-export, and it is lazy.
    "lanectl": frozenset({"lane", "cli", "config", "recipe", "models", "errors"}),
}

# Who alone may import what; where it is heavy, only inside a function.
OWNERS: dict[str, frozenset[str]] = {
    "anthropic": frozenset({"api"}),
    "httpx2": frozenset({"api"}),
    "sqlite3": frozenset({"state"}),
    "subprocess": frozenset({"programs"}),
    "rich": frozenset({"render"}),
    "typer": frozenset({"cli"}),
    "jinja2": frozenset({"recipe"}),
    "pydantic": frozenset({"recipe"}),
    "genai_prices": frozenset({"prices"}),
    "apprise": frozenset({"notify"}),
    "tomli_w": frozenset({"config", "recipe"}),
}
HEAVY = frozenset({"anthropic", "httpx2", "genai_prices", "apprise"})
STARTS = frozenset({"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp"})
WRITES = frozenset({"write_text", "write_bytes"})
WRITE_FLAGS = frozenset({"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"})
# The sandbox is the other side of the wire: it keeps a folder of its own, which is no folder of the user's.
WRITERS = frozenset({"files", "state", "sandbox"})


@dataclass(frozen=True)
class Import:
    """One module that a file imports: `lazy` inside a function, `typing` only for the type checker."""

    room: str
    place: str
    module: str
    lazy: bool
    typing: bool


@cache
def sources() -> tuple[tuple[str, str, ast.Module], ...]:
    """Every file of the package: its room, its path, its tree."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        below = path.relative_to(PACKAGE)
        room = (
            "lanectl"
            if below.name == "__init__.py" and len(below.parts) == 1
            else below.parts[0].removesuffix(".py")
        )
        found.append((room, f"lanectl/{below.as_posix()}", ast.parse(path.read_text(encoding="utf-8"))))
    return tuple(found)


def imports() -> Iterator[Import]:
    for room, path, tree in sources():
        for node, lazy, typing in walk(tree, lazy=False, typing=False):
            for module in modules(node):
                yield Import(room, f"{path}:{node.lineno}", module, lazy, typing)


def walk(node: ast.AST, *, lazy: bool, typing: bool) -> Iterator[tuple[ast.stmt, bool, bool]]:
    """The import statements below a node, each with where it stands."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, lazy, typing
        inside = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        checked = typing or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test))
        yield from walk(child, lazy=inside, typing=checked)


def modules(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert isinstance(node, ast.ImportFrom)
    if node.module == "lanectl":
        return [f"lanectl.{alias.name}" for alias in node.names]
    return [node.module or ""]


def room_of(module: str) -> str | None:
    """The room that a module is of; None for what is not ours, and for the version, which is everybody's."""
    parts = module.split(".")
    if parts[0] != "lanectl" or module == "lanectl.__version__":
        return None
    return parts[1] if len(parts) > 1 else "lanectl"


def test_every_file_belongs_to_a_room_of_the_table() -> None:
    assert {room for room, _, _ in sources()} <= ROOMS | {"lanectl"}
    assert set(ALLOWED) == ROOMS | {"lanectl"}


def test_rooms_import_only_what_lies_below_them() -> None:
    wrong = [
        f"{one.place}: {one.room} imports {one.module}"
        for one in imports()
        if room_of(one.module) not in (None, one.room, *ALLOWED[one.room]) and not one.typing
    ]
    assert wrong == []


def test_table_itself_leads_downwards_and_doors_never_import_one_another() -> None:
    floors = [GROUND, DOORS, FIRST, SECOND, THIRD, ROOF]
    beside = {("sources", "recipe"), ("cli", "render"), ("__main__", "cli")}
    floor_of = {room: number for number, floor in enumerate(floors) for room in floor}
    wrong = [
        (room, other)
        for room in ROOMS
        for other in ALLOWED[room]
        if floor_of[other] >= floor_of[room] and (room, other) not in beside
    ]
    assert wrong == []


def test_what_has_an_owner_is_imported_by_nobody_else() -> None:
    wrong = [
        f"{one.place}: {one.module}"
        for one in imports()
        if one.room not in OWNERS.get(one.module.split(".")[0], {one.room}) and not one.typing
    ]
    assert wrong == []


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    wrong = [
        f"{one.place}: {one.module} at the top of a module"
        for one in imports()
        if one.module.split(".")[0] in HEAVY and not one.lazy and not one.typing
    ]
    assert wrong == []


def test_ground_floor_needs_the_standard_library_only() -> None:
    wrong = [
        f"{one.place}: {one.module}"
        for one in imports()
        if one.room in GROUND and one.module.split(".")[0] not in sys.stdlib_module_names | {"lanectl"}
    ]
    assert wrong == []


def test_imports_are_absolute() -> None:
    relative = [
        f"{path}:{node.lineno}"
        for _, path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def calls() -> Iterator[tuple[str, str, ast.Call, str]]:
    """Every call in the package: room, place, the call, and the last part of what is called."""
    for room, path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                yield room, f"{path}:{node.lineno}", node, name


def opens_for_writing(call: ast.Call) -> bool:
    """Whether a call of some `open` may write: by its mode, or by the flags of `os.open`."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    flags = {name.attr for value in values for name in ast.walk(value) if isinstance(name, ast.Attribute)}
    modes = [
        value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]
    plain = [mode for mode in modes if len(mode) <= 3 and set(mode) <= set("rwaxbt+")]
    if "devnull" in flags:
        return False
    return bool(flags & WRITE_FLAGS) or any(set(mode) & set("wax+") for mode in plain)


def test_files_are_written_through_their_doors_only() -> None:
    wrong = [
        f"{place}: {name}"
        for room, place, call, name in calls()
        if room not in WRITERS
        and (name in WRITES or (name in ("open", "fdopen") and opens_for_writing(call)))
    ]
    assert wrong == []


def test_processes_are_started_through_their_door_only() -> None:
    wrong = [
        f"{place}: {name}"
        for room, place, call, name in calls()
        if room != "programs"
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "os"
        and (name in STARTS or name.startswith(("exec", "spawn")))
    ]
    assert wrong == []


def test_pure_rooms_open_nothing_and_ask_no_clock() -> None:
    wrong = [
        f"{place}: {name}"
        for room, place, _, name in calls()
        if room in SECOND
        and name in ("open", "read_text", "read_bytes", "now", "today", "utcnow", "monotonic")
    ]
    assert wrong == []


def test_nobody_prints_but_the_roof() -> None:
    wrong = [f"{place}: print" for room, place, _, name in calls() if name == "print" and room not in ROOF]
    assert wrong == []


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "base", "manager", "misc"])
def test_no_room_is_a_lumber_room(name: str) -> None:
    assert [path for _, path, _ in sources() if name in Path(path).with_suffix("").parts] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for _, path, tree in sources() if not ast.get_docstring(tree)]
    assert silent == []


def loaded(statement: str) -> set[str]:
    """The libraries that a fresh process has loaded after one statement."""
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=180
    )
    return set(done.stdout.split())


def test_command_line_loads_nothing_heavy_before_it_is_asked() -> None:
    assert loaded("import lanectl.cli") & {*HEAVY, "pydantic", "pydantic_core", "sqlite3"} == set()


def test_state_and_spool_are_read_without_the_sdk() -> None:
    rooms = "import lanectl.state.runs, lanectl.state.answers, lanectl.spool, lanectl.artifacts"
    assert loaded(rooms) & {*HEAVY, "pydantic", "rich", "typer"} == set()


@pytest.mark.parametrize(
    "module", ["lanectl.api", "lanectl.prices", "lanectl.recipe.load", "lanectl.lane.status"]
)
def test_room_opens_without_the_libraries_it_may_need(module: str) -> None:
    assert loaded(f"import {module}") & {*HEAVY, "jinja2"} == set()
