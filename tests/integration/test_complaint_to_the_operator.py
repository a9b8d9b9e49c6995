"""A complaint that nobody of the group may judge is answered by whoever runs the bot."""

from __future__ import annotations

from pathlib import Path

from tests.support.stage_sandbox import SandboxStage
from tests.support.world import World


async def test_taken_and_answered_by_whoever_runs_the_bot(tmp_path: Path) -> None:
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    world = World(stage)
    operator = await world.person("operadora")
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await operator.reads_all()
    await ana.writes("/queja persona Coral: me gritó")
    await ana.sees("la recibe quien administra el bot")
    await ana.presses("Enviar sin mi nombre")
    await ana.sees("es la número 1")
    await operator.sees("Queja 1", "Sobre: Coral", "no dio su nombre", "me gritó")
    await operator.writes("/quejas")
    await operator.sees("Queja 1", "me gritó")
    await operator.presses("Yo la atiendo")
    await operator.sees("Tomaste la queja 1")
    await ana.sees("Alguien tomó tu queja 1")
    await operator.presses("Responder")
    await operator.sees("Escribe la respuesta")
    await operator.writes("Hablé con Coral; desde hoy coordina otra persona")
    await operator.sees("Envié tu respuesta")
    await ana.sees("desde hoy coordina otra persona")
    await group.coordinator.sees_nothing()
    await world.close()


async def test_late_twice_it_is_theirs(tmp_path: Path) -> None:
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    world = World(stage)
    operator = await world.person("operadora")
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    await operator.reads_all()
    await ana.writes("/queja medida: nadie me preguntó")
    await ana.presses("Enviar sin mi nombre")
    await world.forward(days=2, hours=1)
    await operator.sees("La queja 1 del grupo Red lleva días sin respuesta")
    assert not any("nadie me preguntó" in m.text for m in await operator.device.messages())
    await world.forward(days=2, hours=1)
    await operator.sees("Queja 1", "nadie me preguntó")
    await operator.presses("Yo la atiendo")
    await operator.reads_all()
    await group.coordinator.shows("Ya la tomó alguien")
    for person in (ana, group.coordinator):
        await person.reads_all()
    await world.close()


async def test_not_settled_it_goes_back_to_whoever_can_be_asked_before_it_is_theirs(
    tmp_path: Path,
) -> None:
    """The other one who coordinates closed the chat: Coral hears of it again, and no operator."""
    stage = await SandboxStage.open(tmp_path / "acuerpa.db")
    world = World(stage)
    operator = await world.person("operadora")
    group = await world.group("Red")
    (dora,) = await group.joined("Dora", as_="coordinación")
    (ana,) = await group.joined("Ana", as_="integrante")
    for person in world.people:
        await person.reads_all()
    await ana.writes("/queja medida: nadie me preguntó")
    await ana.presses("Enviar sin mi nombre")
    await group.coordinator.sees("Queja 1", "nadie me preguntó")
    await group.coordinator.presses("Yo la atiendo")
    await group.coordinator.presses("Responder")
    await group.coordinator.writes("Así se hizo siempre.")
    for person in world.people:
        await person.reads_all()
    await dora.device.closes_the_chat()
    await world.stage.settle()
    await ana.presses("No queda resuelta")
    await group.coordinator.sees("Queja 1", "nadie me preguntó")
    assert not any("nadie me preguntó" in m.text for m in await operator.device.messages())
    for person in world.people:
        await person.reads_all()
    await world.close()
