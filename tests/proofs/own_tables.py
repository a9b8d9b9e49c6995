"""Who may do what, written a second time and by hand: what P16 compares the program with.

A command, an answer or a step of a conversation that is not in here fails the proof: whoever adds one
says here, in other words than the program's, whose it is.
"""

from __future__ import annotations

from bot.domain.people import Role

R = Role
MEMBER = "member"
STRANGER = "stranger"
OPERATOR = "operator"

EVERYONE = frozenset({MEMBER})
COORDINATES = frozenset({R.COORDINATOR})
RESPONDS = frozenset({R.RESPONDER, R.COORDINATOR})
HEARS = frozenset({R.RESPONDER, R.COORDINATOR, R.OBSERVER})
WRITES = frozenset({R.AUTHOR})
APPROVES = frozenset({R.APPROVER})
PUBLISHES = frozenset({R.AUTHOR, R.APPROVER})

COMMANDS: dict[str, frozenset[object]] = {
    "auxilio": EVERYONE,
    "horario": EVERYONE,
    "pausa": EVERYONE,
    "estado": EVERYONE,
    "cuenta": EVERYONE,
    "idioma": EVERYONE,
    "zona": EVERYONE,
    "suscribir": EVERYONE,
    "miplan": EVERYONE,
    "tareas": EVERYONE,
    "misdatos": EVERYONE,
    "borrarme": EVERYONE,
    "ayuda": EVERYONE,
    "palabra": EVERYONE,
    "boton": EVERYONE,
    "clave": EVERYONE,
    "contactos": RESPONDS,
    "simulacro": COORDINATES,
    "tomar": RESPONDS,
    "novedad": RESPONDS,
    "cerrar": RESPONDS,
    "entregar": RESPONDS,
    "soltar": RESPONDS,
    "escalar": RESPONDS,
    "caso": RESPONDS,
    "linea": RESPONDS,
    "reabrir": RESPONDS,
    "invitar": COORDINATES,
    "invitaciones": COORDINATES,
    "plan": COORDINATES,
    "riesgo": COORDINATES,
    "rol": COORDINATES,
    "bitacora": COORDINATES,
    "exportar": COORDINATES,
    "ensayo": COORDINATES,
    "perdido": COORDINATES,
    "recuperar": COORDINATES,
    "detalles": COORDINATES,
    "denuncia": WRITES,
    "destinos": PUBLISHES,
    "grupo": frozenset({OPERATOR}),
}
"""Command → who may give it, in a private chat. In a group, only the first: one's own alarm."""

IN_PUBLIC = frozenset({"auxilio"})

ARGUMENTS: dict[str, str] = {
    "horario": "09:00",
    "pausa": "hasta mañana a las 9",
    "idioma": "en",
    "zona": "America/Mexico_City",
    "tomar": "1",
    "novedad": "1 vamos",
    "cerrar": "1",
    "entregar": "1",
    "soltar": "1",
    "escalar": "1",
    "caso": "1",
    "linea": "1",
    "reabrir": "1",
    "invitar": "red",
    "plan": "ya: red, coordinación",
    "riesgo": "{ana} alto",
    "rol": "{ana} red",
    "ensayo": "{ana}",
    "perdido": "{ana}",
    "recuperar": "{ana}",
    "detalles": "no",
    "simulacro": "ya",
    "grupo": "Nueva",
}
"""What is written behind a command, so that it does something if it is allowed."""

