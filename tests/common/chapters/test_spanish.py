"""Chapters of meetings held in Spanish: each step by itself, what is none, and two meetings of an evening.

The meetings are written for these tests in the language of procedure that the sources in `rules/es.py` have: one as a
town council in Spain holds it, one as a city council in the United States does.
"""

from collections.abc import Iterator

import pytest

from archivist_captions.cue import Word
from archivist_common.chapters.detection import Topic, find, language_of, valid


def timed(script: str) -> Iterator[Word]:
    for line in script.strip().splitlines():
        clock, _, text = line.partition(" ")
        minutes, seconds = clock.split(":")
        for number, word in enumerate(text.split()):
            start = (int(minutes) * 60 + int(seconds)) * 1_000 + 300 * number
            yield Word(start, start + 250, word)


def chapters(*sentences: str, code: str = "es") -> list[tuple[Topic | None, str]]:
    """Of these sentences, half a minute apart."""
    script = "\n".join(f"{place // 2}:{place % 2 * 30:02} {text}" for place, text in enumerate(sentences))
    return [(chapter.kind, chapter.title) for chapter in find(tuple(timed(script)), code)]


@pytest.mark.parametrize(
    ("sentence", "kind", "title"),
    [
        ("Declaro abierta la sesión.", Topic.CALL_TO_ORDER, "Apertura de la sesión"),
        ("Se abre la sesión a las siete de la tarde.", Topic.CALL_TO_ORDER, "Apertura de la sesión"),
        ("Llamo al orden esta reunión del concejo.", Topic.CALL_TO_ORDER, "Apertura de la sesión"),
        ("Doy por iniciada la sesión ordinaria.", Topic.CALL_TO_ORDER, "Apertura de la sesión"),
        ("De pie para el juramento a la bandera.", Topic.PLEDGE, "Juramento a la bandera"),
        ("Señora secretaria, pase lista por favor.", Topic.ROLL_CALL, "Pase de lista"),
        ("Comprobada la existencia del quórum necesario, continuamos.", Topic.ROLL_CALL, "Pase de lista"),
        ("¿Hay una moción para aprobar el orden del día?", Topic.AGENDA, "Aprobación del orden del día"),
        ("Moción para aprobar el calendario de consentimiento.", Topic.AGENDA, "Asuntos de consentimiento"),
        ("Aprobación, si procede, del acta de la sesión anterior.", Topic.MINUTES, "Aprobación del acta"),
        ("¿Alguna observación al acta?", Topic.MINUTES, "Aprobación del acta"),
        ("Pasamos al punto 4, el contrato de la limpieza.", Topic.ITEM, "Punto 4: el contrato de la limpieza"),
        ("Punto segundo, la cuenta general.", Topic.ITEM, "Punto segundo: la cuenta general"),
        ("Punto número 7 b del orden del día, la fuente.", Topic.ITEM, "Punto 7B: la fuente"),
        ("El siguiente punto del orden del día es la ordenanza de ruidos.", Topic.ITEM, "La ordenanza de ruidos"),
        ("Abrimos la audiencia pública sobre el parque.", Topic.HEARING, "Audiencia pública abierta: el parque"),
        ("La audiencia pública queda cerrada.", Topic.HEARING, "Audiencia pública cerrada"),
        ("Propongo aprobar el presupuesto.", Topic.MOTION, "Moción para aprobar el presupuesto"),
        ("Hago la moción para autorizar el contrato.", Topic.MOTION, "Moción para autorizar el contrato"),
        ("Pasamos a los comentarios del público.", Topic.COMMENT, "Comentarios del público"),
        ("Ruegos y preguntas.", Topic.COMMENT, "Comentarios del público"),
        ("Pasamos al informe del superintendente.", Topic.REPORT, "Informe del superintendente"),
        ("Se levanta la sesión.", Topic.ADJOURNMENT, "Cierre de la sesión"),
        ("No habiendo más asuntos que tratar, buenas noches.", Topic.ADJOURNMENT, "Cierre de la sesión"),
    ],
)
def test_a_phrase_makes_its_chapter(sentence: str, kind: Topic, title: str) -> None:
    found = chapters("Buenas tardes, declaro abierta la sesión.", "Gracias.", sentence)
    assert found[0] == (Topic.CALL_TO_ORDER, "Apertura de la sesión")
    assert found[1:] == ([] if kind is Topic.CALL_TO_ORDER else [(kind, title)])


@pytest.mark.parametrize("kind", [Topic.CALL_TO_ORDER])
@pytest.mark.parametrize(
    "sentence",
    [
        "Declaro abierta la sesión.",
        "Se abre la sesión a las siete de la tarde.",
        "Llamo al orden esta reunión del concejo.",
        "Doy por iniciada la sesión ordinaria.",
    ],
)
def test_a_meeting_begins(sentence: str, kind: Topic) -> None:
    assert chapters(sentence) == [(kind, "Apertura de la sesión")]


@pytest.mark.parametrize(
    "sentence",
    [
        "La puerta está abierta.",
        "El acta de nacimiento se pide en el registro.",
        "Me gustaría poner orden en casa.",
        "La lista de la compra está en la mesa.",
        "El punto de encuentro es la plaza.",
        "Tengo muchas preguntas y ningún ruego.",
        "Se levanta a las siete cada mañana.",
        "No hemos abierto la audiencia pública.",
        "Nunca se aprobó el acta.",
        "No vamos a aprobar el presupuesto.",
        "La sesión de cine fue larga.",
        "El informe del tiempo anuncia lluvia.",
        "Hay que aprobar el examen.",
        "La emoción de aprobar fue grande.",
        "El público aplaudió mucho.",
        "Pasamos por el punto más alto.",
        "I call this meeting to order.",
        "",
    ],
)
def test_what_is_no_step_of_a_meeting_makes_none(sentence: str) -> None:
    assert chapters("Hola.", sentence) == []


