"""Items come one after the other, and what is held does not grow with what lies there."""

import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from lanectl.models import Item
from lanectl.sources.gather import gather
from lanectl.sources.place import place

BIG = "".join(f"{number:07}\n" for number in range(25_000))


def test_memory_is_that_of_an_item_and_not_of_the_source(repo: Any, recipe: Any) -> None:
    for number in range(40):
        repo.put(f"{number}.txt", f"{number}\n{BIG}")
    made = recipe('kind = "files"')
    at = place(repo.root)

    tracemalloc.start()
    sizes = [len(str(each.fields["text"])) for each in _items(made, at)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sum(sizes) > 8_000_000
    assert peak < 2_000_000


def test_memory_of_a_diff_is_bounded_though_the_whole_is_many_times_the_limit(repo: Any, recipe: Any) -> None:
    repo.commit("first")
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit("big", {f"{number}.txt": ("x" * 199 + "\n") * 100 for number in range(300)})
    repo.git("checkout", "-q", "main")
    repo.merge("topic", "Big (#1)")
    made = recipe('kind = "pull-requests"\nfrom = "merges"', 'max_item_bytes = 50_000\ntoo_large = "split"')
    at = place(repo.root)

    tracemalloc.start()
    sizes = [len(str(each.fields["diff"])) for each in _items(made, at)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (len(sizes), sum(sizes) > 6_000_000) == (150, True)
    assert peak < 2_000_000


def _items(made: Any, at: Any) -> Any:
    found = gather(made, at, stdin=None, today=None)  # type: ignore[arg-type]  # not looked at
    return (each for each in found if isinstance(each, Item))


@pytest.mark.parametrize(
    "source", ['kind = "files"', 'kind = "commits"', 'kind = "pull-requests"\nfrom = "merges"']
)
def test_gathering_starts_nothing_before_it_is_asked(
    repo: Any, recipe: Any, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    repo.commit("first", {"a": "1\n"})
    at = place(repo.root)
    monkeypatch.setenv("PATH", "/nonexistent")

    found = gather(recipe(source), at, stdin=None, today=None)  # type: ignore[arg-type]  # not looked at

    with pytest.raises(Exception, match="git is not installed"):
        next(found)


def test_finding_a_place_loads_no_pydantic() -> None:
    code = "import sys, lanectl.sources.place; print('pydantic' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=_root())

    assert done.stdout == b"False\n"


def _root() -> str:
    return str(Path(__file__).parents[2])
