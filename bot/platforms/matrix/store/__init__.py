"""What the bot's Matrix device must not forget, kept so that the file names nobody.

`records` is the file: envelopes under keyed digests. `sealed` is nio's store interface over it.
`machine` is nio's encryption with each step stored whole. `opening` opens it, and takes over a file
that nio's own store made.
"""

from bot.platforms.matrix.store.machine import Client
from bot.platforms.matrix.store.sealed import CryptoStore

__all__ = ["Client", "CryptoStore"]
