"""What a text says about texting itself: carrier words, opt-outs in free words, "who is this". Part of the switchboard.

Carriers act on some single words by themselves (STOP, HELP, ...), whatever Haven does: those are recorded, not
answered. Opt-outs in other words are ours to honour.
"""

from __future__ import annotations

import re
import unicodedata

STOP, START, HELP = "stop", "start", "help"
# Twilio's default words for long codes; one that stands alone, in any case, with spaces around it.
_CARRIER = {
    **dict.fromkeys(("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"), STOP),
    **dict.fromkeys(("start", "unstop"), START),
    **dict.fromkeys(("help", "info"), HELP),
}
_IF_OPTED_OUT = "yes"  # opts in again at the carrier; from everybody else it is an answer to a question

_BEFORE = (r"(?:(?:hey|hi|ok|okay|please|pls|plz|just|ugh|kindly|now|seriously|i said|i told you to|i want you to|"
           r"i would like you to|id like you to|you need to|can you|could you|would you|will you) )*")
_AFTER = r"(?: (?:please|pls|plz|now|again|anymore|any ?more|any ?longer|at all|ok|thanks|thank you|ever|right now))*"
_TEXTS = r"(?:texts?|messages?|sms|texting|messaging|contacting|writing|sending)"
_ME = r"(?:me|us|this number|this phone|my (?:phone|number))"
_OPT_OUT = re.compile(
    f"{_BEFORE}(?:"
    rf"(?:stop|quit) (?:(?:all|with|sending|the|these|your|any|of|me|more) )*{_TEXTS}(?: to)?(?: {_ME})?"
    r"(?: (?:texts?|messages?|stuff|things))?"
    rf"|(?:do not|dont|never) (?:ever )?(?:text|message|contact|write|sms)(?: to)? {_ME}"
    r"|(?:i (?:do not|dont) want|no more|enough)(?: (?:any|more|of|to get|to receive|your|these|the))*"
    r" (?:texts?|messages?|sms)"
    r"|(?:take|remove|delete) (?:me|my number|this number)(?: (?:off|from))?(?: of)?"
    r"(?: (?:your|this|the) (?:list|texts|messages|system|texting list|text list))?"
    r"|(?:i (?:want|would like|wish|need) to )?(?:unsubscribe|unsub|opt out|optout)(?: me)?"
    r"(?: (?:from|of) (?:this|these|your|the|all|it)(?: \w+)?)?"
    r"|stop(?: stop)*"
    f"){_AFTER}"
)
_OPT_OUT_ES = re.compile(
    r"(?:(?:por favor|ya|oiga|oye|les pido que|le pido que|quiero que) )*(?:"
    r"no me (?:escrib[ae][ns]?|mand[ae][ns]?|envi[ae][ns]?|contacte[ns]?)(?: mas)?(?: (?:mensajes|textos))?(?: mas)?"
    r"|de(?:je[ns]?|ja) de (?:escribirme|mandarme|enviarme|contactarme)(?: (?:mensajes|textos))?"
    r"|no mas (?:mensajes|textos)|no quiero (?:recibir )?(?:mas )?(?:mensajes|textos)(?: mas)?"
    r"|(?:quiero )?dar(?:me|se) de baja|(?:de me|deme) de baja"
    r"|(?:borren?|quiten?) mi numero(?: de (?:su|la) lista)?|alto|parar"
    r")(?: por favor| ya| ahora)*"
)
_WRONG_NUMBER = re.compile(
    r"(?:(?:hi|hey|hello|sorry|um|uh|no|i think|im sorry|excuse me) )*(?:"
    r"(?:(?:you (?:have|got)|u got|you texted|this is|its|thats) )?(?:the |a )?wrong (?:number|person|phone)"
    r"|i (?:just |only )?(?:got|have) (?:this|a new) (?:number|phone)"
    r"|(?:this is )?(?:a )?new (?:number|phone|phone number)"
    r"|this (?:isnt|is not|is no longer) (?:his|her|their|\w+s) (?:number|phone)(?: anymore| any more)?"
    r"|(?:se equivoco de|este no es su|es otro|numero) (?:numero|equivocado)(?: equivocado)?"
    r")(?: (?:sorry|buddy|man|bro|now|dude))*"
)
_WHO = re.compile(
    r"(?:(?:hi|hey|hello|sorry|um|uh|new phone|excuse me|wait|hola|perdon|disculpe) )*(?:"
    r"who(?:s| is| dis| the (?:fuck|hell) is| tf is)?(?: (?:this|dis|that|texting me|texting|it))+|who dis"
    r"|do i know you|i (?:do not|dont) know who this is|i (?:do not|dont) know this number"
    r"|(?:de )?quien (?:es|eres|habla|me escribe)(?: este numero)?|no conozco este numero"
    r")(?: (?:please|pls|por favor))*"
)


def carrier_word(body: str, *, opted_out: bool, told: str = "") -> str | None:
    """ "stop", "start" or "help" if the carrier acts on this text by itself.

    `told` is Twilio's own OptOutType, which it sends where a messaging service handles such words.
    """
    if told.lower() in (STOP, START, HELP):
        return told.lower()
    word = body.strip().lower()
    if word == _IF_OPTED_OUT and opted_out:
        return START
    return _CARRIER.get(word)


def is_opt_out(text: str) -> bool:
    """Whether a text asks, in its own words, to get no more texts.

    The whole of one of its sentences must ask so: "my ex won't stop texting me" and "I want to quit" do not.
    """
    return any(_OPT_OUT.fullmatch(s) or _OPT_OUT_ES.fullmatch(s) for s in _sentences(text))


def is_wrong_number(text: str) -> bool:
    """Whether somebody says that they are not the one this number belonged to."""
    return any(_WRONG_NUMBER.fullmatch(s) for s in _sentences(text))


def asks_who(text: str) -> bool:
    """Whether somebody asks whom they are writing with, as one does who does not know the number."""
    return any(_WHO.fullmatch(s) for s in _sentences(text))


def _sentences(text: str) -> list[str]:
    """The sentences in lower case, without accents and punctuation."""
    letters = unicodedata.normalize("NFKD", text.lower().replace("'", "").replace("’", ""))
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    parts = (re.sub(r"[^a-z0-9]+", " ", part).strip() for part in re.split(r"[.!?\n;:]+", bare))
    return [part for part in parts if part]
