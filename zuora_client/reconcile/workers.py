"""Threads that make the calls of a plan, and that end when the run is interrupted.

The calling thread waits for a `SimpleQueue` only, which a signal handler can interrupt at any point without leaving a
lock behind.
"""

from __future__ import annotations

import contextvars
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING

from ..api import EntityConnectionsApi
from ..deadline import Clock, Timeouts
from ..exceptions import NOT_SENT, ApiConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .._http.attempt import Attempt

    Task = Callable[[], object]

# Seconds that an interrupted run waits for responses: a write whose response arrives has a known outcome.
_MAX_WAIT_FOR_RESPONSES = 3.0
# Seconds that it then waits for its threads.
_MAX_WAIT_FOR_THREADS = 2.0
# Nothing can end the opening of a TCP connection before its timeout. An attempt that fails to connect is retried.
_MAX_CONNECT_TIMEOUT = 4.0
# Seconds between two looks at whether the run was interrupted.
_POLL_INTERVAL = 0.05


class Interrupted(BaseException):
    """Raised in a worker whose run was interrupted. Not an Exception: nothing may take it for a failed call."""


class Workers:
    """Runs tasks in threads. With one worker, tasks run in the calling thread.

    Attributes:
        stopping: no further task is begun.
        interrupted: no further attempt is begun.
    """

    def __init__(self, count: int) -> None:
        self.stopping = False
        self.interrupted = False
        self._count = count
        self._is_running = False
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._ended: SimpleQueue[BaseException | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        # The last attempt of each thread, by its id.
        self._attempts: dict[int, Attempt] = {}

    def run(self, tasks: Iterable[Task]) -> None:
        """Run tasks and return when all of them have ended. Raises the first exception of a task at once."""
        tasks = list(tasks)
        if self._count > 1:
            self._start(min(self._count, len(tasks)))
        if not self._threads:
            for task in tasks:
                if not self.stopping:
                    task()
            return
        self._is_running = True
        for task in tasks:
            self._tasks.put(task)
        for _ in tasks:
            error = self._ended.get()
            if error is not None:
                raise error
        self._is_running = False

    def _start(self, count: int) -> None:
        while len(self._threads) < count:
            # A copy of the context for each thread, so that tracing attributes the calls to the caller's span.
            context = contextvars.copy_context()
            thread = threading.Thread(
                target=context.run, args=(self._work,), name=f"zuora-apply-{len(self._threads) + 1}", daemon=True
            )
            self._threads.append(thread)
            try:
                thread.start()
            except RuntimeError:
                # No further thread can be started: the run continues with the existing ones, or in the calling thread.
                self._threads.pop()
                self._count = len(self._threads)
                return

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            error: BaseException | None = None
            if not self.stopping:
                try:
                    task()
                except BaseException as caught:
                    self.stopping = True
                    error = caught
            self._ended.put(error)
            del task, error
        self._tasks.put(None)  # for the next thread

    def close(self) -> None:
        """End the threads, and the tasks that are still running. May be called more than once.

        Waits for responses for 3 seconds, then aborts the attempts: 5 seconds at most. A second call aborts them at
        once.
        """
        was_interrupted = self.interrupted
        self.stopping = True
        self.interrupted = self.interrupted or self._is_running
        self._tasks.put(None)
        if any(thread.ident is None for thread in self._threads):
            # A signal handler interrupted the start of this thread, which may still begin.
            time.sleep(_POLL_INTERVAL)
        if not was_interrupted:
            self._wait_for_threads(_MAX_WAIT_FOR_RESPONSES)
        for attempt in list(self._attempts.values()):
            attempt.abort()
        self._wait_for_threads(_MAX_WAIT_FOR_THREADS)

    def _wait_for_threads(self, seconds: float) -> None:
        # Polled: an exception of a signal handler inside Thread.join() could leave its lock held.
        until = time.monotonic() + seconds
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < until:
            time.sleep(_POLL_INTERVAL / 10)

    def view(self, api: EntityConnectionsApi) -> EntityConnectionsApi:
        """Return `api` with calls that end when the run is interrupted.

        The view shares connections, tokens and the retry quota with `api`, and each worker keeps a connection. An API
        or client of another class is returned unchanged: its state is not known here.
        """
        from ..api_client import ApiClient

        client = api.api_client
        if self._count == 1 or type(api) is not EntityConnectionsApi or type(client) is not ApiClient:
            return api
        client.rest_client.keep_connections(self._count)
        return EntityConnectionsApi(client.view(_InterruptibleClock(client.clock, self), self._begin))

    def _begin(self, attempt: Attempt) -> None:
        """Note an attempt. Raises ApiConnectionError, which sends nothing, if the run was interrupted."""
        timeouts = attempt.timeouts
        connect = _MAX_CONNECT_TIMEOUT if timeouts.connect is None else min(timeouts.connect, _MAX_CONNECT_TIMEOUT)
        attempt.timeouts = Timeouts(connect, timeouts.read, timeouts.deadline)
        self._attempts[threading.get_ident()] = attempt
        if self.interrupted:
            raise ApiConnectionError(reason="the run was interrupted", outcome=NOT_SENT)


class _InterruptibleClock(Clock):
    """A clock whose `sleep` raises `Interrupted` in the workers of an interrupted run."""

    def __init__(self, clock: Clock, workers: Workers) -> None:
        self._clock = clock
        self._workers = workers

    @property
    def now(self) -> Callable[[], float]:  # type: ignore[override]
        return self._clock.now

    def sleep(self, seconds: float) -> None:  # type: ignore[override]
        self._check()
        if type(self._clock) is not Clock:
            self._clock.sleep(seconds)
            return
        until = time.monotonic() + seconds
        while (remaining := until - time.monotonic()) > 0:
            time.sleep(min(remaining, _POLL_INTERVAL))
            self._check()

    def _check(self) -> None:
        if self._workers.interrupted:
            raise Interrupted
