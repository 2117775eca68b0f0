"""Does a message ask for a person in so many words, or say that none is wanted? English and Spanish, word for word.

Beside the classifier: it knows tone and hints; these patterns know what cannot be mistaken wherever it stands: after
a question, beside danger, with a "not" in front. They read clauses as `surface.plain` writes them.
"""

from __future__ import annotations

import re

from haven.retrieval.surface import plain

TERSE = 25  # words; in longer messages a sentence that is one word is no request ("U.S. Rep.")


def _any(words: str) -> str:
    """A pattern for any of some words, parted by commas."""
    return "(?:" + "|".join(" ".join(word.split()) for word in words.split(",")) + ")"


# -- who, and with which words one asks --------------------------------------------------------------------

_ROLE = _any("""
    nurses?, nures, nruse, doctors?, docs?, drs?, physicians?, clinicians?, prescribers?, pharmacists?,
    therapists?, psychologists?, psychiatrists?, coun[sc]el+[eo]rs?, counc?il+[eo]rs?, counslers?, social
    workers?, case ?(?:managers?|workers?), chaplain, recovery coach(?:es)?, peers?, peer support,
    receptionists?, reception, front desk, admissions, intake, operators?, operater, opperator,
    representatives?, reps?, agents?, advisors?, attendants?, supervisors?, managers?, director, secretary""")
_BODY = _any(f"""
    persons?, persn, persin, peson, people, ppl, humans?, humna, hunan, hooman, human beings?, (?:some|any)
    ?(?:one|body|1), sum1, som1, som+b?o?dy, smbo?dy, ne ?1, smone, somone, somewon, staf, stafff?, employees?,
    grown ?ups?, live
    (?:body|voice|one), voice, professional, one of (?:you|u|yall|them)(?: guys| people| folks)?, one of
    (?:your|ur|the) (?:people|guys|folks|staff|team|women|men), one of (?:your|ur|the) {_ROLE}, (?:staff
    |team )?members?(?: of (?:your|the) (?:staff|team))?, woman, lady, man""")
_KIND = _any("""
    an?, the, some, any, your, ur, real, reel, live, living, actual, acutal, other, another, different,
    female, male, human, spanish speaking, nice, kind, woman, man, on ?call, on duty, head, medical""")
_WHOM = rf"(?:{_KIND} ){{0,4}}(?:{_BODY}|{_ROLE})\b"
_FROM = r"(?:there |on \w+ \w+ |from \w+(?: \w+)? )?"
_SOFT = "(?:" + _any("""
    please, plz, pls, plase, plese, just, jus, maybe, kindly, really, actually, at least, also, now, first,
    finally, still, only, rather, possibly""") + " ){0,3}"
_TALK = _any("""
    talk, tlak, tak, tallk, tlk, speak, speek, spaek, spk, chat, meet, connect, be
    (?:connected|transferred|put through), get connected, get through""")
_TO = _any("to, too, wit, with, w, 2, wiht")
_TALK_TO = rf"{_TALK} {_SOFT}{_TO}"
_REACH = _any("""
    call, cll, cal, phone, ring, text, txt, email, mail, message, msg, contact, write, reach out, reach, get
    in touch, get back, telephone, talk, speak, explain, answer""")
_MINE = r"(?:me|us|him|her|them|my (?:(?:own|little|big|older|younger|poor) )?\w+|our \w+)"
_SOON = _any("please, plz, pls, now, asap, today, tonight, tomorrow, rn, instead")
_LATER = _any(f"{_SOON}, here, live, already, right, at once, soon, or, and, nd, before")
_WOULD = "(?:" + "|".join(f"(?<={word} )" for word in ("id", "wed", "hed", "shed", "would", "wud", "woud")) + ")"
_NEED = rf"(?:want|wanna|wana|whant|need|ned|prefer|rather have|{_WOULD}(?:like|love))"
_WANT = rf"(?:{_NEED}|rather|gotta|have|hoping|asking|trying|ready)"
_GET = _any("get, give, gimme, find, bring, fetch, page")
_CAN = r"(?:can|cann|cn|could|culd|will|would|may|might)"
_CAN_I = r"(?<!how )(?<!what )(?<!where )\b(?:can|cann|cn|could|culd|may|might)"
# Who speaks of a wish: "I", or nobody at the start of a clause; never "do i need to ...".
_NEVER = "".join(rf"(?<!\b{word} )" for word in ("do", "does", "did", "should", "if", "when", "why", "would", "how"))
_I = (rf"(?:^|{_NEVER}\b(?:i|we|id|wed|im|ill|ide|he|she|hed|shed) )"
      r"(?:d |m |am |would |wud |do |will |woud |we are )?")
