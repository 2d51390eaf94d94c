"""Words that say what a number is, when the number does not say it itself: in four languages. Pure."""

import re

CARD = re.compile(
    r"\b(?:credit|debit|card|visa|master\s?card|amex|american express|karte\w*|kreditkart\w+|kartennummer|tarjeta\w*|"
    r"carte|num[ée]ro de (?:la )?carte)\b",
    re.IGNORECASE,
)
CARD_CODE = re.compile(
    r"\b(?:cvv|cvc|cvv2|cid|security code|card code|verification code|expir\w+|valid (?:thru|through|until)|"
    r"pr[üu]f(?:nummer|ziffer)\w*|sicherheitscode|g[üu]ltig bis|ablaufdatum|"
    r"c[óo]digo de seguridad|caduca\w*|vencimiento|vence|"
    r"cryptogramme|code de s[ée]curit[ée]|date d'expiration|expire)\b",
    re.IGNORECASE,
)
IDENTITY = re.compile(
    r"\b(?:social security|social|ssn|itin|national insurance|passport|tax (?:id|number)|driver'?s? licen[cs]e|nhs|"
    r"steuer\w*|personalausweis\w*|ausweis\w*|reisepass\w*|sozialversicherung\w*|"
    r"dni|nie|nif|pasaporte|seguridad social|"
    r"s[ée]curit[ée] sociale|num[ée]ro (?:de )?s[ée]cu|passeport|carte d'identit[ée]|nir)\b",
    re.IGNORECASE,
)
ACCOUNT = re.compile(
    r"\b(?:iban|account number|kontonummer|konto|cuenta|compte|rib|sort code|routing)\b", re.IGNORECASE
)
PHONE = re.compile(
    r"\b(?:phone|telephone|mobile|cell(?:phone)?|call (?:me|us|you|back)|text me|reach (?:me|us|you)|ring me|my number|"
    r"telefon\w*|handy\w*|mobil\w*|r[üu]ckruf\w*|zur[üu]ckrufen|anrufen|erreich\w+|meine nummer|durchwahl|"
    r"tel[ée]fono|m[óo]vil|celular|ll[áa]m\w+|mi n[úu]mero|"
    r"t[ée]l[ée]phone|portable|rappel\w*|appel\w*|joindre|mon num[ée]ro)\b",
    re.IGNORECASE,
)
OTHER_NUMBER = re.compile(
    r"\b(?:order|booking|reservation|reference|ticket|tracking|invoice|customer|case|serial|policy|part|article|flight|"
    r"bestell\w*|auftrag\w*|buchung\w*|rechnung\w*|kunden\w*|sendung\w*|vorgang\w*|artikel\w*|"
    r"pedido|reserva|factura|referencia|cliente|env[íi]o|seguimiento|"
    r"commande|r[ée]servation|facture|r[ée]f[ée]rence|client|dossier|colis|suivi)\b",
    re.IGNORECASE,
)
