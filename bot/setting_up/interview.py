"""The questions, in their order; what can be tried is tried at once, and asked again if it fails."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import tzlocal
from pydantic import SecretStr

from bot.config import known_zone, whole_id
from bot.proxies import EXAMPLE, Proxy, silence
from bot.setting_up import trying
from bot.setting_up.answers import (
    LONGEST_NAME,
    Answers,
    KeysAnswers,
    MatrixAnswers,
    TelegramAnswers,
    WatchAnswers,
)
from bot.setting_up.terminal import Again, Terminal
from bot.setting_up.trying import Outcome
from bot.setting_up.writing import in_the_way
from bot.texts import available
from bot.texts.catalogue import FALLBACK, nearest
from storage.keys import SHORTEST_PASSPHRASE

ZONE = "America/Mexico_City"
"""Where nothing on the machine says where it is."""

NOBODY = "-"

BASE_URL = "ACUERPA_TELEGRAM__BASE_URL"
"""Who has a Bot API server of their own says so in the environment: nobody else is asked about it."""

T = TypeVar("T")


class Interview:
    """One. `folder` is where files go unless something else is answered."""

    def __init__(self, terminal: Terminal, folder: Path, environment: Mapping[str, str]) -> None:
        self._at = terminal
        self._folder = folder
        self._environment = environment
        self._proxy: Proxy | None = None
        self.bot_name = ""
        """What Telegram says that the bot is called."""

    def answers(self) -> Answers:
        """All of it. Raises `NoMoreAnswers`."""
        at = self._at
        language = self._language()
        at.say("setup.hello")
        folder = Path(at.ask("setup.folder", str(self._folder.absolute()), _free_folder))
        zone = at.ask("setup.zone", here(), _zone)
        proxy = self._ask_proxy()
        telegram, operators = None, []
        matrix = None
        while telegram is None and matrix is None:
            if at.yes("setup.telegram", default=True):
                telegram = self._telegram()
                operators += self._telegram_operators(telegram)
            if at.yes("setup.matrix", default=telegram is None):
                matrix = self._matrix()
                operators += at.ask("setup.matrix.operators", check=_matrix_accounts).split()
            if telegram is None and matrix is None:
                at.bad("setup.no_platform")
        watch = at.ask("setup.watch", check=_address)
        if not watch:
            at.say("setup.watch.none")
        return Answers(
            folder=folder,
            language=language,
            zone=zone,
            operators=frozenset(operators),
            proxy=proxy,
            telegram=telegram,
            matrix=matrix,
            watch=WatchAnswers(url=SecretStr(watch)) if watch else None,
            keys=self._keys(),
            group=at.ask("setup.group", check=_name),
        )

    # --- one question each ---

    def _language(self) -> str:
        guess = nearest(self._environment.get("LANG", "")) or FALLBACK
        self._at.speak(guess)

        def check(answer: str) -> str:
            if answer not in available():
                raise Again("setup.language.unknown", languages=", ".join(available()))
            return answer

        language = self._at.ask("setup.language", guess, check, languages=", ".join(available()))
        self._at.speak(language)
        return language

    def _ask_proxy(self) -> SecretStr | None:
        at = self._at
        while True:
            address = at.ask("setup.proxy", check=_proxy, example=EXAMPLE)
            if not address:
                return None
            proxy = Proxy.read(address)
            why = self._tried("setup.proxy.trying", silence(proxy))
            if why is None:
                at.good("setup.proxy.works")
            elif not at.yes("setup.proxy.silent", default=False, why=why):
                continue
            self._proxy = proxy
            return SecretStr(address)

    def _telegram(self) -> TelegramAnswers:
        at = self._at
        base_url = self._environment.get(BASE_URL) or None
        at.say("setup.telegram.how")
        while True:
            token = at.secret("setup.telegram.token", _token)
            tried = self._tried(
                "setup.trying", trying.telegram(token, base_url, self._through("telegram"))
            )
            if tried.outcome is Outcome.REFUSED:
                at.bad("setup.telegram.refused")
                continue
            if tried.outcome is Outcome.UNREACHED:
                at.bad("setup.unreached", why=tried.why)
                if not at.yes("setup.go_on", default=True):
                    continue
            else:
                self.bot_name = tried.name
                at.good("setup.telegram.works", name=tried.name)
            return TelegramAnswers(token=SecretStr(token), base_url=base_url)

    def _telegram_operators(self, telegram: TelegramAnswers) -> list[str]:
        """Who administrates: whoever writes to the bot now, or the number of an account."""
        at = self._at
        if not self.bot_name:
            typed = at.ask("setup.telegram.operator.number", NOBODY, _number)
            return [] if typed == NOBODY else [f"telegram:{typed}"]
        at.say("setup.telegram.operator.how", name=self.bot_name)
        while True:
            typed = at.ask("setup.telegram.operator", check=_number)
            if typed:
                return [] if typed == NOBODY else [f"telegram:{typed}"]
            token = telegram.token.get_secret_value()
            found = self._tried(
                "setup.trying", trying.writers(token, telegram.base_url, self._through("telegram"))
            )
            if not found:
                at.bad("setup.telegram.operator.nobody")
                continue
            accounts = list(found)
            names = [f"{found[account]} ({account})" for account in accounts]
            chosen = at.choose(
                "setup.telegram.operator.which", [*names, at.texts.plain("setup.none")]
            )
            return [f"telegram:{account}" for account in accounts[chosen : chosen + 1]]

    def _matrix(self) -> MatrixAnswers:
        at = self._at
        at.say("setup.matrix.how")
        user_id = homeserver = ""
        while True:
            user_id = at.ask("setup.matrix.user", user_id, _matrix_account)
            if not homeserver:
                homeserver = self._tried(
                    "setup.trying", trying.homeserver_of(user_id, self._through("matrix"))
                )
            homeserver = at.ask("setup.matrix.server", homeserver, _server)
            password = at.secret("setup.matrix.password", _given)
            tried = self._tried(
                "setup.trying",
                trying.matrix(homeserver, user_id, password, self._through("matrix")),
            )
            if tried.outcome is Outcome.WORKS:
                at.good("setup.matrix.works", name=user_id)
            elif tried.outcome is Outcome.UNREACHED:
                at.bad("setup.unreached", why=tried.why)
                if not at.yes("setup.go_on", default=True):
                    continue
            else:
                refused = tried.outcome is Outcome.REFUSED
                at.bad("setup.matrix.refused" if refused else "setup.matrix.in_use")
                continue
            return MatrixAnswers(
                homeserver=homeserver, user_id=user_id, password=SecretStr(password)
            )

    def _keys(self) -> KeysAnswers | None:
        at = self._at
        at.say("setup.keys.how")
        if (
            at.choose(
                "setup.keys", [at.texts.plain(f"setup.keys.{n}") for n in ("file", "passphrase")]
            )
            == 0
        ):
            return None
        while True:
            words = at.secret("setup.passphrase", _passphrase)
            if not at.is_one or at.secret("setup.passphrase.again") == words:
                return KeysAnswers(passphrase=SecretStr(words))
            at.bad("setup.passphrase.differs")

    # --- inside ---

    def _through(self, name: str) -> Proxy | None:
        return None if self._proxy is None else self._proxy.apart(name)

    def _tried(self, key: str, work: Coroutine[Any, Any, T]) -> T:
        with self._at.busy(key):
            return asyncio.run(work)


def here() -> str:
    """The time zone of this machine, as far as it says it."""
    try:
        return known_zone(tzlocal.get_localzone_name() or ZONE)
    except (ValueError, LookupError, OSError):
        return ZONE


# --- checks -------------------------------------------------------------------------------------


def _free_folder(answer: str) -> str:
    folder = Path(answer).expanduser().absolute()
    if (there := in_the_way(folder)) is not None:
        raise Again("setup.folder.taken", name=there.name)
    above = next(path for path in (folder, *folder.parents) if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise Again("setup.folder.closed")
    return str(folder)


def _zone(answer: str) -> str:
    try:
        return known_zone(answer)
    except ValueError:
        raise Again("setup.zone.unknown") from None


def _proxy(answer: str) -> str:
    try:
        Proxy.read(answer) if answer else None
    except ValueError:
        raise Again("setup.proxy.wrong", example=EXAMPLE) from None
    return answer


def _token(answer: str) -> str:
    if not re.fullmatch(r"\d+:[\w-]+", answer, re.ASCII):
        raise Again("setup.telegram.no_token")
    return answer


def _number(answer: str) -> str:
    if answer and answer != NOBODY and not answer.isdecimal():
        raise Again("setup.telegram.operator.no_number")
    return answer


def _matrix_account(answer: str) -> str:
    try:
        return whole_id(answer)
    except ValueError:
        raise Again("setup.matrix.no_user") from None


def _matrix_accounts(answer: str) -> str:
    return " ".join(f"matrix:{_matrix_account(one)}" for one in re.split(r"[\s,]+", answer) if one)


def _server(answer: str) -> str:
    if not re.fullmatch(r"https?://[^/?#\s]+/?", answer):
        raise Again("setup.matrix.no_server")
    return answer.rstrip("/")


def _given(answer: str) -> str:
    if not answer:
        raise Again("setup.empty")
    return answer


def _address(answer: str) -> str:
    if answer and not re.match(r"https?://[^/\s]+", answer):
        raise Again("setup.watch.wrong")
    return answer


def _name(answer: str) -> str:
    name = " ".join(answer.split())
    if len(name) > LONGEST_NAME:
        raise Again("setup.group.long", most=LONGEST_NAME)
    return name


def _passphrase(answer: str) -> str:
    if len(answer) < SHORTEST_PASSPHRASE:
        raise Again("setup.passphrase.short", least=SHORTEST_PASSPHRASE)
    return answer
