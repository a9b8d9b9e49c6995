"""The public archive: static pages, feeds and signed texts of everything that was published."""

from bot.archive.building import Content, Sign, build
from bot.archive.site import Built, PublicKey, Site, Statement

__all__ = ["Built", "Content", "PublicKey", "Sign", "Site", "Statement", "build"]
