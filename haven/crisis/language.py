"""Which of English and Spanish a message is written in, told by its commonest words; runs in both processes."""

from __future__ import annotations

import re

from haven.crisis.values import words_of

# Words that only one of the two languages uses; words of both ("no", "me", "a", "son") are left out.
_SPANISH = words_of(
    """
    que qué de la el los las un una y es está esta esto eso mi mis tu su sus se le lo les nos por para
    con sin pero como cómo cuando cuándo donde dónde porque si sí ya no muy más mas todo toda todos
    todas nada nadie yo ella ellos usted ustedes estoy estás están estamos soy eres somos tengo tiene
    tienes tenemos tomo tomó tomé quiero quiere quieres puedo puede pueden hay hace hacer ayuda ayúdame
    favor gracias hola buenas buenos días dias tardes noches hijo hija hermano hermana amigo amiga
    esposo esposa mamá mama papá papa novio novia bebé respira despierta morir morirme muerto vida ahora
    ahorita hoy ayer mañana anoche también tambien siento siente mal bien solo sola desde hasta entre
    sobre porfa porfavor necesito cuánto cuanto cuántos cual cuál dice dijo fue era son ser sido después
    despues aquí aqui allá alla así asi del al pa pues nomás nomas pastillas drogas heroína consumió
    consumir inyectó metió sobredosis abstinencia malilla clínica cita xfa xq pq tqm q kiero toy tá ta
    stoy
    """
) - frozenset({"no", "mama", "papa", "son", "solo", "me", "he", "as", "ta"})
_ENGLISH = words_of(
    """
    the a an and is are was were be been i im ive you your he hes she shes they them his her him my we
    our it its this that these what when where why how who which do does did dont doesnt didnt can cant
    could wont will would should have has had not of in on at to for with from but if or because just
    like now today night help please pls u ur r n wat wanna gonna gotta get got going take took taking
    need want know think feel there here about after all any some out up down over off still really very
    too so more than then im'm hey hi hello thanks thank friend brother sister mom dad son daughter wife
    husband breathing wake pills use used using die dead
    """
)
_WORD = re.compile(r"[a-záéíóúüñ]+", re.IGNORECASE)
_ONLY_SPANISH = re.compile(r"[ñ¿¡]|ción\b", re.IGNORECASE)


def language_of(text: str) -> str:
    """'es' when more of the words are Spanish than English, else 'en'; short neutral words count as English."""
    words = [word.lower() for word in _WORD.findall(text.replace("'", "").replace("’", ""))]
    spanish = sum(word in _SPANISH for word in words) + 2 * len(_ONLY_SPANISH.findall(text))
    return "es" if spanish > sum(word in _ENGLISH for word in words) else "en"
