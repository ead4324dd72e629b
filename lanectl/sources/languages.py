"""Which language a file is written in, by its name."""

_BY_NAME = {
    "dockerfile": "Dockerfile",
    "makefile": "Makefile",
    "gnumakefile": "Makefile",
    "justfile": "Just",
    "rakefile": "Ruby",
    "gemfile": "Ruby",
    "cmakelists.txt": "CMake",
    "go.mod": "Go module",
}
_BY_SUFFIX = {
    **dict.fromkeys(("py", "pyi", "pyw"), "Python"),
    **dict.fromkeys(("js", "mjs", "cjs", "jsx"), "JavaScript"),
    **dict.fromkeys(("ts", "mts", "cts", "tsx"), "TypeScript"),
    **dict.fromkeys(("c", "h"), "C"),
    **dict.fromkeys(("cc", "cpp", "cxx", "hh", "hpp", "hxx"), "C++"),
    **dict.fromkeys(("kt", "kts"), "Kotlin"),
    **dict.fromkeys(("ex", "exs"), "Elixir"),
    **dict.fromkeys(("ml", "mli"), "OCaml"),
    **dict.fromkeys(("sh", "bash", "zsh"), "Shell"),
    **dict.fromkeys(("yml", "yaml"), "YAML"),
    **dict.fromkeys(("md", "markdown"), "Markdown"),
    **dict.fromkeys(("html", "htm"), "HTML"),
    **dict.fromkeys(("tf", "tfvars", "hcl"), "HCL"),
    **dict.fromkeys(("json", "jsonc", "json5"), "JSON"),
    "cs": "C#",
    "css": "CSS",
    "dart": "Dart",
    "go": "Go",
    "gradle": "Groovy",
    "graphql": "GraphQL",
    "hs": "Haskell",
    "ini": "INI",
    "java": "Java",
    "lua": "Lua",
    "nix": "Nix",
    "php": "PHP",
    "pl": "Perl",
    "proto": "Protocol Buffers",
    "ps1": "PowerShell",
    "r": "R",
    "rb": "Ruby",
    "rs": "Rust",
    "rst": "reStructuredText",
    "scala": "Scala",
    "scss": "SCSS",
    "sql": "SQL",
    "svelte": "Svelte",
    "swift": "Swift",
    "toml": "TOML",
    "txt": "text",
    "vue": "Vue",
    "xml": "XML",
    "zig": "Zig",
}


def language(path: str) -> str:
    """The language's own spelling of its name, "" where the file's name does not tell."""
    name = path.rpartition("/")[2].lower()
    stem, dot, suffix = name.rpartition(".")
    return _BY_NAME.get(name) or (_BY_SUFFIX.get(suffix, "") if stem and dot else "")
