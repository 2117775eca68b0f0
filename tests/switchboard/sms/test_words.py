"""switchboard.sms.words: opt-outs are honoured in any words, and nobody who talks about quitting is cut off."""

from __future__ import annotations

import pytest

from switchboard.sms.words import asks_who, carrier_word, is_opt_out, is_wrong_number


@pytest.mark.parametrize("word", ["stop", "STOPALL", "Unsubscribe", "cancel", "END", "quit", "revoke", "OPTOUT"])
def test_words_that_carriers_stop_at(word):
    """A carrier's word that stands alone is its opt-out, in any case and with spaces around it."""
    assert carrier_word(f" {word}\n", opted_out=False) == "stop"


def test_other_carrier_words():
    """HELP and INFO are answered by the carrier, START and UNSTOP opt in; YES does so only for who opted out."""
    said = {word: (carrier_word(word, opted_out=False), carrier_word(word, opted_out=True))
            for word in ("HELP", "info", "START", "unstop", "YES", "ok")}

    assert said == {"HELP": ("help", "help"), "info": ("help", "help"), "START": ("start", "start"),
                    "unstop": ("start", "start"), "YES": (None, "start"), "ok": (None, None)}


def test_what_twilio_says_counts():
    """A word that was set up at Twilio is what Twilio says it is."""
    assert carrier_word("basta ya", opted_out=False, told="STOP") == "stop"
    assert carrier_word("hello", opted_out=False, told="SOMETHING") is None


@pytest.mark.parametrize("text", [
    "I want to quit", "quit heroin", "I want to stop", "how do i stop using", "help me stop", "stop breathing",
    "END it all", "i want it to end", "cancel my appointment", "he needs help", "yes please", "stop it hurts",
])
def test_sentences_are_no_carrier_words(text):
    """A sentence with such a word in it is a sentence."""
    assert carrier_word(text, opted_out=False) is None
    assert not is_opt_out(text)


@pytest.mark.parametrize("text", [
    "please stop texting me", "Stop texting me!", "stop sending me messages", "dont text me anymore",
    "Do not contact me.", "no more texts please", "remove me from your list", "take me off this list",
    "unsubscribe me", "I want to opt out", "STOP!!", "please stop", "quit texting me", "can you stop texting me please",
    "hey. stop messaging this number", "I don't want any more texts", "No me escriban más",
    "dejen de mandarme mensajes", "no más mensajes por favor", "alto", "ok thanks. stop texting me. bye",
])
def test_opt_outs_in_free_words(text):
    """Whoever asks in their own words to get no more texts has opted out."""
    assert is_opt_out(text)


@pytest.mark.parametrize("text", [
    "my ex wont stop texting me", "how do I get him to stop texting me", "she told me to never text her",
    "please help me stop", "no more pain", "I don't want any more", "stop the pain please", "take me off methadone",
    "remove me from this program", "no me mande al hospital", "quiero parar de usar", "quiero dejar de usar",
    "stop judging me", "i cant stop", "they said stop taking it", "should i stop suboxone", "quit",
    "the dealer texts me",
])
def test_not_opt_outs(text):
    """Talk about stopping, quitting, or somebody else's texts is talk."""
    assert not is_opt_out(text)


@pytest.mark.parametrize(("text", "who", "wrong"), [
    ("who is this", True, False), ("Whos this??", True, False), ("new phone who dis", True, False),
    ("hi who is texting me please", True, False), ("¿Quién es?", True, False), ("wrong number", False, True),
    ("Sorry, you have the wrong number", False, True), ("I just got this number", False, True),
    ("this isn't his number anymore", False, True), ("número equivocado", False, True),
    ("who are you", False, False), ("who is this program for", False, False), ("i took the wrong pills", False, False),
    ("whats the number for detox", False, False), ("i got a new phone so i can talk now", False, False),
])
def test_strangers(text, who, wrong):
    """Somebody who does not know the number is told from somebody who asks about us."""
    assert (asks_who(text), is_wrong_number(text)) == (who, wrong)
