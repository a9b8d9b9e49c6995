"""What the bot's Matrix device must not forget, kept so that the file names nobody.

`records` is the file: envelopes under keyed digests. `sealed` is nio's store interface over it.
`opening` opens it, and takes over a file that nio's own store made.
"""

from bot.platforms.matrix.store.opening import opened
from bot.platforms.matrix.store.sealed import CryptoStore

__all__ = ["CryptoStore", "opened"]