# A first name, with a title or without: no medicine, no place, nobody in general.
_NAME = r"(?:dr |doctor |mr |mrs |ms |miss |nurse )?(?!" + _any("""
    naloxone, narcan, methadone, suboxone, subutex, vivitrol, naltrexone, bup\\w*, heroin, fentanyl, meth, detox,
    rehab, it, this, that, there, she, he, everyone, everything, anything, something, somebody, nobody, school,
    covid, the, my, your, medicine, treatment, therapy, group, pain, who, what""") + r"\b)[a-z]+ "
_PLEASE = (r"(?:^|\b(?:please|plz|pls|just|then|and|nd|so|or|now|ok|okay|"
           r"(?:can|could|will|would|cant|couldnt|cud) (?:you|u|ya|yall)) )")
_BEG = r"(?<!to )(?<!ll )(?<!will )(?<!would )(?<!didnt )(?<!never )(?<!they )\b"
_SEEN = "".join(f"(?<!{word} )" for word in ("had", "did", "if", "when", "hear", "saw", "make", "does"))

# What is said of a machine one is done with; "this program" may be the centre's.
_THIS_BOT = (r"\b(?:(?:this|the|your|ur|that|dumb|stupid|damn|dang) (?:\w+ )?"
             r"(?:bot|robot|chat ?bot|machine|computer|ai)|(?:this|your|ur) (?:\w+ )?(?:chat|app|thing))")
_NO_GOOD = _any("""
    useless, usless, worthless, garbage, trash, crap, crappy, shit, shitty, dumb, stupid, sucks?, suck, joke, junk,
    rubbish, terrible, horrible, awful, pointless, brain ?dead, waste of (?:my |our )?time, good for nothing, help me,
    helping, helping me, help at all, get it, getting it, get me, understand, understand me, work, working""")