PRESSES: dict[tuple[str, str], tuple[frozenset[object], str, str]] = {
    # topic, what it does: who may, whose question it is in the scene, argument
    ("checkin", "ok"): (EVERYONE, "ana", ""),
    ("checkin", "help"): (EVERYONE, "ana", ""),
    ("checkin", "later"): (EVERYONE, "ana", ""),
    ("doubt", "alarm"): (EVERYONE, "ana", ""),
    ("doubt", "manual"): (EVERYONE, "ana", ""),
    ("schedule", "end"): (EVERYONE, "ana", ""),
    ("incident", "safe"): (EVERYONE, "abril", ""),
    ("incident", "not_safe"): (EVERYONE, "abril", ""),
    ("incident", "take"): (RESPONDS, "berta", ""),
    ("incident", "escalate"): (RESPONDS, "berta", ""),
    ("incident", "news"): (RESPONDS, "berta", ""),
    ("incident", "resolve"): (RESPONDS, "berta", ""),
    ("incident", "outcome"): (RESPONDS, "berta", "safe"),
    ("incident", "hand_over"): (RESPONDS, "berta", ""),
    ("incident", "hand_over_to"): (RESPONDS, "berta", "{carla}"),
    ("incident", "accept"): (RESPONDS, "berta", "{carla}"),
    ("incident", "decline"): (RESPONDS, "berta", "{carla}"),
    ("incident", "release"): (RESPONDS, "berta", ""),
    ("incident", "confirm"): (RESPONDS, "berta", ""),
    ("panic", "raise"): (EVERYONE, "ana", ""),
    ("drill", "take"): (RESPONDS, "berta", ""),
    ("drill", "escalate"): (RESPONDS, "berta", ""),
    ("drill", "here"): (HEARS, "berta", ""),
    ("drills", "whole"): (COORDINATES, "coral", ""),
    ("drills", "step"): (COORDINATES, "coral", "1"),
    ("drills", "monthly"): (COORDINATES, "coral", ""),
    ("drills", "never"): (COORDINATES, "coral", ""),
    ("drills", "stop"): (COORDINATES, "coral", ""),
    ("contact", "confirm"): (RESPONDS, "berta", ""),
    ("mass", "case"): (RESPONDS, "berta", "1"),
    ("mass", "more"): (RESPONDS, "berta", "0"),
    ("joining", "agree"): (frozenset({STRANGER}), "ximena", ""),
    ("joining", "refuse"): (frozenset({STRANGER}), "ximena", ""),
    ("invitations", "revoke"): (COORDINATES, "coral", ""),
    ("plan", "save"): (COORDINATES, "coral", ""),
    ("plan", "drop"): (COORDINATES, "coral", ""),
    ("consent", "agree"): (EVERYONE, "ana", "{plan}"),
    ("consent", "keep"): (EVERYONE, "ana", "{plan}"),
    ("consent", "withdraw"): (EVERYONE, "ana", ""),
    ("roles", "change"): (COORDINATES, "coral", "give:responder"),
    ("roles", "ask"): (COORDINATES, "coral", "give:responder"),
    ("roles", "drop"): (COORDINATES, "coral", ""),
    ("offer", "accept"): (EVERYONE, "ana", ""),
    ("offer", "decline"): (EVERYONE, "ana", ""),
    ("own_roles", "give_up"): (EVERYONE, "berta", "responder"),
    ("decision", "consent"): (COORDINATES | {OPERATOR}, "dora", "{fingerprint}"),
    ("decision", "refuse"): (COORDINATES | {OPERATOR}, "dora", ""),
    ("request", "withdraw"): (EVERYONE, "coral", ""),
    ("lost", "alarm"): (COORDINATES, "coral", ""),
    ("lost", "known"): (COORDINATES, "coral", ""),
    ("export", "ask"): (COORDINATES, "coral", ""),
    ("export", "drop"): (COORDINATES, "coral", ""),
    ("log", "more"): (COORDINATES, "coral", "2"),
    ("my_data", "send"): (EVERYONE, "ana", ""),
    ("my_data", "drop"): (EVERYONE, "ana", ""),
    ("denunciation", "review"): (WRITES, "olga", ""),
    ("denunciation", "rewrite"): (WRITES, "olga", ""),
    ("denunciation", "discard"): (WRITES, "olga", ""),
    ("denunciation", "no_files"): (WRITES, "olga", ""),
    ("denunciation", "approve"): (APPROVES, "rita", "{draft}"),
    ("denunciation", "return"): (APPROVES, "rita", ""),
    ("identity", "confirm"): (COORDINATES | {OPERATOR}, "dora", "trust 1"),
    ("identity", "doubt"): (COORDINATES | {OPERATOR}, "dora", ""),
    ("comparison", "begin"): (COORDINATES | {OPERATOR}, "dora", "x begin"),
    ("comparison", "decline"): (COORDINATES | {OPERATOR}, "dora", "x decline"),
    ("comparison", "same"): (COORDINATES | {OPERATOR}, "dora", "x same"),
    ("comparison", "different"): (COORDINATES | {OPERATOR}, "dora", "x different"),
    ("destination", "add"): (PUBLISHES, "olga", "sandbox #plaza"),
    ("destination", "leave"): (PUBLISHES, "olga", "sandbox #plaza"),
}
"""Every answer that can be offered."""

TALKS: dict[tuple[str, str], tuple[frozenset[object], str]] = {
    ("joining", "agree"): (frozenset({STRANGER}), "ximena"),
    ("joining", "name"): (frozenset({STRANGER}), "ximena"),
    ("incident", "news"): (RESPONDS, "berta"),
    ("roles", "whom"): (COORDINATES, "coral"),
    ("denunciation", "title"): (WRITES, "olga"),
    ("denunciation", "text"): (WRITES, "olga"),
    ("erase", "word"): (EVERYONE, "ana"),
    ("taking_back", "words"): (EVERYONE, "ana"),
    ("taking_back", "again"): (EVERYONE, "ana"),
    ("duress", "words"): (EVERYONE, "ana"),
    ("duress", "again"): (EVERYONE, "ana"),
}
"""Every step of a conversation that takes words: who may say them, and whose it is in the scene."""
