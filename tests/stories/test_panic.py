"""One tap is an alarm; and what takes one back that was raised by mistake, and what does not."""

from __future__ import annotations

import pytest

from tests.stories.test_duress import WORDS, chooses_words, shown
from tests.support.world import Group, Person, World

sandbox_alone = pytest.mark.parametrize("world", ["sandbox"], indirect=True)

OWN = "el río suena lejos"


async def chooses_own(person: Person, text: str = OWN) -> None:
    """The words that take an alarm back, in two steps."""
    await person.writes("/clave")
    await person.sees("Tu clave son dos palabras o más")
    if person.world.stage.platform == "telegram":
        await person.sees("Telegram puede leer")
    await person.writes(text)
    await person.sees("Escríbela otra vez")
    await person.writes(text.upper())
    await person.sees("Lista")


async def by_mistake(world: World) -> tuple[Group, Person, Person, Person]:
    """Ana has her words, and raised an alarm; Berta was told, Carla will be after half an hour."""
    group = await world.group("Red")
    ana, berta, carla = await group.joined("Ana", "Berta", "Carla")
    await group.plan("ya: Berta; 30 min: Carla; repetir 20 min")
    await chooses_own(ana)
    await ana.presses("Un toque")
    await ana.sees("Avisé a tu red", "#1")
    await berta.sees("Ana pide auxilio")
    return group, ana, berta, carla