_ENGLISH = (
    # i want to talk to somebody; i'd rather speak with a nurse
    rf"{_I}{_SOFT}{_WANT} {_SOFT}(?:to|2)? ?{_SOFT}(?:{_TALK_TO}|ask|see|reach) {_SOFT}{_WHOM}(?! s\b)",
    # can i speak with someone; can i get a person
    rf"{_CAN_I} (?:i|we|my \w+|he|she) {_SOFT}(?:{_TALK_TO}|reach|get hold of|speak|ask) {_SOFT}{_WHOM}"
    r"(?! s\b)(?! to (?:stop|listen|take|quit|go))",
    rf"{_CAN_I} (?:i|we) {_SOFT}(?:get|have) {_SOFT}{_WHOM}(?: on the \w+| on here| to {_REACH}| {_LATER}|$)",
    rf"\b(?:let|lemme|lem me) {_SOFT}(?:me |us )?{_SOFT}{_TALK_TO} {_SOFT}(?:{_WHOM}|who)",
    # i need a nurse; i want a real person now; i'd like someone from admissions to get in touch
    rf"{_I}{_SOFT}{_NEED} {_SOFT}{_WHOM}(?: {_LATER}\b|$)",
    rf"{_I}{_SOFT}{_NEED} {_SOFT}{_WHOM} {_FROM}{_SOFT}(?:to|2) {_SOFT}"
    rf"(?:{_REACH}|go over|read|join|take over|come on)\b",
    # how do i reach a nurse; for god's sake, a person; is dana in today
    rf"\bhow (?:do|can|could|would) (?:i|we|you) {_SOFT}(?:contact|reach|get (?:a )?hold of|get in touch with|get to) "
    rf"{_SOFT}{_WHOM}",
    rf"(?:god|gods sake|fuck|fucking|ffs|damn|enough|please|just|already) (?:{_KIND} ){{0,3}}"
    rf"(?:person|human|human being|somebody|someone)(?: {_SOON}| already)?$",
    rf"^(?:hi |hey |hello |yo |so )?is {_NAME}(?:in(?: today| yet| tonight)?|around|working|on (?:today|shift|duty)|"
    r"here today|in the building|back yet|free)(?: today| now| tonight| rn)?$",
    # connect me; put me through; get me a person
    rf"{_PLEASE}{_SOFT}(?:connect|conect|transfer|patch|pass|forward|put|hand|switch|hook) (?:me|us|my \w+)"
    rf"(?: {_SOFT}(?:(?:(?:thro\w*|thru|on|over|up) )?{_TO} {_SOFT}{_WHOM}|(?:thro\w*|thru|over)(?: {_SOON}|$))|$)",
    rf"(?:{_PLEASE}{_SOFT}|{_BEG}){_GET} (?:me|us) {_SOFT}(?:to )?{_WHOM}(?: on| in| {_LATER}| to| for|$)",
    rf"{_PLEASE}{_SOFT}(?:{_GET}|put|send) {_SOFT}{_WHOM}(?! back)(?: on| in here| {_LATER}| for me|$)",
    # can someone call me; someone call me; please have somebody text my wife; call me
    rf"\b{_CAN} {_SOFT}{_WHOM} {_FROM}{_SOFT}{_REACH} {_SOFT}(?:to |2 |with |for |it to )?{_MINE}\b",
    rf"{_SEEN}\b(?:someone|somebody|sum1|some1|any ?one|a nurse|a person) {_SOFT}"
    r"(?:call|ring|phone|text|talk to|contact) (?:me|us)\b",
    rf"{_PLEASE}{_SOFT}(?:have|ask|tell|get) {_SOFT}{_WHOM} {_FROM}{_SOFT}(?:to |2 )?{_REACH} "
    rf"{_SOFT}(?:to |with )?{_MINE}\b",
    rf"(?<!what )\b{_CAN} (?:you|u|ya|yall|you guys|your (?:people|staff|team)) {_SOFT}"
    rf"(?:call|phone|ring|contact|telephone) (?:me|us)"
    rf"(?= (?:at|on|after|this|when|whenever|in|about|if|cause|because|back|{_LATER})\b|$)",
    rf"^{_SOFT}(?:call|phone|ring|telephone|contact) (?:me|us)(?: back)?(?: {_SOFT}(?:{_SOON}|after \w+|at \w+))?$",
    # a nurse i can talk to; is there a human
    rf"\b{_WHOM} (?:there |here |on duty |on shift |around |available |free )?(?:that |who |whom )?(?:i|we|my \w+) "
    rf"(?:can|could|may|might) {_SOFT}(?:{_TALK}|get|reach|call|ask|see|text)\b",
    rf"^(?:is|are) there {_SOFT}{_WHOM}(?: (?:there|available|around|on|on duty|on shift|free|awake|{_LATER}))?$",
    # somebody who has been through it that i could talk to; do you have a man his age who would talk to him
    rf"\b(?:(?:is|are) there|isnt there|(?:do|would) (?:you|u|yall|you guys) have|(?:have )?(?:you|u|yall) got|got) "
    rf"{_SOFT}{_WHOM} (?:\w+ ){{0,12}}?(?:(?:i|we|he|she|they|my \w+) (?:can|could|might|may)|"
    rf"(?:can|could|would|will|wud|willing to|free to|to)) {_SOFT}"
    rf"(?:{_TALK}|message|text|txt|call|ring|write|email)(?: {_SOFT}(?:(?:to|with|w) )?(?:me|us|him|her|them|my \w+)\b|"
    rf"(?: {_TO})?$)",
    # is anybody there; hello, people?
    r"^(?:hi+ |hey+ |hello+ |yo )*(?:is |are )?(?:any ?(?:one|body|1)|some ?(?:one|body|1)|ne ?1|people) "
    rf"(?:real |even |still |actually )?(?:here|there|der|up|awake|around|home|alive|online|reading(?: this)?)"
    rf"(?: (?:{_SOON}|right now|at all|over there|at this hour|tonight|lol|please))?$",
    # what's the line for intake
    rf"\b(?:line|extension|ext|number) (?:for|to) (?:the |your |ur )?{_ROLE}\b",
    # zero for the operator
    r"^(?:press|push|dial|hit|option|number) (?:0|zero|oh)$",
    # this bot is useless
    rf"{_THIS_BOT} (?:is |are |was |r |s )?(?:so |just |really |fucking |freaking |such |total |totally |complete |"
    r"completely |absolute |absolutely |a |an |no |not |doesnt |dont |isnt |wont |cant |even |pure |very )*"
    rf"{_NO_GOOD}\b",
    rf"^(?:you|u|ur|youre|you are) (?:are |r )?(?:a |an |so |just |the |one |such |total |fucking )*{_NO_GOOD} ?"
    r"(?:bot|robot|chat ?bot|machine|computer|program|ai)?$",
    r"^(?:you|u|youre|you are|this|this is) (?:are |r |is )?no (?:help|good|use)(?: to me| at all)?$",
    rf"^(?:\w+ )?{_NO_GOOD} (?:bot|robot|chat ?bot|machine|computer|app|ai)$",
)
# "are there people here? i'd like one": who is meant stands elsewhere in the message.
_ONE_OF_THEM = re.compile(
    r"(?:id|i|we|wed|ill) (?:just |really |still |would |d )?(?:like|want|need|prefer|take) (?:one|some)"
    rf"(?: of (?:them|those))?(?: to| {_SOON})*$")