PLENO = """
0:02 Buenas tardes a todos y a todas.
0:06 Comprobada la existencia de quórum, se abre la sesión ordinaria del Pleno.
0:40 Primer asunto.
1:00 Punto primero, aprobación, si procede, del acta de la sesión anterior.
1:30 ¿Alguien quiere hacer alguna observación?
2:00 Queda aprobada por unanimidad.
2:30 Pasamos al punto segundo, la cuenta general del ejercicio.
3:00 Tiene la palabra la señora interventora.
8:00 Votos a favor, siete; votos en contra, dos.
8:20 El dictamen queda aprobado por mayoría absoluta.
9:00 Punto tercero del orden del día, la modificación de la ordenanza de ruidos.
15:00 Este asunto queda sobre la mesa.
16:00 El siguiente punto es la moción del grupo municipal sobre la biblioteca.
17:00 Propongo aprobar la moción tal como está.
24:00 La propuesta queda rechazada por mayoría.
25:00 Pasamos al informe de alcaldía.
31:00 Pasamos a ruegos y preguntas.
31:20 ¿Cuándo se arreglará la calle del Molino?
36:00 Se contestará por escrito.
39:00 No habiendo más asuntos que tratar, se levanta la sesión.
"""


def test_a_pleno_has_these_chapters() -> None:
    found = find(tuple(timed(PLENO)), "es-ES")
    assert [(chapter.start_ms // 1_000, chapter.title) for chapter in found] == [
        (0, "Apertura de la sesión"),
        (60, "Aprobación del acta"),
        (150, "Punto segundo: la cuenta general del ejercicio"),
        (540, "Punto tercero: la modificación de la ordenanza de ruidos"),
        (960, "La moción del grupo municipal sobre la biblioteca"),
        (1020, "Moción para aprobar la moción tal como está (queda rechazada por mayoría)"),
        (1500, "Informe de alcaldía"),
        (1860, "Comentarios del público"),
        (2340, "Cierre de la sesión"),
    ]
    valid(found, 2_400_000)


CONCEJO = """
0:03 Buenas noches y bienvenidos.
0:08 Vamos a llamar al orden la reunión del concejo de la ciudad.
0:40 Por favor, de pie para el juramento a la bandera.
1:10 Secretaria, por favor pase lista.
1:20 Concejal Rivera. Presente. Concejal Soto. Presente.
2:00 ¿Hay una moción para aprobar la agenda?
2:10 Secundo. La moción es aprobada.
3:00 Pasamos ahora a los comentarios del público.
3:20 Buenas noches, me llamo Elena y vivo en la calle Olmo.
9:00 Moción para aprobar el calendario de consentimiento.
10:00 Ahora punto número 5, el contrato del camión de bomberos.
14:00 Muevo que se apruebe el contrato.
14:10 Secundo.
15:00 La moción queda aprobada 5 a 2.
16:00 Abrimos la audiencia pública sobre la variación de la calle Cedro.
25:00 Sin más oradores, seguimos.
25:30 Se cierra la audiencia pública.
30:00 Pasamos al informe del administrador.
40:00 Hay una moción para levantar la sesión.
40:20 Queda clausurada la sesión. Buenas noches.
"""


def test_a_city_council_has_these_chapters() -> None:
    found = find(tuple(timed(CONCEJO)), "es-US")
    assert [(chapter.start_ms // 1_000, chapter.kind) for chapter in found] == [
        (0, Topic.CALL_TO_ORDER),
        (41, Topic.PLEDGE),
        (70, Topic.ROLL_CALL),
        (121, Topic.AGENDA),
        (180, Topic.COMMENT),
        (540, Topic.AGENDA),
        (600, Topic.ITEM),
        (840, Topic.MOTION),
        (960, Topic.HEARING),
        (1530, Topic.HEARING),
        (1800, Topic.REPORT),
        (2400, Topic.ADJOURNMENT),
    ]
    assert found[6].title == "Punto 5: el contrato del camión de bomberos"
    assert found[7].title == "Moción para que se apruebe el contrato (queda aprobada 5 a 2)"
    assert found[8].title == "Audiencia pública abierta: la variación de la calle Cedro"


def test_a_short_form_of_address_ends_no_title() -> None:
    found = chapters("Se abre la sesión.", "Punto segundo, informe de la Sra. Interventora sobre la cuenta.")
    assert found[1] == (Topic.ITEM, "Punto segundo: informe de la Sra. Interventora sobre la cuenta")


def test_before_the_first_step_is_the_beginning_in_that_language() -> None:
    late = chapters("Hola.", "¿Se oye bien?", "Se abre la sesión.")
    assert late[0] == (Topic.START, "Inicio")


@pytest.mark.parametrize("code", ["es", "ES", "es-MX", "es_419", " es "])
def test_a_region_has_the_rules_of_its_language(code: str) -> None:
    assert language_of(code) is language_of("es")
    assert chapters("Se abre la sesión.", code=code) != []


@pytest.mark.parametrize("code", ["fr", "hmn", "est", "", "auto"])
def test_another_language_has_no_rules_and_no_chapters(code: str) -> None:
    assert language_of(code) is None
    assert chapters("Se abre la sesión.", "I call this meeting to order.", code=code) == []


def test_english_rules_make_nothing_of_spanish() -> None:
    assert find(tuple(timed(PLENO)), "en") == ()
    assert find(tuple(timed(CONCEJO)), "en-US") == ()
