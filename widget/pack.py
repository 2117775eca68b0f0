"""Makes widget/haven.js, en.js and es.js, all that a page loads, from widget/src; run after a change there.

The modules stay plain JavaScript: this only puts them in one scope in order, drops comments and the white
space between tokens, and renames nothing, so that an error in a visitor's browser can be found again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

WIDGET = Path(__file__).parent
ORDER = ("dom", "words", "store", "exit", "help", "messages", "transcript", "style", "line", "panel", "main", "loader")
TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<string>"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)
      | (?P<regex>(?<=[(=:,[!&|?{};\s])/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+/[a-z]*)
      | (?P<word>[\w$]+)
      | (?P<space>\s+)
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
LANGUAGES = ("en", "es")
INDENT = re.compile(r"^(?: +|//.*\n|\n)", re.MULTILINE)
IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
EXPORT = re.compile(r"^export ", re.MULTILINE)
HOLE = re.compile(r"\$\{[^`}]*\}")
TOP_LEVEL = re.compile(r"^(?:async )?(?:function|class|const|let) ([\w$]+)", re.MULTILINE)


def pack(folder: Path = WIDGET / "src") -> dict[str, str]:
    """File name to text. Raises ValueError when two modules use one name or a module is not in ORDER."""
    sources = {path.stem: path.read_text() for path in sorted(folder.glob("*.js"))}
    if set(sources) != {*ORDER, *LANGUAGES}:
        raise ValueError(f"widget/pack.py: ORDER and the modules differ: {sorted(set(sources) ^ set(ORDER))}")
    joined = "".join(EXPORT.sub("", IMPORT.sub("", sources[name])) for name in ORDER)
    refuse_doubles(joined)
    script = f'// Haven chat. Made from widget/src by widget/pack.py.\n(()=>{{"use strict";{squeeze(joined)}}})();\n'
    return {"haven.js": script} | {f"{name}.js": INDENT.sub("", sources[name]) for name in LANGUAGES}


def refuse_doubles(joined: str) -> None:
    names = TOP_LEVEL.findall(joined)
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise ValueError(f"widget/pack.py: one name in two modules: {', '.join(doubles)}")


def squeeze(source: str) -> str:
    """The same tokens with no comment, and a space only where two words or two equal signs would join."""
    out = ""
    for match in TOKEN.finditer(source):
        token = match.group()
        if match.lastgroup in ("comment", "space"):
            continue
        if token[0] == "`" and token.count("${") > len(HOLE.findall(token)):
            raise ValueError(f"widget/pack.py: a template inside a template: {token[:60]}")
        if touches(out[-1:], token[0]) and source[match.start() - 1].isspace():
            out += " "
        out += squeeze_css(token) if token.startswith("`\n") else token
    return out


def touches(before: str, after: str) -> bool:
    def wordy(character: str) -> bool:
        return character.isalnum() or character in "_$"

    return (wordy(before) and wordy(after)) or (before == after and before in "+-")


def squeeze_css(css: str) -> str:
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css = re.sub(r"\s+", " ", css)
    return re.sub(r" ?([{};,>+]) ?", r"\1", css).replace(";}", "}").replace(": ", ":")


if __name__ == "__main__":
    stale = {name: text for name, text in pack().items() if (WIDGET / name).read_text() != text}
    if "--check" in sys.argv:
        sys.exit(f"old: {', '.join(stale)}. Run python widget/pack.py" if stale else 0)
    for name, text in stale.items():
        (WIDGET / name).write_text(text)