def _shortened(word: str) -> list[str]:
    return [word, *(word[:i] + word[i + 1:] for i in range(1, len(word)))]


LEAST_SLIPPED = 4  # letters: of shorter words too many are near each other
_SLIPS = {short: name for name in (
    "human", "person", "somebody", "someone", "operator", "representative", "counselor", "therapist", "psychologist",
    "nurse", "doctor", "manager", "supervisor", "receptionist", "employee", "humano", "persona", "enfermera",
    "consejero", "operadora", "representante") for short in _shortened(name)}
# A message, or a sentence of it, that names a person and says nothing else: "a real person please".
_PERSON = re.compile(rf"\b(?:{_WHOM}|everybody|everyone)")
_NAMES = re.compile(rf"\b(?:{_BODY}|{_ROLE})\b")
_NAMING = re.compile(rf"(?:{_KIND}|{_SOON}|plss|only|thx|thanks|por favor|\s)*")

_ROL = _any("""
    enfermer[oa]s?, doctora?, medic[oa], consejer[oa]s?, terapeutas?, psicolog[oa], trabajadora? social,
    recepcion(?:ista)?, admisiones, encargad[oa], supervisora?, gerente, operadora?, representante, agente,
    asesora?, responsable, counselor, nurse""")
_ALGUIEN = (rf"(?:(?:una?|el|la|los|las|algun[oa]?|otra?|otro|su|sus|de|mero) ){{0,3}}"
            rf"(?:alguien|algien|personas?|personal|human[oa]s?|ser humano|gente|equipo|ustedes|mujer|senora|quien|"
            rf"{_ROL})\b")
