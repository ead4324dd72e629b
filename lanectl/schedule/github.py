"""A night as a GitHub Actions workflow; its state is carried from one run to the next in a cache."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from lanectl.recipe.tables import Recipe
from lanectl.schedule import Piece, Plan

PAGE = """\
# Written by lanectl schedule. Needs the secret ANTHROPIC_API_KEY. Times are UTC. GitHub may start a run late
# or leave it out, and turns schedules off after 60 days without a push. What the cache holds (requests,
# results, state) can be read by workflows of this repository's pull requests.
name: {name}

on:
  schedule:
    - cron: "{minute} {hour} * * *"
    - cron: "17 * * * *"
  workflow_dispatch:

permissions:
  contents: read
  pull-requests: read

# Two at once would each save a state that does not know of the other's batches.
concurrency:
  group: {name}
  cancel-in-progress: false

jobs:
  lane:
    runs-on: ubuntu-latest
    timeout-minutes: 120
    env:
      LANECTL_HOME: /home/runner/lanectl
      GH_TOKEN: ${{{{ github.token }}}}
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      # A repository variable says where your lanectl comes from: git+https://HOST/OWNER/lanectl@v0.1.0
      - run: python -m pip install -q "${{{{ vars.LANECTL_PACKAGE }}}}"
      - uses: actions/cache/restore@v4
        with:
          path: /home/runner/lanectl
          key: {name}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          restore-keys: {name}-
      - name: Submit
        if: github.event.schedule == '{minute} {hour} * * *' || github.event_name == 'workflow_dispatch'
        run: {submit}
        env:
          ANTHROPIC_API_KEY: ${{{{ secrets.ANTHROPIC_API_KEY }}}}
      - name: Tick
        if: ${{{{ !cancelled() }}}}
        run: lanectl tick
        env:
          ANTHROPIC_API_KEY: ${{{{ secrets.ANTHROPIC_API_KEY }}}}
      # Also after a failure: an accepted batch that the state forgets is paid for twice.
      - uses: actions/cache/save@v4
        if: always()
        with:
          path: /home/runner/lanectl
          key: {name}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: lanectl
          path: .lanectl
          include-hidden-files: true
          if-no-files-found: ignore
"""


def pieces(plan: Plan) -> list[Piece]:
    """The workflow, in the repository."""
    hour, minute = plan.commands[0].at or (2, 0)
    recipes = [_within(plan, one) for one in plan.recipes]
    submit = shlex.join(["lanectl", "submit", *recipes, "--yes"])
    name = f"lanectl-{plan.name}"
    # A JSON string is one of YAML too, whatever is in it; an expression of GitHub's must not begin in it.
    text = PAGE.format(name=name, minute=minute, hour=hour, submit=json.dumps(submit.replace("${{", "$ {{")))
    return [Piece(plan.repo / ".github" / "workflows" / f"{name}.yml", text)]


def problems(plan: Plan, recipes: Sequence[Recipe]) -> list[str]:
    """What a runner will not have: it sees the repository and what is bundled, nothing of this machine's."""
    return [
        f"GitHub will not find {recipe.path}: copy it into {plan.repo / 'recipes'} and commit it"
        for recipe in recipes
        if recipe.path and recipe.origin != "bundled" and not recipe.path.is_relative_to(plan.repo)
    ]


def _within(plan: Plan, recipe: str) -> str:
    """A recipe's path as it is in a checkout."""
    path = Path(recipe)
    return path.relative_to(plan.repo).as_posix() if path.is_relative_to(plan.repo) else recipe
