"""What a command stands on: its flags, its screen, its settings, and the lane with its connection."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lanectl.cli.patience import Patience
from lanectl.render.screen import Screen

if TYPE_CHECKING:
    from lanectl.api import Api
    from lanectl.config import Settings
    from lanectl.config.paths import Paths
    from lanectl.lane.context import Lane

L = TypeVar("L", bound="Lane")
SANDBOX_KEY = "sandbox"
# Batches of the sandbox take seconds: waiting half a minute between two looks would be all of the wait.
SANDBOX_SLEEP_S = 0.5
# The commands that wait for a pilot, and may be hurried.
WAITING = frozenset({"submit", "release", "retry"})


def utc_now() -> datetime:
    """The time now."""
    return datetime.now(UTC)


class Desk:
    """One command's surroundings; everything is made when it is first used, and put away by `close`."""

    def __init__(
        self, *, clock: Callable[[], datetime] = utc_now, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.screen = Screen(sys.stdout, sys.stderr, sys.stdin, os.environ)
        self.command = "lanectl"
        self.clock = clock
        self.sleep = sleep
        self._state: Path | None = None
        self._config: Path | None = None
        self._sandbox = False
        self._settings: Settings | None = None
        self._stack = ExitStack()
        self._url: str | None = None

    def take(
        self,
        command: str,
        *,
        json: bool,
        quiet: bool,
        verbose: bool,
        state: Path | None,
        config: Path | None,
        sandbox: bool,
        no_color: bool,
    ) -> None:
        """Add the flags that stood before or after a command's name to those known already."""
        self.command = command.removeprefix("lanectl ")
        self.screen.json |= json
        self.screen.quiet |= quiet
        self.screen.verbose |= verbose
        self.screen.color &= not no_color
        self._state = state or self._state
        self._config = config or self._config
        self._sandbox |= sandbox
        self.screen.flagged |= sandbox

    def play(self) -> None:
        """Do as if `--sandbox` had been given."""
        self._sandbox = self.screen.flagged = True
        self._settings = None

    @property
    def settings(self) -> "Settings":
        """The settings that flags, environment and file add up to; raises ConfigError."""
        if self._settings is None:
            from lanectl.config import Flags, load

            flags = Flags(state=self._state, config=self._config, sandbox=self._sandbox)
            self._settings = load(environ=os.environ, flags=flags)
            self.screen.sandbox = self._settings.sandbox
        return self._settings

    @property
    def known_settings(self) -> "Settings | None":
        """The settings if they were needed and could be had."""
        return self._settings

    @property
    def now(self) -> datetime:
        """The time now, in UTC."""
        return self.clock()

    @contextmanager
    def lane(self) -> Iterator["Lane"]:
        """The lane of this command, its doors closed at the end."""
        from lanectl.lane.context import Lane

        with self._lane(Lane) as lane:
            yield lane

    @contextmanager
    def lasting_lane(self) -> Iterator["Lane"]:
        """The lane of this command, its doors open until the answer has been told: it reads from them."""
        from lanectl.lane.context import Lane

        lane = self._stack.enter_context(self._lane(Lane))
        try:
            yield lane
        finally:
            self.screen.still()

    @contextmanager
    def reading_lane(self) -> Iterator["Lane | None"]:
        """The lane on its state file as it stands, a newer one too, never written; None without one."""
        from lanectl.cli.reading import ReadingLane
        from lanectl.state.database import open_for_reading

        database = open_for_reading(self.settings.state_path)
        if database is None:
            yield None
            return
        with database, self._lane(ReadingLane) as lane:
            lane.database = database
            yield lane

    @contextmanager
    def _lane(self, kind: type[L]) -> Iterator[L]:
        from lanectl.lane.context import patient, silent

        sleep = self._nap if self.settings.sandbox else self.sleep
        patience = Patience(sys.stdin, sleep) if self.screen.watched and self.command in WAITING else None
        try:
            with kind(
                settings=self.settings,
                connect=self._connect,
                command=f"lanectl {self.command}",
                tell=self.screen.tell,
                remark=self.screen.note if patience else silent,
                clock=self.clock,
                sleep=patience.sleep if patience else sleep,
                hurry=patience.over if patience else patient,
            ) as lane:
                yield lane
        finally:
            self.screen.still()

    def _nap(self, seconds: float) -> None:
        self.sleep(min(seconds, SANDBOX_SLEEP_S))

    def _connect(self, salt: bytes) -> "Api":
        from lanectl.api import connect

        timeout_s = float(self.settings.provider.timeout_s)
        if not self.settings.sandbox:
            return connect(salt=salt, timeout_s=timeout_s)
        return connect(salt=salt, timeout_s=timeout_s, base_url=self._sandbox_url(), key=SANDBOX_KEY)

    def _sandbox_url(self) -> str:
        """The address of the sandbox in this process, started at the first call."""
        if self._url is None:
            from lanectl.sandbox.server import Sandbox

            folder = self.settings.state_dir / "provider"
            server = Sandbox(folder, clock=lambda: self.clock().timestamp(), strict_schemas=True)
            self.during(server)
            self._url = server.url
        return self._url

    def paths(self) -> "Paths":
        """Where everything lies, even when the configuration file cannot be used; raises ConfigError."""
        from lanectl.config.paths import locate

        return locate(os.environ, state=self._state, config=self._config, sandbox=self._sandbox)

    def during(self, server: AbstractContextManager[object]) -> None:
        """Keep something running until the command ends."""
        self._stack.enter_context(server)

    def close(self) -> None:
        """End what was started: the sandbox's server."""
        self._stack.close()

    def secrets(self) -> list[str]:
        """The keys that must not be told, whatever is told."""
        names = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_ADMIN_KEY"}
        if self._settings is not None:
            names |= {model.key_env for model in self._settings.models.values() if model.key_env}
        return [os.environ[name] for name in sorted(names) if os.environ.get(name)]

    def log_dir(self) -> Path:
        """Where a traceback goes, even when the configuration file cannot be read."""
        return self.paths().log_dir if self._settings is None else self._settings.log_dir