_SUAVE = "(?:" + _any("por favor, porfa, mejor, ya, solo, tambien, primero, directamente, please, mas bien") + " ){0,3}"
_QUIERO = _any("quiero, kiero, quisiera, necesito, nesesito, ocupo, prefiero, preferiria")
_HABLAR = _any("hablar, ablar, platicar(?:lo)?, hablarlo, chatear, conversar, comunicarme, talk, speak")
_PUEDE = r"(?:puede|pueden|podria|podrian)"
_SPANISH = (
    rf"(?<!no )\b(?:{_QUIERO}|deseo|gustaria|urge|puedo|podria|podemos|dejeme|quiere) {_SUAVE}{_HABLAR} {_SUAVE}"
    rf"(?:con|kon|to|with|a) {_SUAVE}(?:{_ALGUIEN}|{_WHOM})",
    rf"(?<!no )\b{_QUIERO} {_SUAVE}(?:a )?{_ALGUIEN}(?: (?:real|de verdad|por favor|porfa|ya|que me)|$)",
    r"(?<!no me )(?<!no nos )\b(?:pas[ea]n?|comuni(?:que|ca)n?|conect[ea]n?|transfier[ea]n?|transfieran?|pongan?)"
    rf"(?:me|nos|le|melo) {_SUAVE}(?:con |a )?{_ALGUIEN}",
    rf"(?<!no )\b(?:me|nos|le|les) {_PUEDE} {_SUAVE}(?:llamar|marcar|atender|escribir|explicar|hablar) "
    rf"{_SUAVE}{_ALGUIEN}",
    rf"(?<!no )\b(?:me|nos) {_PUEDE} {_SUAVE}(?:llamar|marcar)\b",
    rf"(?<!no )\b{_PUEDE} {_SUAVE}(?:llamarme|marcarme|hablarme|llamarnos)\b",
    rf"(?<!no )\bpuede {_SUAVE}(?:llamar|explicar|hablar)(?:me|le|nos)? {_SUAVE}{_ALGUIEN}",
    rf"\bque (?:me|nos|le) (?:llame|marque|hable|atienda|escriba|explique)n? {_SUAVE}{_ALGUIEN}",
    rf"(?<!no )\b{_QUIERO} {_SUAVE}que (?:me|nos) (?:llame|marque|atienda)n?\b",
    r"^(?:por favor )?(?:llamenme|llameme|marquenme|marqueme|hablenme|llamame)\b",
    rf"(?<!no )\b{_PUEDE} {_SUAVE}{_ALGUIEN} {_SUAVE}(?:llamar|marcar|atender|escribir|explicar|hablar|ayudar)"
    r"(?:me|nos|le)\b",
    rf"^(?:hola )?(?:hay|habra|esta|no hay) {_ALGUIEN} (?:ahi|alli|despiert[oa]|disponible|de guardia|de verdad|real|"
    r"en linea|que conteste|que atienda|que me atienda|de carne y hueso)$",
    r"\b(?:este|el|su|tu) (?:\w+ )?(?:bot|robot|chat|aparato|sistema|maquina) (?:inutil |tonto )?(?:no (?:me )?"
    r"(?:sirve|ayuda|entiende|funciona)|es (?:una? )?(?:inutil|basura|porqueria|tonto|tonteria))",
)
_NOMBRADO = re.compile(
    rf"(?:por favor )?{_ALGUIEN}(?: real(?:es)?| de verdad| humana?)?(?: por favor| porfa| ya| please| pls)*")
_ASKED = re.compile("|".join((*_ENGLISH, *_SPANISH)))

# -- a number to be called ---------------------------------------------------------------------------------

FEW = 2  # words beside a number that is the whole message
_NUMBER = re.compile(r"(?<![\d.])(?:\+?1[\s.-]?)?(?:\(?\d{3}\)?[\s.-]{0,2})?\d{3}[\s.-]?\d{4}(?![\d%])")
_TOLL_FREE = re.compile(r"\D*1?\D*8(?:00|33|44|55|66|77|88)\D*\d{3}\D*\d{4}")
_MY_NUMBER = re.compile(r"\b" + _any("""
    my, me, reach, cell, cel, call, text, txt, phone, number, ask for, home, mornings?, evenings?, after, before,
    between, anytime, any time, please, pls, mi, marque\\w*, llam\\w*, numero, telefono, celular, casa""") + r"\b")