async def test_one_tap_is_an_alarm_and_a_trembling_finger_is_one(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await ana.presses("Un toque")
    await ana.sees("Avisé a tu red", "#1")
    await group.coordinator.sees("Ana pide auxilio")
    await ana.presses("Un toque")
    await ana.sees_nothing()
    await world.forward(minutes=1)
    await group.coordinator.sees_nothing()
    if world.stage.platform == "matrix":
        (berta,) = await group.joined("Berta", as_="integrante")
        await berta.writes("505")  # without looking for the message
        await berta.sees("Avisé a tu red", "#2")
        await group.coordinator.sees("Berta pide auxilio")


@sandbox_alone
async def test_the_button_stays_and_says_nothing(world: World) -> None:
    group = await world.group("Red")
    (ana,) = await group.joined("Ana")
    town = world.stage.town  # type: ignore[attr-defined]
    (pinned,) = [m for m in town.sees("ana") if m.pinned]
    assert (pinned.plain, [b.label for row in pinned.buttons for b in row]) == (
        "Mi atajo", ["Un toque"],
    )  # fmt: skip
    await ana.shows("es tu alarma")
    await world.forward(hours=25)
    assert not [text for text in await shown(ana) if "alarma" in text]
    await ana.presses("Un toque")  # as old as it may be
    await ana.sees("Avisé a tu red")
    await group.coordinator.sees("Ana pide auxilio")

    await ana.writes("/boton")
    await ana.has_the_button()
    town.presses("ana", pinned.id, pinned.buttons[0][0].data)
    await world.stage.settle()
    assert town.toasts("ana")[-1].text == "Esa pregunta ya no está abierta"
    await group.coordinator.sees_nothing()
    await ana.writes("1")  # a number of habit is none of its
    await ana.sees("No entendí")


async def test_the_own_words_and_somebody_s_confirmation_end_it(world: World) -> None:
    group, ana, berta, carla = await by_mistake(world)
    await world.forward(minutes=5)
    await ana.writes("El rio suena lejos!")
    await ana.sees("Recibido")
    await berta.sees("Ana escribió su clave", "Sigue abierto")
    await world.forward(minutes=4)
    await berta.sees_nothing()
    await berta.presses("Confirmé que está bien")
    await berta.sees("cerrado por Berta: falsa alarma")
    await world.forward(hours=2)
    for person in (ana, berta, carla, group.coordinator):
        await person.sees_nothing()
    await berta.writes("/linea 1")
    await berta.sees("se escribió la clave", "Berta cierra: falsa alarma")


@sandbox_alone
async def test_words_that_nobody_confirms_end_nothing(world: World) -> None:
    _, ana, berta, carla = await by_mistake(world)
    await world.forward(minutes=9)
    await ana.writes(OWN)
    await ana.sees("Recibido")
    await berta.sees("Ana escribió su clave")
    await ana.writes(OWN)
    await ana.sees("Recibido")
    await berta.sees_nothing()  # it is news once
    await world.forward(minutes=11)
    await berta.sees("Sigue sin que nadie lo tome")
    await world.forward(minutes=10)
    await carla.sees("Ana pide auxilio")
    await carla.presses("Yo me encargo")
    await carla.sees("Tomaste")
    await berta.sees("Carla se encarga")
    await world.forward(minutes=5)


@sandbox_alone
async def test_words_of_duress_in_their_place_look_the_same(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    coral = group.coordinator
    await chooses_own(ana)
    await chooses_words(ana)
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    for person in (berta, coral):
        await person.sees("Ana pide auxilio")
    await ana.writes(OWN)
    await ana.sees("Recibido")
    honest = (await shown(ana))[-1]
    await berta.sees("Ana escribió su clave")
    await coral.sees("Ana escribió su clave")
    await coral.presses("Confirmé")
    await coral.sees("cerrado por Coral")
    await berta.sees("cerrado por Coral")

    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    for person in (berta, coral):
        await person.sees("Ana pide auxilio")
    await ana.writes(WORDS)
    await ana.sees("Recibido")
    assert (await shown(ana))[-1] == honest
    for person in (berta, coral):
        await person.sees("Ana escribió su palabra de coacción")
        await person.sees_nothing()  # nobody hears that it was a mistake
    await ana.writes(OWN)  # now nothing that is written there is believed
    await ana.sees("Recibido")
    assert (await shown(ana))[-1] == honest
    for person in (berta, coral):
        assert not any("Confirmé" in label for m in await person.device.messages()
                       for label in m.labels)  # fmt: skip
    await world.forward(minutes=15)
    for person in (berta, coral):
        assert await person.reads_all()
    await ana.writes("/misdatos")
    await ana.presses("Sí, aquí")
    await ana.reads_all()
    file = [f for m in world.stage.town.sees("ana")  # type: ignore[attr-defined]
            for f in m.attachments][-1].content.decode()  # fmt: skip
    assert "duress" not in file
    assert file.count("taken_back") == 3


@sandbox_alone
async def test_without_words_or_too_late_nothing_takes_it_back(world: World) -> None:
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta", as_="integrante")
    coral = group.coordinator
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    await coral.sees("Ana pide auxilio")
    await ana.writes(OWN)
    await ana.sees("No entendí")
    await world.forward(minutes=1)
    await chooses_own(ana)  # whoever has the phone may do so too
    await ana.writes(OWN)
    await ana.sees("No entendí")
    await coral.sees_nothing()

    await chooses_own(berta)
    await berta.writes(OWN)
    await berta.sees("No entendí")  # there is nothing to take back
    await berta.writes("auxilio")
    await berta.sees("Avisé a tu red")
    await coral.sees("Berta pide auxilio")
    await world.forward(minutes=11)
    await coral.reads_all()
    await berta.writes(OWN)
    await berta.sees("Ya pasó el tiempo")
    await coral.sees_nothing()
    await berta.writes("/clave quitar")
    await berta.sees("no hay clave")
    await berta.writes("/clave bien")
    await berta.sees("una sola se escribe por casualidad")
    await berta.writes("x")
    await berta.sees("una sola se escribe por casualidad")


@sandbox_alone
async def test_who_does_not_hold_it_cannot_confirm(world: World) -> None:
    _, ana, berta, carla = await by_mistake(world)
    await berta.presses("Escalar ya")
    await berta.sees("avisé al paso siguiente")
    await carla.sees("Ana pide auxilio")
    await ana.writes(OWN)
    await ana.sees("Recibido")
    for person in (berta, carla):
        await person.sees("Ana escribió su clave")
    message = next(m for m in await carla.device.messages() if "Confirmé que está bien" in m.labels)
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste")
    await carla.sees("Berta se encarga")
    await carla.shows("Lo tiene Berta")
    town = world.stage.town  # type: ignore[attr-defined]
    assert not town.message(message.id).buttons
    await berta.presses("Cerrar")
    await berta.presses("falsa alarma")
    for person in (berta, carla):
        await person.sees("falsa alarma")
    await berta.reads_all()
