"""Serving the assets: from memory, compressed once, for ever cacheable under their content's hash."""

import gzip
import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from shared.web.assets import STATIC, AssetsError, libraries_folder

FOR_EVER = "public, max-age=31536000, immutable"
COMPRESSIBLE = {".css", ".js", ".svg", ".md", ""}
SERVED = {".css", ".js", ".svg", ".woff2", ".md", ""}


@dataclass(frozen=True)
class Asset:
    """One file as it is served."""

    name: str
    body: bytes

    @cached_property
    def media_type(self) -> str:
        """What the browser is told; files without a suffix are licences."""
        if self.name.endswith(".woff2"):
            return "font/woff2"
        return mimetypes.guess_type(self.name)[0] or "text/plain"

    @cached_property
    def compressed(self) -> bytes | None:
        """The body in gzip, made at the first request for it; nothing for what is compressed already."""
        if Path(self.name).suffix not in COMPRESSIBLE:
            return None
        return gzip.compress(self.body, compresslevel=9, mtime=0)


class AssetLibrary:
    """An ASGI application for `/assets/<hash>/<name>`.

    The hash is over all files, so that a style sheet can name its fonts by a relative address. A hash that
    another version of the program gave out is answered with what is here, uncached.
    """

    def __init__(self, assets: Iterable[Asset]) -> None:
        self.assets = {asset.name: asset for asset in assets}
        digest = hashlib.sha256()
        for name, asset in sorted(self.assets.items()):
            digest.update(f"{name}\0{len(asset.body)}\0".encode() + asset.body)
        self.version = digest.hexdigest()[:16]

    def url(self, name: str) -> str:
        """The address of an asset.

        Raises:
            AssetsError: there is no such asset.
        """
        if name not in self.assets:
            raise AssetsError(f"There is no asset {name!r}.")
        return f"/assets/{self.version}/{name}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self.response(scope)(scope, receive, send)

    def response(self, scope: Scope) -> Response:
        """The response to one request for `<hash>/<name>` below the mount point."""
        path = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix("/")
        version, _, name = path.partition("/")
        asset = self.assets.get(name)
        if asset is None or scope["method"] not in {"GET", "HEAD"}:
            return PlainTextResponse("There is no such file.", status_code=404)
        return self.file_response(asset, Headers(scope=scope), current=version == self.version)

    @staticmethod
    def file_response(asset: Asset, headers: Headers, *, current: bool) -> Response:
        """The file, compressed where the browser takes it."""
        compressed = asset.compressed if "gzip" in headers.get("accept-encoding", "") else None
        response = Response(compressed or asset.body, media_type=asset.media_type)
        response.headers["cache-control"] = FOR_EVER if current else "no-cache"
        response.headers["vary"] = "Accept-Encoding"
        if compressed:
            response.headers["content-encoding"] = "gzip"
        return response


def load_assets() -> AssetLibrary:
    """All assets of this machine: our own and the libraries'.

    Raises:
        AssetsError: the libraries have not been fetched.
    """
    libraries = libraries_folder()
    if not (libraries / ".stamp").is_file():
        raise AssetsError("The pages' libraries are missing: run `python -m shared.web.assets`.")
    return AssetLibrary([*read_folder(STATIC), *read_folder(libraries)])


def read_folder(folder: Path) -> list[Asset]:
    """Each file below `folder` that may be served."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return [Asset(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files if path.suffix in SERVED]