_OTHERS_NUMBER = re.compile(r"\b" + _any("""
    from, whose, who, is, what, his, her, hotline, helpline, lifeline, samhsa, safespot, mg, order, member, claim,
    policy, prescription, rx, dont, not, scam, no me""") + r"\b")

# -- worth a closer look -----------------------------------------------------------------------------------

_SOMEBODY = re.compile(
    rf"\b(?:{_WHOM}|{_ALGUIEN}|(?:your|ur) (?:people|guys|side|end|team)|phone|call|voice|face to face|"
    r"(?:talk|speak|chat) (?:to|with)|(?:can|do|could) i (?:talk|speak)|reach|alguna? de ustedes)\b")
_WANTING = re.compile(r"\b" + _any("""
    would, wud, could, can, id, wed, hed, shed, itd, want, wanna, like, prefer, rather, need, please, plz,
    pls, who, is there, are there, anyone, let, hope, hoping, wish, better if, unless, until, only, willing,
    have, quiero, quisiera, gustaria, puede, pueden, podria, necesito, prefiero, ojala, hay, quien""") + r"\b")

# -- a person is not wanted --------------------------------------------------------------------------------

_NEGATED = (r"(?<!you )(?<!they )\b" + _any("""
    dont, do not, don t, doesnt, didnt, wouldnt, not, aint, never, no need, rather not, prefer not, i wont,
    not gonna""")
    + r"(?! (?:you|u|i|we|yall)\b)")
_LEAVE = "".join(f"(?<!{word} )" for word in ("why", "they", "you", "nobody", "he", "she"))
_DECLINED = re.compile("|".join((
    # i don't want to talk to anyone; not ready to speak to a counselor; no need for a call
    rf"{_NEGATED} (?:\w+ ){{0,2}}?(?:want|wanna|wnat|need|like|ready|looking|asking|trying|going|to|for|talk)\b "
    rf"(?:\w+ ){{0,3}}?(?:{_WHOM}|calls?|phone|handoff|transfer)",
    # please don't call my house
    rf"{_LEAVE}\b(?:dont|do not|don t|never|stop) (?:please |ever |you )?(?:call|calling|phone|phoning|ring|"
    r"contact|contacting|text|texting|message|connect|transfer|put|get|have|tell|bring|alert|notify) "
    r"(?:me|us|my|our|him|her|anyone|anybody|someone|staff|the|a|your)\b",
    r"\b(?:no|without) (?:real |live |human )?(?:person|people|human|humans|staff|nurse|counselor|calls?|phone calls?)"
    r"(?: (?:needed|necessary|required|please|pls|plz|thanks|thank you)|$)",
    r"\b(?:hate|hating|afraid of|(?:too )?(?:scared|afraid|shy|nervous|embarrassed|ashamed|anxious) to|scared of|"
    r"tired of|sick of|bad at|dread|nervous about) (?:be )?"
    rf"(?:talk|speak|call)(?:ing)? (?:to|with|on)? ?(?:{_WHOM}|strangers|the phone)",
    r"\b(?:rather|prefer|easier|better|sooner|like) (?:to )?(?:talk|type|chat|write|ask)(?:ing)? (?:to |with )?"
    r"(?:you|a bot|the bot|this)\b",
    rf"\b(?:(?:dont|do not) (?:have to (?:get|bring|call|find|ask)|(?:hand|pass) me (?:\w+ )?to)|good without) {_WHOM}",
    r"\bno transfer\b|\bsin personas\b",
    r"\bno (?:me|nos|le|les) (?:llame|marque|hable|contacte|escriba|pase|comunique|transfiera|conecte)[ns]?\b",
    r"\bno (?:quiero|necesito|deseo|hace falta|ocupo|quisiera|puedo|estoy list[oa]) (?:\w+ ){0,3}?"
    rf"(?:nadie|{_ALGUIEN}|llamen?|llamadas?)",
)))
# -- somebody of the visitor's own is meant --------------------------------------------------------------------

