"""A group across platforms: whoever is told, is told where they are."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.support.botapi import BotApi
from tests.support.stage_bot import TelegramStage, base_config, telegram_config
from tests.support.stage_matrix import MatrixStage, matrix_config
from tests.support.steering import SteeredBot
from tests.support.synapse import Synapse
from tests.support.world import START, World


@pytest_asyncio.fixture
async def mixed(tmp_path: Path, synapse: Synapse) -> AsyncIterator[tuple[World, MatrixStage]]:
    """One bot on both platforms."""
    api = await BotApi.start(tmp_path)
    await api.set_clock(int(START.timestamp()))
    user_id, password = await synapse.register(f"bot-{tmp_path.name[-12:].lower()}-mixed")
    config = tmp_path / "config.toml"
    config.write_text(
        base_config(tmp_path)
        + telegram_config(api)
        + matrix_config(tmp_path, synapse, user_id, password),
        encoding="utf-8",
    )
    bot = await SteeredBot.start(config, tmp_path, START)
    telegram = TelegramStage(api, bot, config)
    matrix = MatrixStage(synapse, user_id, bot, config)
    world = World(telegram, matrix)
    yield world, matrix
    await world.close()


async def test_ana_on_matrix_is_looked_after_by_berta_and_carla_on_telegram(
    mixed: tuple[World, MatrixStage],
) -> None:
    world, matrix = mixed
    group = await world.group("Red")
    berta, carla = await group.joined("Berta", "Carla")
    (ana,) = await group.joined("Ana", as_="integrante", on=matrix)
    await group.plan("ya: Berta; 30 min: toda la red")
    await ana.asked_daily("09:00", grace="45 min", more="sin avisos")

    await world.until("09:00")
    await ana.sees("¿Estás bien?")
    await world.until("09:47")
    await berta.sees("Ana no respondió")
    await berta.presses("Yo me encargo")
    await berta.sees("Tomaste el incidente #1")
    await ana.writes("estoy bien")
    await ana.sees("¿Lo damos por terminado?")
    await berta.sees("Ana acaba de responder que está bien")
    await berta.presses("Cerrar")
    await berta.sees("¿Cómo termina")
    await berta.presses("a salvo")
    await berta.sees("cerrado por Berta: a salvo")
    await carla.sees_nothing()


async def test_one_person_on_both_is_told_on_both(mixed: tuple[World, MatrixStage]) -> None:
    world, matrix = mixed
    group = await world.group("Red")
    ana, berta = await group.joined("Ana", "Berta")
    await berta.writes("/cuenta")
    secret = await berta.reads_secret()
    on_matrix = await world.person("Berta en Matrix", matrix)
    await on_matrix.writes(secret)
    await on_matrix.sees("también tuya, Berta")
    await on_matrix.has_the_button()
    await berta.sees("Se añadió otra cuenta")

    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    for device in (berta, on_matrix, group.coordinator):
        await device.sees("Ana pide auxilio")
    await on_matrix.presses("Yo me encargo")
    for device in (berta, on_matrix):
        await device.sees("Tomaste el incidente #1")
    await group.coordinator.sees("Berta se encarga")


async def test_olga_sees_her_draft_as_each_of_her_platforms_will_show_it(
    mixed: tuple[World, MatrixStage],
) -> None:
    world, matrix = mixed
    group = await world.group("Red")
    (olga,) = await group.joined("Olga", as_="redacción")
    await olga.writes("/denuncia")
    await olga.sees("Escribe el título")
    await olga.writes("Hostigamiento")
    await olga.sees("Ahora el texto")
    await olga.writes("Hecho tras hecho. " * 300)
    await olga.sees("Así se publicará", "En Telegram sale en 2 mensajes")
    await olga.reads_all()
    await olga.presses("Ajustes")
    await olga.sees("¿Qué quieres cambiar?")
    await olga.presses("Verla en mis otras plataformas")
    await olga.sees("No tienes otra plataforma")
    await olga.reads_all()
    await olga.writes("/cuenta")
    secret = await olga.reads_secret()
    on_matrix = await world.person("Olga en Matrix", matrix)
    await on_matrix.writes(secret)
    await on_matrix.reads_all()
    await olga.reads_all()
    await olga.presses("Ajustes")
    await olga.sees("¿Qué quieres cambiar?")
    await olga.presses("Verla en mis otras plataformas")
    await on_matrix.sees("Así se publicará la denuncia #1")
    await on_matrix.sees("Hostigamiento", "Hecho tras hecho", "Huella")
    await olga.sees("Te la mandé a tus otras plataformas")
    await olga.reads_all()
