"""Words that carry no subject, and the openings of greetings and thanks, by language. Data of the summary."""

_ENGLISH = """a about after again all also am an and another any are aren't as at be because been before being
but by can can't could couldn't did didn't do does doesn't doing don't done down each even evening ever every
everybody everyone for from get give go going good got had has have having he he's her here here's hers hi him
his how i i'd i'll i'm i've if in into is isn't it it's its just know let let's like mad madam may maybe me mean
might mine more morning most mr mrs ms much must my need no nor not now of off oh okay on once one only or other
our out over own please put really right said same say see shall she she's should so some sorry such sure take
than thank thanks that that's the their them then there there's these they they're they've think this those
through to too under until up us use very want was wasn't way we we'd we'll we're we've welcome well were
weren't what what's when where which while who whom whose why will with won't would wouldn't yeah yes yet you
you'd you'll you're you've your"""

_SPANISH = """a acá ahí ahora al algo algún alguna algunas alguno algunos allí ante antes aquel aquella aquí así
aun aunque bien buena buenas bueno buenos cada casi como cómo con cual cuál cuando cuándo de del desde días
donde dónde dos e el él ella ellas ellos en entonces entre era eran eres es esa esas ese eso esos está estaba
estamos están estar este esta estas esto estos estoy fue fueron gracias ha había hace hacer han has hasta hay
haya he hemos hola la las le les lo los luego más me mi mis mismo muchas mucho muy nada ni no noches nos
nosotros o os otra otras otro otros para pero poco por porque pues puede pueden que qué quien quién se sea ser
será si sí sido sin sino sobre solo somos son soy su sus también tan tanto tardes te tener tenemos tengo ti
tiene tienen todo toda todas todos tu tus un una unas uno unos usted ustedes va vamos van ver vez voy y ya yo"""

_FRENCH = """a à ai ainsi alors après as au aucun aussi autre autres aux avant avec avez avoir avons bien bon
bonjour bonne bonsoir c'est car ce ceci cela celle celui ces cet cette ceux chaque chez comme comment d'un d'une
dans de depuis des deux donc dont du elle elles en encore entre est et étaient était être eu eux fait faire faut
il ils j'ai je jusque l'on la là le les leur leurs lors lui ma mais me même mes merci moi moins mon n'est ne ni
non nos notre nous on ont ou où oui par parce pas peu peut plus pour pourquoi qu'il qu'on quand que quel quelle
qui sa sans se sera ses si soit son sont sous suis sur ta te tes ton tous tout toute toutes très tu un une va
vers voilà vos votre vous y"""

_GERMAN = """aber alle allem allen aller alles als also am an andere anderen auch auf aus bei bin bis bitte da
damit danach dann danke das dass dein dem den denn der des dich die dies diese diesem diesen dieser dieses dir
doch dort du durch ein eine einem einen einer eines er es etwas euch euer für gegen gut guten habe haben hallo
hat hatte hier hin ich ihm ihn ihnen ihr ihre im immer in ist ja jede jeder jetzt kann kein keine können man
mehr mein mich mir mit morgen muss müssen nach nicht nichts noch nun nur ob oder ohne schon sehr sein seine sich
sie sind so soll sollen sondern sonst tag über um und uns unser unter viel vom von vor war waren was weil wenn
wer werden wie wieder will wir wird wo wollen würde zu zum zur zwischen"""

STOP_WORDS = {
    language: frozenset(words.split())
    for language, words in {"en": _ENGLISH, "es": _SPANISH, "fr": _FRENCH, "de": _GERMAN}.items()
}

GREETINGS = {
    "en": ("good morning", "good afternoon", "good evening", "good night", "welcome", "hello", "thank you", "thanks"),
    "es": ("buenos días", "buenas tardes", "buenas noches", "bienvenid", "hola", "gracias", "muchas gracias"),
    "fr": ("bonjour", "bonsoir", "bienvenue", "merci"),
    "de": (
        "guten morgen",
        "guten tag",
        "guten abend",
        "herzlich willkommen",
        "willkommen",
        "hallo",
        "danke",
        "vielen dank",
    ),
}
"""How sentences begin that greet or thank, in lower case without punctuation."""
