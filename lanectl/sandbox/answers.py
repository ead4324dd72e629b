"""What the sandbox answers: an instance of a schema, a file, commits, or a few words, always marked."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from lanectl.models import JsonValue
from lanectl.sandbox import edits, material, prompts, schemas
from lanectl.sandbox.draws import Draw
from lanectl.sandbox.material import Material

# How recipes ask for a file as it stands, rather than for a text about one.
_WANTS_FILE: Final = re.compile(
    r"\b(complete|whole|full|entire) (text|contents?|source) of the (\w+ )?file\b", re.IGNORECASE
)
_WANTS_PLAIN: Final = re.compile(r"\bplain text\b", re.IGNORECASE)
_TAIL: Final = 4_000
_PROSE: Final = ("md", "markdown", "rst", "txt", "text")
_LANGUAGES: Final = (
    ("typescript", "ts"),
    ("javascript", "js"),
    ("markdown", "md"),
    ("python", "py"),
    ("golang", "go"),
    ("rust", "rs"),
    ("sql", "sql"),
    ("yaml", "yml"),
    ("toml", "toml"),
)


def answer(params: Mapping[str, Any], seed: object) -> str:
    """The text of the answer to a valid request, the same for the same request and seed."""
    found = material.read(prompts.user_text(params))
    # Instructions on the form of the answer stand at the end; searching all of a long prefix would be slow.
    system = prompts.system_text(params)[-_TAIL:]
    wanted = (params.get("output_config") or {}).get("format")
    # Without the fences' tokens, which are made with a key of the machine's own.
    draw = Draw(seed, found.prompt, json.dumps(wanted))
    if wanted:
        return json.dumps(schemas.instance(wanted["schema"], found, draw), ensure_ascii=False, indent=1)
    if _wants_file(system) or _wants_file(found.outside):
        return _file(found, system)
    if found.commits:
        return _commits(found)
    return _plain(found) if "plain text" in system.lower() else _prose(found)


def tool_input(tool: Mapping[str, Any], params: Mapping[str, Any], seed: object) -> JsonValue:
    """The input of a forced tool call."""
    found = material.read(prompts.user_text(params))
    return schemas.instance(
        tool.get("input_schema") or {}, found, Draw(seed, found.prompt, str(tool.get("name")))
    )


def _wants_file(text: str) -> bool:
    return " of the " in text and _WANTS_FILE.search(text) is not None


def _file(found: Material, system: str) -> str:
    path, others = found.path, [one for one in found.mentioned if one != found.path]
    ending = _ending(others[-1]) if others else _language(f"{found.outside}\n{system}") or _ending(path)
    if ending in _PROSE or not ending:
        return _prose(found)
    if ending == _ending(path):
        return edits.whole(path, found.main)
    note = edits.comment(f"sandbox.{ending}", "")
    return f"{note}\n" if note else '{"sandbox": "no model was called"}\n'


def _ending(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()


def _language(text: str) -> str:
    lower = text.lower()
    return next((ending for word, ending in _LANGUAGES if re.search(rf"\b{word}\b", lower)), "")


def _commits(found: Material) -> str:
    lines = [f"- {subject or 'No subject.'} ({sha})" for sha, subject in found.commits]
    return "\n".join(
        ["# [sandbox] Changes", "", "No model was called: the subjects, as they stand.", "", *lines, ""]
    )


def _plain(found: Material) -> str:
    about = f" about {found.path}" if found.path else ""
    words = found.first_words()
    return f"[sandbox] No model was called. A text{about} would stand here; it began with: {words}.\n"


def _prose(found: Material) -> str:
    title = f"`{found.path}`" if found.path else "An answer"
    lines = found.main.count("\n") + 1
    return (
        f"# [sandbox] {title}\n\n"
        f"No model was called. A text about {lines:,} lines would stand here.\n\n"
        "## What was sent\n\n"
        f"- It began with: {found.first_words()}.\n"
        f"- It was {len(found.main):,} characters long.\n"
    )
