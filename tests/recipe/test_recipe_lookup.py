"""A name finds the user's recipe, the repository's or the bundled one, never another than was meant."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lanectl.errors import ConfigError
from lanectl.recipe.lookup import bundled_folder, find, listing

Write = Callable[..., Path]


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """The user's folder and a repository, both empty."""
    user, repo = tmp_path / "user", tmp_path / "repo"
    user.mkdir()
    (repo / ".git").mkdir(parents=True)
    return user, repo


def test_bundled_recipe_is_found_by_its_name(places: tuple[Path, Path]) -> None:
    user, repo = places
    found = find("pr-review", user_dir=user, repo=repo)
    assert (found.name, found.origin, found.path) == (
        "pr-review",
        "bundled",
        bundled_folder() / "pr-review.toml",
    )


def test_users_recipe_comes_before_the_repositorys_and_the_bundled(
    write: Write, places: tuple[Path, Path]
) -> None:
    user, repo = places
    write("mine", folder=user)
    write("mine", folder=repo / "recipes")
    write("codemod", folder=user)
    assert [find(name, user_dir=user, repo=repo).origin for name in ("mine", "codemod")] == ["user", "user"]


def test_repositorys_recipe_is_found_by_its_name(write: Write, places: tuple[Path, Path]) -> None:
    user, repo = places
    path = write("theirs", folder=repo / "recipes")
    found = find("theirs", user_dir=user, repo=repo)
    assert (found.origin, found.path) == ("repository", path)


@pytest.mark.parametrize("name", ["pr-review", "PR-Review"])
def test_repositorys_recipe_with_a_bundled_name_is_used_only_by_its_path(
    write: Write, places: tuple[Path, Path], name: str
) -> None:
    user, repo = places
    path = write(name, folder=repo / "recipes")
    if name == "pr-review":
        assert find(name, user_dir=user, repo=repo).origin == "bundled"
    else:
        with pytest.raises(ConfigError, match="there is no recipe"):
            find(name, user_dir=user, repo=repo)
    assert find(str(path), user_dir=user, repo=repo).origin == "path"
    (entry,) = [entry for entry in listing(user_dir=user, repo=repo) if entry.origin == "repository"]
    assert (entry.name, entry.note) == (name, "bears a bundled name: used only by its path")


def test_recipe_linked_from_outside_the_repository_is_not_found(
    write: Write, places: tuple[Path, Path], tmp_path: Path
) -> None:
    user, repo = places
    (repo / "recipes").mkdir()
    (repo / "recipes" / "linked.toml").symlink_to(write("linked", folder=tmp_path / "elsewhere"))
    with pytest.raises(ConfigError, match='there is no recipe "linked"'):
        find("linked", user_dir=user, repo=repo)
    (entry,) = [entry for entry in listing(user_dir=user, repo=repo) if entry.origin == "repository"]
    assert entry.problem == "outside the repository"


def test_recipe_that_claims_another_name_is_used_only_by_its_path(
    write: Write, places: tuple[Path, Path]
) -> None:
    user, repo = places
    path = write("alias", folder=repo / "recipes", name='name = "pr-review"')
    with pytest.raises(ConfigError) as caught:
        find("alias", user_dir=user, repo=repo)
    assert caught.value.message == 'the recipe\'s name is "pr-review", not "alias": use it by its path'
    assert find(str(path), user_dir=user, repo=repo).name == "pr-review"


def test_unknown_name_is_told_with_the_nearest(places: tuple[Path, Path]) -> None:
    user, repo = places
    with pytest.raises(ConfigError) as caught:
        find("pr-reviw", user_dir=user, repo=repo)
    error = caught.value
    assert error.message == 'there is no recipe "pr-reviw"; did you mean pr-review?'
    assert error.where == f"{user}, {repo / 'recipes'}, {bundled_folder()}"
    assert error.hint == "lanectl recipes list"


@pytest.mark.parametrize("name", ["../recipes/pr-review", "", ".", "pr-review\n", "a/b", "~"])
def test_name_that_is_a_path_finds_nothing(places: tuple[Path, Path], name: str) -> None:
    user, repo = places
    with pytest.raises(ConfigError, match="there is no recipe"):
        find(name, user_dir=user, repo=repo)


def test_path_that_is_missing_is_told(places: tuple[Path, Path]) -> None:
    user, repo = places
    with pytest.raises(ConfigError, match="the recipe is not there"):
        find(str(repo / "nope.toml"), user_dir=user, repo=repo)


def test_listing_tells_everything_about_every_file(write: Write, places: tuple[Path, Path]) -> None:
    user, repo = places
    write("mine", folder=user, more='description = "My own"')
    broken = write("broken", folder=user, lane="[lane]\nefort = 1")
    write("mine", folder=repo / "recipes")
    (user / "notes.txt").write_text("no recipe", encoding="utf-8")
    rows = [(e.name, e.origin, e.description, e.problem, e.note) for e in listing(user_dir=user, repo=repo)]
    assert rows[:3] == [
        (
            "broken",
            "user",
            "",
            f"is no key of this table; did you mean effort? - {broken} [lane] efort",
            None,
        ),
        ("mine", "user", "My own", None, None),
        ("mine", "repository", "", None, "hidden by another recipe of this name"),
    ]
    assert [row[:2] for row in rows[3:]] == [
        ("codemod", "bundled"),
        ("pr-review", "bundled"),
        ("release-notes", "bundled"),
    ]


def test_listing_without_any_folder_is_the_bundled_ones(tmp_path: Path) -> None:
    entries = listing(user_dir=tmp_path / "nowhere", repo=None)
    assert {entry.origin for entry in entries} == {"bundled"}
    assert [entry.problem for entry in entries] == [None] * len(entries)


def test_checkout_of_lanectl_itself_has_each_bundled_recipe_once(tmp_path: Path) -> None:
    entries = listing(user_dir=tmp_path, repo=bundled_folder().parent)
    names = [entry.name for entry in entries]
    assert len(names) == len(set(names))
