"""What people say in Spanish who conduct a meeting, and what a chapter of it is called. Data. Pure.

Sources of the phrases:
Spain: Real Decreto 2568/1986 (ROF), articles 80 to 103, and Ley 7/1985 (Bases del Régimen Local), article 46: orden
del día, acta de la sesión anterior, dictamen, moción, enmienda, ruegos y preguntas, quedar sobre la mesa.
Minutes of the plenos of Añora, 25 September 2007 ("es abierta la sesión", "aprobación del acta de la sesión
anterior", "la somete a votación", "aprobada por unanimidad"); of Fuentes de Ebro, 17 October 2012 ("declara abierta
la sesión", "orden del día"); of Trescasas, 29 September 2011 ("declara abierta y pública la sesión", "lectura y
aprobación, si procede, del acta"); and of Almudévar, 27 January 2020 ("comprobada la existencia del quórum").
United States: the order of the day that Houston Independent School District publishes for its board ("llamado al
orden", "juramento a la bandera", "informe del superintendente", "comentarios del público", "fin de la sesión"); board
policy B-2 of Salt Lake City School District ("orden del día", "comentarios del público").
"""

import re

from archivist_common.chapters.phrases import (
    Language,
    Topic,
    from_there,
    hearing,
    item,
    motion,
    rule,
    says,
    spoken,
    topic,
)

_NUMBERS = (
    "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete "
    "dieciocho diecinueve veinte"
)
_ORDINALS = "primero segundo tercero cuarto quinto sexto septimo octavo noveno decimo"
_NUMBER = rf"(?:\d+|{'|'.join([*_NUMBERS.split(), *_ORDINALS.split()])})"
_ACTS = (
    "aceptar acordar adjudicar adoptar ampliar anular aplazar aprobar autorizar cancelar cerrar conceder contratar "
    "continuar declarar dejar denegar derogar designar desestimar elegir enviar incluir modificar nombrar posponer "
    "prorrogar ratificar rechazar recomendar remitir retirar suspender"
)
_ACT = rf"(?:{'|'.join(_ACTS.split())})"
_MEETING = r"(?:sesion|reunion|junta|pleno|asamblea|audiencia)"
_OUR = r"(?:la|el|esta|este|dicha|presente|nuestra|nuestro)"
_PASSING = (
    r"(?:pasamos|pasemos|vamos|continuamos|seguimos|procedemos|procederemos|avanzamos|pasando|pasaremos|"
    r"corresponde(?: ahora)?|sigue|siguiente es|abrimos|comenzamos con|empezamos con)"
)
_BEGUN = r"(?:bien |bueno |muy bien |entonces |ahora |y |de acuerdo |a continuacion )"
_APPROVED = r"\b(?:aprob(?:ar|acion|amos|emos|ada|ado|aban|ara)|adop(?:tar|cion)|aceptar)(?: si procede)?"
_COMMENT = (
    r"(?:(?:los |el |periodo de )?comentarios? (?:del|de los|al) publico|(?:los )?comentarios publicos|"
    r"(?:los )?ruegos y (?:las )?preguntas|participacion (?:ciudadana|publica|del publico|vecinal)|"
    r"(?:el )?turno de(?:l)? publico|foro publico|palabra del publico)"
)
_REPORTED = (
    r"(?:alcalde|alcaldesa|alcaldia|presidencia|presidente|presidenta|secretario|secretaria|interventor|interventora|"
    r"tesorero|tesorera|administrador|administradora|gerente|policia|bomberos|comision|comite|personal|"
    r"superintendente|concejales|regidores|obras publicas|urbanismo|hacienda|abogado|abogada|ingeniero|ingeniera)"
)

_JOINTS = {"se": "para que", "para": "", "de": ""}  # between "Moción" and what is moved

