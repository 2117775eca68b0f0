"""Texting noise for training: one message written as hurried thumbs might; run only by the training recipe."""

from __future__ import annotations

import random
import re

_SHORT = {
    "you": "u", "your": "ur", "are": "r", "to": "2", "too": "2", "for": "4", "because": "bc", "please": "pls",
    "with": "w", "and": "n", "what": "wat", "right": "rite", "people": "ppl", "about": "abt", "night": "nite",
    "though": "tho", "before": "b4", "know": "kno", "the": "da", "that": "dat", "going": "goin", "okay": "ok",
    "minutes": "mins", "tonight": "2nite", "really": "rly", "don't": "dont", "someone": "sum1", "be": "b",
    "que": "q", "por": "x", "porque": "xq", "para": "pa", "estoy": "toy", "está": "ta", "también": "tmb",
    "quiero": "kiero", "aquí": "aki", "no": "no", "muy": "mui", "haciendo": "asiendo", "hay": "ay",
}  # fmt: skip
_SOUNDS = (
    (r"ea", "ee"), (r"ie", "ei"), (r"igh", "i"), (r"ph", "f"), (r"tion", "shun"), (r"ck", "k"), (r"ing\b", "in"),
    (r"th", "f"), (r"wh", "w"), (r"ll", "l"), (r"ss", "s"), (r"ou", "u"), (r"kn", "n"), (r"ough", "uff"),
    (r"h", ""), (r"qu", "k"), (r"v", "b"), (r"z", "s"), (r"ll", "y"), (r"ed\b", "d"), (r"er\b", "a"),
)  # fmt: skip
_KEYS = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl",
    "p": "ol", "a": "qsz", "s": "awdx", "d": "sefc", "f": "drgv", "g": "fthb", "h": "gyjn", "j": "hukm",
    "k": "jil", "l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip
_ACCENTS = str.maketrans("áéíóúüñÁÉÍÓÚÑ¿¡", "aeiouunAEIOUN  ")


def noisy(text: str, rng: random.Random) -> str:
    """`text` with zero to many of the changes of real texting; its meaning stays."""
    if rng.random() < 0.6:
        text = text.lower()
    elif rng.random() < 0.06:
        text = text.upper()
    if rng.random() < 0.5:
        text = text.replace("'", "").replace("’", "").translate(_ACCENTS)
    if rng.random() < 0.4:
        text = re.sub(r"[.,!?;:]+", " " if rng.random() < 0.5 else "", text)
    rate = rng.choice((0.0, 0.05, 0.12, 0.25))
    words = [_word(word, rng, rate) for word in text.split()]
    if len(words) > 5 and rng.random() < 0.08:
        del words[rng.randrange(len(words))]
    if rng.random() < 0.04:
        words = _joined(words, rng)
    return " ".join(words)


def _word(word: str, rng: random.Random, rate: float) -> str:
    if rng.random() < rate and word.lower() in _SHORT:
        return _SHORT[word.lower()]
    if len(word) < 4 or rng.random() >= rate:
        return word
    return rng.choice((_sound, _edit, _edit, _vowels))(word, rng)


def _sound(word: str, rng: random.Random) -> str:
    fits = [(a, b) for a, b in _SOUNDS if re.search(a, word)]
    if not fits:
        return _edit(word, rng)
    found, other = rng.choice(fits)
    return re.sub(found, other, word, count=1)


def _edit(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    change = rng.randrange(4)
    if change == 0:
        return word[:at] + word[at + 1 :]
    if change == 1:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if change == 2:
        return word[:at] + rng.choice(_KEYS.get(word[at].lower(), word[at])) + word[at + 1 :]
    return word[:at] + word[at] + word[at:]


def _vowels(word: str, rng: random.Random) -> str:
    return word[0] + re.sub(r"[aeiou]", lambda m: "" if rng.random() < 0.6 else m.group(), word[1:])


def _joined(words: list[str], rng: random.Random) -> list[str]:
    if len(words) < 3:
        return words
    at = rng.randrange(len(words) - 1)
    return [*words[:at], words[at] + words[at + 1], *words[at + 2 :]]
