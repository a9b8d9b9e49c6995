"""Parameters of a request, which come in the URL, as JSON, as a form or as multipart."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.botapi.errors import bad_request


@dataclass
class Upload:
    """A file in a multipart request."""

    name: str
    content: bytes


@dataclass
class Params:
    """The values by name; files apart."""

    values: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A string, "" if missing."""
        value = self.values.get(name, "")
        return value if isinstance(value, str) else json.dumps(value)

    def number(self, name: str, default: int = 0) -> int:
        """An integer; what is none counts as `default`, as on the real server."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        """A boolean, false if missing."""
        return self.text(name).lower() in ("true", "1", "yes")

    def object(self, name: str) -> Any:
        """A value that is JSON in forms; None if missing."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None

    def upload(self, name: str) -> Upload | None:
        """The file of a parameter, directly or by `attach://`."""
        if name in self.uploads:
            return self.uploads[name]
        return self.uploads.get(self.text(name).removeprefix("attach://"))


async def read_params(request: web.Request) -> Params:
    """All parameters of `request`."""
    params = Params(dict(request.query))
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise bad_request("can't parse JSON object") from None
        params.values.update(body)
        return params
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            params.uploads[name] = Upload(value.filename, value.file.read())
        else:
            params.values[name] = value
    return params