_RULES = (
    rule(
        Topic.CALL_TO_ORDER,
        says("Apertura de la sesión"),
        rf"\b(?:declar\w+|queda|quedan|es|damos por|doy por|se) (?:formalmente |legalmente )?"
        rf"(?:abierta|iniciada|instalada|constituida)(?: y publica)? {_OUR} {_MEETING}\b",
        rf"\bse (?:abre|inicia) {_OUR} {_MEETING}\b",
        rf"\babr(?:o|imos) {_OUR} {_MEETING}\b(?! (?:informativa|publica|de trabajo)\b)",
        r"\bllam(?:o|amos|ar|ada|ado)(?: \w+){0,8} al? orden\b",
        rf"\b{_MEETING} queda (?:formalmente |legalmente )?(?:abierta|iniciada|instalada|constituida)\b",
    ),
    rule(
        Topic.PLEDGE,
        says("Juramento a la bandera"),
        r"\b(?:juramento|saludo|promesa)(?: de lealtad| de fidelidad)? a (?:la|nuestra) bandera\b",
        r"\bjuramento de (?:lealtad|fidelidad)\b",
        r"\bjuro (?:lealtad|fidelidad) a la bandera\b",
    ),
    rule(
        Topic.ADJOURNMENT,
        says("Cierre de la sesión"),
        rf"\b(?:se|queda) (?:levanta|levantada|clausura|clausurada|cierra|cerrada|concluida|suspende) {_OUR} "
        rf"{_MEETING}\b(?! publica\b)",
        rf"\b(?:levanto|levantamos|clausuro|clausuramos|doy por (?:terminada|concluida|finalizada)|"
        rf"damos por (?:terminada|concluida|finalizada)) {_OUR} {_MEETING}\b(?! publica\b)",
        rf"\b{_MEETING} (?:queda|esta) (?:levantada|clausurada|concluida)\b",
        r"\bno habiendo mas asuntos que tratar\b",
        rf"\bmocion (?:para|de) (?:levantar|clausurar|cerrar) {_OUR} {_MEETING}\b(?! publica\b)",
    ),
    rule(
        Topic.ROLL_CALL,
        says("Pase de lista"),
        r"\b(?:pas(?:e|ar|amos|emos|ara|a)|tom(?:e|ar|ara|amos|a)) (?:de )?(?:la )?(?:lista|asistencia)\b",
        r"\bcomprob\w+(?: la existencia d)?(?:el| del)? quorum\b",
        r"\bverific\w+(?: la existencia d)?(?:el| del)? quorum\b",
    ),
    rule(
        Topic.AGENDA,
        says("Asuntos de consentimiento"),
        rf"{_APPROVED}(?: (?:la|el|los|de|del)){{0,2}} (?:agenda|calendario|asuntos) de consentimiento\b",
        r"^(?:la )?(?:agenda|calendario) de consentimiento$",
    ),
    rule(
        Topic.AGENDA,
        says("Aprobación del orden del día"),
        rf"{_APPROVED}(?: (?:la|el|de|del|de la|nuestra)){{0,2}} (?:orden del dia|agenda)\b",
    ),
    rule(
        Topic.MINUTES,
        says("Aprobación del acta"),
        rf"{_APPROVED}(?: (?:la|el|las|de|del|de la|de las|borrador|lectura|si|procede)){{0,4}} "
        r"(?:acta|actas|minutas?)\b",
        r"\b(?:observacion(?:es)?|objecion(?:es)?|enmiendas?) al? (?:las? )?actas?\b",
    ),
    rule(
        Topic.HEARING,
        hearing("Audiencia pública abierta"),
        r"\b(?:abr(?:o|imos|ir|iremos|e)|iniciamos|declaro abierta|se abre|queda abierta)(?: ahora)? "
        r"(?:la|esta|una) (?:audiencia|vista) publica\b",
        r"\b(?:audiencia|vista) publica (?:queda|esta)(?: ahora)? abierta\b",
    ),
    rule(
        Topic.HEARING,
        hearing("Audiencia pública cerrada"),
        r"\b(?:cierr(?:o|a)|cerramos|cerrar|cerraremos|declaro cerrada|se cierra|queda cerrada)(?: ahora)? "
        r"(?:la|esta) (?:audiencia|vista) publica\b",
        r"\b(?:audiencia|vista) publica (?:queda|esta)(?: ahora)? cerrada\b",
    ),
    rule(
        Topic.ITEM,
        item,
        rf"(?:^{_BEGUN}?|\b{_PASSING} (?:ahora )?(?:al|a|con) |\bsiguiente (?:punto|asunto) es )"
        rf"(?:el )?(?:punto|asunto|articulo)(?: numero)? (?P<number>{_NUMBER})(?: ?(?P<letter>[b-h]))?\b"
        rf"(?: (?:del orden del dia|de la agenda))?(?: (?:es|que es)\b)?",
    ),
    rule(
        Topic.COMMENT,
        says("Comentarios del público"),
        rf"\b{_PASSING}(?: ahora)? (?:a |al |con |el |los )?{_COMMENT}\b",
        rf"^{_BEGUN}?{_COMMENT}$",
        rf"\babr(?:o|imos|ir) (?:el|los|la|el turno de|el periodo de) {_COMMENT}\b",
        r"\babr(?:o|imos|iremos) (?:el turno|la palabra|el microfono) (?:al|para el|del) publico\b",
    ),
    rule(
        Topic.REPORT,
        spoken,
        rf"(?:^{_BEGUN}?(?:el |la |los )?"
        rf"|\b{_PASSING}(?: ahora)? (?:al|a|con|el|la|los|con el|con los)? ?(?:el |los )?)"
        rf"(?P<what>informes? (?:de la|de los|del|de) {_REPORTED})\b",
    ),
    rule(
        Topic.REPORT,
        spoken,
        rf"\b{_PASSING}(?: ahora)? (?:a |al )(?P<what>informes? de (?:alcaldia|presidencia|comisiones))\b",
    ),
    rule(
        Topic.ITEM,
        topic,
        r"\bsiguiente (?:punto|asunto)(?: (?:del orden del dia|de la agenda|a tratar))? es\b",
        r"\bpasamos al siguiente (?:punto|asunto)(?: (?:del orden del dia|de la agenda))?(?: que es)?\b",
    ),
    rule(
        Topic.MOTION,
        motion("Moción", _JOINTS, "para"),
        rf"\b(?:mociono|propongo|presento (?:una|la) mocion|hago (?:una|la) mocion|mueve|muevo) "
        rf"(?:(?:para|de|que) )?(?P<what>{_ACT}\b|se (?:apruebe|autorice|rechace|adopte|deniegue|posponga)\b)",
    ),
    rule(
        Topic.MOTION,
        motion("Moción", _JOINTS, "para"),
        rf"\bmocion (?P<what>(?:para|de) {_ACT}\b)",
    ),
    rule(
        Topic.MOTION,
        from_there,
        rf"\b(?P<what>mocion (?:presentada |hecha )?(?:por|de) [\w' ]+? para {_ACT}\b)",
    ),
)

