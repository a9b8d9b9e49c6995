"""Which schemas there were and which one a database has.

Alembic itself, which takes a quarter of a second to begin, is needed only where one is changed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


@cache
def revisions() -> list[str]:
    """Every schema that was ever released, the oldest first: what the files are called by."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def revision(connection: sa.Connection) -> str | None:
    """The schema that is there; None where nothing is."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version"))
    name: str | None = found.scalar_one_or_none()
    return name


def alembic() -> Config:
    """What Alembic is to know: where the migrations are."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
