"""Matrix: end-to-end encrypted rooms, through matrix-nio with a guard of our own."""

from bot.platforms.matrix.platform import MatrixPlatform
from bot.platforms.matrix.secrets import SecretStore

__all__ = ["MatrixPlatform", "SecretStore"]