_OWN = rf"(?:my|his|her|our|their) (?!(?:own |old )?(?:{_ROLE}|case|situation|options?|treatment|addiction)\b)"
_ELSEWHERE = re.compile("|".join((
    # i want to talk to my son; how do i tell my wife; help me text my brother
    rf"(?:^|\b)(?:i|we|id|ill|im|should|how do|how can|how to|help me|what do i) (?:\w+ ){{0,4}}?"
    rf"(?:(?:{_TALK}|reach out|open up|lie|lied)(?:ing|ed)? {_SOFT}(?:{_TO}) |"
    rf"(?:call|tell|text|phone|message)(?:ing)? )(?:with )?{_OWN}",
    # how do i convince a friend to see a doctor; my boss wants to talk to me
    r"\b(?:convince|persuade|make|get|want) (?:my \w+|him|her|them|a friend|some(?:body|one) i \w+) (?:to )?"
    r"(?:talk|speak|see|call|open up|get help)\b(?!.*\b(?:here|there|you|yall|your|ur)\b)",
    r"\bwants to (?:talk|speak) (?:to|with) (?:me|my \w+)\b",
    r"(?<!podrian )(?<!pueden )(?<!podria )(?<!puede )\b"
    r"(?:hablar|platicar|hablo|platico) con (?:mi|mis|su|sus) (?!" + _ROL + r"\b)\w+",
)))
# -- somebody has called or helped already --------------------------------------------------------------------

_DONE = re.compile("|".join((
    rf"\b(?:{_WHOM}|guy)(?: (?:from|at|of) \w+(?: \w+)?| there)?(?: already| just)? (?:called|rang|phoned|texted|"
    r"booked|helped|sat|told|said|hung)\b",
    r"\b(?:i|we|ive|weve|he|she) (?:already |just |finally |have )?(?:talked|spoke|spoken|chatted|met|heard) "
    r"(?:already )?(?:to|with|from)\b",
    r"\bya (?:me|nos|le|les) \w+o\b|\bya hable con\b|\balguien me (?:marco|llamo|grito|dijo)\b",
    rf"\b{_ALGUIEN} (?:no |ni )?(?:me|le) (?:trato|creyo|miro|dijo|llamo|marco)\b",
)))
_STAYS = re.compile(r"\b(?:sooner|rather|prefer|prefiero) (?:\w+ ){0,4}?(?:the bot|just you|el programa|el bot)\b")
# A "not" beside these turns nothing down: no machine, or nobody but this one.
_SPARED = re.compile(r"\b" + _any(r"""
    bots?, robots?, machines?, computers?, ai, computadora, maquinas?, program\w*, website, screen,
    recording, chatbot, this thing, but, except, besides, unless, other than, only, sino, excepto, mas que,
    salvo""") + r"\b")

# -- clauses -----------------------------------------------------------------------------------------------

_OPENS = _any("""
    also, oh, then, please, pls, plz, just, maybe, can, could, may, will, would, i, i'?d, i'?m, we, let,
    lemme, get, put, have, give, gimme, connect, transfer, call, text, who, is, are, if, someone, somebody,
    tell, ask, me, que, quiero, quisiera, puede, pueden, necesito, prefiero, podr[ií]a, tambi[eé]n, hay,
    talk, speak""")
_SENTENCES = re.compile(r"(?<=[.?!;])\s+|\n+")
_JOINTS = re.compile(
    r"(?<=[.?!;:,])\s+|\n+|\s+[-\u2013\u2014]+\s+|\s+(?:but|because|cause|cuz|so|then|pero|porque|unless|instead)\s+|"
    rf"\s+(?:and|n|nd|&|\+|plus|also|y|e|oh|or|o|tambi[eé]n)\s+(?={_OPENS}\b)", re.IGNORECASE)
_AND = re.compile(r"^(?:(?:and|n|&|y|also|tambi[eé]n|oh|so|but|pero)\s+)+", re.IGNORECASE)