SPANISH = Language(
    rules=_RULES,
    negated=re.compile(r"\b(?:no(?! habiendo)|nunca|jamas|sin|ni|tampoco)\b"),
    result=re.compile(
        r"\b(?:mocion|punto|propuesta|acuerdo|resolucion|ordenanza|enmienda|dictamen)(?: \w+){0,3}? "
        r"(?P<what>(?:queda |es |se |resulta )?(?:aprobad[ao]|aprueba|rechazad[ao]|rechaza|denegad[ao]|adoptad[ao])\b"
        rf"(?: por (?:unanimidad|mayoria(?: absoluta| simple)?)| {_NUMBER} a {_NUMBER})?)"
    ),
    beginning="Inicio",
    item="Punto",
    about=re.compile(r" (?:sobre|acerca de|para|respecto (?:a|de)|en relacion con|relativa a)(?: considerar)?\b"),
    trailing=frozenset(
        {
            "a",
            "al",
            "ante",
            "como",
            "con",
            "de",
            "del",
            "el",
            "en",
            "entre",
            "la",
            "las",
            "lo",
            "los",
            "ni",
            "o",
            "para",
            "por",
            "que",
            "se",
            "si",
            "sobre",
            "su",
            "sus",
            "un",
            "una",
            "y",
            "es",
            "son",
        }
    ),
    small=frozenset(
        {"el", "la", "los", "las", "un", "una", "queda", "es", "se", "aprobada", "aprobado", "rechazada"}
    ),
    joining="y",
    subjects=frozenset(
        {"yo", "nosotros", "ella", "ellos", "usted", "ustedes", "vamos", "quiero", "tenemos", "luego"}
    ),
    clauses=frozenset(
        {"secundo", "secundada", "secundado", "segundo", "porque", "pero", "si", "que", "tiene", "por"}
    ),
    asking=frozenset({"podria", "puede", "quiere", "adelante"}),
)
