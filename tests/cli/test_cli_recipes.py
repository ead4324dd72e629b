"""Recipes at the prompt: list, show, new, check, schema, and what is wrong with one."""

from pathlib import Path

import pytest

from tests.cli.cli_world import RECIPE, Cli


@pytest.mark.usefixtures("repo")
def test_list_shows_whose_each_recipe_is(cli: Cli) -> None:
    listed = {one["name"]: one["origin"] for one in cli("recipes", "list", "--json").data["recipes"]}
    assert listed["notes"] == "repository"
    assert listed["pr-review"] == "bundled"


def test_repository_recipe_with_a_bundled_name_is_used_only_by_its_path(cli: Cli, repo: Path) -> None:
    (repo / "recipes" / "codemod.toml").write_text(RECIPE.replace('"notes"', '"codemod"'))
    out = cli("recipes", "list").out
    assert "bears a bundled name" in " ".join(out.split())
    assert cli("recipes", "show", "codemod", "--json").data["origin"] == "bundled"
    assert cli("recipes", "show", "recipes/codemod.toml", "--json").data["origin"] == "path"


@pytest.mark.usefixtures("repo")
def test_show_prints_the_price_of_one_typical_job(cli: Cli) -> None:
    ran = cli("recipes", "show", "notes")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "notes: One note for each file"
    assert "--set reader=maintainers" in lines
    assert any(line.startswith("one typical job: $0.0") for line in lines)
    assert "Write a note on {{ item.text }}" in lines


def test_new_recipe_is_ones_own_and_found_by_its_name(cli: Cli, home: Path) -> None:
    ran = cli("recipes", "new", "my-review", "--from", "pr-review")
    path = home / "lanectl" / "recipes" / "my-review.toml"
    assert ran.out == f"{path}\nedit it, then: lanectl recipes check {path}\n"
    assert cli("recipes", "check", str(path)).out.endswith(f"{path}: ok\n")
    assert cli("recipes", "show", "my-review", "--json").data["origin"] == "user"


def test_new_recipe_never_replaces_one(cli: Cli, home: Path) -> None:
    assert cli("recipes", "new", "mine", "--from", "pr-review").code == 0
    path = home / "lanectl" / "recipes" / "mine.toml"
    path.write_text("mine\n")
    assert cli("recipes", "new", "mine", "--from", "codemod").code == 2
    assert path.read_text() == "mine\n"


def test_check_names_file_table_and_the_nearest_key(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(RECIPE.replace("max_tokens", "max_token").replace('"notes"', '"odd"'))
    ran = cli("recipes", "check", str(path))
    assert ran.code == 78
    assert ran.out.startswith(f"{path}: error: ")
    assert "max_tokens" in ran.out
    assert ran.told == [
        f"error: 1 of 1 files cannot be used - {path}",
        "hint: lanectl recipes schema",
    ]


def test_check_goes_through_all_files(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "notes.toml").write_text(RECIPE)
    (tmp_path / "broken.toml").write_text("name = \n")
    ran = cli("recipes", "check", str(tmp_path / "broken.toml"), str(tmp_path / "notes.toml"), "--json")
    assert ran.code == 78
    assert [len(one["problems"]) for one in ran.data["files"]] == [1, 0]


def test_schema_is_json_that_editors_read(cli: Cli) -> None:
    import json

    schema = json.loads(cli("recipes", "schema").out)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert set(schema["required"]) >= {"name", "source", "job", "output"}
    assert cli("recipes", "schema", "--json").data["schema"] == schema