def clauses(text: str) -> tuple[str, ...]:
    """The clauses of a message, in order.

    >>> clauses("What is methadone, and can somebody call me?")
    ('What is methadone,', 'can somebody call me?')
    """
    parts = (_AND.sub("", f"{part.strip()} ").strip() for part in _JOINTS.split(text))
    return tuple(part for part in parts if re.search(r"\w", part))


def outright(text: str) -> tuple[str, ...]:
    """The clauses that ask for a person in words that cannot mean anything else.

    >>> outright("What is detox? could a nurse please call my mother, she is worried")
    ('could a nurse please call my mother,',)
    >>> outright("how do i talk to my doctor"), outright("forget it. person.")
    ((), ('person.',))
    """
    terse = len(text.split()) <= TERSE
    named = [part for part in _SENTENCES.split(text) if terse and _only_names(plain(part))]
    meant = terse and _PERSON.search(plain(text)) is not None
    return tuple(part for part in clauses(text)
                 if any(part in sentence for sentence in named) or (meant and _ONE_OF_THEM.search(plain(part)))
                 or ((_ASKED.search(plain(part)) or (terse and _leaves_a_number(part))) and not declines(part)))


def _leaves_a_number(clause: str) -> bool:
    """Whether a clause is a telephone number to be called, with little beside it; a hotline's is not."""
    number = _NUMBER.search(clause)
    if number is None or _TOLL_FREE.fullmatch(number.group()) or "?" in clause:
        return False
    beside = plain(_NUMBER.sub(" ", clause))
    return not _OTHERS_NUMBER.search(beside) and (len(beside.split()) <= FEW or bool(_MY_NUMBER.search(beside)))


def _only_names(words: str) -> bool:
    """Whether some words are a person and nothing else, however often and however spelt."""
    return any(_names(said) for said in {words, " ".join(map(_respelt, words.split()))})


def _names(words: str) -> bool:
    said = _NAMES.sub("", words)
    return (said != words and _NAMING.fullmatch(said) is not None) or _NOMBRADO.fullmatch(words) is not None


def _respelt(word: str) -> str:
    """The name of a person that a word becomes when either loses a letter at most: "hyuman", "tehrapist"."""
    near = (_SLIPS[short] for short in _shortened(word) if short in _SLIPS) if len(word) > LEAST_SLIPPED else ()
    return next((name for name in near if name[0] == word[0] and abs(len(name) - len(word)) <= 1), word)


def hints(clause: str) -> bool:
    """Whether a clause speaks of somebody here and of wanting something: worth a reading of its own."""
    words = plain(clause)
    return (len(words.split()) >= 3 and bool(_SOMEBODY.search(words) and _WANTING.search(words))
            and not declines(clause) and not elsewhere(clause))


def told(text: str) -> bool:
    """Whether a message tells of somebody who has called, helped or said something already, and wants nothing.

    >>> told("a nurse called me already, all set"), told("a nurse called me. can she call again")
    (True, False)
    """
    words = plain(text)
    return "?" not in text and _DONE.search(words) is not None and _WANTING.search(words) is None


def speaks_of_people(text: str) -> bool:
    """Whether a message speaks of somebody here, or of talking at all, in a word that a name would not hold."""
    return _SOMEBODY.search(plain(text)) is not None


def elsewhere(text: str) -> bool:
    """Whether a talk with somebody of the visitor's own is what a message is about.

    >>> elsewhere("how do i talk to my son"), elsewhere("could a nurse talk to my son"), elsewhere("i want my nurse")
    (True, False, False)
    """
    return _ELSEWHERE.search(plain(text)) is not None


def declines(clause: str) -> bool:
    """Whether a clause says that no person is wanted.

    >>> declines("i don't want to talk to anyone"), declines("i don't want to talk to a machine")
    (True, False)
    """
    words = plain(clause)
    return bool(_STAYS.search(words) or (_DECLINED.search(words) and not _SPARED.search(words)))
