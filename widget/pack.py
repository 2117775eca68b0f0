"""Makes widget/haven.js, en.js and es.js, all that a page loads, from widget/src; run after a change there.

The modules are put into one scope in order; tdewolff's minify makes script and style small. Where the line of an
error in a visitor's browser is looked for, run the page on widget/src instead: the modules work as they stand.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import minify

WIDGET = Path(__file__).parent
ORDER = ("dom", "words", "store", "exit", "help", "messages", "transcript", "style", "line", "panel", "main", "loader")
LANGUAGES = ("en", "es")
IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
EXPORT = re.compile(r"^export ", re.MULTILINE)
STYLE = re.compile(r"const CSS = `(.*?)`;", re.DOTALL)
TOP_LEVEL = re.compile(r"^(?:async )?(?:function|class|const|let) ([\w$]+)", re.MULTILINE)


def pack(folder: Path = WIDGET / "src") -> dict[str, str]:
    """File name to text. Raises ValueError when two modules use one name or a module is not in ORDER."""
    minify.config({"js-version": 2022})  # nothing newer than what the modules themselves need
    sources = {path.stem: path.read_text() for path in sorted(folder.glob("*.js"))}
    if set(sources) != {*ORDER, *LANGUAGES}:
        raise ValueError(f"widget/pack.py: ORDER and the modules differ: {sorted(set(sources) ^ {*ORDER, *LANGUAGES})}")
    joined = "".join(EXPORT.sub("", IMPORT.sub("", sources[name])) for name in ORDER)
    refuse_doubles(joined)
    joined = STYLE.sub(lambda match: f"const CSS = `{minify.string('text/css', match[1])}`;", joined)
    script = small(f'(() => {{ "use strict"; {joined} }})();')
    return {"haven.js": f"// Haven chat. Made from widget/src by widget/pack.py.\n{script}\n"} | {
        f"{name}.js": small(sources[name]) + "\n" for name in LANGUAGES}


def refuse_doubles(joined: str) -> None:
    names = TOP_LEVEL.findall(joined)
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise ValueError(f"widget/pack.py: one name in two modules: {', '.join(doubles)}")


def small(script: str) -> str:
    text: str = minify.string("application/javascript", script)
    return text


if __name__ == "__main__":
    stale = {name: text for name, text in pack().items() if (WIDGET / name).read_text() != text}
    if "--check" in sys.argv:
        sys.exit(f"old: {', '.join(stale)}. Run python widget/pack.py" if stale else 0)
    for name, text in stale.items():
        (WIDGET / name).write_text(text)
